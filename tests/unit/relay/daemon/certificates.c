/* A renewal that cannot be read: logged at once and each hour, with when the one in use ends, until it has worked. */
#include "relay/daemon/certificates.h"

#include "tests/unit/caught.h"
#include "tests/unit/loop_lab.h"
#include "tests/unit/self_signed.h"

#define HOUR_MS UINT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static struct loop_lab lab;
static struct loop *loops[1];
static char certificate[300], key[300];
static struct tls_files files;
static struct certificates *certificates;
static char said[8192];

static int set_up(void **state) {
  (void)state;
  struct reason why;
  loop_lab_open(&lab);
  loops[0] = &lab.loop;
  lab.gateway.loops = loops;
  lab.gateway.loop_count = 1;
  snprintf(certificate, sizeof certificate, "%s/one.pem", lab.dir);
  snprintf(key, sizeof key, "%s/one.key", lab.dir);
  self_signed("one.test", certificate, key);
  files = (struct tls_files){certificate, key, false};
  lab.config.certificates = &files;
  lab.config.certificate_count = 1;
  if (certificates_load(&lab.config, &certificates, &why) != OK) fail_msg("%s", why.text);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  certificates_free(&certificates);
  tls_server_release(&lab.loop.tls);
  loop_lab_close(&lab);
  return 0;
}

/* How often `text` is in what a poll at that time logs. */
static size_t polled(uint64_t now_ms, const char *text) {
  struct caught errors = catch_stream(stderr);
  certificates_poll(certificates, &lab.loop, now_ms);
  release_stream(&errors, said, sizeof said);
  size_t count = 0;
  for (const char *at = said; (at = strstr(at, text)); at++) count++;
  return count;
}

static size_t problems(uint64_t now_ms) {
  return polled(now_ms, "the old one stays");
}

static void spoil(void) {
  FILE *f = fopen(certificate, "w");
  assert_non_null(f);
  assert_true(fputs("no certificate\n", f) >= 0);
  assert_int_equal(fclose(f), 0);
}

static void test_a_problem_is_logged_each_hour(void **state) {
  (void)state;
  char expires[40];
  size_t count;
  uint64_t now = 5 * HOUR_MS;
  clock_format_iso(tls_server_certificates(certificates_current(certificates), &count)[0].facts.expires_us, expires,
                   sizeof expires);
  assert_int_equal(problems(now), 0);
  spoil();
  assert_int_equal(problems(now += 1000), 0); /* it may still be being written */
  assert_int_equal(problems(now += 1000), 1);
  assert_non_null(strstr(said, expires));
  assert_non_null(strstr(certificates_problem(certificates), certificate));
  for (int hour = 0; hour < 30; hour++) {
    uint64_t end = now + HOUR_MS;
    for (now += 1000; now < end; now += 60000)
      if (problems(now)) fail_msg("again within the hour");
    now = end;
    assert_int_equal(problems(now), 1);
    assert_non_null(strstr(said, expires));
  }
  self_signed("two.test", certificate, key);
  assert_int_equal(problems(now += 1000), 0);
  loop_lab_until(&lab, (polled(now += 1000, "x"), lab.loop.tls == certificates_current(certificates)));
  assert_null(certificates_problem(certificates));
  assert_int_equal(problems(now + 2 * HOUR_MS), 0);
}

/* The lab's certificates are good for an hour. */
static void test_the_last_week_is_logged_each_day(void **state) {
  (void)state;
  uint64_t now = HOUR_MS;
  assert_int_equal(polled(now, "certificate expires soon"), 1);
  assert_int_equal(polled(now + DAY_MS - 1, "certificate expires soon"), 0);
  clock_set_for_tests(clock_now_us() + 2 * 3600 * SECOND_US);
  size_t over = polled(now + DAY_MS, "certificate has expired");
  clock_set_for_tests(0);
  assert_int_equal(over, 1);
}

static void test_without_certificates(void **state) {
  (void)state;
  struct certificates *none;
  struct reason why;
  lab.config.certificate_count = 0;
  assert_int_equal(certificates_load(&lab.config, &none, &why), OK);
  assert_null(certificates_current(none));
  certificates_poll(none, &lab.loop, 1);
  certificates_reload(none, &lab.loop);
  assert_null(certificates_problem(none));
  certificates_free(&none);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_a_problem_is_logged_each_hour, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_the_last_week_is_logged_each_day, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_without_certificates, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
