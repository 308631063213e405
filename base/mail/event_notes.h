/* What an event keeps of its message's decision (event.verdict), as text: "NAME=VALUE; NAME=VALUE". Most are checks by
 * name, with what they found (policy/policy.h). Accepted mail has, besides, who signed it and what SPF and DMARC said
 * of it; earlier versions have none of that. Plain data; any thread. */
#ifndef SENDOFF_BASE_EVENT_NOTES_H
#define SENDOFF_BASE_EVENT_NOTES_H

#include "base/bytes.h"
#include "base/directory/key_algorithm.h"

/* No check has these names. */
#define NOTE_SIGNED "signed"      /* once for each signature: "DOMAIN SELECTOR a=" (RFC 6376 3.5); or NOTE_UNSIGNED */
#define NOTE_SPF "spf-result"     /* as in RFC 8601 2.7.2 */
#define NOTE_SPF_WHY "spf-reason" /* for people */
#define NOTE_DMARC "dmarc-result" /* as in RFC 8601 2.7.3 */
#define NOTE_UNSIGNED "no"

struct event_note {
  struct bytes name, value; /* views */
};
/* The next of them: false at the end, and for what is not well-formed. Start with *at NULL. */
bool event_notes_next(const char *notes, const char **at, struct event_note *out);
/* The first of that name; false: there is none. */
bool event_notes_find(const char *notes, const char *name, struct bytes *value);
bool event_note_is_check(const struct event_note *n); /* none of the names above */

/* Appends one, or nothing where that finds no room in `size` octets. A `;` in the value becomes a comma. */
void event_notes_add(char *notes, size_t size, const char *name, const char *value);
void event_notes_add_signature(char *notes, size_t size, const char *domain, const char *selector,
                               enum key_algorithm algorithm);

struct event_signature {
  struct bytes domain, selector, algorithm; /* d=, s=, a=; views */
};
/* False: it is of no signature. */
bool event_note_signature(const struct event_note *n, struct event_signature *out);

#endif
