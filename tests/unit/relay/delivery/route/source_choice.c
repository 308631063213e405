/* Which of a pool's sources a message leaves from. */
#include "relay/delivery/route/source_choice.h"
#include "relay/net/local_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static const struct source sources[] = {
    {.address = "2001:db8::1", .pool = "default", .weight = 1},
    {.address = "192.0.2.1", .pool = "default", .weight = 1},
    {.address = "192.0.2.2", .pool = "default", .weight = 1},
    {.address = "192.0.2.3", .pool = "default", .weight = 1},
    {.address = "192.0.2.8", .pool = "idle", .weight = 0},
    {.address = "192.0.2.7", .pool = "idle", .weight = 1},
    {.address = "10.0.0.1", .public_address = "198.51.100.1", .pool = "nat", .weight = 1},
    {.address = "10.0.0.2", .public_address = "198.51.100.2", .pool = "nat", .weight = 1},
    {.address = "192.0.2.9", .pool = "single", .weight = 1},
    {.address = "2001:db8::9", .pool = "six", .weight = 1},
    {.address = "192.0.2.20", .pool = "warm", .weight = 1, .warmup = "plan"},
    {.address = "192.0.2.21", .pool = "warm", .weight = 1},
    {.address = "192.0.2.22", .pool = "warmer", .weight = 1, .warmup = "plan"},
    {.address = "192.0.2.23", .pool = "warmer", .weight = 0},
    {.address = "192.0.2.24", .pool = "cold", .weight = 1, .warmup = "plan"},
};
static const struct directory directory = {.sources = sources, .source_count = sizeof sources / sizeof *sources};

/* `arg`: what this machine has not, "192.0.2.1 192.0.2.2". */
static int usable(void *arg, const struct source *s, struct reason *why) {
  size_t len = strlen(s->address);
  for (const char *at = arg; (at = strstr(at, s->address)); at++)
    if (at[len] == ' ' || !at[len]) return address_away(s->address, why);
  return OK;
}

/* Those with a plan have none. */
static bool has_room(void *arg, const struct source *s) {
  (void)arg;
  return !s->warmup;
}

static int choose(const char *away, const struct source_wish *wish, const struct source **out, struct reason *why) {
  struct sockaddr_storage address;
  char site[] = "site.test";
  ip_parse("203.0.113.1", 25, &address);
  struct route_host host = {.name = "mx.site.test", .addresses = &address, .address_count = 1};
  struct route route = {.site = site, .hosts = &host, .host_count = 1};
  struct source_test test = {usable, has_room, (char *)(uintptr_t)away};
  return source_choose(&directory, wish, &route, &test, out, why);
}

static const struct source *chosen(const char *away, const struct source_wish *wish) {
  const struct source *s;
  struct reason why = {""};
  if (choose(away, wish, &s, &why) != OK) fail_msg("%s", why.text);
  return s;
}

static void test_others_take_over_and_only_its_mail_moves(void **state) {
  size_t moved = 0;
  (void)state;
  for (int64_t id = 1; id <= 200; id++) {
    const struct source_wish wish = {.pool = "default", .message_id = id};
    const struct source *before = chosen("", &wish), *meanwhile = chosen("192.0.2.2", &wish);
    assert_string_not_equal(meanwhile->address, "192.0.2.2");
    if (strcmp(before->address, "192.0.2.2") != 0) assert_ptr_equal(meanwhile, before);
    assert_ptr_equal(chosen("", &wish), before);
    moved += before != meanwhile;
  }
  assert_in_range(moved, 40, 95);
}

/* Whatever the pool has become since, as long as it can be used. */
static void test_keeps_the_source_of_the_last_attempt(void **state) {
  (void)state;
  static const struct {
    struct source_wish wish;
    const char *away, *chosen;
  } cases[] = {
      {{.pool = "default", .kept = "192.0.2.3"}, "", "192.0.2.3"},
      {{.pool = "default", .kept = "192.0.2.3"}, "192.0.2.1", "192.0.2.3"},
      {{.pool = "default", .kept = "192.0.2.3"}, "192.0.2.1 192.0.2.3", "192.0.2.2"},
      {{.pool = "idle", .kept = "192.0.2.8"}, "", "192.0.2.8"},
      {{.pool = "idle", .kept = "192.0.2.3"}, "", "192.0.2.7"}, /* of another pool than it is in now */
      {{.pool = "single", .kept = "192.0.2.99"}, "", "192.0.2.9"},
      {{.pool = "default", .kept = "192.0.2.3", .first = "192.0.2.1"}, "", "192.0.2.3"},
      {{.pool = "default", .kept = "192.0.2.3", .first = "192.0.2.1", .only = true}, "", "192.0.2.1"},
      {{.pool = "default", .kept = "2001:db8::1"}, "192.0.2.1 192.0.2.3", "192.0.2.2"}, /* the site has no IPv6 */
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int64_t id = 1; id <= 20; id++) {
      struct source_wish wish = cases[i].wish;
      wish.message_id = id;
      assert_string_equal(chosen(cases[i].away, &wish)->address, cases[i].chosen);
    }
}

static void test_without_weight_only_when_no_other_can_be_used(void **state) {
  (void)state;
  for (int64_t id = 1; id <= 100; id++) {
    const struct source_wish wish = {.pool = "idle", .message_id = id};
    assert_string_equal(chosen("", &wish)->address, "192.0.2.7");
    assert_string_equal(chosen("192.0.2.7", &wish)->address, "192.0.2.8");
  }
}

static void test_those_that_pass_spf_come_first(void **state) {
  (void)state;
  static const struct {
    struct source_wish wish;
    const char *away, *chosen; /* chosen NULL: none */
  } cases[] = {
      {{.pool = "default", .first = "192.0.2.2"}, "", "192.0.2.2"},
      {{.pool = "default", .first = "192.0.2.2", .only = true}, "", "192.0.2.2"},
      {{.pool = "default", .first = "192.0.2.2"}, "192.0.2.2", "192.0.2"}, /* another one */
      {{.pool = "default", .first = "192.0.2.2", .only = true}, "192.0.2.2", NULL},
      {{.pool = "default", .first = "2001:db8::1"}, "", "192.0.2"}, /* the site has no IPv6 */
      {{.pool = "default", .first = "2001:db8::1", .only = true}, "", NULL},
      {{.pool = "default", .first = "198.51.100.1", .only = true}, "", NULL}, /* it was taken out of the pool */
      {{.pool = "default", .first = "198.51.100.1"}, "", "192.0.2"},
      {{.pool = "idle", .first = "192.0.2.8"}, "", "192.0.2.8"}, /* SPF goes before weight */
      {{.pool = "nat", .first = "198.51.100.2", .only = true}, "", "10.0.0.2"},
      {{.pool = "nat", .first = "10.0.0.2", .only = true}, "", NULL}, /* the world does not see that one */
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const struct source *s;
    struct reason why = {""};
    int rc = choose(cases[i].away, &cases[i].wish, &s, &why);
    assert_int_equal(rc, cases[i].chosen ? OK : E_NOT_FOUND);
    if (cases[i].chosen)
      assert_int_equal(strncmp(s->address, cases[i].chosen, strlen(cases[i].chosen)), 0);
    else
      assert_true(*why.text);
  }
}

static void test_says_which_are_away(void **state) {
  static const char away[] = "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.9";
  (void)state;
  struct reason why;
  const struct source *s;
  assert_int_equal(choose(away, &(struct source_wish){.pool = "single"}, &s, &why), E_NOT_FOUND);
  assert_string_equal(why.text, "source 192.0.2.9 is not an address of this machine");
  assert_null(s);
  assert_int_equal(choose(away, &(struct source_wish){.pool = "default", .kept = "192.0.2.2"}, &s, &why), E_NOT_FOUND);
  assert_string_equal(
      why.text,
      "source 192.0.2.1 is not an address of this machine; of the pool default 2 more cannot be used, either");
  assert_int_equal(choose(away, &(struct source_wish){.pool = "six"}, &s, &why), E_NOT_FOUND);
  assert_non_null(strstr(why.text, "no source address for IPv4"));
  assert_int_equal(choose(away, &(struct source_wish){.pool = "none"}, &s, &why), E_NOT_FOUND);
}

/* Overflow goes to the pool's others, but not what is bound to the one that is full. */
static void test_one_without_room(void **state) {
  (void)state;
  static const struct {
    struct source_wish wish;
    const char *away, *to; /* of E_BUSY: the one that it waits for */
    int result;
  } cases[] = {
      {{.pool = "warm"}, "", "192.0.2.21", OK},
      {{.pool = "warm", .kept = "192.0.2.21"}, "", "192.0.2.21", OK},
      {{.pool = "warm", .kept = "192.0.2.20"}, "", "192.0.2.20", E_BUSY},
      {{.pool = "warm", .kept = "192.0.2.20"}, "192.0.2.20", "192.0.2.21", OK},
      {{.pool = "warm"}, "192.0.2.21", "192.0.2.20", E_BUSY},
      {{.pool = "warm", .first = "192.0.2.20"}, "", "192.0.2.20", E_BUSY},
      {{.pool = "warm", .first = "192.0.2.20", .only = true}, "", "192.0.2.20", E_BUSY},
      {{.pool = "warm", .first = "192.0.2.20"}, "192.0.2.20", "192.0.2.21", OK},
      {{.pool = "warmer"}, "", "192.0.2.23", OK}, /* weight 0: now no other can be used */
      {{.pool = "cold"}, "", "192.0.2.24", E_BUSY},
      {{.pool = "cold"}, "192.0.2.24", NULL, E_NOT_FOUND},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (int64_t id = 1; id <= 50; id++) {
      struct source_wish wish = cases[i].wish;
      const struct source *s;
      struct reason why = {""};
      wish.message_id = id;
      if (choose(cases[i].away, &wish, &s, &why) != cases[i].result) fail_msg("case %zu: %s", i, why.text);
      if (cases[i].to) assert_string_equal(s->address, cases[i].to);
      if (!cases[i].to) assert_null(s);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_one_without_room),
      cmocka_unit_test(test_others_take_over_and_only_its_mail_moves),
      cmocka_unit_test(test_keeps_the_source_of_the_last_attempt),
      cmocka_unit_test(test_without_weight_only_when_no_other_can_be_used),
      cmocka_unit_test(test_those_that_pass_spf_come_first),
      cmocka_unit_test(test_says_which_are_away),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
