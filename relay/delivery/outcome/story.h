/* What happened at the hosts that an attempt has come to before its last, for the log:
 * "mx1.example.net[192.0.2.1]:25: 451 4.7.1 greylisted; mx2.example.net[192.0.2.2]:25: ...".
 *
 * A story is text on the heap; NULL when there is none. It is bounded, and without memory it stays as it is: nothing
 * is decided by it. Any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_STORY_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_STORY_H

#include "relay/delivery/outcome/incident.h"
#include "relay/delivery/outcome/verdict.h"

#define STORY_MAX 1000
#define STORY_REASON_MAX 200 /* of one host */

void story_add_incident(char **story, const char *host, const struct incident *i);
void story_add_ruling(char **story, const char *host, const struct ruling *r);
void story_add(char **story, const char *more); /* another story, behind it; NULL: none */
/* "`text`; before it: ...", the caller's to free; NULL: both stories are NULL, or no memory. */
char *story_tell(const char *text, const char *first, const char *second);
/* "by command (root): `text`", likewise; `order`: struct queued_recipient, returned. */
char *story_by_command(const char *order, const char *text);

#endif
