#include "cli/help/help.h"

#include "cli/help/config_help.h"
#include "cli/help/man_pages.h"
#include "cli/help/placeholders.h"
#include "cli/help/topics.h"
#include "cli/nouns.h"
#include "cli/output/output.h"
#include "cli/output/suggest.h"

#include <stdio.h>
#include <string.h>

static void print_usage(const struct verb *v) {
  char name[64];
  int n = snprintf(name, sizeof name, "sendoff %s%s%s", v->noun, v->name ? " " : "", v->name ? v->name : "");
  printf("%s%s", name, *v->arguments ? " " : "");
  print_wrapped(v->arguments, (size_t)n + 1, 8, true);
}

/* What stands on lines of its own, as "--option: what it is for", hangs. */
static void print_summary(const struct verb *v, size_t indent) {
  char line[1024];
  for (const char *at = v->summary; *at;) {
    size_t n = strcspn(at, "\n");
    bytes_copy((struct bytes){at, n}, line, sizeof line);
    printf("%*s", (int)indent, "");
    print_wrapped(line, indent, at == v->summary ? indent : indent + 4, false);
    at += n + (at[n] == '\n');
  }
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

/* What the capitals in the usage of one verb, or of a noun's verbs up to `end`, stand for. */
static void print_words(const struct verb *first, const struct verb *end) {
  char room[512];
  struct placeholder p;
  bool any = false;
  for (size_t i = 0; i < placeholder_count; i++) {
    const struct verb *v = first;
    while (v < end && !placeholder_of(v->arguments, i, &p, room, sizeof room)) v++;
    if (v == end) continue;
    if (!any) putchar('\n');
    any = true;
    printf("  %-7s", p.word);
    print_wrapped(p.meaning, 9, 9, false);
  }
}

/* --- the three --- */

void help_verb(const struct verb *v) {
  print_usage(v);
  print_summary(v, 2);
  print_words(v, v + 1);
  printf("\nExample:\n");
  print_examples(v, true);
}

void help_noun(const struct verb *first) {
  if (!first->name && !first[1].noun) { /* a noun that is a command itself */
    help_verb(first);
    return;
  }
  const struct verb *end = first;
  for (; end->noun; end++) {
    print_usage(end);
    print_summary(end, 4);
  }
  print_words(first, end);
  printf("\nExample:\n");
  for (const struct verb *v = first; v->noun; v++) print_examples(v, false);
}

#define NAMES_END 21 /* of the list of commands: where what they do begins */

struct bytes help_sentence(const char *summary) {
  size_t line = strcspn(summary, "\n");
  const char *end = memmem(summary, line, ". ", 2);
  return (struct bytes){summary, end ? (size_t)(end - summary) + 1 : line};
}

/* What it does, in a line: its first sentence, or as many words of it as fit. */
static void print_line(const char *summary) {
  size_t n = help_sentence(summary).len, most = 80 - NAMES_END;
  if (n <= most) {
    printf("%.*s\n", (int)n, summary);
    return;
  }
  for (n = most - 1; n && summary[n] != ' ';) n--;
  while (n && strchr(" ,;:", summary[n - 1])) n--;
  printf("%.*s\xe2\x80\xa6\n", (int)n, summary);
}

void help_all(void) {
  printf("sendoff: an SMTP gateway for applications. Version " SENDOFF_VERSION ".\n\n"
         "sendoff [--config FILE] [--json] NOUN VERB [ARGUMENTS] [OPTIONS]\n\n");
  for (size_t n = 0; n < cli_noun_count; n++)
    for (const struct verb *v = cli_nouns[n].verbs; v->noun; v++) {
      char name[64];
      snprintf(name, sizeof name, "%s %s", v->noun, v->name ? v->name : "");
      printf("  %-18s ", name);
      print_line(v->summary);
    }
  printf("\n--help after any of them says more; sendoff help has topics.\n\nExample:\n"
         "  sendoff setup\n"
         "  sendoff account add blog --sender example.com --for wordpress\n"
         "  sendoff log --account blog --since 1h\n"
         "  sendoff doctor\n");
}

/* --- sendoff help --- */

static void list_topics(void) {
  printf("Topics:\n");
  for (size_t i = 0; i < topic_count; i++) printf("  %-12s %s\n", topics[i].name, topics[i].summary);
  printf("  %-12s %s\n\nCommands:\n", "config", "the keys of sendoff.conf");
  for (size_t i = 0; i < cli_noun_count; i++) printf("  %-12s %s\n", cli_nouns[i].verbs->noun, cli_nouns[i].summary);
  printf("\nExample:\n  sendoff help limits\n  sendoff help account set\n");
}

/* Paragraphs are wrapped; what begins with a blank stays as it is. */
static void print_topic(const struct topic *t) {
  for (const char *at = t->text; *at;) {
    char line[1024];
    size_t n = strcspn(at, "\n");
    snprintf(line, sizeof line, "%.*s", (int)n, at);
    if (*line == ' ')
      puts(line);
    else
      print_wrapped(line, 0, 0, false);
    at += n + (at[n] == '\n');
  }
}

static enum exit_status help_on(const char *word, const char *name) {
  char near[SUGGEST_NAME_MAX + 32];
  const struct noun *noun = noun_find(word);
  const struct verb *v = noun && name ? noun_verb(noun->verbs, name) : NULL;
  struct suggestion s = suggestion_for(bytes_of(word));
  if (v && v->name) {
    help_verb(v);
    return EXIT_DONE;
  }
  if (noun && !name) {
    help_noun(noun->verbs);
    return EXIT_DONE;
  }
  if (noun) return cli_refuse_verb(noun->verbs, name);
  for (size_t i = 0; i < topic_count; i++) suggestion_try(&s, bytes_of(topics[i].name));
  for (size_t i = 0; i < cli_noun_count; i++) suggestion_try(&s, bytes_of(cli_nouns[i].verbs->noun));
  return cli_fail(EXIT_USAGE, "there is no help on %s%s see: sendoff help", word,
                  suggestion_text(&s, "", near, sizeof near));
}

static enum exit_status help(struct cli *c) {
  const char *pages = cli_option(c, "man-pages"), *word = c->arguments[0];
  if (pages) return man_pages_write(pages);
  if (!c->argument_count) {
    list_topics();
    return EXIT_DONE;
  }
  if (c->argument_count == 1 && strcmp(word, "config") == 0) {
    config_help_print();
    return EXIT_DONE;
  }
  const struct topic *t = c->argument_count == 1 ? topic_find(word) : NULL;
  if (!t) return help_on(word, c->argument_count > 1 ? c->arguments[1] : NULL);
  print_topic(t);
  return EXIT_DONE;
}

const struct verb help_verbs[] = {
    {"help", NULL, "[TOPIC|COMMAND [VERB]] [--man-pages DIR]",
     "Explains a command, or a topic: how limits, times and patterns are written, and more. --man-pages writes the man "
     "pages into man1 and man5 below a directory: man -M DIR sendoff.",
     "sendoff help\n"
     "sendoff help limits\n"
     "sendoff help account set",
     0, 2, help},
    {0}};
