/* What is known of how sources fare at sites, and what that does to a pool's shares. */
#include "relay/delivery/route/source_success.h"
#include "relay/delivery/route/source_choice.h"
#include "relay/net/local_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define MESSAGES 20000

static const struct source sources[] = {
    {.address = "192.0.2.1", .pool = "p", .weight = 1},
    {.address = "192.0.2.2", .pool = "p", .weight = 1},
    {.address = "192.0.2.3", .pool = "p", .weight = 2},
    {.address = "192.0.2.4", .pool = "p", .weight = 0},
};
static const struct directory directory = {.sources = sources, .source_count = sizeof sources / sizeof *sources};

static int usable(void *arg, const struct source *s, struct reason *why) {
  const char *away = arg;
  if (!away || strcmp(away, s->address) != 0) return OK;
  return address_away(s->address, why);
}

static unsigned percent_at_site(void *arg, const struct source *s) {
  return source_success_percent(arg, "site", s->address);
}

/* How many of 20,000 new messages leave from each. */
static void share(struct source_success *known, const char *first, const char *away, unsigned out[4]) {
  struct sockaddr_storage address;
  char site[] = "site.test";
  ip_parse("203.0.113.1", 25, &address);
  struct route_host host = {.name = "mx.site.test", .addresses = &address, .address_count = 1};
  struct route route = {.site = site, .hosts = &host, .host_count = 1};
  struct source_test test = {.usable = usable, .arg = (char *)(uintptr_t)away};
  struct source_scale scale = {percent_at_site, known};
  memset(out, 0, 4 * sizeof out[0]);
  for (int64_t id = 0; id < MESSAGES; id++) {
    const struct source_wish wish = {
        .pool = "p", .first = first, .only = *first, .message_id = (id << 22) + 12345, .scale = &scale};
    const struct source *s;
    struct reason why;
    assert_int_equal(source_choose(&directory, &wish, &route, &test, &s, &why), OK);
    out[s - sources]++;
  }
}

static struct learnt_share of(unsigned all, unsigned hits) {
  return (struct learnt_share){(uint16_t)all, (uint16_t)hits};
}

static void a_source_that_is_refused_gets_less_and_the_others_keep_their_weights(void **state) {
  struct source_success *s = source_success_new();
  unsigned n[4];
  (void)state;
  share(s, "", NULL, n);
  assert_in_range(n[0], MESSAGES / 4 - 400, MESSAGES / 4 + 400);
  assert_in_range(n[2], MESSAGES / 2 - 400, MESSAGES / 2 + 400);
  assert_int_equal(n[3], 0);
  source_success_set(s, "site", "192.0.2.1", of(64, 0));
  source_success_set(s, "site", "192.0.2.2", of(64, 64));
  source_success_set(s, "site", "192.0.2.3", of(64, 60));
  source_success_set(s, "other", "192.0.2.2", of(64, 0));
  share(s, "", NULL, n); /* 0.05 : 1 : 2 */
  assert_in_range(n[0], 200, 480);
  assert_in_range(n[1], MESSAGES / 3 - 500, MESSAGES / 3 + 400);
  assert_in_range(n[2], MESSAGES * 2 / 3 - 600, MESSAGES * 2 / 3 + 400);
  assert_int_equal(n[3], 0); /* weight 0 stays the last resort */
  source_success_free(&s);
}

/* What SPF lists, and what can be used at all, goes before. */
static void it_decides_among_what_may_be_used_alone(void **state) {
  struct source_success *s = source_success_new();
  unsigned n[4];
  (void)state;
  source_success_set(s, "site", "192.0.2.1", of(64, 0));
  source_success_set(s, "site", "192.0.2.2", of(64, 64));
  share(s, "192.0.2.1", NULL, n);
  assert_int_equal(n[0], MESSAGES);
  share(s, "192.0.2.1 192.0.2.2", "192.0.2.2", n);
  assert_int_equal(n[0], MESSAGES);
  source_success_free(&s);
}

static void it_is_bounded(void **state) {
  struct source_success *s = source_success_new();
  char name[40];
  (void)state;
  for (unsigned i = 0; i < SOURCE_SUCCESS_SOURCES + 4; i++) {
    snprintf(name, sizeof name, "192.0.2.%u", i);
    source_success_set(s, "site", name, of(64, i == 0 ? 64 : 0));
  }
  assert_int_equal(source_success_percent(s, "site", "192.0.2.5"), 100); /* the best of them, .0, has given way */
  source_success_set(s, "site", "192.0.2.7", of(64, 64));
  assert_int_equal(source_success_percent(s, "site", "192.0.2.6"), LEARNING_PERCENT_LEAST);
  for (unsigned i = 0; i < SOURCE_SUCCESS_SITES; i++) {
    snprintf(name, sizeof name, "site%u", i);
    source_success_set(s, name, "", of(1, 1));
  }
  assert_int_equal(source_success_percent(s, "site", "192.0.2.6"), 100);
  source_success_free(&s);
  assert_null(s);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(a_source_that_is_refused_gets_less_and_the_others_keep_their_weights),
      cmocka_unit_test(it_decides_among_what_may_be_used_alone),
      cmocka_unit_test(it_is_bounded),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
