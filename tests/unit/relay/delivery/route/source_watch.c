/* Whether a source is on this machine: asked again as time goes on, and said once. */
#include "relay/delivery/route/source_watch.h"
#include "base/address/cidr.h"
#include "base/log.h"
#include "relay/net/local_address.h"
#include "tests/unit/caught.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static char away[8][IP_TEXT]; /* what this machine has not */
static unsigned asked, gone_count;
static char gone[IP_TEXT]; /* the last that went */

static bool is_here(const struct sockaddr *address) {
  char text[IP_TEXT];
  ip_format(address, text);
  asked++;
  for (size_t i = 0; i < 8; i++)
    if (!strcmp(away[i], text)) return false;
  return true;
}

static void on_gone(void *arg, const char *address) {
  assert_ptr_equal(arg, away);
  gone_count++;
  snprintf(gone, sizeof gone, "%s", address);
}

static void set_away(const char *address) {
  memset(away, 0, sizeof away);
  snprintf(away[0], sizeof away[0], "%s", address);
}

static struct source_watch *watch_new(void) {
  memset(away, 0, sizeof away);
  asked = gone_count = 0;
  struct source_watch *w = source_watch_new(is_here, on_gone, away);
  assert_non_null(w);
  return w;
}

static size_t count_of(const char *line, const char *text) {
  size_t n = 0;
  for (const char *at = text; (at = strstr(at, line)); at++) n++;
  return n;
}

static void test_kernel_knows(void **state) {
  (void)state;
  static const struct {
    const char *address;
    bool here;
  } cases[] = {{"127.0.0.1", true}, {"127.1.2.3", true}, {"198.51.100.1", false}, {"2001:db8::1", false}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct sockaddr_storage a;
    assert_int_equal(ip_parse(cases[i].address, 0, &a), OK);
    assert_int_equal(address_is_here((struct sockaddr *)&a), cases[i].here);
  }
}

static void test_is_asked_again_after_a_while_only(void **state) {
  (void)state;
  struct source_watch *w = watch_new();
  for (uint64_t ms = 1000; ms < 1000 + SOURCE_CHECK_MS; ms += 100) assert_true(source_usable(w, "192.0.2.1", ms));
  assert_int_equal(asked, 1);
  set_away("192.0.2.1");
  assert_false(source_usable(w, "192.0.2.1", 1000 + SOURCE_CHECK_MS));
  assert_true(source_usable(w, "192.0.2.2", 1000 + SOURCE_CHECK_MS));
  set_away("");
  assert_false(source_usable(w, "192.0.2.1", 1000 + 2 * SOURCE_CHECK_MS - 1));
  assert_true(source_usable(w, "192.0.2.1", 1000 + 2 * SOURCE_CHECK_MS));
  assert_int_equal(asked, 4);
  assert_false(source_usable(w, "no address", 0));
  source_watch_free(&w);
  assert_null(w);
}

static void test_warns_at_changes_alone(void **state) {
  (void)state;
  struct source_watch *w = watch_new();
  char text[4096];
  uint64_t ms = 1;
  struct caught c = catch_stream(stderr);
  assert_true(source_usable(w, "192.0.2.1", ms));
  set_away("192.0.2.1");
  for (; ms < UINT64_C(26) * 3600 * 1000; ms += SOURCE_CHECK_MS) source_usable(w, "192.0.2.1", ms);
  release_stream(&c, text, sizeof text);
  assert_int_equal(count_of("source unusable", text), 1);
  assert_non_null(strstr(text, "source 192.0.2.1 is not an address of this machine"));
  assert_int_equal(source_watch_away(w), 1);
  assert_int_equal(gone_count, 1);
  assert_string_equal(gone, "192.0.2.1");
  c = catch_stream(stderr);
  set_away("");
  for (uint64_t i = 1; i < 4; i++) source_usable(w, "192.0.2.1", ms + i * SOURCE_CHECK_MS);
  release_stream(&c, text, sizeof text);
  assert_int_equal(count_of("source unusable", text), 0);
  assert_int_equal(count_of("source usable again", text), 1);
  assert_int_equal(source_watch_away(w), 0);
  source_watch_free(&w);
}

/* Also without mail, and within SOURCE_CHECK_MS and a tick. */
static void test_is_noticed_as_time_goes_on(void **state) {
  (void)state;
  struct source_watch *w = watch_new();
  static const struct source sources[] = {{.address = "192.0.2.1"}, {.address = "192.0.2.2"}};
  const struct directory both = {.sources = sources, .source_count = 2},
                         first = {.sources = sources, .source_count = 1};
  char text[4096];
  uint64_t ms = 1000;
  struct caught c = catch_stream(stderr);
  source_watch_tick(w, &both, ms);
  assert_int_equal(asked, 2);
  set_away("192.0.2.2");
  for (uint64_t end = ms + SOURCE_CHECK_MS; ms < end; ms += 1000) source_watch_tick(w, &both, ms);
  assert_int_equal(source_watch_away(w), 0);
  source_watch_tick(w, &both, ms);
  assert_int_equal(source_watch_away(w), 1);
  assert_int_equal(asked, 4);
  source_watch_tick(w, &first, ms + 1000); /* taken out of the configuration */
  assert_int_equal(source_watch_away(w), 0);
  source_watch_tick(w, &both, ms + 2000); /* and back in it: news */
  release_stream(&c, text, sizeof text);
  assert_int_equal(count_of("source unusable", text), 2);
  source_watch_free(&w);
}

static void test_is_bounded(void **state) {
  (void)state;
  struct source_watch *w = watch_new();
  for (unsigned i = 0; i < SOURCES_WATCHED_MAX + 10; i++) {
    char text[IP_TEXT];
    snprintf(text, sizeof text, "10.0.%u.%u", i / 256, i % 256);
    assert_true(source_usable(w, text, 1));
  }
  asked = 0;
  source_usable(w, "10.0.0.0", 1);
  assert_int_equal(asked, 0);
  source_usable(w, "10.0.3.241", 1); /* beyond: asked about each time */
  assert_int_equal(asked, 1);
  source_watch_free(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kernel_knows),
      cmocka_unit_test(test_is_asked_again_after_a_while_only),
      cmocka_unit_test(test_warns_at_changes_alone),
      cmocka_unit_test(test_is_noticed_as_time_goes_on),
      cmocka_unit_test(test_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
