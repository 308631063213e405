#include "base/address/cidr.h"
#include "base/text/quantity.h"
#include "cli/command.h"
#include "cli/delivery/site_learning.h"
#include "cli/delivery/site_pause.h"
#include "cli/delivery/site_rows.h"
#include "cli/input/named.h"
#include "cli/output/output.h"
#include "cli/output/table.h"
#include "relay/daemon/shaping_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- list, show --- */

/* "paused, 9m": for how long; "" when it is not so, or has no end. */
static const char *left_of(const json_t *s, const char *key, char out[40]) {
  int64_t until, now = clock_now_us();
  *out = '\0';
  if (moment_parse(site_text(s, key), now, &until) == OK && until > now) clock_format_span(until - now, out, 40);
  return out;
}

static void state_of(const json_t *s, char *out, size_t size) {
  char left[40];
  const char *what = *site_text(s, "as_of") ? "remembered" : "", *action = site_text(s, "action");
  if (json_is_true(json_object_get(s, "paused_by_command"))) {
    left_of(s, "paused_until", left);
    what = "paused by command";
  } else if (*left_of(s, "paused_until", left)) {
    what = strcmp(action, shaping_action_name(SHAPING_BLOCK)) == 0 ? "BLOCKED" : "paused";
  } else if (*left_of(s, "single_until", left)) {
    what = "one connection";
  } else if (*left_of(s, "held_until", left)) {
    what = "waits";
  }
  snprintf(out, size, "%s%s%s", what, *left ? ", " : "", left);
}

static void rate_of(const json_t *s, char *out, size_t size) {
  double rate = json_real_value(json_object_get(s, "rate"));
  if (rate <= 0)
    snprintf(out, size, "-");
  else if (rate >= 1)
    snprintf(out, size, "%.1f/s", rate);
  else
    snprintf(out, size, "%.1f/min", 60 * rate);
}

static void count_of(const json_t *s, const char *key, char *out, size_t size) {
  const json_t *n = json_object_get(s, key);
  if (json_is_integer(n))
    snprintf(out, size, "%lld", (long long)json_integer_value(n));
  else
    snprintf(out, size, "-");
}

static void add_row(struct table *t, const json_t *s) {
  char open[24], most[24], messages[24], waiting[24], rate[24], state[80];
  count_of(s, "open", open, sizeof open);
  count_of(s, "connections", most, sizeof most);
  count_of(s, "messages_per_connection", messages, sizeof messages);
  count_of(s, "waiting", waiting, sizeof waiting);
  rate_of(s, rate, sizeof rate);
  state_of(s, state, sizeof state);
  table_add(t, (const char *const[]){site_text(s, "site"), *site_text(s, "source") ? site_text(s, "source") : "any",
                                     open, most, messages, rate, waiting, state});
}

static void print_one(const json_t *s) {
  const char *key;
  json_t *value;
  json_object_foreach((json_t *)s, key, value) {
    if (json_is_object(value)) continue; /* what was learnt */
    char *text = json_is_string(value) ? NULL : json_dumps(value, JSON_ENCODE_ANY | JSON_REAL_PRECISION(4));
    printf("%-24s ", key);
    print_safe(json_is_null(value) ? "-" : text ? text : json_string_value(value));
    putchar('\n');
    free(text);
  }
  putchar('\n');
  if (json_object_get(s, "learnt")) site_learning_print(json_object_get(s, "learnt"));
}

static void print_rows(const struct cli *c, const json_t *rows, bool in_full) {
  struct table *t =
      table_new((const char *const[]){"SITE", "SOURCE~", "OPEN", "OF", "MESSAGES", "RATE", "WAITING", "STATE+"}, 8);
  size_t i;
  const json_t *row;
  json_array_foreach(rows, i, row) {
    if (c->json)
      print_json(json_deep_copy(row));
    else if (in_full)
      print_one(row);
    else
      add_row(t, row);
  }
  table_print(&t);
}

static enum exit_status add_learning(struct cli *c, const char *site, json_t *rows) {
  json_t *learnt;
  enum exit_status s = site_learning_read(c, site, &learnt);
  if (s == EXIT_DONE) site_learning_attach(rows, learnt);
  json_decref(learnt);
  return s;
}

static enum exit_status list_of(struct cli *c, const char *typed) {
  struct directory *d;
  json_t *rows;
  char only[SITE_NAME_MAX];
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  if (typed) site_canonical(d, typed, only);
  enum exit_status s = site_rows(c, d, typed ? only : NULL, &rows);
  if (s == EXIT_DONE && typed) s = add_learning(c, only, rows);
  if (s == EXIT_DONE) print_rows(c, rows, typed != NULL);
  bool none = !json_array_size(rows);
  json_decref(rows);
  directory_release(&d);
  if (s == EXIT_DONE && none && typed) return named_unknown(c, NAMED_SITE, only);
  if (s == EXIT_DONE && none && !c->json) puts("no mail has gone anywhere yet");
  return s;
}

static enum exit_status list(struct cli *c) {
  return list_of(c, NULL);
}

static enum exit_status show(struct cli *c) {
  return list_of(c, c->arguments[0]);
}

/* --- check --- */

struct checking {
  const struct cli *c;
  size_t problems;
};

static void print_problem(void *arg, const char *text) {
  struct checking *k = arg;
  k->problems++;
  if (k->c->json)
    print_json(json_pack("{s:o}", "problem", json_text(text)));
  else
    cli_fail(EXIT_NO, "%s", text);
}

static enum exit_status check(struct cli *c) {
  struct checking k = {.c = c};
  const char *path = c->argument_count ? c->arguments[0] : NULL;
  if (!path) {
    if (cli_config(c) != EXIT_DONE) return EXIT_NO;
    path = c->config->shaping ? c->config->shaping : shaping_default_path();
  }
  if (!shaping_check(path, print_problem, &k)) return EXIT_NO;
  struct shaping *s;
  struct reason why;
  int rc = shaping_load(path, &s, &why);
  if (rc != OK) return cli_failed(rc, &why);
  size_t rules = s->rest.rule_count;
  for (size_t i = 0; i < s->provider_count; i++) rules += s->providers[i].rule_count;
  if (c->json)
    print_json(json_pack("{s:o, s:I, s:I, s:b}", "file", json_text(path), "providers", (json_int_t)s->provider_count,
                         "rules", (json_int_t)rules, "ok", 1));
  else
    printf("%s is fine: %zu providers, %zu rules\n", path, s->provider_count, rules);
  shaping_release(&s);
  return EXIT_DONE;
}

const struct verb site_verbs[] = {
    {"site", "list", "", "The providers that mail goes to, from each source: how much of it, and what holds it back.",
     "sendoff site list", 0, 0, list},
    {"site", "show", "SITE", "All that is known of one, and what was learnt of it.", "sendoff site show google", 1, 1,
     show},
    {"site", "pause", "SITE [--source ADDRESS] [--until T]",
     "Sends nothing there, from one source or all, until then or until it is resumed; its mail waits.",
     "sendoff site pause google --until 2h", 1, 1, site_pause_command},
    {"site", "resume", "SITE [--source ADDRESS]",
     "Sends there again: ends a pause by command, and what its replies have brought upon it.",
     "sendoff site resume google", 1, 1, site_resume_command},
    {"site", "forget", "SITE",
     "Forgets what was learnt of it: how long it greylists, how long deliveries take, which source it takes mail from.",
     "sendoff site forget google", 1, 1, site_forget_command},
    {"site", "check", "[FILE]",
     "Reads a table of providers (shaping.conf) and says what is wrong, with file and line; by default the one in use.",
     "sendoff site check /etc/sendoff/shaping.conf", 0, 1, check},
    {0}};
