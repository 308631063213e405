/* The resolver with a DNS server of the test's own: what each answer becomes, for those who wait and for a loop, and
 * that whoever asked gets exactly one answer, also at the end. */
#include "relay/net/resolver.h"

#include "tests/unit/fake_dns.h"
#include "tests/unit/loop_lab.h"

static const struct dns_row rows[] = {
    {"a.test", ns_t_a, "192.0.2.1"},    {"a.test", ns_t_a, "192.0.2.2"}, {"a.test", ns_t_aaaa, "2001:db8::1"},
    {"mx.test", ns_t_mx, "10 a.test"},  {"empty.test", 0, ""},           {"broken.test", ns_t_a, "SERVFAIL"},
    {"silent.test", ns_t_a, "SILENCE"},
};

static struct loop_lab lab;
static struct fake_dns dns;
static struct resolver *resolver;
static char server[32], *servers[] = {server};

static int set_up(void **state) {
  (void)state;
  struct reason why;
  loop_lab_open(&lab);
  dns = (struct fake_dns){.rows = rows, .count = sizeof rows / sizeof rows[0], .ttl = 300};
  assert_true(fake_dns_start(&dns));
  snprintf(server, sizeof server, "127.0.0.1@%u", dns.port);
  lab.config.dns_servers = servers;
  lab.config.dns_server_count = 1;
  if (resolver_new(&lab.config, &resolver, &why) != OK) fail_msg("%s", why.text);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  if (resolver) resolver_free(&resolver);
  fake_dns_stop(&dns);
  loop_lab_close(&lab);
  return 0;
}

/* --- answers --- */

static const struct {
  const char *name;
  int type;
  enum dns_status status;
  size_t count, octets; /* of the first record's data */
} cases[] = {
    {"a.test", ns_t_a, DNS_FOUND, 2, 4},          {"A.TEST", ns_t_a, DNS_FOUND, 2, 4},
    {"a.test", ns_t_aaaa, DNS_FOUND, 1, 16},      {"mx.test", ns_t_mx, DNS_FOUND, 1, 2 + 8},
    {"a.test", ns_t_mx, DNS_NODATA, 0, 0},        {"empty.test", ns_t_a, DNS_NODATA, 0, 0},
    {"nowhere.test", ns_t_a, DNS_NXDOMAIN, 0, 0}, {"broken.test", ns_t_a, DNS_FAILED, 0, 0},
};
#define CASES (sizeof cases / sizeof cases[0])

static void assert_answer(size_t i, const struct dns_answer *a) {
  if (a->status != cases[i].status) fail_msg("%s: %d", cases[i].name, a->status);
  assert_int_equal(a->count, cases[i].count);
  if (a->count) assert_int_equal(a->records[0].data.len, cases[i].octets);
  if (a->status == DNS_FOUND) assert_true(a->ttl > 0 && a->ttl <= 300);
  assert_false(a->secure); /* servers without a trust anchor: nothing is validated */
}

static void test_lookup(void **state) {
  (void)state;
  for (size_t i = 0; i < CASES; i++) {
    struct dns_answer a;
    resolver_lookup(resolver, cases[i].name, cases[i].type, &a);
    assert_answer(i, &a);
    resolver_release(resolver, &a);
  }
}

static void test_cache(void **state) {
  (void)state;
  struct dns_answer a;
  resolver_lookup(resolver, "a.test", ns_t_a, &a);
  resolver_release(resolver, &a);
  int asked = __atomic_load_n(&dns.questions, __ATOMIC_RELAXED);
  for (int i = 0; i < 10; i++) {
    resolver_lookup(resolver, "a.test", ns_t_a, &a);
    assert_int_equal(a.count, 2);
    resolver_release(resolver, &a);
  }
  assert_int_equal(__atomic_load_n(&dns.questions, __ATOMIC_RELAXED), asked);
}

/* --- on the loop --- */

static struct {
  size_t calls;
  struct dns_answer *unused;
} asked[CASES];

static size_t failed, answered;

static void on_case(void *arg, const struct dns_answer *a) {
  size_t i = (size_t)(uintptr_t)arg;
  asked[i].calls++;
  answered++;
  assert_answer(i, a);
}

static void on_any(void *arg, const struct dns_answer *a) {
  (void)arg;
  answered++;
  failed += a->status == DNS_FAILED;
}

static void detach(void) {
  resolver_detach(resolver);
  uv_run(&lab.loop.uv, UV_RUN_NOWAIT);
}

static void test_ask(void **state) {
  (void)state;
  memset(asked, 0, sizeof asked);
  answered = 0;
  assert_int_equal(resolver_ask(resolver, "a.test", ns_t_a, on_any, NULL), E_DENIED); /* not attached */
  assert_int_equal(resolver_attach(resolver, &lab.loop.uv), OK);
  for (size_t i = 0; i < CASES; i++)
    assert_int_equal(resolver_ask(resolver, cases[i].name, cases[i].type, on_case, (void *)i), OK);
  assert_int_equal(answered, 0); /* later, never at once */
  loop_lab_until(&lab, answered == CASES);
  for (size_t i = 0; i < CASES; i++) assert_int_equal(asked[i].calls, 1);
  detach();
}

/* What is open at the end is answered before detach returns; nothing comes after it. */
static void test_detach(void **state) {
  (void)state;
  enum { OPEN = 20 };
  failed = answered = 0;
  assert_int_equal(resolver_attach(resolver, &lab.loop.uv), OK);
  for (int i = 0; i < OPEN; i++) assert_int_equal(resolver_ask(resolver, "silent.test", ns_t_a, on_any, NULL), OK);
  uv_run(&lab.loop.uv, UV_RUN_NOWAIT);
  resolver_detach(resolver);
  assert_int_equal(failed, OPEN);
  assert_int_equal(answered, OPEN);
  resolver_free(&resolver);
  for (int i = 0; i < 20; i++) {
    uv_run(&lab.loop.uv, UV_RUN_NOWAIT);
    usleep(1000);
  }
  assert_int_equal(answered, OPEN);
}

static void test_too_many(void **state) {
  (void)state;
  int rc = OK;
  size_t open = 0;
  failed = answered = 0;
  assert_int_equal(resolver_attach(resolver, &lab.loop.uv), OK);
  while (rc == OK && open < 2 * RESOLVER_OPEN_MAX) {
    char name[64];
    snprintf(name, sizeof name, "silent.test");
    rc = resolver_ask(resolver, name, ns_t_a, on_any, NULL);
    if (rc == OK) open++;
  }
  assert_int_equal(rc, E_BUSY);
  assert_true(open <= RESOLVER_OPEN_MAX && open > RESOLVER_OPEN_MAX / 2);
  detach();
  assert_int_equal(answered, open);
}

/* A name that no DNS message can carry. */
static void test_names(void **state) {
  (void)state;
  static const char *const bad[] = {"", "..", "a..test",
                                    "a23456789012345678901234567890123456789012345678901234567890123456789.test"};
  for (size_t i = 1; i < sizeof bad / sizeof bad[0]; i++) {
    struct dns_answer a;
    resolver_lookup(resolver, bad[i], ns_t_a, &a);
    assert_int_not_equal(a.status, DNS_FOUND);
    assert_int_equal(a.count, 0);
    resolver_release(resolver, &a);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_lookup, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_cache, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_ask, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_detach, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_too_many, set_up, tear_down),
      cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
