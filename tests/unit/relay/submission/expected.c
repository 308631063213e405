/* Connections that a command announces: each is let in once, from where it was announced, and not for long. */
#include "relay/submission/expected.h"

#include "base/address/cidr.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

static struct sockaddr_storage at(const char *address, unsigned port) {
  struct sockaddr_storage out;
  assert_int_equal(ip_parse(address, port, &out), OK);
  return out;
}

static int command[2]; /* the gateway's end of a command's connection, and the command's */

static int connect_command(void **state) {
  (void)state;
  return socketpair(AF_UNIX, SOCK_STREAM, 0, command);
}

static int close_command(void **state) {
  (void)state;
  if (command[1] >= 0) close(command[1]);
  return close(command[0]);
}

static int add(struct expected *e, const char *address, unsigned port, int64_t account) {
  struct sockaddr_storage client = at(address, port);
  return expected_add(e, (struct sockaddr *)&client, account, command[0]);
}

/* The account; -1: it was not announced. */
static int64_t take(struct expected *e, const char *address, unsigned port) {
  struct sockaddr_storage client = at(address, port);
  int64_t account = -2;
  return expected_take(e, (struct sockaddr *)&client, &account) ? account : -1;
}

static void test_once(void **state) {
  (void)state;
  struct expected *e = expected_new();
  assert_int_equal(take(e, "127.0.0.1", 4000), -1);
  assert_int_equal(add(e, "127.0.0.1", 4000, 7), OK);
  assert_int_equal(take(e, "127.0.0.1", 4001), -1);
  assert_int_equal(take(e, "127.0.0.2", 4000), -1);
  assert_int_equal(take(e, "127.0.0.1", 4000), 7);
  assert_int_equal(take(e, "127.0.0.1", 4000), -1);
  expected_free(&e);
  expected_free(&e);
}

static void test_families(void **state) {
  (void)state;
  struct expected *e = expected_new();
  assert_int_equal(add(e, "127.0.0.1", 4000, 7), OK);
  assert_int_equal(add(e, "::1", 4000, 0), OK);
  assert_int_equal(take(e, "::ffff:127.0.0.1", 4000), 7);
  assert_int_equal(take(e, "::1", 4000), 0);
  expected_free(&e);
}

/* A command that ended before it came must not decide for the next one that has its port. */
static void test_the_last_counts(void **state) {
  (void)state;
  struct expected *e = expected_new();
  assert_int_equal(add(e, "127.0.0.1", 4000, 0), OK);
  assert_int_equal(add(e, "127.0.0.1", 4001, 8), OK);
  assert_int_equal(add(e, "127.0.0.1", 4000, 7), OK);
  assert_int_equal(take(e, "127.0.0.1", 4000), 7);
  assert_int_equal(take(e, "127.0.0.1", 4000), -1);
  assert_int_equal(take(e, "127.0.0.1", 4001), 8);
  expected_free(&e);
}

static void test_bound(void **state) {
  (void)state;
  struct expected *e = expected_new();
  unsigned port = 1;
  while (port < 1000 && add(e, "127.0.0.1", port, 1) == OK) port++;
  assert_in_range(port, 2, 999);
  assert_int_equal(add(e, "127.0.0.1", port, 1), E_BUSY);
  assert_int_equal(take(e, "127.0.0.1", 1), 1);
  assert_int_equal(add(e, "127.0.0.1", port, 1), OK); /* in its place */
  expected_free(&e);
}

static void test_withdrawn(void **state) {
  (void)state;
  struct expected *e = expected_new();
  assert_int_equal(add(e, "127.0.0.1", 4000, 7), OK);
  expected_withdraw(e, command[1]); /* another's */
  assert_int_equal(take(e, "127.0.0.1", 4000), 7);
  assert_int_equal(add(e, "127.0.0.1", 4000, 7), OK);
  expected_withdraw(e, command[0]);
  assert_int_equal(take(e, "127.0.0.1", 4000), -1);
  expected_free(&e);
}

/* Killed, and nobody has had the time to withdraw it. */
static void test_the_command_has_gone(void **state) {
  (void)state;
  struct expected *e = expected_new();
  assert_int_equal(add(e, "127.0.0.1", 4000, 7), OK);
  close(command[1]);
  command[1] = -1;
  assert_int_equal(take(e, "127.0.0.1", 4000), -1);
  expected_free(&e);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_once, connect_command, close_command),
      cmocka_unit_test_setup_teardown(test_families, connect_command, close_command),
      cmocka_unit_test_setup_teardown(test_the_last_counts, connect_command, close_command),
      cmocka_unit_test_setup_teardown(test_bound, connect_command, close_command),
      cmocka_unit_test_setup_teardown(test_withdrawn, connect_command, close_command),
      cmocka_unit_test_setup_teardown(test_the_command_has_gone, connect_command, close_command),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
