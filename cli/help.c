#include "cli/help.h"

#include "cli/output.h"
#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

#define SETS_OF_WORDS (sizeof words / sizeof words[0])

static void print_usage(const struct verb *v) {
  char name[64];
  int n = snprintf(name, sizeof name, "sendoff %s%s%s", v->noun, v->name ? " " : "", v->name ? v->name : "");
  printf("%s%s", name, *v->arguments ? " " : "");
  print_wrapped(v->arguments, (size_t)n + 1, 8, true);
}

static void print_summary(const struct verb *v, size_t indent) {
  printf("%*s", (int)indent, "");
  print_wrapped(v->summary, indent, indent, false);
}

/* One a line; `all` or the first alone. */
static void print_examples(const struct verb *v, bool all) {
  const char *at = v->example;
  do {
    size_t n = strcspn(at, "\n");
    printf("  %.*s\n", (int)n, at);
    at += n + (at[n] == '\n');
  } while (all && *at);
}

/* --- what the words of a usage mean --- */

static const struct {
  const char *word, *meaning;
} words[] = {
    {"SPEC",
     "a limit, COUNT[UNIT]/WINDOW[:ACTION]: of messages, or with a unit of rcpt, KB or MB; in a second, minute, "
     "hour, day, month, or one message; reject (without an action), defer or smooth; as in 5000/day, "
     "60/minute:smooth, 20000rcpt/month:defer, 100rcpt/message"},
    {"T", "a time in UTC: 2h or 7d (so long ago), today, yesterday, 18:42, 2026-11-01, 2026-11-01T18:42"},
    {"CHECK", NULL},
    {"STREAM", "transactional or bulk"},
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

static void print_words(const char *usage) {
  char checks[512] = "";
  list_checks(checks, sizeof checks);
  bool any = false;
  for (size_t i = 0; i < SETS_OF_WORDS; i++) {
    if (!is_named(usage, words[i].word)) continue;
    if (!any) putchar('\n');
    any = true;
    printf("  %-7s", words[i].word);
    print_wrapped(words[i].meaning ? words[i].meaning : checks, 9, 9, false);
  }
}

/* --- the three --- */

void help_verb(const struct verb *v) {
  print_usage(v);
  print_summary(v, 2);
  print_words(v->arguments);
  printf("\nExample:\n");
  print_examples(v, true);
}

void help_noun(const struct verb *first) {
  if (!first->name && !first[1].noun) { /* a noun that is a command itself */
    help_verb(first);
    return;
  }
  for (const struct verb *v = first; v->noun; v++) {
    print_usage(v);
    print_summary(v, 4);
  }
  printf("\nExample:\n");
  for (const struct verb *v = first; v->noun; v++) print_examples(v, false);
}

/* The first sentence of what it does. */
static size_t first_sentence(const char *summary) {
  const char *end = strstr(summary, ". ");
  return end ? (size_t)(end - summary) + 1 : strlen(summary);
}

void help_all(const struct verb *const *nouns, size_t count) {
  printf("sendoff: an SMTP gateway for applications. Version " SENDOFF_VERSION ".\n\n"
         "sendoff [--config FILE] [--json] NOUN VERB [ARGUMENTS] [OPTIONS]\n\n");
  for (size_t n = 0; n < count; n++)
    for (const struct verb *v = nouns[n]; v->noun; v++) {
      char name[64];
      snprintf(name, sizeof name, "%s %s", v->noun, v->name ? v->name : "");
      printf("  %-18s %.*s\n", name, (int)first_sentence(v->summary), v->summary);
    }
  printf("\n--help after any of them says more.\n\nExample:\n  sendoff init --hostname smtp.example.com\n  sendoff "
         "domain add example.com\n"
         "  sendoff source add 192.0.2.10 --helo smtp.example.com\n  sendoff account add blog --sender example.com "
         "--limit 60/minute:smooth --limit 5000/day\n  sendoff serve\n");
}
