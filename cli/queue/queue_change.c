#include "cli/queue/queue_change.h"

#include "cli/input/account_filter.h"
#include "cli/input/named.h"
#include "cli/input/reason_option.h"
#include "cli/machine/operator_name.h"
#include "cli/output/output.h"
#include "cli/queue/queue_bulk.h"
#include "cli/queue/queue_filter.h"
#include "relay/daemon/control_client.h"

#include <stdio.h>
#include <string.h>

struct command {
  enum queue_action action;
  const char *verb;
  const char *question; /* before [y/N] */
  const char *done;     /* behind "3 recipients" */
};

/* --- what is said afterwards --- */

static const char *plural(uint64_t n) {
  return n == 1 ? "" : "s";
}

static void print_later(const struct queue_changed *d) {
  char when[40];
  if (!d->later) return;
  clock_format_minute(d->later_us, when, sizeof when);
  printf("%llu of them leave%s later, from %s on: their sender, or a smoothed limit, says so\n",
         (unsigned long long)d->later, d->later == 1 ? "s" : "", when);
}

/* Without a gateway the order is kept, and carried out when it starts. */
static void print_returning(struct cli *c, const struct command *k, const struct queue_changed *d) {
  if (!d->returning) return;
  if (k->action == QUEUE_RELEASE)
    printf("%llu of them go%s back to %s: that was ordered before the hold\n", (unsigned long long)d->returning,
           d->returning == 1 ? "es" : "", d->returning == 1 ? "its sender" : "their senders");
  struct buffer answer;
  buffer_init(&answer, 65536);
  if (control_ask(c->config->data_dir, "status", &answer) == E_NOT_FOUND)
    puts("the gateway is not running: their senders are notified when it starts");
  buffer_free(&answer);
}

static void print_done(struct cli *c, const struct command *k, const struct queue_changed *d) {
  if (c->json) {
    print_json(json_pack("{s:s, s:I, s:I, s:I, s:o, s:I, s:b}", "action", k->verb, "changed", (json_int_t)d->recipients,
                         "messages", (json_int_t)d->messages, "later", (json_int_t)d->later, "later_from",
                         json_time(d->later_us), "returning", (json_int_t)d->returning, "dry_run", 0));
    return;
  }
  if (!d->recipients) return;
  printf("%llu recipient%s in %llu message%s %s\n", (unsigned long long)d->recipients, plural(d->recipients),
         (unsigned long long)d->messages, plural(d->messages), k->done);
  print_later(d);
  print_returning(c, k, d);
}

enum exit_status queue_nothing(struct cli *c) {
  const char *site = cli_option(c, "site");
  enum exit_status s = account_filter_check(c, cli_option(c, "account"));
  if (s == EXIT_DONE && site) s = named_check(c, NAMED_SITE, site);
  return s != EXIT_DONE ? s : cli_fail(EXIT_NO, "nothing in the queue matches; see: sendoff queue list");
}

static enum exit_status say_missing(const char *id) {
  return cli_fail(EXIT_NO, "%s has nothing in the queue to change; see: sendoff queue list", id);
}

static enum exit_status print_dry(struct cli *c, const struct command *k, const struct queue_preview *p) {
  if (!c->json) {
    printf("queue %s would change: ", k->verb);
    queue_preview_print(p);
    return EXIT_DONE;
  }
  json_t *object = json_pack("{s:s, s:I, s:b}", "action", k->verb, "changed", (json_int_t)0, "dry_run", 1);
  json_t *preview = queue_preview_json(p);
  json_object_update(object, preview);
  json_decref(preview);
  print_json(object);
  return EXIT_DONE;
}

/* --- the command --- */

/* Mail that cannot be returned: it has no sender who could be notified. */
static void warn_null_senders(const struct command *k, const struct queue_preview *p) {
  unsigned long long n = p->extent.null_senders;
  if (k->action == QUEUE_BOUNCE && n)
    cli_warn("of %llu recipient%s the mail has no sender to notify (a notice itself): it ends without one", n,
             plural(n));
}

static enum exit_status run(struct cli *c, const struct command *k, struct queue_change *change, uint64_t total) {
  struct admin *a;
  struct queue_changed done;
  struct reason why = {""};
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  int rc = queue_bulk_run(c, a, change, total, &done, &why);
  if (rc != OK && done.recipients)
    cli_warn("changed before it failed: %llu recipient%s", (unsigned long long)done.recipients,
             done.recipients == 1 ? "" : "s");
  enum exit_status s = cli_admin_done(c, &a, rc, &why);
  if (s == EXIT_DONE) print_done(c, k, &done);
  return s;
}

/* IDs, or a selection: never everything by accident. */
static enum exit_status change_queue(struct cli *c, const struct command *k, struct queue_change *change) {
  struct queue_preview p;
  char by[OPERATOR_NAME];
  change->action = k->action;
  change->by = operator_name(by);
  enum exit_status s = queue_preview_read(c, change, &p);
  if (s != EXIT_DONE) return s;
  if (!p.extent.recipients) return p.missing ? say_missing(p.missing) : queue_nothing(c);
  if (cli_switch(c, "dry-run")) return print_dry(c, k, &p);
  warn_null_senders(k, &p);
  s = queue_ask(c, &p, k->verb, k->question);
  if (s == EXIT_DONE) s = run(c, k, change, p.extent.recipients);
  return s == EXIT_DONE && p.missing ? say_missing(p.missing) : s;
}

enum exit_status queue_retry(struct cli *c) {
  static const struct command k = {QUEUE_RETRY, "retry", "try them now?", "to be tried now"};
  return change_queue(c, &k, &(struct queue_change){0});
}

enum exit_status queue_hold(struct cli *c) {
  static const struct command k = {QUEUE_HOLD, "hold", "hold them?", "held"};
  return change_queue(c, &k, &(struct queue_change){.hold = HOLD_COMMAND});
}

enum exit_status queue_release(struct cli *c) {
  static const struct command k = {QUEUE_RELEASE, "release", "release them?", "released"};
  return change_queue(c, &k, &(struct queue_change){0});
}

enum exit_status queue_drop(struct cli *c) {
  static const struct command k = {QUEUE_DROP, "drop", "drop them, without a notice to anybody?", "dropped"};
  return change_queue(c, &k, &(struct queue_change){0});
}

enum exit_status queue_bounce(struct cli *c) {
  static const struct command k = {QUEUE_BOUNCE, "bounce", "return them to their senders?",
                                   "to be returned to their senders"};
  const char *reason;
  if (reason_option(c, &reason) != EXIT_DONE) return EXIT_USAGE;
  return change_queue(c, &k, &(struct queue_change){.reason = reason});
}
