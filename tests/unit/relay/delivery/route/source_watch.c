/* A source that is not on this machine is passed over, and used again when it is back. */
#include "relay/delivery/route/source_watch.h"
#include "base/cidr.h"
#include "base/directory.h"
#include "base/log.h"
#include "relay/delivery/route/source_choice.h"
#include "relay/net/local_address.h"
#include "tests/unit/caught.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static char away[8][IP_TEXT]; /* what this machine has not */
static unsigned asked;

static bool is_here(const struct sockaddr *address) {
  char text[IP_TEXT];
  ip_format(address, text);
  asked++;
  for (size_t i = 0; i < 8; i++)
    if (!strcmp(away[i], text)) return false;
  return true;
}

static void set_away(const char *address) {
  memset(away, 0, sizeof away);
  snprintf(away[0], sizeof away[0], "%s", address);
}

static struct source_watch *watch_new(void) {
  memset(away, 0, sizeof away);
  asked = 0;
  struct source_watch *w = source_watch_new(is_here);
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

static void test_warns_once_an_hour(void **state) {
  (void)state;
  struct source_watch *w = watch_new();
  char text[4096];
  set_away("192.0.2.1");
  struct caught c = catch_stream(stderr);
  for (uint64_t ms = 1; ms < SOURCE_WARN_MS; ms += SOURCE_CHECK_MS) source_usable(w, "192.0.2.1", ms);
  release_stream(&c, text, sizeof text);
  assert_int_equal(count_of("source unusable", text), 1);
  assert_non_null(strstr(text, "source 192.0.2.1 is not an address of this machine"));
  c = catch_stream(stderr);
  source_usable(w, "192.0.2.1", 1 + SOURCE_WARN_MS);
  set_away("");
  for (uint64_t i = 1; i < 4; i++) source_usable(w, "192.0.2.1", 1 + SOURCE_WARN_MS + i * SOURCE_CHECK_MS);
  release_stream(&c, text, sizeof text);
  assert_int_equal(count_of("source unusable", text), 1);
  assert_int_equal(count_of("source usable again", text), 1);
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
  source_usable(w, "10.0.0.0", 1); /* gave way, so it is asked about again */
  assert_int_equal(asked, 1);
  source_watch_free(&w);
}

/* --- the choice --- */

static const struct source sources[] = {
    {.address = "2001:db8::1", .pool = "default"}, {.address = "192.0.2.1", .pool = "default"},
    {.address = "192.0.2.2", .pool = "default"},   {.address = "192.0.2.3", .pool = "default"},
    {.address = "192.0.2.9", .pool = "single"},    {.address = "2001:db8::9", .pool = "six"},
};
static const struct directory directory = {.sources = sources, .source_count = 6};

static int usable(void *arg, const struct source *s, struct reason *why) {
  static uint64_t now;
  return source_usable(arg, s->address, now += SOURCE_CHECK_MS) ? OK : address_away(s->address, why);
}

static int choose_of(struct source_watch *w, const struct source_wish *wish, const char *site,
                     const struct source **out, struct reason *why) {
  struct sockaddr_storage address;
  ip_parse("203.0.113.1", 25, &address);
  struct route_host host = {.name = "mx.site.test", .addresses = &address, .address_count = 1};
  struct route route = {.site = (char *)(uintptr_t)site, .hosts = &host, .host_count = 1};
  struct source_test test = {usable, w};
  return source_choose(&directory, wish, &route, &test, out, why);
}

static int choose(struct source_watch *w, const char *pool, const char *site, const struct source **out,
                  struct reason *why) {
  const struct source_wish wish = {.pool = pool};
  return choose_of(w, &wish, site, out, why);
}

static void test_others_take_over_and_only_its_sites_move(void **state) {
  (void)state;
  struct source_watch *w = watch_new();
  struct reason why;
  size_t moved = 0;
  for (unsigned i = 0; i < 200; i++) {
    char site[20];
    const struct source *before, *meanwhile, *after;
    snprintf(site, sizeof site, "site%u.test", i);
    set_away("");
    assert_int_equal(choose(w, "default", site, &before, &why), OK);
    set_away("192.0.2.2");
    assert_int_equal(choose(w, "default", site, &meanwhile, &why), OK);
    set_away("");
    assert_int_equal(choose(w, "default", site, &after, &why), OK);
    assert_string_not_equal(meanwhile->address, "192.0.2.2");
    if (strcmp(before->address, "192.0.2.2") != 0) assert_ptr_equal(meanwhile, before);
    assert_ptr_equal(after, before);
    moved += before != meanwhile;
  }
  assert_in_range(moved, 20, 120);
  source_watch_free(&w);
}

static void test_those_that_pass_spf_come_first(void **state) {
  (void)state;
  static const struct {
    struct source_wish wish;
    const char *away, *chosen; /* chosen NULL: none */
  } cases[] = {
      {{"default", "192.0.2.2", false}, "", "192.0.2.2"},
      {{"default", "192.0.2.2", true}, "", "192.0.2.2"},
      {{"default", "192.0.2.2", false}, "192.0.2.2", "192.0.2"}, /* another one */
      {{"default", "192.0.2.2", true}, "192.0.2.2", NULL},
      {{"default", "2001:db8::1", false}, "", "192.0.2"}, /* the site has no IPv6 */
      {{"default", "2001:db8::1", true}, "", NULL},
      {{"default", "198.51.100.1", true}, "", NULL}, /* it was taken out of the pool */
      {{"default", "198.51.100.1", false}, "", "192.0.2"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct source_watch *w = watch_new();
    const struct source *s;
    struct reason why = {""};
    set_away(cases[i].away);
    int rc = choose_of(w, &cases[i].wish, "site.test", &s, &why);
    assert_int_equal(rc, cases[i].chosen ? OK : E_NOT_FOUND);
    if (cases[i].chosen)
      assert_int_equal(strncmp(s->address, cases[i].chosen, strlen(cases[i].chosen)), 0);
    else
      assert_true(*why.text);
    source_watch_free(&w);
  }
  set_away("");
}

static void test_says_which_are_away(void **state) {
  (void)state;
  struct source_watch *w = watch_new();
  struct reason why;
  const struct source *s;
  snprintf(away[0], sizeof away[0], "192.0.2.9");
  for (unsigned i = 1; i < 4; i++) snprintf(away[i], sizeof away[i], "192.0.2.%u", i);
  assert_int_equal(choose(w, "single", "site.test", &s, &why), E_NOT_FOUND);
  assert_string_equal(why.text, "source 192.0.2.9 is not an address of this machine");
  assert_null(s);
  assert_int_equal(choose(w, "default", "site.test", &s, &why), E_NOT_FOUND);
  assert_string_equal(
      why.text,
      "source 192.0.2.1 is not an address of this machine; of the pool default 2 more cannot be used, either");
  assert_int_equal(choose(w, "six", "site.test", &s, &why), E_NOT_FOUND);
  assert_non_null(strstr(why.text, "no source address for IPv4"));
  source_watch_free(&w);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_kernel_knows),
      cmocka_unit_test(test_is_asked_again_after_a_while_only),
      cmocka_unit_test(test_warns_once_an_hour),
      cmocka_unit_test(test_is_bounded),
      cmocka_unit_test(test_others_take_over_and_only_its_sites_move),
      cmocka_unit_test(test_those_that_pass_spf_come_first),
      cmocka_unit_test(test_says_which_are_away),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
