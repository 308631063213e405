/* What is read out of certificates, and of files that are none. */
#include "relay/net/certificate_facts.h"

#include "base/clock.h"
#include "tests/unit/loop_lab.h"
#include "tests/unit/self_signed.h"

static char folder[256], certificate[300], key[300];

static int set_up(void **state) {
  (void)state;
  folder_make(folder, sizeof folder);
  snprintf(certificate, sizeof certificate, "%s/c.pem", folder);
  snprintf(key, sizeof key, "%s/c.key", folder);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  folder_remove(folder);
  return 0;
}

static void test_of_its_own(void **state) {
  (void)state;
  struct certificate_facts facts;
  struct reason why;
  self_signed("smtp.example.com", certificate, key);
  if (certificate_facts_read(certificate, &facts, &why) != OK) fail_msg("%s", why.text);
  assert_string_equal(facts.names, "smtp.example.com");
  assert_true(facts.self_signed);
  assert_true(certificate_file_is_for(certificate, "SMTP.example.com"));
  assert_false(certificate_file_is_for(certificate, "mail.example.com"));
  assert_false(certificate_file_is_for("/nowhere/c.pem", "smtp.example.com"));
  assert_in_range(facts.expires_us - clock_now_us(), 3500 * SECOND_US, 3600 * SECOND_US);
}

/* Each is E_IO, and the reason names the file. */
static void test_what_is_none(void **state) {
  (void)state;
  struct certificate_facts facts;
  struct reason why;
  self_signed("smtp.example.com", certificate, key);
  static const char *const texts[] = {"", "no PEM\n", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    FILE *f = fopen(certificate, "w");
    assert_non_null(f);
    assert_true(fputs(texts[i], f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(certificate_facts_read(certificate, &facts, &why), E_IO);
    assert_non_null(strstr(why.text, certificate));
  }
  assert_int_equal(certificate_facts_read(key, &facts, &why), E_IO);
  assert_int_equal(certificate_facts_read(folder, &facts, &why), E_IO);
  assert_int_equal(certificate_facts_read("/nowhere/c.pem", &facts, &why), E_IO);
  assert_non_null(strstr(why.text, "/nowhere/c.pem: No such file"));
  assert_int_equal(certificate_facts_of(BYTES("\x30\x03\x02\x01"), &facts), E_SYNTAX);
  assert_int_equal(certificate_facts_of((struct bytes){"", 0}, &facts), E_SYNTAX);
}

static void write_parts(size_t whole, size_t octets) {
  char text[4096] = "";
  FILE *f = fopen(key, "r");
  assert_non_null(f);
  size_t n = fread(text, 1, sizeof text - 1, f);
  assert_int_equal(fclose(f), 0);
  f = fopen(certificate, "w");
  assert_non_null(f);
  for (size_t i = 0; i < whole; i++) assert_int_equal(fwrite(text, 1, n, f), n);
  fwrite(text, 1, octets < n ? octets : n, f);
  assert_int_equal(fclose(f), 0);
}

/* `key` is where the text of a certificate is: in `certificate` there are so many of it, and a part of one more. */
static void test_a_chain_that_is_cut_off(void **state) {
  (void)state;
  struct reason why;
  char other[320];
  snprintf(other, sizeof other, "%s/other.key", folder);
  self_signed("smtp.example.com", key, other);
  for (size_t whole = 1; whole < 4; whole++) {
    write_parts(whole, 0);
    if (certificate_file_check(certificate, &why) != OK) fail_msg("%s", why.text);
  }
  for (size_t octets = 20; octets < 400; octets += 40) {
    write_parts(2, octets);
    assert_int_equal(certificate_file_check(certificate, &why), E_IO);
    assert_non_null(strstr(why.text, "it is cut off"));
  }
  assert_int_equal(certificate_file_check("/nowhere/c.pem", &why), E_IO);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_of_its_own, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_a_chain_that_is_cut_off, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_what_is_none, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
