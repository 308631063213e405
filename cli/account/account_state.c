#include "cli/account/account_state.h"

#include "cli/account/account_belongings.h"
#include "cli/account/account_show.h"
#include "cli/input/confirm.h"
#include "cli/input/named.h"
#include "cli/input/reason_option.h"
#include "cli/machine/operator_name.h"
#include "cli/output/output.h"
#include "cli/queue/queue_bulk.h"

#include <stdio.h>
#include <string.h>

static const char *plural(uint64_t n) {
  return n == 1 ? "" : "s";
}

/* --- its mail in the queue --- */

static enum exit_status read_extent(struct cli *c, unsigned among, struct queue_extent *out) {
  struct reader *r;
  const struct queue_filter f = {.account = c->arguments[0], .state = -1, .among = among};
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_queue_extent(r, &f, out);
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the queue cannot be read: %s", result_text(rc));
}

/* After the account's state is committed, so that nothing can come in behind it. With --leave-queue, its mail goes on.
 */
static int hold_queue(struct cli *c, struct admin *a, enum recipient_hold hold, uint64_t total,
                      struct queue_changed *held, struct reason *why) {
  char by[OPERATOR_NAME];
  const struct queue_filter f = {.account = c->arguments[0], .state = -1};
  struct queue_change change = {.action = QUEUE_HOLD, .hold = hold, .by = operator_name(by)};
  *held = (struct queue_changed){0};
  return cli_switch(c, "leave-queue") ? OK : queue_bulk_run_of(a, &f, &change, total, held, why);
}

/* What the suspension held, and nothing else: the operator's holds and the brake's stay. */
static int release_queue(struct cli *c, struct admin *a, struct queue_changed *released, struct reason *why) {
  char by[OPERATOR_NAME];
  const struct queue_filter f = {.account = c->arguments[0], .state = -1, .among = QUEUE_IS_HELD_FOR(HOLD_SUSPENSION)};
  struct queue_change change = {.action = QUEUE_RELEASE, .by = operator_name(by)};
  *released = (struct queue_changed){0};
  return cli_switch(c, "leave-queue") ? OK : queue_bulk_run_of(a, &f, &change, 0, released, why);
}

/* --- suspend --- */

/* `already`: recipients that were held before, by command, the brake or an earlier suspension. */
static enum exit_status say_suspended(struct cli *c, const char *reason, const struct queue_changed *held,
                                      uint64_t already) {
  const char *name = c->arguments[0];
  struct queue_extent left;
  if (c->json)
    return account_print_change(
        c, name, json_pack("{s:I, s:I}", "held", (json_int_t)held->recipients, "held_already", (json_int_t)already));
  printf("%s is suspended: its mail is refused with \"%s\"\n", name, reason);
  if (held->recipients)
    printf("%llu queued recipient%s of %s held; account resume lets them go\n"
           "to drop them: sendoff queue drop --account %s\n",
           (unsigned long long)held->recipients, plural(held->recipients), name, name);
  if (already)
    printf("%llu recipient%s of it %s held already\n", (unsigned long long)already, plural(already),
           already == 1 ? "was" : "were");
  enum exit_status s = read_extent(c, 0, &left);
  if (s == EXIT_DONE && !left.recipients && !cli_switch(c, "leave-queue"))
    printf("none of its mail waits in the queue\n");
  return s;
}

enum exit_status account_suspend(struct cli *c) {
  struct admin *a;
  struct queue_changed held;
  struct queue_extent queued, before;
  struct reason why = {""};
  const char *reason;
  if (reason_option(c, &reason) != EXIT_DONE) return EXIT_USAGE;
  if (!reason || !*reason) return cli_fail(EXIT_USAGE, "say why, for the one who will ask: --reason TEXT");
  enum exit_status s = named_check(c, NAMED_ACCOUNT, c->arguments[0]);
  if (s == EXIT_DONE) s = read_extent(c, QUEUE_IS_QUEUED, &queued);
  if (s == EXIT_DONE) s = read_extent(c, QUEUE_IS_HELD, &before);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s != EXIT_DONE) return s;
  int rc = admin_account_suspend(a, c->arguments[0], reason, &why);
  if (rc == OK) rc = hold_queue(c, a, HOLD_SUSPENSION, queued.recipients, &held, &why);
  s = cli_admin_done(c, &a, rc, &why);
  return s == EXIT_DONE ? say_suspended(c, reason, &held, before.recipients) : s;
}

/* --- resume --- */

static void say_later(const struct queue_changed *released) {
  char when[40];
  if (!released->later) return;
  clock_format_minute(released->later_us, when, sizeof when);
  printf("%llu of them leave%s later, from %s on: their sender, or a smoothed limit, says so\n",
         (unsigned long long)released->later, released->later == 1 ? "s" : "", when);
}

static enum exit_status say_resumed(struct cli *c, const struct queue_changed *released) {
  const char *name = c->arguments[0];
  struct queue_extent held;
  if (c->json) return account_print_change(c, name, json_pack("{s:I}", "released", (json_int_t)released->recipients));
  printf("%s may send again", name);
  if (released->recipients)
    printf("; %llu recipient%s that the suspension held %s released", (unsigned long long)released->recipients,
           plural(released->recipients), released->recipients == 1 ? "is" : "are");
  puts("");
  say_later(released);
  enum exit_status s = read_extent(c, QUEUE_IS_HELD, &held);
  if (s == EXIT_DONE && held.recipients)
    printf("%llu recipient%s held for other reasons stay%s held; to let them go: sendoff queue release --account %s\n",
           (unsigned long long)held.recipients, plural(held.recipients), held.recipients == 1 ? "s" : "", name);
  return s;
}

enum exit_status account_resume(struct cli *c) {
  struct admin *a;
  struct queue_changed released;
  struct reason why = {""};
  enum exit_status s = named_check(c, NAMED_ACCOUNT, c->arguments[0]);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s != EXIT_DONE) return s;
  int rc = admin_account_suspend(a, c->arguments[0], NULL, &why);
  if (rc == OK) rc = release_queue(c, a, &released, &why);
  s = cli_admin_done(c, &a, rc, &why);
  return s == EXIT_DONE ? say_resumed(c, &released) : s;
}

/* --- remove --- */

struct removal {
  struct queue_extent waiting;
  struct account_belongings belongings;
};

static void print_removal(const struct cli *c, const struct removal *r) {
  const struct queue_extent *waiting = &r->waiting;
  const char *name = c->arguments[0];
  bool leave = cli_switch(c, "leave-queue");
  char text[ACCOUNT_BELONGINGS_TEXT];
  if (waiting->recipients)
    printf("%llu message%s of %s with %llu recipient%s wait%s in the queue, and will be %s.\n",
           (unsigned long long)waiting->messages, plural(waiting->messages), name,
           (unsigned long long)waiting->recipients, plural(waiting->recipients), waiting->messages == 1 ? "s" : "",
           leave ? "delivered all the same (--leave-queue)" : "held; --leave-queue has them delivered");
  if (account_belongings_any(&r->belongings))
    printf("These go with %s: %s.\n", name, account_belongings_text(&r->belongings, text));
  if (waiting->recipients && r->belongings.routes)
    printf("Without the account's routes, its waiting mail leaves by another, or directly.\n");
  fflush(stdout);
}

static enum exit_status ask_to_remove(struct cli *c, struct removal *out) {
  enum exit_status s = read_extent(c, 0, &out->waiting);
  if (s == EXIT_DONE) s = account_belongings_read(c, c->arguments[0], &out->belongings);
  if (s != EXIT_DONE || cli_switch(c, "yes")) return s;
  if (!out->waiting.recipients && !account_belongings_any(&out->belongings)) return EXIT_DONE;
  if (!c->json) print_removal(c, out);
  return confirm(c, "remove the account?");
}

static void say_removed(struct cli *c, const struct queue_changed *held, const struct account_belongings *b) {
  const char *name = c->arguments[0];
  char text[ACCOUNT_BELONGINGS_TEXT];
  if (c->json) {
    print_json(json_pack("{s:s, s:b, s:I, s:I, s:I}", "account", name, "removed", 1, "held",
                         (json_int_t)held->recipients, "routes", (json_int_t)b->routes, "suppressed",
                         (json_int_t)b->suppressed));
    return;
  }
  printf("account %s is removed%s%s\n", name, account_belongings_any(b) ? ", with " : "",
         account_belongings_text(b, text));
  if (held->recipients)
    printf("%llu queued recipient%s of %s held; to let them go: sendoff queue release --account %s\n"
           "to drop them: sendoff queue drop --account %s\n",
           (unsigned long long)held->recipients, plural(held->recipients), name, name, name);
}

enum exit_status account_remove(struct cli *c) {
  struct admin *a;
  struct queue_changed held;
  struct removal removal;
  struct reason why = {""};
  enum exit_status s = named_check(c, NAMED_ACCOUNT, c->arguments[0]);
  if (s == EXIT_DONE) s = ask_to_remove(c, &removal);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s != EXIT_DONE) return s;
  int rc = admin_account_remove(a, c->arguments[0], &why);
  if (rc == OK) rc = hold_queue(c, a, HOLD_REMOVAL, removal.waiting.recipients, &held, &why);
  s = cli_admin_done(c, &a, rc, &why);
  if (s == EXIT_DONE) say_removed(c, &held, &removal.belongings);
  return s;
}
