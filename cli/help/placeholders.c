#include "cli/help/placeholders.h"

#include "base/mail/event.h"
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

static const struct placeholder words[] = {
    {"SPEC",
     "a limit, COUNT[UNIT]/WINDOW[:ACTION]: of messages, or with a unit of rcpt, KB or MB; in a second, minute, "
     "hour, day, month, or one message; reject (without an action), defer or smooth; as in 5000/day, "
     "60/minute:smooth, 20000rcpt/month:defer, 100rcpt/message"},
    {"T", "a time, in this machine's time zone or with --utc in UTC: 2h or 7d (so long ago; of a pause, from now on), "
          "today, "
          "yesterday, 18:42, 2026-11-01, 2026-11-01T18:42"},
    {"CHECK", NULL}, /* those that have a mode */
    {"STREAM", "transactional or bulk"},
    {"EVENT", NULL}, /* those that there are */
};

static bool is_letter(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-';
}

static bool is_named(const char *usage, const char *word) {
  size_t len = strlen(word);
  for (const char *at = usage; (at = strstr(at, word)); at += len)
    if ((at == usage || !is_letter(at[-1]) || (at[-1] == '-' && at - usage >= 2 && at[-2] == '-')) &&
        !is_letter(at[len]))
      return true;
  return false;
}

/* Those that have a mode: the table's own names, so that none is missing. */
static void list_checks(char *out, size_t size) {
  size_t at = 0;
  for (size_t i = 0; i < policy_check_count; i++)
    if (!policy_checks[i].fixed) {
      int n = snprintf(out + at, size - at, "%s%s", at ? ", " : "", policy_checks[i].name);
      if (n < 0 || (size_t)n >= size - at) return;
      at += (size_t)n;
    }
}

static void list_events(char *out, size_t size) {
  size_t at = 0;
  for (int kind = 0; kind < EVENT_COUNT; kind++) {
    int n = snprintf(out + at, size - at, "%s%s", at ? ", " : "", event_name((enum event_kind)kind));
    if (n < 0 || (size_t)n >= size - at) return;
    at += (size_t)n;
  }
}

const size_t placeholder_count = sizeof words / sizeof words[0];

bool placeholder_of(const char *usage, size_t index, struct placeholder *out, char *room, size_t size) {
  if (index >= placeholder_count || !is_named(usage, words[index].word)) return false;
  *out = words[index];
  if (!out->meaning) {
    room[0] = '\0';
    (strcmp(out->word, "EVENT") == 0 ? list_events : list_checks)(room, size);
    out->meaning = room;
  }
  return true;
}
