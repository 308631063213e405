#include "cli/import/import_postfix.h"

#include "cli/import/postfix_parts.h"
#include "cli/input/confirm.h"
#include "cli/input/small_file.h"
#include "cli/output/output.h"
#include "cli/self_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX ((size_t)4 << 20)
#define OUTPUT_MAX ((size_t)64 << 20)

/* --- reading --- */

static int read_part(const struct postfix *x, const char *name, struct buffer *out, struct reason *why) {
  char path[OPENDKIM_PATH + 16];
  snprintf(path, sizeof path, "%s/%s", x->place.dir, name);
  return small_file_read(path, FILE_MAX, false, out, why);
}

static int parse_part(struct postfix *x, const char *name, struct buffer *text, struct reason *why) {
  struct reason inner = {""};
  int rc = strcmp(name, "main.cf") == 0 ? postfix_conf_read(buffer_bytes(text), &x->conf, &inner)
                                        : postfix_services_read(buffer_bytes(text), &x->conf, &x->services, &inner);
  return rc == OK ? OK : fail(why, rc, "%s/%s: %s", x->place.dir, name, *inner.text ? inner.text : result_text(rc));
}

/* master.cf need not be there: then it is main.cf alone. */
static int read_setup(struct postfix *x, const char *dir, struct reason *why) {
  int rc = postfix_place_find(dir, &x->place, why);
  static const char *const names[] = {"main.cf", "master.cf"};
  for (size_t i = 0; rc == OK && i < 2; i++) {
    struct buffer text;
    buffer_init(&text, FILE_MAX + 4096);
    rc = read_part(x, names[i], &text, why);
    if (rc == OK)
      rc = parse_part(x, names[i], &text, why);
    else if (rc == E_NOT_FOUND && i == 1)
      rc = OK;
    buffer_free(&text);
  }
  return rc;
}

static void plan(struct postfix *x) {
  postfix_take_opendkim(x);
  postfix_take_sending(x);
  postfix_take_receiving(x);
  postfix_take_limits(x);
  postfix_take_accounts(x);
  postfix_take_rest(x);
}

/* --- what is said of it --- */

static const char *action_name(enum postfix_action action, bool done) {
  static const char *const names[] = {
      [POSTFIX_TAKE] = "take",         [POSTFIX_PRESENT] = "present", [POSTFIX_CONFIGURE] = "configure",
      [POSTFIX_LEFT_OUT] = "left out", [POSTFIX_NOTHING] = "nothing", [POSTFIX_FAILED] = "failed"};
  return action == POSTFIX_TAKE && done ? "taken" : names[action];
}

static json_t *text_or_null(const char *text) {
  return text && *text ? json_text(text) : json_null();
}

static json_t *command_json(const struct postfix_finding *f) {
  struct buffer command;
  buffer_init(&command, 64 * 1024);
  json_t *out = f->word_count && postfix_command(f, &command) == OK ? json_text(command.at) : json_null();
  buffer_free(&command);
  return out;
}

static void print_finding_json(const struct postfix_finding *f, bool done) {
  print_json(json_pack("{s:s, s:o, s:s, s:o, s:o, s:o, s:b}", "where", f->where, "what", json_text(f->what), "action",
                       action_name(f->action, done), "command", command_json(f), "config", text_or_null(f->config),
                       "text", text_or_null(f->text), "dry_run", !done));
}

static void print_line(const char *before, const char *text) {
  fputs(before, stdout);
  print_safe(text);
  putchar('\n');
}

static void print_finding(const struct postfix_finding *f, bool done) {
  char head[128];
  struct buffer command;
  snprintf(head, sizeof head, "%-9s  %-16s  ", action_name(f->action, done), f->where);
  print_line(head, f->what ? f->what : "");
  if (f->text && *f->text) {
    fputs("           ", stdout);
    print_wrapped(f->text, 11, 11, false);
  }
  buffer_init(&command, 64 * 1024);
  if (f->word_count && postfix_command(f, &command) == OK)
    print_line(f->action == POSTFIX_LEFT_OUT ? "           by hand: " : "           ", command.at);
  buffer_free(&command);
}

static void print_findings(const struct cli *c, const struct postfix *x, bool done) {
  for (size_t i = 0; i < x->plan.count; i++) {
    const struct postfix_finding *f = x->plan.all[i];
    if (c->json)
      print_finding_json(f, done);
    else if (f->action != POSTFIX_NOTHING || cli_switch(c, "all"))
      print_finding(f, done);
  }
}

/* --- sendoff.conf --- */

/* What is within "NAME { ... }" of all findings, in one block: a block comes once. */
static bool print_block(const struct postfix_plan *p, const char *name) {
  bool any = false;
  size_t n = strlen(name);
  for (size_t i = 0; i < p->count; i++) {
    const char *config = p->all[i]->action == POSTFIX_CONFIGURE ? p->all[i]->config : NULL;
    if (!config || strncmp(config, name, n) != 0 || strncmp(config + n, " { ", 3) != 0) continue;
    printf("%s", any ? "" : name);
    fputs(any ? "  " : " { ", stdout);
    printf("%.*s", (int)(strlen(config) - n - 5), config + n + 3);
    any = true;
  }
  if (any) puts(" }");
  return any;
}

static void print_config(const struct cli *c, const struct postfix_plan *p) {
  static const char *const blocks[] = {"limits", "delivery"};
  if (!postfix_plan_count(p, POSTFIX_CONFIGURE)) return;
  printf("\nWrite what you want of this into %s,\nwhich stays as it is; then: sendoff config check\n\n",
         c->config->path);
  for (size_t i = 0; i < p->count; i++) {
    const char *config = p->all[i]->action == POSTFIX_CONFIGURE ? p->all[i]->config : NULL;
    if (config && strncmp(config, "limits {", 8) != 0 && strncmp(config, "delivery {", 10) != 0) print_line("", config);
  }
  for (size_t i = 0; i < 2; i++) print_block(p, blocks[i]);
}

static enum exit_status say_result(const struct cli *c, const struct postfix *x, bool done) {
  const struct postfix_plan *p = &x->plan;
  size_t left = postfix_plan_count(p, POSTFIX_LEFT_OUT), failed = postfix_plan_count(p, POSTFIX_FAILED);
  if (!c->json) {
    print_config(c, p);
    printf("\n%zu %s, %zu there already, %zu for sendoff.conf, %zu left out%s.\n", postfix_plan_count(p, POSTFIX_TAKE),
           done ? "taken" : "to take", postfix_plan_count(p, POSTFIX_PRESENT), postfix_plan_count(p, POSTFIX_CONFIGURE),
           left, failed ? ", and some failed" : "");
    printf("%zu settings need nothing%s.\n", postfix_plan_count(p, POSTFIX_NOTHING),
           cli_switch(c, "all") ? "" : "; --all shows them");
  }
  if (p->no_memory) return cli_fail(EXIT_NO, "out of memory: the list is not whole");
  if (failed) return cli_fail(EXIT_NO, "%zu command%s failed", failed, failed == 1 ? "" : "s");
  if (left) return cli_fail(EXIT_NO, "%zu line%s %s left out", left, left == 1 ? "" : "s", done ? "were" : "would be");
  return EXIT_DONE;
}

/* --- doing it --- */

/* "sendoff: ..." without its beginning. */
static void note_errors(struct postfix_plan *p, struct postfix_finding *f, struct buffer *errors) {
  if (!errors->len || buffer_add(errors, "", 1) != OK) return;
  const char *text = strncmp(errors->at, "sendoff: ", 9) == 0 ? errors->at + 9 : errors->at;
  size_t n = strlen(text);
  while (n && text[n - 1] == '\n') n--;
  char *before = f->text && *f->text ? strdup(f->text) : NULL;
  postfix_text(p, f, "%s%s%.*s", before ? before : "", before ? "; " : "", (int)(n < 2000 ? n : 2000), text);
  free(before);
}

static void run_one(const struct cli *c, struct postfix *x, struct postfix_finding *f, struct buffer *printed) {
  const char *words[POSTFIX_WORDS_MAX + 4];
  size_t n = 0;
  struct buffer out, errors;
  const char *passwords = cli_option(c, "passwords");
  bool accounts = strcmp(f->words[1], "import") == 0;
  buffer_init_secret(&out, OUTPUT_MAX);
  buffer_init(&errors, OUTPUT_MAX);
  for (size_t i = 1; i < f->word_count; i++) words[n++] = f->words[i];
  if (accounts && c->json) words[n++] = "--json";
  if (passwords && strcmp(f->words[2], "accounts") == 0) {
    words[n++] = "--passwords";
    words[n++] = passwords;
  }
  if (self_command(c, words, n, buffer_bytes(&f->input), &out, &errors) != EXIT_DONE) f->action = POSTFIX_FAILED;
  note_errors(&x->plan, f, &errors);
  if (accounts && buffer_add_bytes(printed, buffer_bytes(&out)) != OK) x->plan.no_memory = true;
  buffer_free(&errors);
  buffer_wipe_free(&out);
}

static void run_all(const struct cli *c, struct postfix *x, struct buffer *printed) {
  for (size_t i = 0; i < x->plan.count; i++) {
    struct postfix_finding *f = x->plan.all[i];
    if (f->action == POSTFIX_TAKE && f->word_count) run_one(c, x, f, printed);
  }
}

static enum exit_status take(const struct cli *c, struct postfix *x) {
  struct buffer printed; /* by imports: keys, and passwords that were made */
  buffer_init_secret(&printed, OUTPUT_MAX);
  run_all(c, x, &printed);
  print_findings(c, x, true);
  if (printed.len && !c->json) putchar('\n');
  if (printed.len) fwrite(printed.at, 1, printed.len, stdout);
  buffer_wipe_free(&printed);
  return say_result(c, x, true);
}

static size_t count_commands(const struct postfix_plan *p) {
  size_t n = 0;
  for (size_t i = 0; i < p->count; i++) n += p->all[i]->action == POSTFIX_TAKE && p->all[i]->word_count;
  return n;
}

static enum exit_status run(struct cli *c, struct postfix *x) {
  char question[80];
  size_t n = count_commands(&x->plan);
  if (cli_switch(c, "dry-run")) {
    print_findings(c, x, false);
    return say_result(c, x, false);
  }
  if (!cli_switch(c, "yes") && !c->json) print_findings(c, x, false);
  snprintf(question, sizeof question, "Run %zu command%s?", n, n == 1 ? "" : "s");
  enum exit_status s = n ? confirm(c, question) : EXIT_DONE;
  return s == EXIT_DONE ? take(c, x) : s;
}

enum exit_status import_postfix(struct cli *c) {
  struct postfix x = {.users = cli_option(c, "users"), .opendkim = cli_option(c, "opendkim")};
  struct directory *there;
  struct reason why = {""};
  if (cli_directory(c, &there) != EXIT_DONE) return EXIT_NO;
  x.there = there;
  x.config = c->config;
  int rc = read_setup(&x, c->arguments[0], &why);
  if (rc == OK) plan(&x);
  if (rc == OK && x.plan.no_memory)
    rc = fail(&why, E_MEMORY, "out of memory: nothing is taken of a list that is not whole");
  enum exit_status s = rc == OK ? run(c, &x) : cli_failed(rc, &why);
  postfix_plan_free(&x.plan);
  postfix_services_free(&x.services);
  postfix_conf_free(&x.conf);
  directory_release(&there);
  return s;
}
