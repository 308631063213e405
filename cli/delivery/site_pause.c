#include "cli/delivery/site_pause.h"

#include "base/address/cidr.h"
#include "base/clock.h"
#include "base/text/text.h"
#include "cli/delivery/site_rows.h"
#include "cli/input/named.h"
#include "cli/machine/machine.h"
#include "cli/output/output.h"
#include "relay/daemon/control_client.h"
#include "relay/daemon/shaping_file.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* What a command names. */
struct target {
  struct directory *directory;
  json_t *rows; /* what is known of the site, from each source */
  char site[SITE_NAME_MAX];
  char source[IP_TEXT]; /* as everything else writes it; "": not said */
  bool known;
  char near[NAMED_NEAR_TEXT];
};

static void target_free(struct target *t) {
  json_decref(t->rows);
  if (t->directory) directory_release(&t->directory);
}

void site_canonical(const struct directory *d, const char *typed, char out[SITE_NAME_MAX]) {
  snprintf(out, SITE_NAME_MAX, "%s", typed);
  for (size_t i = 0; i < d->site_pause_count; i++)
    if (strcmp(d->site_pauses[i].site, typed) == 0) return;
  for (char *p = out; *p; p++) *p = (char)tolower((unsigned char)*p);
}

static enum exit_status not_a_site(const char *typed) {
  return cli_fail(EXIT_USAGE, "%s is no site; they are in: sendoff site list", typed);
}

static enum exit_status read_source(const struct cli *c, char out[IP_TEXT]) {
  const char *typed = cli_option(c, "source");
  struct sockaddr_storage address;
  if (!typed) return EXIT_DONE;
  if (ip_parse(typed, 0, &address) != OK) return cli_fail(EXIT_USAGE, "--source %s is no IP address", typed);
  ip_format((struct sockaddr *)&address, out);
  return EXIT_DONE;
}

/* The running gateway's sites are all asked for: it writes them down once a minute. */
static enum exit_status find(struct cli *c, struct target *t) {
  enum exit_status s = cli_directory(c, &t->directory);
  if (s != EXIT_DONE) return s;
  site_canonical(t->directory, c->arguments[0], t->site);
  s = site_rows(c, t->directory, t->site, &t->rows);
  if (s == EXIT_DONE) s = named_find(c, NAMED_SITE, t->site, &t->known, t->near);
  t->known |= json_array_size(t->rows) > 0;
  return s;
}

static enum exit_status read_target(struct cli *c, struct target *t) {
  const char *typed = c->arguments[0];
  memset(t, 0, sizeof *t);
  if (!*typed || strlen(typed) >= SITE_NAME_MAX || !text_has_no_controls(typed)) return not_a_site(typed);
  return read_source(c, t->source);
}

static enum exit_status find_known(struct cli *c, struct target *t) {
  enum exit_status s = find(c, t);
  return s != EXIT_DONE || t->known ? s : named_unknown(c, NAMED_SITE, t->site);
}

/* " from 192.0.2.1", or nothing. */
static const char *from_text(const struct target *t, char out[IP_TEXT + 8]) {
  snprintf(out, IP_TEXT + 8, "%s%s", *t->source ? " from " : "", t->source);
  return out;
}

static json_t *source_json(const struct target *t) {
  return *t->source ? json_text(t->source) : json_null();
}

/* --- pause --- */

/* A site that no mail has gone to yet can be paused, but only by a name that one may come to have: of a provider, an
 * organization, or a host, with its port. */
static bool may_become_a_site(const char *site) {
  return site[strspn(site, "abcdefghijklmnopqrstuvwxyz0123456789.-_:[]")] == '\0';
}

static bool is_provider(const struct cli *c, const char *name) {
  struct shaping *s;
  struct reason why;
  if (shaping_load(c->config->shaping, &s, &why) != OK) return false;
  bool is = shaping_find(s, name) != NULL;
  shaping_release(&s);
  return is;
}

static void print_paused(const struct cli *c, const struct target *t, int64_t until_us) {
  char from[IP_TEXT + 8];
  from_text(t, from);
  if (c->json)
    print_json(json_pack("{s:o, s:o, s:o, s:b}", "site", json_text(t->site), "source", source_json(t), "until",
                         json_time(until_us), "known", (int)t->known));
  else if (t->known)
    printf("nothing is sent to %s%s now%s\n", t->site, from, *from ? "" : "; its mail waits in the queue");
  else
    printf("%s is paused%s, should mail come to go there\n", t->site, from);
  if (!t->known)
    cli_warn("no mail has gone to a site %s yet%s a site is a provider, not a recipient's domain; see: sendoff site "
             "list",
             t->site, t->near);
}

static enum exit_status pause_target(struct cli *c, struct target *t, int64_t until_us) {
  struct site_pause p = {.site = t->site, .source = t->source, .until_us = until_us, .created_us = clock_now_us()};
  struct admin *a;
  struct reason why = {""};
  enum exit_status s = find(c, t);
  if (s != EXIT_DONE) return s;
  if (!t->known) t->known = is_provider(c, t->site);
  if (!t->known && !may_become_a_site(t->site)) return not_a_site(c->arguments[0]);
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  s = cli_admin_done(c, &a, admin_site_pause(a, &p, &why), &why);
  if (s == EXIT_DONE) print_paused(c, t, until_us);
  return s;
}

enum exit_status site_pause_command(struct cli *c) {
  struct target t;
  int64_t until_us = 0;
  if (read_target(c, &t) != EXIT_DONE || cli_until(c, "until", &until_us) != EXIT_DONE) return EXIT_USAGE;
  enum exit_status s = pause_target(c, &t, until_us);
  target_free(&t);
  return s;
}

/* --- resume --- */

/* What the gateway holds against the site by itself; without a gateway there is nothing but what the store has. */
static enum exit_status tell_gateway(struct cli *c, const struct target *t) {
  char request[SITE_NAME_MAX + IP_TEXT + 16];
  struct buffer answer;
  buffer_init(&answer, 4096);
  snprintf(request, sizeof request, "resume %s %s", *t->source ? t->source : "*", t->site);
  int rc = control_ask(c->config->data_dir, request, &answer);
  buffer_free(&answer);
  return rc == OK || rc == E_NOT_FOUND ? EXIT_DONE : machine_no_answer(c->config);
}

/* Was it, by what its replies have brought upon it? */
static bool was_held(const struct target *t) {
  static const char *const until[] = {"paused_until", "single_until", "held_until"};
  bool held = false;
  size_t i;
  const json_t *row;
  json_array_foreach(t->rows, i, row) {
    if (*t->source && strcmp(site_text(row, "source"), t->source) != 0) continue;
    for (size_t k = 0; k < sizeof until / sizeof until[0]; k++) held |= *site_text(row, until[k]) != '\0';
  }
  return held;
}

/* The end of a pause from one source leaves that from all. */
static bool stays_paused(const struct target *t) {
  return *t->source && directory_site_paused(t->directory, t->site, "", clock_now_us()) > 0;
}

static enum exit_status print_resumed(const struct cli *c, const struct target *t, bool ended) {
  char from[IP_TEXT + 8];
  bool paused = stays_paused(t);
  from_text(t, from);
  if (c->json)
    print_json(json_pack("{s:o, s:o, s:b, s:b}", "site", json_text(t->site), "source", source_json(t),
                         "was_paused_by_command", (int)ended, "paused_by_command", (int)paused));
  if (paused)
    return cli_fail(EXIT_NO,
                    "nothing is sent to %s%s: it is paused from all sources; to end that: sendoff site resume %s",
                    t->site, from, t->site);
  if (c->json) return EXIT_DONE;
  if (ended || was_held(t))
    printf("%s is sent to again%s; mail that was put off comes at its time, or at once by: sendoff queue retry --to "
           "PATTERN\n",
           t->site, from);
  else
    printf("%s was not paused%s\n", t->site, from);
  return EXIT_DONE;
}

static enum exit_status resume_target(struct cli *c, struct target *t) {
  struct admin *a;
  struct reason why = {""};
  bool ended = false;
  enum exit_status s = find_known(c, t);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s != EXIT_DONE) return s;
  int rc = admin_site_resume(a, t->site, *t->source ? t->source : NULL, &ended, &why);
  s = cli_admin_done(c, &a, rc, &why);
  if (s == EXIT_DONE) s = tell_gateway(c, t);
  return s == EXIT_DONE ? print_resumed(c, t, ended) : s;
}

enum exit_status site_resume_command(struct cli *c) {
  struct target t;
  if (read_target(c, &t) != EXIT_DONE) return EXIT_USAGE;
  enum exit_status s = resume_target(c, &t);
  target_free(&t);
  return s;
}

/* --- forget --- */

static enum exit_status forget_in_gateway(struct cli *c, const char *site) {
  char request[SITE_NAME_MAX + 16];
  struct buffer answer;
  buffer_init(&answer, 4096);
  snprintf(request, sizeof request, "forget %s", site);
  int rc = control_ask(c->config->data_dir, request, &answer);
  buffer_free(&answer);
  return rc == OK || rc == E_NOT_FOUND ? EXIT_DONE : machine_no_answer(c->config);
}

/* First in the gateway, which would write it again. */
static enum exit_status forget_target(struct cli *c, struct target *t) {
  struct admin *a;
  struct reason why = {""};
  enum exit_status s = find_known(c, t);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s != EXIT_DONE) return s;
  s = forget_in_gateway(c, t->site);
  int rc = s == EXIT_DONE ? admin_site_forget(a, t->site, &why) : OK;
  enum exit_status done = cli_admin_done(c, &a, rc, &why);
  if (s != EXIT_DONE || done != EXIT_DONE) return s != EXIT_DONE ? s : done;
  if (c->json)
    print_json(json_pack("{s:o}", "site", json_text(t->site)));
  else
    printf("what was learnt of %s is forgotten; it is learnt anew\n", t->site);
  return EXIT_DONE;
}

enum exit_status site_forget_command(struct cli *c) {
  struct target t;
  if (read_target(c, &t) != EXIT_DONE) return EXIT_USAGE;
  enum exit_status s = forget_target(c, &t);
  target_free(&t);
  return s;
}
