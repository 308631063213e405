#include "base/mail/envelope.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

/* The text of a copy is its own: what it was copied from may change and go. */
static void copies_own_their_text(void **state) {
  (void)state;
  char address[32] = "bob@example.net", domain[16] = "example.net", orcpt[32] = "rfc822;b@x.example", last[] = "no";
  struct queued_recipient from = {
      .to = {.id = 7, .address = address, .domain = domain, .orcpt = orcpt, .notify = NOTIFY_DELAY},
      .attempts = 3,
      .state = RECIPIENT_HELD,
      .next_us = 9,
      .last = last};
  struct queued_recipient copy;
  struct recipient bare;
  assert_int_equal(queued_recipient_copy(&copy, &from), OK);
  assert_int_equal(recipient_copy(&bare, &from.to), OK);
  memset(address, 'x', sizeof address - 1);
  memset(domain, 'x', sizeof domain - 1);
  memset(orcpt, 'x', sizeof orcpt - 1);
  memset(last, 'x', sizeof last - 1);
  assert_string_equal(copy.to.address, "bob@example.net");
  assert_string_equal(copy.to.domain, "example.net");
  assert_string_equal(copy.to.orcpt, "rfc822;b@x.example");
  assert_string_equal(copy.last, "no");
  assert_int_equal(copy.to.id, 7);
  assert_int_equal(copy.to.notify, NOTIFY_DELAY);
  assert_int_equal(copy.attempts, 3);
  assert_int_equal(copy.state, RECIPIENT_HELD);
  assert_int_equal(copy.next_us, 9);
  assert_string_equal(bare.address, "bob@example.net");
  assert_string_equal(bare.orcpt, "rfc822;b@x.example");
  queued_recipient_clear(&copy);
  recipient_clear(&bare);
  assert_null(copy.to.address);
  assert_null(bare.domain);
  queued_recipient_clear(&copy); /* once more is nothing */
}

static void no_text_becomes_empty(void **state) {
  (void)state;
  struct recipient r;
  struct envelope e;
  assert_int_equal(recipient_copy(&r, &(struct recipient){.address = "a@b.c"}), OK);
  assert_string_equal(r.orcpt, "");
  assert_string_equal(r.domain, "");
  assert_int_equal(envelope_copy(&e, &(struct envelope){.id = 4, .size = 9, .flags = MESSAGE_8BIT, .priority = -3}),
                   OK);
  assert_string_equal(e.account, "");
  assert_string_equal(e.reverse_path, "");
  assert_string_equal(e.envid, "");
  assert_int_equal(e.id, 4);
  assert_int_equal(e.size, 9);
  assert_int_equal(e.priority, -3);
  recipient_clear(&r);
  envelope_clear(&e);
  assert_null(e.pool);
}

static void envelopes_are_copied_whole(void **state) {
  (void)state;
  struct envelope e, from = {.account = "blog", .pool = "bulk", .reverse_path = "a@example.com", .envid = "q+2B"};
  assert_int_equal(envelope_copy(&e, &from), OK);
  assert_string_equal(e.account, "blog");
  assert_string_equal(e.pool, "bulk");
  assert_string_equal(e.reverse_path, "a@example.com");
  assert_string_equal(e.envid, "q+2B");
  assert_true(e.pool != from.pool);
  envelope_clear(&e);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(copies_own_their_text), cmocka_unit_test(no_text_becomes_empty),
                                     cmocka_unit_test(envelopes_are_copied_whole)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
