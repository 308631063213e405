/* What the files of `sendoff send-test` share: send_test.c (the command), send_test_checks.c (the decision, check by
 * check), send_test_submit.c (the session with the gateway's own listener), send_test_follow.c (what becomes of the
 * message). For those only. One thread. */
#ifndef SENDOFF_CLI_SEND_TEST_SEND_TEST_PARTS_H
#define SENDOFF_CLI_SEND_TEST_SEND_TEST_PARTS_H

#include "base/address/address.h"
#include "base/id.h"
#include "cli/command.h"
#include "cli/output/output.h"

#define TEST_RECIPIENTS_MAX 16

struct send_test {
  struct cli *c;
  const struct account *account; /* of the directory */
  char from[ADDRESS_MAX + 1];
  const char *to[TEST_RECIPIENTS_MAX];
  size_t to_count;
  int64_t timeout_us;
  uint64_t began_ms, deadline_ms; /* clock_monotonic_ms */
  int64_t message_id;             /* once it is accepted */
  size_t accepted;                /* recipients */
  bool put_off;                   /* it is to leave later, or is held: the reply says so */
};

/* "  0.02s  MAIL      250 2.1.0 sender ok", or an object with "step", and what `more` has. Releases `more` (NULL is
 * allowed). */
void send_test_step(const struct send_test *t, const char *step, const char *text, json_t *more);

/* What each check of the policy says of it, as `sendoff explain` does. The gateway itself decides, in the session. */
void send_test_show_checks(const struct send_test *t);
/* EXIT_DONE: it has been accepted, for the recipients that were. Otherwise what was wrong has been printed. */
enum exit_status send_test_submit(struct send_test *t);
/* Until every recipient has its outcome, or the time is over. EXIT_DONE: each was accepted by a next hop. */
enum exit_status send_test_follow(struct send_test *t);

#endif
