#include "cli/command.h"
#include "base/bytes.h"
#include "base/text/quantity.h"
#include "base/text/text.h"
#include "cli/help/help.h"
#include "cli/help/usage.h"
#include "cli/input/settings_options.h"
#include "cli/nouns.h"
#include "cli/output/output.h"
#include "cli/output/suggest.h"
#include "policy/policy.h"
#include "relay/daemon/control_client.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- messages --- */

static const char *about;

void cli_about(const char *where) {
  about = where;
}

/* Always one line, and nothing in it that a terminal obeys: text of strangers is repeated here. */
static void __attribute__((format(printf, 1, 0))) say(const char *format, va_list args) {
  char text[2048];
  vsnprintf(text, sizeof text, format, args);
  text_clean(text, true);
  fprintf(stderr, "sendoff: %s%s%s\n", about ? about : "", about ? ": " : "", text);
}

enum exit_status cli_fail(enum exit_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  va_end(args);
  return status;
}

void cli_warn(const char *format, ...) {
  va_list args;
  va_start(args, format);
  say(format, args);
  va_end(args);
}

enum exit_status cli_failed(int code, const struct reason *why) {
  return cli_fail(EXIT_NO, "%s", why->text[0] ? why->text : result_text(code));
}

/* For "sendoff %s%s%s". */
#define NAMES(v) (v)->noun, (v)->name ? " " : "", (v)->name ? (v)->name : ""

/* --- options --- */

enum exit_status cli_check_filled(const struct cli *c, const char *const *names) {
  for (; *names; names++) {
    const char *value = cli_option(c, *names);
    if (value && !*value) return cli_fail(EXIT_USAGE, "--%s is empty: leave it out, or say which", *names);
  }
  return EXIT_DONE;
}

enum exit_status cli_moment(const struct cli *c, const char *name, int64_t *out) {
  const char *text = cli_option(c, name);
  if (!text || time_parse(text, clock_now_us(), cli_switch(c, "utc"), out) == OK) return EXIT_DONE;
  return cli_fail(EXIT_USAGE,
                  "--%s %s: write 2h or 7d (so long ago), today, yesterday, 18:42, 2026-11-01 or 2026-11-01T18:42",
                  name, text);
}

/* Of a clock alone the last time is meant in the past, and here the next. */
static bool is_clock(const char *text) {
  return strchr(text, ':') && !strchr(text, '-');
}

enum exit_status cli_until(const struct cli *c, const char *name, int64_t *out) {
  const char *text = cli_option(c, name);
  int64_t now = clock_now_us(), span, until = 0;
  if (!text) return EXIT_DONE;
  if (duration_parse(text, &span) == OK && span < INT64_MAX - now)
    until = now + span;
  else if (time_parse(text, now, cli_switch(c, "utc"), &until) != OK)
    return cli_fail(EXIT_USAGE, "--%s %s: write a time to come, as in 2h, 18:42 or 2027-01-31T18:00", name, text);
  if (until <= now && is_clock(text)) until += 86400 * SECOND_US;
  if (until <= now) return cli_fail(EXIT_USAGE, "--%s %s has passed", name, text);
  *out = until;
  return EXIT_DONE;
}

/* --- parsing --- */

/* What is wrong with an option that the verb has not. */
static enum exit_status refuse_option(const struct cli *c, const char *typed, struct bytes name) {
  char near[SUGGEST_NAME_MAX + 32];
  struct suggestion s = suggestion_for(name);
  struct usage_walk w = USAGE_WALK(c->verb->arguments);
  struct usage_word u;
  if (usage_has_checks(c->verb->arguments) && is_fixed_check(name.at, name.len))
    return cli_fail(EXIT_USAGE, "the check %.*s is always enforced; those with a mode: sendoff policy list",
                    (int)name.len, name.at);
  while (usage_next(&w, &u)) suggestion_try(&s, u.option);
  for (size_t i = 0; i < policy_check_count && usage_has_checks(c->verb->arguments); i++)
    if (!policy_checks[i].fixed) suggestion_try(&s, bytes_of(policy_checks[i].name));
  return cli_fail(EXIT_USAGE, "%s is not an option here%s see: sendoff %s%s%s --help", typed,
                  suggestion_text(&s, "--", near, sizeof near), NAMES(c->verb));
}

static enum exit_status take_option(struct cli *c, int argc, char **argv, int *i) {
  const char *name = argv[*i] + 2, *equals = strchr(name, '=');
  struct bytes named = {name, equals ? (size_t)(equals - name) : strlen(name)};
  enum usage_option kind = usage_find(c->verb->arguments, named, NULL);
  if (kind == USAGE_UNKNOWN) return refuse_option(c, argv[*i], named);
  struct command_option o = {.name = name, .value = equals ? equals + 1 : NULL};
  if (kind == USAGE_VALUE && !equals) {
    if (*i + 1 >= argc)
      return cli_fail(EXIT_USAGE, "--%s takes a value; see: sendoff %s%s%s --help", name, NAMES(c->verb));
    o.value = argv[++*i];
  }
  if (kind == USAGE_SWITCH && equals) return cli_fail(EXIT_USAGE, "--%.*s takes no value", (int)named.len, name);
  if (c->option_count == COMMAND_ARGUMENTS_MAX) return cli_fail(EXIT_USAGE, "too many options");
  c->options[c->option_count++] = o;
  return EXIT_DONE;
}

/* Options that every command has, anywhere among the arguments: true when argv[*i] was one. */
static bool take_global(struct cli *c, int argc, char **argv, int *i) {
  const char *word = argv[*i];
  if (strcmp(word, "--json") == 0)
    c->json = true;
  else if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
    c->help = true;
  else if (strncmp(word, "--config=", 9) == 0)
    c->config_option = word + 9;
  else if (strcmp(word, "--config") == 0 && *i + 1 < argc)
    c->config_option = argv[++*i];
  else if (strcmp(word, "--utc") == 0 && c->option_count < COMMAND_ARGUMENTS_MAX)
    c->options[c->option_count++] = (struct command_option){.name = "utc"};
  else if (strcmp(word, "--version") == 0)
    c->version = true;
  else
    return false;
  return true;
}

static enum exit_status refuse_noun(const char *word) {
  char near[SUGGEST_NAME_MAX + 32];
  struct suggestion s = suggestion_for(bytes_of(word));
  for (size_t i = 0; i < cli_noun_count; i++) {
    suggestion_try(&s, bytes_of(cli_nouns[i].verbs->noun));
    suggestion_try_synonym(&s, bytes_of(cli_nouns[i].verbs->noun));
  }
  return cli_fail(EXIT_USAGE, "%s is not a command%s see: sendoff --help", word,
                  suggestion_text(&s, "", near, sizeof near));
}

enum exit_status cli_refuse_verb(const struct verb *noun, const char *word) {
  char near[SUGGEST_NAME_MAX + 32];
  struct suggestion s = suggestion_for(bytes_of(word));
  for (const struct verb *v = noun; v->noun; v++) {
    if (!v->name) continue;
    suggestion_try(&s, bytes_of(v->name));
    suggestion_try_synonym(&s, bytes_of(v->name));
  }
  return cli_fail(EXIT_USAGE, "sendoff %s has no %s%s see: sendoff %s --help", noun->noun, word,
                  suggestion_text(&s, "", near, sizeof near), noun->noun);
}

/* The noun, then the verb: *taken when the word was one of them. */
static enum exit_status take_command(struct cli *c, const char *word, bool *taken) {
  *taken = true;
  if (!c->noun) {
    if (strcmp(word, "--config") == 0) return cli_fail(EXIT_USAGE, "--config takes a value: --config FILE");
    const struct noun *found = noun_find(word);
    c->noun = found ? found->verbs : NULL;
    return c->noun ? EXIT_DONE : refuse_noun(word);
  }
  if (!c->verb) {
    c->verb = noun_verb(c->noun, word);
    if (!c->verb) return cli_refuse_verb(c->noun, word);
    if (c->verb->name) return EXIT_DONE;
  }
  *taken = false;
  return EXIT_DONE;
}

enum exit_status cli_take(struct cli *c, int argc, char **argv) {
  bool arguments_only = false, taken;
  for (int i = 1; i < argc; i++) {
    if (!arguments_only && take_global(c, argc, argv, &i)) continue;
    enum exit_status status = take_command(c, argv[i], &taken);
    if (status != EXIT_DONE) return status;
    if (taken) continue;
    if (!arguments_only && strcmp(argv[i], "--") == 0) { /* what follows are arguments, even if it begins with - */
      arguments_only = true;
      continue;
    }
    if (!arguments_only && strncmp(argv[i], "--", 2) == 0) {
      status = take_option(c, argc, argv, &i);
      if (status != EXIT_DONE) return status;
      continue;
    }
    if (c->argument_count == COMMAND_ARGUMENTS_MAX) return cli_fail(EXIT_USAGE, "too many arguments");
    c->arguments[c->argument_count++] = argv[i];
  }
  if (c->noun && !c->verb) c->verb = noun_verb(c->noun, NULL);
  return EXIT_DONE;
}

#define USAGE_SHOWN 100 /* characters of the arguments, beyond which only what must be there is shown */

/* What was typed has too many arguments, or too few. */
static enum exit_status refuse_arguments(const struct cli *c) {
  const struct verb *v = c->verb;
  size_t len = strlen(v->arguments);
  const char *optional = len > USAGE_SHOWN ? strstr(v->arguments, " [") : NULL;
  if (!v->name && c->argument_count && c->noun[1].noun) return cli_refuse_verb(c->noun, c->arguments[0]);
  char extra[80] = "";
  if (c->argument_count > v->most)
    snprintf(extra, sizeof extra, "\"%.40s\" is one argument too many; ", c->arguments[v->most]);
  return cli_fail(EXIT_USAGE, "%swrite: sendoff %s%s%s%s%.*s; see: sendoff %s%s%s --help", extra, NAMES(v),
                  len ? " " : "", optional ? (int)(optional - v->arguments) : (int)len, v->arguments, NAMES(v));
}

static enum exit_status check_output(enum exit_status status) {
  const char *why;
  return output_is_whole(&why) ? status : cli_fail(EXIT_NO, "standard output: %s", why);
}

static enum exit_status run(struct cli *c) {
  const struct verb *v = c->verb;
  if (c->argument_count < v->least || c->argument_count > v->most) return refuse_arguments(c);
  return check_output(v->run(c));
}

enum exit_status cli_run(struct cli *c, const char *const *words, size_t count) {
  struct cli *other = calloc(1, sizeof *other);
  char **argv = calloc(count + 2, sizeof *argv);
  enum exit_status status = EXIT_NO;
  if (other && argv) {
    for (size_t i = 0; i < count; i++) argv[i + 1] = (char *)(uintptr_t)words[i]; /* parsed, not written to */
    status = cli_take(other, (int)count + 1, argv);
    other->config_option = c->config_option;
    other->json = c->json;
    if (status == EXIT_DONE) status = run(other);
    config_free(&other->config);
  } else {
    cli_fail(EXIT_NO, "out of memory");
  }
  free(argv);
  free(other);
  return status;
}

static enum exit_status show_help(const struct cli *c) {
  if (c->verb && c->verb->name)
    help_verb(c->verb);
  else if (c->noun)
    help_noun(c->noun);
  else
    help_all();
  return check_output(EXIT_DONE);
}

enum exit_status cli_main(int argc, char **argv) {
  struct cli *c = calloc(1, sizeof *c);
  if (!c) return cli_fail(EXIT_NO, "out of memory");
  enum exit_status status = cli_take(c, argc, argv);
  if (status != EXIT_DONE)
    ;
  else if (c->help)
    status = show_help(c);
  else if (c->version)
    puts("sendoff " SENDOFF_VERSION);
  else if (!c->noun)
    status = cli_fail(EXIT_USAGE, "say what to do; all commands: sendoff --help");
  else if (!c->verb)
    status = cli_fail(EXIT_USAGE, "sendoff %s needs a verb; see: sendoff %s --help", c->noun->noun, c->noun->noun);
  else
    status = run(c);
  config_free(&c->config);
  free(c);
  return status;
}

/* --- for the verbs --- */

bool cli_option_is(const struct command_option *o, const char *name) {
  size_t n = strlen(name);
  return strncmp(o->name, name, n) == 0 && (o->name[n] == '\0' || o->name[n] == '=');
}

const char *cli_option_at(const struct cli *c, const char *name, size_t index) {
  for (size_t i = 0; i < c->option_count; i++)
    if (cli_option_is(&c->options[i], name) && index-- == 0) return c->options[i].value;
  return NULL;
}

size_t cli_option_count(const struct cli *c, const char *name) {
  size_t n = 0;
  for (size_t i = 0; i < c->option_count; i++) n += cli_option_is(&c->options[i], name);
  return n;
}

const char *cli_option(const struct cli *c, const char *name) {
  size_t n = cli_option_count(c, name);
  return n ? cli_option_at(c, name, n - 1) : NULL;
}

bool cli_switch(const struct cli *c, const char *name) {
  return cli_option_count(c, name) > 0;
}

bool cli_knows(const struct cli *c, const char *name) {
  return usage_find(c->verb->arguments, bytes_of(name), NULL) != USAGE_UNKNOWN;
}

bool cli_name_ok(const char *name) {
  size_t n = strlen(name);
  return n && n <= 64 && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@+-") == n;
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
    cli_warn("the change is made, but the running gateway did not confirm it; it will notice within seconds");
  buffer_free(&answer);
  return EXIT_DONE;
}
