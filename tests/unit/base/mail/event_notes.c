/* What an event keeps of its message's decision, there and back. */
#include "base/mail/event_notes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#define assert_bytes(bytes, text) assert_true(bytes_equal(bytes, BYTES(text)))

static void test_there_and_back(void **state) {
  (void)state;
  char notes[400] = "dmarc=pass: DNS did not answer";
  struct event_note n;
  struct event_signature s;
  const char *at = NULL;
  event_notes_add_signature(notes, sizeof notes, "example.com", "s1", KEY_RSA);
  event_notes_add_signature(notes, sizeof notes, "example.com", "mail.e1", KEY_ED25519);
  event_notes_add(notes, sizeof notes, NOTE_SPF, "none");
  event_notes_add(notes, sizeof notes, NOTE_SPF_WHY, "no record; a=b");
  assert_string_equal(notes, "dmarc=pass: DNS did not answer; signed=example.com s1 rsa-sha256; "
                             "signed=example.com mail.e1 ed25519-sha256; spf-result=none; spf-reason=no record, a=b");
  assert_true(event_notes_next(notes, &at, &n) && event_note_is_check(&n) && !event_note_signature(&n, &s));
  assert_bytes(n.name, "dmarc");
  assert_bytes(n.value, "pass: DNS did not answer");
  assert_true(event_notes_next(notes, &at, &n) && !event_note_is_check(&n) && event_note_signature(&n, &s));
  assert_bytes(s.domain, "example.com");
  assert_bytes(s.selector, "s1");
  assert_bytes(s.algorithm, "rsa-sha256");
  assert_true(event_notes_next(notes, &at, &n) && event_note_signature(&n, &s));
  assert_bytes(s.selector, "mail.e1");
  assert_bytes(s.algorithm, "ed25519-sha256");
  assert_true(event_notes_next(notes, &at, &n) && !event_note_is_check(&n));
  assert_true(event_notes_next(notes, &at, &n) && !event_note_is_check(&n));
  assert_bytes(n.value, "no record, a=b");
  assert_false(event_notes_next(notes, &at, &n));
  assert_true(event_notes_find(notes, NOTE_SPF, &n.value));
  assert_bytes(n.value, "none");
  assert_false(event_notes_find(notes, NOTE_DMARC, &n.value));
}

/* One that finds no room is left out whole, and the next may find some. */
static void test_no_room(void **state) {
  (void)state;
  char notes[24] = "";
  event_notes_add(notes, sizeof notes, "one", "0123456789");
  event_notes_add(notes, sizeof notes, "two", "0123456789");
  assert_string_equal(notes, "one=0123456789");
  event_notes_add(notes, sizeof notes, "two", "0");
  assert_string_equal(notes, "one=0123456789; two=0");
}

/* What others write, or nobody. */
static void test_what_says_nothing(void **state) {
  (void)state;
  static const char *const none[] = {"", ";", "name", "name; ", "; ;"};
  static const char *const unsigned_[] = {"signed=no",      "signed=",     "signed=a b",
                                          "signed=a b c d", "signed=a b ", "spf=a b c"};
  struct event_note n;
  struct event_signature s;
  for (size_t i = 0; i < sizeof none / sizeof none[0]; i++) {
    const char *at = NULL;
    if (event_notes_next(none[i], &at, &n)) fail_msg("%s", none[i]);
  }
  for (size_t i = 0; i < sizeof unsigned_ / sizeof unsigned_[0]; i++) {
    const char *at = NULL;
    assert_true(event_notes_next(unsigned_[i], &at, &n));
    if (event_note_signature(&n, &s)) fail_msg("%s", unsigned_[i]);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_there_and_back),
      cmocka_unit_test(test_no_room),
      cmocka_unit_test(test_what_says_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
