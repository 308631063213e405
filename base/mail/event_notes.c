#include "base/mail/event_notes.h"

#include <stdio.h>
#include <string.h>

static bool is_named(const struct event_note *n, const char *name) {
  return bytes_equal(n->name, bytes_of(name));
}

bool event_notes_next(const char *notes, const char **at, struct event_note *out) {
  const char *from = *at ? *at : notes;
  from += strspn(from, "; ");
  size_t len = strcspn(from, ";"), equals = strcspn(from, "=");
  if (equals >= len) return false;
  out->name = (struct bytes){from, equals};
  out->value = (struct bytes){from + equals + 1, len - equals - 1};
  *at = from + len;
  return true;
}

bool event_notes_find(const char *notes, const char *name, struct bytes *value) {
  struct event_note n;
  const char *at = NULL;
  while (event_notes_next(notes, &at, &n)) {
    if (!is_named(&n, name)) continue;
    *value = n.value;
    return true;
  }
  return false;
}

bool event_note_is_check(const struct event_note *n) {
  return !is_named(n, NOTE_SIGNED) && !is_named(n, NOTE_SPF) && !is_named(n, NOTE_SPF_WHY) && !is_named(n, NOTE_DMARC);
}

void event_notes_add(char *notes, size_t size, const char *name, const char *value) {
  size_t at = strlen(notes);
  int n = snprintf(notes + at, size - at, "%s%s=", at ? "; " : "", name);
  size_t begin = at + (n < 0 ? 0 : (size_t)n), len = strlen(value);
  if (n < 0 || begin + len >= size) {
    notes[at] = '\0';
    return;
  }
  memcpy(notes + begin, value, len + 1);
  for (char *c = notes + begin; *c; c++)
    if (*c == ';') *c = ',';
}

void event_notes_add_signature(char *notes, size_t size, const char *domain, const char *selector,
                               enum key_algorithm algorithm) {
  char value[400];
  int n = snprintf(value, sizeof value, "%s %s %s-sha256", domain, selector, key_algorithm_name(algorithm));
  if (n > 0 && (size_t)n < sizeof value) event_notes_add(notes, size, NOTE_SIGNED, value);
}

/* Up to the next space. */
static struct bytes take_word(struct bytes *rest) {
  struct bytes word = {rest->at, bytes_find(*rest, ' ', 0)};
  *rest = bytes_from(*rest, word.len + 1);
  return word;
}

bool event_note_signature(const struct event_note *n, struct event_signature *out) {
  struct bytes rest = n->value;
  if (!is_named(n, NOTE_SIGNED)) return false;
  out->domain = take_word(&rest);
  out->selector = take_word(&rest);
  out->algorithm = take_word(&rest);
  return out->algorithm.len > 0 && !rest.len;
}
