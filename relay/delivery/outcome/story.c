#include "relay/delivery/outcome/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BETWEEN "; "
#define BEFORE "; before it: "

/* At most `most` octets, and no part of a UTF-8 sequence. */
static size_t cut_length(const char *text, size_t most) {
  size_t len = strnlen(text, most + 1);
  if (len <= most) return len;
  for (len = most; len && ((unsigned char)text[len] & 0xc0) == 0x80;) len--;
  return len;
}

void story_add(char **story, const char *more) {
  if (!more) return;
  size_t has = *story ? strlen(*story) : 0, between = has ? strlen(BETWEEN) : 0;
  if (has + between >= STORY_MAX) return;
  size_t len = cut_length(more, STORY_MAX - has - between);
  char *longer = realloc(*story, has + between + len + 1);
  if (!longer) return;
  memcpy(longer + has, BETWEEN, between);
  memcpy(longer + has + between, more, len);
  longer[has + between + len] = 0;
  *story = longer;
}

static void add_reason(char **story, const char *host, const char *reason) {
  char entry[340 + 2 + STORY_REASON_MAX + 1];
  snprintf(entry, sizeof entry, "%.339s: %.*s", host, (int)cut_length(reason, STORY_REASON_MAX), reason);
  story_add(story, entry);
}

void story_add_incident(char **story, const char *host, const struct incident *i) {
  char reason[REPLY_TEXT_MAX + 40];
  if (i->reply.code)
    snprintf(reason, sizeof reason, "%d %s%s%s (%s)", i->reply.code, i->reply.enhanced, i->reply.enhanced[0] ? " " : "",
             i->reply.text, smtp_stage_phrase(i->stage));
  else
    snprintf(reason, sizeof reason, "%s", i->text);
  add_reason(story, host, reason);
}

void story_add_ruling(char **story, const char *host, const struct ruling *r) {
  char reason[REPLY_TEXT_MAX + 40];
  if (r->remote && r->code)
    snprintf(reason, sizeof reason, "%d %s %s", r->code, r->enhanced, r->text);
  else
    snprintf(reason, sizeof reason, "%s", r->text);
  add_reason(story, host, reason);
}

char *story_tell(const char *text, const char *first, const char *second) {
  char *story = NULL;
  story_add(&story, first);
  story_add(&story, second);
  if (!story) return NULL;
  char *all = malloc(strlen(text) + strlen(BEFORE) + strlen(story) + 1);
  if (all) sprintf(all, "%s%s%s", text, BEFORE, story);
  free(story);
  return all;
}

char *story_by_command(const char *order, const char *text) {
  char *out = NULL;
  int by = (int)strcspn(order, " ");
  int n = strncmp(order, "- ", 2) == 0 ? asprintf(&out, "by command: %s", text)
                                       : asprintf(&out, "by command (%.*s): %s", by, order, text);
  return n < 0 ? NULL : out;
}
