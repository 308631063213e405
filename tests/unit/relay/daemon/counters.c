/* The table of counters: names that scripts rely on, and each row's value from its own field. */
#include "relay/daemon/counters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const struct counters_snapshot snapshot = {
    .uptime_seconds = 1,
    .keys_waiting = 37,
    .keys_old = 38,
    .keys_retired = 39,
    .submission = {.sessions = 2, .tls_failed = 20, .tls_not_trusted = 21},
    .delivery = {.connections = 3,
                 .idle_connections = 4,
                 .destinations = 5,
                 .waiting_jobs = 6,
                 .delivered = 9,
                 .deferred = 10,
                 .bounced = 11,
                 .in_flight = 7,
                 .domains_waiting = 8,
                 .queue_direct = 16,
                 .queue_read = 17,
                 .queue_left = 18,
                 .starved = 19,
                 .sites_paused = 24,
                 .sites_blocked = 25,
                 .logins_refused = 26,
                 .tokens_failed = 27,
                 .sources_away = 28,
                 .sources_listed = 29,
                 .blocklists_failing = 30,
                 .warmups_held = 31,
                 .sites_unreachable = 32,
                 .idle_gave_way = 33,
                 .sts_policies = 34,
                 .sts_fetches_failed = 35,
                 .sts_refused = 36},
    .store = {.operations = 12, .commits = 13, .failed_commits = 14, .waiting = 15},
    .condition = {.disk_free = 22, .disk_reserve = 23},
};

/* In order, so that the n-th has the value n. */
static const char *const names[] = {
    "uptime_seconds",
    "sessions",
    "connections",
    "idle_connections",
    "destinations",
    "waiting_jobs",
    "in_flight",
    "domains_waiting",
    "delivered",
    "deferred",
    "bounced",
    "store_operations",
    "store_commits",
    "store_failed_commits",
    "store_waiting",
    "queue_direct",
    "queue_read",
    "queue_left",
    "destinations_starved",
    "tls_handshakes_failed",
    "tls_cert_not_trusted",
    "disk_free",
    "disk_reserve",
    "sites_paused",
    "sites_blocked",
    "logins_refused",
    "tokens_failed",
    "sources_away",
    "sources_listed",
    "blocklists_failing",
    "warmups_held",
    "sites_unreachable",
    "idle_gave_way",
    "mta_sts_policies",
    "mta_sts_fetches_failed",
    "mta_sts_refused",
    "keys_waiting",
    "keys_old",
    "keys_retired",
};

static void test_names_and_values(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    assert_true(i < counter_count);
    assert_string_equal(counters[i].name, names[i]);
    assert_int_equal(counter_value(&counters[i], &snapshot), i + 1);
  }
}

/* Metrics pages take letters, digits and underscores for a name, and show the help. */
static void test_every_row_is_whole(void **state) {
  (void)state;
  for (size_t i = 0; i < counter_count; i++) {
    assert_int_equal(strspn(counters[i].name, "abcdefghijklmnopqrstuvwxyz_0123456789"), strlen(counters[i].name));
    assert_true(strlen(counters[i].help) > 10 && counters[i].help[strlen(counters[i].help) - 1] == '.');
    for (size_t j = 0; j < i; j++) assert_string_not_equal(counters[i].name, counters[j].name);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_names_and_values),
      cmocka_unit_test(test_every_row_is_whole),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
