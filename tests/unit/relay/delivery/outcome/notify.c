#include "relay/delivery/outcome/notify.h"
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define NOW (INT64_C(1790000000) * SECOND_US)
#define HOUR (3600 * SECOND_US)

enum {
  NONE_SAID = 0,
  S = NOTIFY_SUCCESS,
  F = NOTIFY_FAILURE,
  D = NOTIFY_DELAY,
  NEVER = NOTIFY_NEVER,
  SENT = NOTIFY_DELAY_SENT
};
enum { HOST_DSN = 1, HOST_BY = 2 };

static const struct {
  const char *what;
  unsigned message, recipient;
  enum event_kind kind;
  unsigned host;
  int64_t age_us, left_us; /* left_us 0: no deadline */
  enum dsn_action action;
} cases[] = {
    /* RFC 3461 5.2.6 */
    {"failed, nothing said", 0, NONE_SAID, EVENT_BOUNCED, 0, 0, 0, DSN_FAILED},
    {"failed, FAILURE", 0, F, EVENT_BOUNCED, 0, 0, 0, DSN_FAILED},
    {"failed, all", 0, S | F | D, EVENT_EXPIRED, 0, 0, 0, DSN_FAILED},
    {"failed, FAILURE, after a delay notice", 0, F | D | SENT, EVENT_EXPIRED, 0, 0, 0, DSN_FAILED},
    {"failed, no NOTIFY, after a delay notice", MESSAGE_BY_NOTIFY, SENT, EVENT_EXPIRED, 0, 0, -1, DSN_FAILED},
    {"failed, SUCCESS only", 0, S, EVENT_BOUNCED, 0, 0, 0, DSN_NONE},
    {"failed, DELAY only", 0, D, EVENT_EXPIRED, 0, 0, 0, DSN_NONE},
    {"failed, NEVER", 0, NEVER, EVENT_BOUNCED, 0, 0, 0, DSN_NONE},
    {"too late with R", MESSAGE_BY_RETURN, NONE_SAID, EVENT_EXPIRED, 0, 0, -1, DSN_FAILED},
    {"too late with R, NEVER", MESSAGE_BY_RETURN, NEVER, EVENT_EXPIRED, 0, 0, -1, DSN_NONE},
    /* RFC 3461 5.2.1, 5.2.2 */
    {"delivered, nothing said", 0, NONE_SAID, EVENT_DELIVERED, 0, 0, 0, DSN_NONE},
    {"delivered, FAILURE", 0, F, EVENT_DELIVERED, 0, 0, 0, DSN_NONE},
    {"delivered, SUCCESS, to a host with DSN", 0, S, EVENT_DELIVERED, HOST_DSN, 0, 0, DSN_NONE},
    {"delivered, SUCCESS, to a host without", 0, S | F, EVENT_DELIVERED, HOST_BY, 0, 0, DSN_RELAYED},
    {"delivered, NEVER", 0, NEVER, EVENT_DELIVERED, 0, 0, 0, DSN_NONE},
    /* RFC 2852 4.1 */
    {"N to a host without DELIVERBY", MESSAGE_BY_NOTIFY, NONE_SAID, EVENT_DELIVERED, HOST_DSN, 0, 9, DSN_RELAYED},
    {"N to a host without, FAILURE only", MESSAGE_BY_NOTIFY, F, EVENT_DELIVERED, HOST_DSN, 0, 9, DSN_RELAYED},
    {"N to a host without, NEVER", MESSAGE_BY_NOTIFY, NEVER, EVENT_DELIVERED, HOST_DSN, 0, 9, DSN_NONE},
    {"N to a host with it", MESSAGE_BY_NOTIFY, NONE_SAID, EVENT_DELIVERED, HOST_BY, 0, 9, DSN_NONE},
    {"R to a host with it", MESSAGE_BY_RETURN, NONE_SAID, EVENT_DELIVERED, HOST_BY, 0, 9, DSN_NONE},
    {"trace", MESSAGE_BY_RETURN | MESSAGE_BY_TRACE, NONE_SAID, EVENT_DELIVERED, HOST_BY | HOST_DSN, 0, 9, DSN_RELAYED},
    {"trace, NEVER", MESSAGE_BY_NOTIFY | MESSAGE_BY_TRACE, NEVER, EVENT_DELIVERED, 0, 0, 9, DSN_NONE},
    {"N, time left", MESSAGE_BY_NOTIFY, NONE_SAID, EVENT_DEFERRED, 0, 0, 9, DSN_NONE},
    {"N, late", MESSAGE_BY_NOTIFY, NONE_SAID, EVENT_DEFERRED, 0, 0, -9, DSN_DELAYED},
    {"N, late, FAILURE only", MESSAGE_BY_NOTIFY, F, EVENT_DEFERRED, 0, 0, -9, DSN_DELAYED},
    {"N, late, after a delay notice", MESSAGE_BY_NOTIFY, SENT, EVENT_DEFERRED, 0, 0, -9, DSN_NONE},
    {"N, late, NEVER", MESSAGE_BY_NOTIFY, NEVER, EVENT_DEFERRED, 0, 0, -9, DSN_NONE},
    /* RFC 3461 5.2.5 */
    {"delayed, DELAY, not for long", 0, D, EVENT_DEFERRED, 0, HOUR - 1, 0, DSN_NONE},
    {"delayed, DELAY", 0, D | F, EVENT_DEFERRED, 0, HOUR, 0, DSN_DELAYED},
    {"delayed, DELAY, after a delay notice", 0, D | SENT, EVENT_DEFERRED, 0, 2 * HOUR, 0, DSN_NONE},
    {"delayed, nothing said", 0, NONE_SAID, EVENT_DEFERRED, 0, 2 * HOUR, 0, DSN_NONE},
    {"delayed, FAILURE", 0, F, EVENT_DEFERRED, 0, 2 * HOUR, 0, DSN_NONE},
    {"held", 0, D, EVENT_HELD, 0, 2 * HOUR, 0, DSN_NONE},
};

static void test_actions(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct notify_case c = {.message = cases[i].message,
                            .recipient = cases[i].recipient,
                            .kind = cases[i].kind,
                            .host_dsn = cases[i].host & HOST_DSN,
                            .host_deliver_by = cases[i].host & HOST_BY,
                            .since_us = NOW - cases[i].age_us,
                            .deliver_by_us = cases[i].left_us ? NOW + cases[i].left_us : 0,
                            .delay_notice_us = HOUR,
                            .now_us = NOW};
    print_message("%s\n", cases[i].what);
    assert_int_equal(notify_action(&c), cases[i].action);
  }
}

static void test_moments(void **state) {
  (void)state;
  static const struct {
    const char *what;
    unsigned message, recipient;
    int64_t age_us, left_us, wait_us; /* wait_us -1: no moment */
  } moments[] = {
      {"nothing said", 0, 0, 0, 0, -1},
      {"DELAY", 0, D, HOUR / 2, 0, HOUR / 2},
      {"DELAY, now", 0, D, HOUR, 0, -1},
      {"DELAY, after a delay notice", 0, D | SENT, 0, 0, -1},
      {"R", MESSAGE_BY_RETURN, 0, 0, 77, 77},
      {"R, NEVER: it comes back in silence", MESSAGE_BY_RETURN, NEVER, 0, 77, 77},
      {"R before DELAY", MESSAGE_BY_RETURN, D, 0, 77, 77},
      {"DELAY before R", MESSAGE_BY_RETURN, D, HOUR - 70, 77, 70},
      {"N", MESSAGE_BY_NOTIFY, 0, 0, 77, 77},
      {"N, after a delay notice", MESSAGE_BY_NOTIFY, SENT, 0, 77, -1},
      {"N, NEVER", MESSAGE_BY_NOTIFY, NEVER, 0, 77, -1},
      {"N, late", MESSAGE_BY_NOTIFY, 0, 0, -1, -1},
  };
  for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
    struct notify_case c = {.message = moments[i].message,
                            .recipient = moments[i].recipient,
                            .kind = EVENT_DEFERRED,
                            .since_us = NOW - moments[i].age_us,
                            .deliver_by_us = moments[i].left_us ? NOW + moments[i].left_us : 0,
                            .delay_notice_us = HOUR,
                            .now_us = NOW};
    print_message("%s\n", moments[i].what);
    assert_int_equal(notify_moment(&c), moments[i].wait_us < 0 ? INT64_MAX : NOW + moments[i].wait_us);
    c.delay_notice_us = 0;
    if (moments[i].recipient == D) assert_true(notify_moment(&c) != NOW + HOUR / 2);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_actions), cmocka_unit_test(test_moments)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
