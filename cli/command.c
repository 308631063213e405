#include "cli/command.h"

#include "cli/output.h"
#include "relay/control_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct verb *const nouns[] = {init_verbs,   serve_verbs, config_verbs, account_verbs,
                                           domain_verbs, dkim_verbs,  source_verbs, queue_verbs,
                                           log_verbs,    why_verbs,   status_verbs};
#define NOUN_COUNT (sizeof nouns / sizeof nouns[0])

/* --- messages --- */

enum exit_status cli_fail(enum exit_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fputs("sendoff: ", stderr);
  vfprintf(stderr, format, args);
  fputc('\n', stderr);
  va_end(args);
  return status;
}

enum exit_status cli_failed(int code, const struct reason *why) {
  return cli_fail(EXIT_NO, "%s", why->text[0] ? why->text : result_text(code));
}

/* --- help --- */

static void help_verb(const struct verb *v) {
  printf("sendoff %s%s%s %s\n  %s\n", v->noun, v->name ? " " : "", v->name ? v->name : "", v->arguments, v->summary);
  printf("\nExample:\n  %s\n", v->example);
}

static void help_noun(const struct verb *first) {
  for (const struct verb *v = first; v->noun; v++)
    printf("sendoff %s%s%s %s\n    %s\n", v->noun, v->name ? " " : "", v->name ? v->name : "", v->arguments,
           v->summary);
  printf("\nExample:\n  %s\n", first->example);
}

static void help_all(FILE *out) {
  fprintf(out, "sendoff: an SMTP gateway for applications. Version " SENDOFF_VERSION ".\n\n"
         "sendoff [--config FILE] [--json] NOUN VERB [ARGUMENTS] [OPTIONS]\n\n");
  for (size_t n = 0; n < NOUN_COUNT; n++)
    for (const struct verb *v = nouns[n]; v->noun; v++) {
      char name[64];
      snprintf(name, sizeof name, "%s %s", v->noun, v->name ? v->name : "");
      fprintf(out, "  %-17s %s\n", name, v->summary);
    }
  fprintf(out,
         "\n--help after any of them says more.\n\nExample:\n  sendoff init --hostname smtp.example.com\n  sendoff "
         "domain add example.com\n"
         "  sendoff source add 192.0.2.10 --helo smtp.example.com\n  sendoff account add blog --sender example.com "
         "--limit 5000/day\n  sendoff serve\n");
}

/* --- taking the words apart --- */

static const struct verb *find_noun(const char *word) {
  for (size_t i = 0; i < NOUN_COUNT; i++)
    if (strcmp(nouns[i]->noun, word) == 0) return nouns[i];
  return NULL;
}

static const struct verb *find_verb(const struct verb *noun, const char *word) {
  for (const struct verb *v = noun; v->noun; v++)
    if (v->name && word && strcmp(v->name, word) == 0) return v;
  for (const struct verb *v = noun; v->noun; v++)
    if (!v->name) return v;
  return NULL;
}

/* 1: the verb knows this option and it has a value; 0: it is a switch; -1: unknown. */
static int option_kind(const char *options, const char *name, size_t len) {
  for (const char *at = options; *at;) {
    size_t n = strcspn(at, " ");
    bool value = n && at[n - 1] == '=';
    if (n - value == len && strncmp(at, name, len) == 0) return value;
    at += n + (at[n] == ' ');
  }
  return -1;
}

static enum exit_status take_option(struct cli *c, int argc, char **argv, int *i) {
  const char *name = argv[*i] + 2, *equals = strchr(name, '=');
  size_t len = equals ? (size_t)(equals - name) : strlen(name);
  int kind = option_kind(c->verb->options, name, len);
  if (kind < 0)
    return cli_fail(EXIT_WORDS, "%s is not an option here; see: sendoff %s %s --help", argv[*i], c->verb->noun,
                    c->verb->name ? c->verb->name : "");
  struct command_option o = {.name = name, .value = equals ? equals + 1 : NULL};
  if (kind == 1 && !equals) {
    if (*i + 1 >= argc)
      return cli_fail(EXIT_WORDS, "--%s takes a value; see: sendoff %s %s --help", name, c->verb->noun,
                      c->verb->name ? c->verb->name : "");
    o.value = argv[++*i];
  }
  if (kind == 0 && equals) return cli_fail(EXIT_WORDS, "--%.*s takes no value", (int)len, name);
  if (c->option_count == COMMAND_WORDS_MAX) return cli_fail(EXIT_WORDS, "too many options");
  c->options[c->option_count++] = o;
  return EXIT_DONE;
}

/* Options that every command has, anywhere among the words: 1 when argv[*i] was one. */
static int take_global(struct cli *c, int argc, char **argv, int *i) {
  const char *word = argv[*i];
  if (strcmp(word, "--json") == 0)
    c->json = true;
  else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
    c->help = true;
  else if (strncmp(word, "--config=", 9) == 0)
    c->config_option = word + 9;
  else if (strcmp(word, "--config") == 0 && *i + 1 < argc)
    c->config_option = argv[++*i];
  else
    return 0;
  return 1;
}

static enum exit_status take_words(struct cli *c, int argc, char **argv, const struct verb **noun) {
  bool verb_word = false;
  for (int i = 1; i < argc; i++) {
    if (take_global(c, argc, argv, &i)) continue;
    if (!*noun) {
      *noun = find_noun(argv[i]);
      if (!*noun) return cli_fail(EXIT_WORDS, "%s is not a command; see: sendoff --help", argv[i]);
      continue;
    }
    if (!c->verb) {
      c->verb = find_verb(*noun, argv[i]);
      if (!c->verb)
        return cli_fail(EXIT_WORDS, "sendoff %s has no %s; see: sendoff %s --help", (*noun)->noun, argv[i],
                        (*noun)->noun);
      verb_word = c->verb->name != NULL;
      if (verb_word) continue;
    }
    if (strncmp(argv[i], "--", 2) == 0 && argv[i][2]) {
      enum exit_status status = take_option(c, argc, argv, &i);
      if (status != EXIT_DONE) return status;
      continue;
    }
    if (c->word_count == COMMAND_WORDS_MAX) return cli_fail(EXIT_WORDS, "too many words");
    c->words[c->word_count++] = argv[i];
  }
  return EXIT_DONE;
}

static enum exit_status run(struct cli *c) {
  const struct verb *v = c->verb;
  if (c->word_count < v->least || c->word_count > v->most)
    return cli_fail(EXIT_WORDS, "write: sendoff %s%s%s %s", v->noun, v->name ? " " : "", v->name ? v->name : "",
                    v->arguments);
  enum exit_status status = v->run(c);
  if (fflush(stdout) != 0 || ferror(stdout)) return EXIT_NO;
  return status;
}

enum exit_status cli_main(int argc, char **argv) {
  struct cli *c = calloc(1, sizeof *c);
  if (!c) return cli_fail(EXIT_NO, "out of memory");
  const struct verb *noun = NULL;
  enum exit_status status = take_words(c, argc, argv, &noun);
  if (status == EXIT_DONE && noun && !c->verb) c->verb = find_verb(noun, NULL);
  if (status == EXIT_DONE && !noun) {
    help_all(c->help ? stdout : stderr);
    status = c->help ? EXIT_DONE : EXIT_WORDS;
  } else if (status == EXIT_DONE && c->help) {
    if (c->verb)
      help_verb(c->verb);
    else
      help_noun(noun);
  } else if (status == EXIT_DONE && !c->verb) {
    status = cli_fail(EXIT_WORDS, "sendoff %s needs a verb; see: sendoff %s --help", noun->noun, noun->noun);
  } else if (status == EXIT_DONE) {
    status = run(c);
  }
  config_free(&c->config);
  free(c);
  return status;
}

/* --- for the verbs --- */

static bool is_named(const struct command_option *o, const char *name) {
  size_t n = strlen(name);
  return strncmp(o->name, name, n) == 0 && (o->name[n] == '\0' || o->name[n] == '=');
}

const char *cli_option_at(const struct cli *c, const char *name, size_t index) {
  for (size_t i = 0; i < c->option_count; i++)
    if (is_named(&c->options[i], name) && index-- == 0) return c->options[i].value;
  return NULL;
}

size_t cli_option_count(const struct cli *c, const char *name) {
  size_t n = 0;
  for (size_t i = 0; i < c->option_count; i++) n += is_named(&c->options[i], name);
  return n;
}

const char *cli_option(const struct cli *c, const char *name) {
  size_t n = cli_option_count(c, name);
  return n ? cli_option_at(c, name, n - 1) : NULL;
}

bool cli_switch(const struct cli *c, const char *name) {
  return cli_option_count(c, name) > 0;
}

enum exit_status cli_config(struct cli *c) {
  struct reason why = {""};
  if (c->config) return EXIT_DONE;
  int rc = config_load(config_path(c->config_option), &c->config, &why);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

enum exit_status cli_reader(struct cli *c, struct reader **out) {
  struct reason why = {""};
  if (cli_config(c) != EXIT_DONE) return EXIT_NO;
  int rc = reader_open(c->config->data_dir, out, &why);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

enum exit_status cli_admin(struct cli *c, struct admin **out) {
  struct reason why = {""};
  if (cli_config(c) != EXIT_DONE) return EXIT_NO;
  int rc = admin_open(c->config->data_dir, out, &why);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

enum exit_status cli_directory(struct cli *c, struct directory **out) {
  struct reader *r;
  struct reason why = {""};
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_directory(r, out, &why);
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

enum exit_status cli_admin_done(struct cli *c, struct admin **admin, int rc, const struct reason *why) {
  admin_close(admin);
  if (rc != OK) return cli_failed(rc, why);
  struct buffer answer;
  buffer_init(&answer, 4096);
  int told = control_ask(c->config->data_dir, "reload", &answer);
  if (told != OK && told != E_NOT_FOUND)
    fprintf(stderr,
            "sendoff: the change is made, but the running gateway did not confirm it; it will notice within seconds\n");
  buffer_free(&answer);
  return EXIT_DONE;
}
