#include "relay/net/tls_tickets.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct tls_tickets *tickets;

static int set_up(void **state) {
  (void)state;
  tickets = tls_tickets_new();
  return tickets ? 0 : -1;
}

static int tear_down(void **state) {
  (void)state;
  tls_tickets_free(&tickets);
  return 0;
}

static void put(const char *peer, const char *text, uint64_t now_ms) {
  gnutls_datum_t data = {gnutls_malloc(strlen(text) + 1), (unsigned)strlen(text) + 1};
  memcpy(data.data, text, data.size);
  tls_tickets_put(tickets, peer, &data, now_ms);
  assert_true(!data.data && !data.size);
}

/* What is taken of that peer; "": nothing. */
static const char *take(const char *peer) {
  static char text[64];
  gnutls_datum_t data;
  if (!tls_tickets_take(tickets, peer, &data)) return "";
  snprintf(text, sizeof text, "%s", (const char *)data.data);
  tls_ticket_wipe(&data);
  return text;
}

static void test_the_newest_once(void **state) {
  (void)state;
  put("a", "1", 0);
  put("b", "2", 0);
  put("a", "3", 0);
  assert_string_equal(take("a"), "3");
  assert_string_equal(take("a"), "1");
  assert_string_equal(take("a"), "");
  assert_string_equal(take("b"), "2");
}

static void test_so_many_of_a_peer(void **state) {
  (void)state;
  char text[16];
  put("b", "other", 0);
  for (int i = 0; i < 100; i++) {
    snprintf(text, sizeof text, "%d", i);
    put("a", text, 0);
  }
  for (int i = 99; i >= 100 - TLS_TICKETS_OF_PEER; i--) {
    snprintf(text, sizeof text, "%d", i);
    assert_string_equal(take("a"), text);
  }
  assert_string_equal(take("a"), "");
  assert_string_equal(take("b"), "other");
}

static void test_so_many_of_all(void **state) {
  (void)state;
  char peer[16];
  for (int i = 0; i < TLS_TICKETS_MAX + 10; i++) {
    snprintf(peer, sizeof peer, "p%d", i);
    put(peer, "x", 0);
  }
  assert_string_equal(take("p9"), "");
  assert_string_equal(take("p10"), "x");
  assert_string_equal(take("p265"), "x");
}

static void test_none_too_large(void **state) {
  (void)state;
  static char large[TLS_TICKET_SIZE_MAX + 2], peer[TLS_TICKET_PEER_MAX + 1];
  memset(large, 'x', sizeof large - 1);
  memset(peer, 'p', sizeof peer - 1);
  put("a", large, 0);
  put(peer, "x", 0);
  assert_string_equal(take("a"), "");
  assert_string_equal(take(peer), "");
}

static void test_barred(void **state) {
  (void)state;
  put("a", "1", 0);
  put("a", "2", 0);
  put("b", "3", 0);
  tls_tickets_bar(tickets, "a", 1000);
  tls_tickets_bar(tickets, "a", 1000);
  assert_string_equal(take("a"), "");
  put("a", "4", 1000 + TLS_TICKETS_BARRED_MS - 1);
  assert_string_equal(take("a"), "");
  put("a", "5", 1000 + TLS_TICKETS_BARRED_MS);
  put("a", "6", 1000 + TLS_TICKETS_BARRED_MS);
  assert_string_equal(take("a"), "6");
  assert_string_equal(take("a"), "5");
  assert_string_equal(take("a"), "");
  assert_string_equal(take("b"), "3");
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_the_newest_once, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_so_many_of_a_peer, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_so_many_of_all, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_none_too_large, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_barred, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
