#include "relay/delivery/site/address_order.h"
#include "base/address/cidr.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

/* A route of hosts, each with addresses; what is known of an address is in `known`. */
struct sample {
  struct {
    unsigned preference;
    const char *addresses[4];
  } hosts[4];
  const char *failed, *slow; /* addresses, between spaces */
  int family;                /* of the source; 0: any */
  const char *order;
};

static const struct sample *now;
static uint32_t next_random;

static uint32_t number(void) {
  return next_random;
}

static bool usable(const void *arg, const struct sockaddr_storage *address) {
  (void)arg;
  return !now->family || address->ss_family == now->family;
}

static bool is_in(const char *list, const struct sockaddr_storage *address) {
  char ip[IP_TEXT], word[IP_TEXT + 2];
  ip_format((const struct sockaddr *)address, ip);
  snprintf(word, sizeof word, " %s ", ip);
  return list && strstr(list, word);
}

static enum address_grade grade(const void *arg, const struct sockaddr_storage *address) {
  (void)arg;
  if (is_in(now->failed, address)) return ADDRESS_FAILED;
  return is_in(now->slow, address) ? ADDRESS_SLOW : ADDRESS_GOOD;
}

static struct route *route_of(const struct sample *s) {
  struct route *r = route_new(ROUTE_OK, "site", 60);
  r->hosts = calloc(4, sizeof *r->hosts);
  for (; r->host_count < 4 && s->hosts[r->host_count].addresses[0]; r->host_count++) {
    struct route_host *h = &r->hosts[r->host_count];
    h->preference = s->hosts[r->host_count].preference;
    h->addresses = calloc(4, sizeof *h->addresses);
    for (const char *const *a = s->hosts[r->host_count].addresses; h->address_count < 4 && *a; a++)
      assert_int_equal(ip_parse(*a, 25, &h->addresses[h->address_count++]), OK);
  }
  return r;
}

static void write_order(const struct route *r, const struct address_order *o, char out[200]) {
  size_t at = 0;
  out[0] = 0;
  for (size_t i = 0; i < o->count; i++) {
    char ip[IP_TEXT];
    ip_format((const struct sockaddr *)&r->hosts[o->at[i].host].addresses[o->at[i].address], ip);
    at += (size_t)snprintf(out + at, 200 - at, "%s%s", i ? " " : "", ip);
  }
}

static void test_orders(void **state) {
  (void)state;
  static const struct sample samples[] = {
      {.hosts = {{10, {"192.0.2.1", "2001:db8::1", "192.0.2.2"}}, {20, {"192.0.2.3"}}},
       .order = "192.0.2.1 2001:db8::1 192.0.2.2 192.0.2.3"},
      {.hosts = {{10, {"192.0.2.1", "2001:db8::1"}}, {20, {"192.0.2.3"}}}, .family = AF_INET6, .order = "2001:db8::1"},
      /* What failed comes behind all others; what was slow stays before hosts of worse preference. */
      {.hosts = {{10, {"192.0.2.1", "2001:db8::1"}}, {20, {"192.0.2.3"}}},
       .failed = " 192.0.2.1 ",
       .order = "2001:db8::1 192.0.2.3 192.0.2.1"},
      {.hosts = {{10, {"192.0.2.1", "2001:db8::1"}}, {20, {"192.0.2.3"}}},
       .slow = " 192.0.2.1 ",
       .order = "2001:db8::1 192.0.2.1 192.0.2.3"},
      {.hosts = {{10, {"192.0.2.1"}}, {10, {"192.0.2.2"}}, {20, {"192.0.2.3"}}},
       .slow = " 192.0.2.1 192.0.2.3 ",
       .order = "192.0.2.2 192.0.2.1 192.0.2.3"},
      /* Of all that failed, the best preference is the first again. */
      {.hosts = {{10, {"192.0.2.1", "2001:db8::1"}}, {20, {"192.0.2.3"}}},
       .failed = " 192.0.2.1 2001:db8::1 192.0.2.3 ",
       .order = "192.0.2.1 2001:db8::1 192.0.2.3"},
      {.order = ""},
  };
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    struct route *r = route_of(now = &samples[i]);
    struct address_order o;
    char text[200];
    next_random = 0; /* which leaves equals as they are */
    address_order_make(&o, r, &(struct address_knowledge){usable, grade, number, NULL});
    write_order(r, &o, text);
    assert_string_equal(text, samples[i].order);
    route_release(&r);
  }
}

static void test_equals_are_shuffled(void **state) {
  (void)state;
  static const struct sample s = {.hosts = {{10, {"192.0.2.1"}}, {10, {"192.0.2.2"}}, {20, {"192.0.2.3"}}}};
  struct route *r = route_of(now = &s);
  struct address_order o;
  char text[200];
  next_random = 1;
  address_order_make(&o, r, &(struct address_knowledge){usable, grade, number, NULL});
  write_order(r, &o, text);
  assert_string_equal(text, "192.0.2.2 192.0.2.1 192.0.2.3");
  route_release(&r);
}

/* A host of worse preference is not tried beside a better one; a better one, that failed before, may be. */
static void test_who_may_race(void **state) {
  (void)state;
  static const struct sample s = {
      .hosts = {{10, {"192.0.2.1", "2001:db8::1"}}, {10, {"192.0.2.2"}}, {20, {"192.0.2.3"}}}};
  struct route *r = route_of(now = &s);
  const struct address_place first = {.host = 0}, sixth = {.host = 0, .address = 1}, equal = {.host = 1},
                             worse = {.host = 2};
  assert_true(address_order_may_race(r, &first, &sixth));
  assert_true(address_order_may_race(r, &first, &equal));
  assert_false(address_order_may_race(r, &first, &worse));
  assert_true(address_order_may_race(r, &worse, &first));
  route_release(&r);
}

/* Two at once where they may be: ten dead addresses take as long as four. */
static void test_time_to_connect(void **state) {
  (void)state;
  static const struct sample s = {.hosts = {{10, {"192.0.2.1", "2001:db8::1", "192.0.2.2", "2001:db8::2"}},
                                            {10, {"192.0.2.3", "2001:db8::3", "192.0.2.4"}},
                                            {20, {"192.0.2.5", "2001:db8::5"}},
                                            {30, {"192.0.2.6"}}}};
  static const struct {
    size_t most;
    uint64_t each_ms;
  } cases[] = {{0, 60000}, {1, 60000}, {2, 60000}, {3, 30000}, {4, 30000},  {5, 20000},
               {6, 20000}, {7, 15000}, {8, 12000}, {9, 12000}, {10, 10000}, {160, 10000}};
  struct route *r = route_of(now = &s);
  struct address_order o;
  next_random = 0;
  address_order_make(&o, r, &(struct address_knowledge){usable, grade, number, NULL});
  assert_int_equal(o.count, 10);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    assert_int_equal(address_order_connect_ms(&o, r, cases[i].most, 60000, 5000), cases[i].each_ms);
  assert_int_equal(address_order_connect_ms(&o, r, 10, 60000, 11000), 11000);
  route_release(&r);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_orders),
      cmocka_unit_test(test_equals_are_shuffled),
      cmocka_unit_test(test_who_may_race),
      cmocka_unit_test(test_time_to_connect),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
