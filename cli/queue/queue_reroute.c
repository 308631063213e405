#include "cli/queue/queue_reroute.h"

#include "cli/input/account_filter.h"
#include "cli/input/confirm.h"
#include "cli/input/named.h"
#include "cli/machine/operator_name.h"
#include "cli/output/output.h"
#include "cli/queue/queue_bulk.h"
#include "cli/queue/queue_filter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POOLS_MAX 256 /* that are named; what is in others is counted under the last one's name, "others" */

struct pool_count {
  char pool[65];
  uint64_t messages, recipients;
};

struct rerouting {
  struct cli *cli;
  struct queue_change change;
  struct pool_count pools[POOLS_MAX];
  size_t pool_count;
  uint64_t messages, recipients;         /* that move */
  uint64_t spf_messages, spf_recipients; /* of which the result of SPF is not known there */
};

/* --- what there is to move --- */

static struct pool_count *pool_named(struct rerouting *r, const char *name) {
  for (size_t i = 0; i < r->pool_count; i++)
    if (strcmp(r->pools[i].pool, name) == 0) return &r->pools[i];
  if (r->pool_count == POOLS_MAX) return &r->pools[POOLS_MAX - 1];
  struct pool_count *p = &r->pools[r->pool_count++];
  snprintf(p->pool, sizeof p->pool, "%s", r->pool_count == POOLS_MAX ? "others" : name);
  return p;
}

static bool add_pool(void *arg, const struct queue_pool_row *row) {
  struct rerouting *r = arg;
  bool all = r->change.despite_spf;
  uint64_t messages = row->messages + (all ? row->spf_messages : 0);
  uint64_t recipients = row->recipients + (all ? row->spf_recipients : 0);
  r->spf_messages += row->spf_messages;
  r->spf_recipients += row->spf_recipients;
  r->messages += messages;
  r->recipients += recipients;
  if (!recipients) return true;
  struct pool_count *p = pool_named(r, row->pool);
  p->messages += messages;
  p->recipients += recipients;
  return true;
}

static enum exit_status count_all(struct rerouting *r) {
  struct reader *reader;
  int rc = OK;
  enum exit_status s = cli_reader(r->cli, &reader);
  for (size_t i = 0; s == EXIT_DONE && rc == OK && i < queue_filter_count(r->cli); i++) {
    struct queue_filter f;
    enum exit_status read = queue_filter_at(r->cli, i, &f);
    f.among = queue_concerns(QUEUE_REROUTE, HOLD_COMMAND);
    if (read == EXIT_DONE) rc = reader_queue_pools(reader, &f, r->change.pool, add_pool, r);
  }
  if (s == EXIT_DONE) reader_close(&reader);
  return rc == OK ? s : cli_fail(EXIT_NO, "the queue cannot be read: %s", result_text(rc));
}

/* So that a dry run says of a pool what the command would. */
static enum exit_status check_pool(struct rerouting *r) {
  struct directory *d;
  size_t count;
  if (cli_directory(r->cli, &d) != EXIT_DONE) return EXIT_NO;
  directory_pool(d, r->change.pool, &count);
  directory_release(&d);
  if (count) return EXIT_DONE;
  return cli_fail(EXIT_NO,
                  "the pool %s has no source that mail could leave from; sendoff source list shows the pools, and this "
                  "adds one: sendoff source add ADDRESS --helo NAME --pool %s",
                  r->change.pool, r->change.pool);
}

/* --- what is said of it --- */

static const char *plural(uint64_t n) {
  return n == 1 ? "" : "s";
}

static void print_counts(const struct rerouting *r, const char *verb) {
  for (size_t i = 0; i < r->pool_count; i++) {
    const struct pool_count *p = &r->pools[i];
    printf("%llu message%s, %llu recipient%s %s from the pool %s to the pool %s\n", (unsigned long long)p->messages,
           plural(p->messages), (unsigned long long)p->recipients, plural(p->recipients), verb, p->pool,
           r->change.pool);
  }
}

/* On standard error: never in silence. */
static void warn_of_spf(const struct rerouting *r) {
  unsigned long long n = r->spf_recipients;
  if (!n) return;
  if (r->change.despite_spf)
    cli_warn("of %llu recipient%s the mail rests on SPF: receivers may refuse it unless its domain's SPF record lists "
             "the sources of the pool %s; see: sendoff domain check",
             n, plural(n), r->change.pool);
  else
    cli_warn("%llu recipient%s in %llu message%s stay: the mail rests on SPF, and was accepted for the sources of its "
             "own pool; if its domain's SPF record lists those of %s (sendoff domain check), move it with "
             "--despite-spf",
             n, plural(n), (unsigned long long)r->spf_messages, plural(r->spf_messages), r->change.pool);
}

static json_t *pools_json(const struct rerouting *r) {
  json_t *list = json_array();
  for (size_t i = 0; i < r->pool_count; i++)
    json_array_append_new(list, json_pack("{s:o, s:I, s:I}", "pool", json_text(r->pools[i].pool), "messages",
                                          (json_int_t)r->pools[i].messages, "recipients",
                                          (json_int_t)r->pools[i].recipients));
  return list;
}

static void print_result(const struct rerouting *r, bool dry, uint64_t changed) {
  if (r->cli->json)
    print_json(json_pack("{s:I, s:o, s:b, s:I, s:I, s:o, s:I}", "changed", (json_int_t)changed, "to_pool",
                         json_text(r->change.pool), "dry_run", dry, "messages", (json_int_t)r->messages, "recipients",
                         (json_int_t)r->recipients, "pools", pools_json(r), "rest_on_spf",
                         (json_int_t)r->spf_recipients));
  else
    print_counts(r, dry ? "would move" : "moved");
  warn_of_spf(r);
}

static enum exit_status say_nothing_moves(struct rerouting *r) {
  const char *site = cli_option(r->cli, "site");
  enum exit_status s = account_filter_check(r->cli, cli_option(r->cli, "account"));
  if (s == EXIT_DONE && site) s = named_check(r->cli, NAMED_SITE, site);
  if (s != EXIT_DONE) return s;
  if (r->spf_recipients) {
    print_result(r, cli_switch(r->cli, "dry-run"), 0);
    return EXIT_NO;
  }
  return cli_fail(EXIT_NO, "nothing in the queue matches that is not in the pool %s already; see: sendoff queue list",
                  r->change.pool);
}

/* --- the command --- */

static enum exit_status move(struct rerouting *r) {
  struct admin *a;
  struct queue_changed done;
  struct reason why = {""};
  if (cli_admin(r->cli, &a) != EXIT_DONE) return EXIT_NO;
  int rc = queue_bulk_run(r->cli, a, &r->change, r->recipients, &done, &why);
  enum exit_status s = cli_admin_done(r->cli, &a, rc, &why);
  if (s == EXIT_DONE) print_result(r, false, done.recipients);
  return s;
}

static enum exit_status ask(struct rerouting *r) {
  if (!queue_asks(r->cli)) return EXIT_DONE;
  if (!r->cli->json) print_counts(r, "would move");
  fflush(stdout);
  return confirm(r->cli, "move them?");
}

static enum exit_status reroute(struct rerouting *r) {
  enum exit_status s = check_pool(r);
  if (s == EXIT_DONE) s = count_all(r);
  if (s != EXIT_DONE) return s;
  if (!r->recipients) return say_nothing_moves(r);
  if (cli_switch(r->cli, "dry-run")) {
    print_result(r, true, 0);
    return EXIT_DONE;
  }
  s = ask(r);
  return s == EXIT_DONE ? move(r) : s;
}

enum exit_status queue_reroute(struct cli *c) {
  const char *pool = cli_option(c, "to-pool");
  char by[OPERATOR_NAME];
  if (!pool || !cli_name_ok(pool))
    return cli_fail(EXIT_USAGE, "--to-pool POOL is needed: the pool of sources that the mail is to leave from");
  enum exit_status s = queue_filter_check(c);
  if (s != EXIT_DONE) return s;
  struct rerouting *r = calloc(1, sizeof *r);
  if (!r) return cli_fail(EXIT_NO, "out of memory");
  r->cli = c;
  r->change = (struct queue_change){
      .action = QUEUE_REROUTE, .by = operator_name(by), .pool = pool, .despite_spf = cli_switch(c, "despite-spf")};
  s = reroute(r);
  free(r);
  return s;
}
