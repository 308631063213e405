#include "base/address/cidr.h"
#include "base/text/quantity.h"
#include "base/text/text.h"
#include "cli/command.h"
#include "cli/delivery/site_learning.h"
#include "cli/input/named.h"
#include "cli/output/output.h"
#include "cli/output/table.h"
#include "relay/daemon/control_client.h"
#include "relay/daemon/shaping_file.h"
#include "relay/daemon/sites.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SITE_MAX 255
#define NOTES_MAX 20000

/* --- what the gateway, or without one the store, knows --- */

struct listing {
  struct cli *c;
  const struct directory *directory;
  const char *only; /* a site; NULL: all */
  json_t *sites;
};

static const char *text_of(const json_t *site, const char *key) {
  const char *text = json_string_value(json_object_get(site, key));
  return text ? text : "";
}

/* A pause by command is in the configuration, whether a gateway runs or not. */
static void add_command(const struct listing *l, json_t *site) {
  int64_t until = directory_site_paused(l->directory, text_of(site, "site"), text_of(site, "source"), clock_now_us());
  json_object_set_new(site, "paused_by_command", json_boolean(until > 0));
  if (until > 0 && until != INT64_MAX) json_object_set_new(site, "paused_until", json_time(until));
}

static void add_site(struct listing *l, json_t *site) {
  if (site && (!l->only || strcmp(text_of(site, "site"), l->only) == 0)) {
    add_command(l, site);
    json_array_append(l->sites, site);
  }
  json_decref(site);
}

static void read_lines(struct listing *l, struct bytes answer) {
  for (size_t at = 0; at < answer.len;) {
    size_t end = bytes_find(answer, '\n', at);
    add_site(l, json_loadb(answer.at + at, end - at, 0, NULL));
    at = end + 1;
  }
}

static json_t *number_or_null(unsigned n) {
  return n ? json_integer(n) : json_null();
}

static bool add_note(void *arg, const struct site_note *n) {
  bool paused = n->paused_until_us > clock_now_us();
  add_site(arg,
           json_pack("{s:o, s:o, s:I, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "site", json_text(n->site), "source",
                     *n->source ? json_text(n->source) : json_null(), "open", (json_int_t)0, "connections",
                     number_or_null(n->connections), "messages_per_connection", number_or_null(n->closed_after), "rate",
                     n->rate > 0 ? json_real(n->rate) : json_null(), "paused_until",
                     paused ? json_time(n->paused_until_us) : json_null(), "action", paused ? n->action : "", "reason",
                     paused && *n->reason ? json_text(n->reason) : json_null(), "as_of", json_time(n->updated_us)));
  return true;
}

static enum exit_status read_notes(struct listing *l) {
  struct reader *r;
  if (cli_reader(l->c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_site_notes(r, NOTES_MAX, add_note, l);
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the store cannot be read: %s", result_text(rc));
}

/* Sites that were paused by command before any mail went there. */
static void add_pauses(struct listing *l) {
  for (size_t i = 0; i < l->directory->site_pause_count; i++) {
    const struct site_pause *p = &l->directory->site_pauses[i];
    size_t k;
    const json_t *site;
    bool known = p->until_us && p->until_us <= clock_now_us();
    json_array_foreach(l->sites, k, site) known |= strcmp(text_of(site, "site"), p->site) == 0;
    if (!known)
      add_site(l, json_pack("{s:o, s:o, s:I}", "site", json_text(p->site), "source",
                            *p->source ? json_text(p->source) : json_null(), "open", (json_int_t)0));
  }
}

static enum exit_status add_learning(struct listing *l) {
  json_t *rows;
  enum exit_status s = site_learning_read(l->c, l->only, &rows);
  if (s == EXIT_DONE) site_learning_attach(l->sites, rows);
  json_decref(rows);
  return s;
}

static enum exit_status read_sites(struct listing *l) {
  struct buffer answer;
  if (cli_config(l->c) != EXIT_DONE) return EXIT_NO;
  buffer_init(&answer, SITES_ANSWER_MAX);
  int rc = control_ask(l->c->config->data_dir, "sites", &answer);
  enum exit_status s = EXIT_DONE;
  if (rc == OK)
    read_lines(l, buffer_bytes(&answer));
  else if (rc == E_NOT_FOUND)
    s = read_notes(l);
  else
    s = cli_fail(EXIT_NO, "the gateway does not say which sites it knows; see its log");
  buffer_free(&answer);
  if (s == EXIT_DONE) add_pauses(l);
  return s == EXIT_DONE && l->only ? add_learning(l) : s;
}

/* --- list, show --- */

/* "paused, 9m": for how long; "" when it is not so, or has no end. */
static const char *left_of(const json_t *s, const char *key, char out[40]) {
  int64_t until, now = clock_now_us();
  *out = '\0';
  if (moment_parse(text_of(s, key), now, &until) == OK && until > now) clock_format_span(until - now, out, 40);
  return out;
}

static void state_of(const json_t *s, char *out, size_t size) {
  char left[40];
  const char *what = *text_of(s, "as_of") ? "remembered" : "", *action = text_of(s, "action");
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
  table_add(t, (const char *const[]){text_of(s, "site"), *text_of(s, "source") ? text_of(s, "source") : "any", open,
                                     most, messages, rate, waiting, state});
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

static void print_sites(const struct listing *l) {
  struct table *t =
      table_new((const char *const[]){"SITE", "SOURCE~", "OPEN", "OF", "MESSAGES", "RATE", "WAITING", "STATE+"}, 8);
  size_t i;
  const json_t *site;
  json_array_foreach(l->sites, i, site) {
    if (l->c->json)
      print_json(json_deep_copy(site));
    else if (l->only)
      print_one(site);
    else
      add_row(t, site);
  }
  table_print(&t);
}

static enum exit_status list_of(struct cli *c, const char *only) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  struct listing l = {.c = c, .directory = d, .only = only, .sites = json_array()};
  enum exit_status s = read_sites(&l);
  if (s == EXIT_DONE) print_sites(&l);
  bool none = !json_array_size(l.sites);
  json_decref(l.sites);
  directory_release(&d);
  if (s == EXIT_DONE && none && only) return named_unknown(c, NAMED_SITE, only);
  if (s == EXIT_DONE && none && !c->json) puts("no mail has gone anywhere yet");
  return s;
}

static enum exit_status list(struct cli *c) {
  return list_of(c, NULL);
}

static enum exit_status show(struct cli *c) {
  return list_of(c, c->arguments[0]);
}

/* --- pause, resume --- */

/* --source, as everything else writes it; "": not said. */
static enum exit_status read_source(const struct cli *c, char out[IP_TEXT]) {
  const char *typed = cli_option(c, "source");
  struct sockaddr_storage address;
  *out = '\0';
  if (!typed) return EXIT_DONE;
  if (ip_parse(typed, 0, &address) != OK) return cli_fail(EXIT_USAGE, "--source %s is no IP address", typed);
  ip_format((struct sockaddr *)&address, out);
  return EXIT_DONE;
}

static enum exit_status check_name(const char *site) {
  if (*site && strlen(site) <= SITE_MAX && text_has_no_controls(site)) return EXIT_DONE;
  return cli_fail(EXIT_USAGE, "%s is no site; they are in: sendoff site list", site);
}

static enum exit_status pause_site(struct cli *c) {
  char source[IP_TEXT];
  struct site_pause p = {.site = c->arguments[0], .source = source, .created_us = clock_now_us()};
  struct admin *a;
  struct reason why = {""};
  if (check_name(p.site) != EXIT_DONE || read_source(c, source) != EXIT_DONE ||
      cli_until(c, "until", &p.until_us) != EXIT_DONE)
    return EXIT_USAGE;
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  enum exit_status s = cli_admin_done(c, &a, admin_site_pause(a, &p, &why), &why);
  if (s != EXIT_DONE) return s;
  if (c->json)
    print_json(json_pack("{s:o, s:o, s:o}", "site", json_text(p.site), "source",
                         *source ? json_text(source) : json_null(), "until", json_time(p.until_us)));
  else
    printf("nothing is sent to %s now; its mail waits in the queue\n", p.site);
  return EXIT_DONE;
}

/* What the gateway holds against the site by itself; without a gateway there is nothing but what the store has. */
static enum exit_status tell_gateway(struct cli *c, const char *source) {
  char request[SITE_MAX + IP_TEXT + 16];
  struct buffer answer;
  buffer_init(&answer, 4096);
  snprintf(request, sizeof request, "resume %s %s", *source ? source : "*", c->arguments[0]);
  int rc = control_ask(c->config->data_dir, request, &answer);
  buffer_free(&answer);
  return rc == OK || rc == E_NOT_FOUND ? EXIT_DONE : cli_fail(EXIT_NO, "the gateway does not answer; see its log");
}

static enum exit_status resume_site(struct cli *c) {
  char source[IP_TEXT];
  struct admin *a;
  struct reason why = {""};
  bool ended = false;
  if (check_name(c->arguments[0]) != EXIT_DONE || read_source(c, source) != EXIT_DONE) return EXIT_USAGE;
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  int rc = admin_site_resume(a, c->arguments[0], *source ? source : NULL, &ended, &why);
  enum exit_status s = cli_admin_done(c, &a, rc, &why);
  if (s == EXIT_DONE) s = tell_gateway(c, source);
  if (s != EXIT_DONE) return s;
  if (c->json)
    print_json(json_pack("{s:o, s:b}", "site", json_text(c->arguments[0]), "was_paused_by_command", ended));
  else
    printf("%s is sent to again; mail that was put off comes at its time, or at once by: sendoff queue retry --to "
           "PATTERN\n",
           c->arguments[0]);
  return EXIT_DONE;
}

/* --- forget --- */

static enum exit_status forget_in_gateway(struct cli *c) {
  char request[SITE_MAX + 16];
  struct buffer answer;
  buffer_init(&answer, 4096);
  snprintf(request, sizeof request, "forget %s", c->arguments[0]);
  int rc = control_ask(c->config->data_dir, request, &answer);
  buffer_free(&answer);
  return rc == OK || rc == E_NOT_FOUND ? EXIT_DONE : cli_fail(EXIT_NO, "the gateway does not answer; see its log");
}

/* First in the gateway, which would write it again. */
static enum exit_status forget_site(struct cli *c) {
  struct admin *a;
  struct reason why = {""};
  if (check_name(c->arguments[0]) != EXIT_DONE) return EXIT_USAGE;
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  enum exit_status s = forget_in_gateway(c);
  int rc = s == EXIT_DONE ? admin_site_forget(a, c->arguments[0], &why) : OK;
  enum exit_status done = cli_admin_done(c, &a, rc, &why);
  if (s != EXIT_DONE || done != EXIT_DONE) return s != EXIT_DONE ? s : done;
  if (c->json)
    print_json(json_pack("{s:o}", "site", json_text(c->arguments[0])));
  else
    printf("what was learnt of %s is forgotten; it is learnt anew\n", c->arguments[0]);
  return EXIT_DONE;
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
     "sendoff site pause google --until 2h", 1, 1, pause_site},
    {"site", "resume", "SITE [--source ADDRESS]",
     "Sends there again: ends a pause by command, and what its replies have brought upon it.",
     "sendoff site resume google", 1, 1, resume_site},
    {"site", "forget", "SITE",
     "Forgets what was learnt of it: how long it greylists, how long deliveries take, which source it takes mail from.",
     "sendoff site forget google", 1, 1, forget_site},
    {"site", "check", "[FILE]",
     "Reads a table of providers (shaping.conf) and says what is wrong, with file and line; by default the one in use.",
     "sendoff site check /etc/sendoff/shaping.conf", 0, 1, check},
    {0}};
