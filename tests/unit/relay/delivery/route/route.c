/* Routes, with the real resolver library and a server of our own behind it. */
#include "base/clock.h"
#include "base/result.h"
#include "relay/delivery/route/router.h"
#include "relay/net/mx.h"
#include "relay/net/resolver.h"
#include "tests/unit/fake_dns.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h> /* last: it has a macro named fail */

static const struct dns_row rows[] = {
    {"plain.test", ns_t_mx, "20 mx2.plain.test"},
    {"plain.test", ns_t_mx, "10 MX1.plain.test"},
    {"mx1.plain.test", ns_t_a, "192.0.2.1"},
    {"mx1.plain.test", ns_t_aaaa, "2001:db8::1"},
    {"mx2.plain.test", ns_t_a, "192.0.2.2"},
    {"mx2.plain.test", ns_t_a, "192.0.2.3"},
    {"same.test", ns_t_mx, "10 mx1.plain.test"},
    {"same.test", ns_t_mx, "20 mx2.plain.test"},
    {"implicit.test", ns_t_a, "192.0.2.9"},
    {"empty.test", 0, ""},
    {"null.test", ns_t_mx, "0 ."},
    {"null.test", ns_t_a, "192.0.2.9"},
    {"nearly-null.test", ns_t_mx, "0 ."},
    {"nearly-null.test", ns_t_mx, "10 mx2.plain.test"},
    {"broken.test", ns_t_mx, "SERVFAIL"},
    {"broken.test", ns_t_a, "192.0.2.9"},
    {"nowhere.test", ns_t_mx, "10 no-such-host.test"},
    {"nowhere.test", ns_t_a, "192.0.2.9"},
    {"half.test", ns_t_mx, "10 bad.half.test"},
    {"half.test", ns_t_mx, "20 mx2.plain.test"},
    {"bad.half.test", ns_t_a, "SERVFAIL"},
    {"bad.half.test", ns_t_aaaa, "SERVFAIL"},
    {"allbad.test", ns_t_mx, "10 bad.half.test"},
    {"oneofthem.test", ns_t_mx, "10 no-such-host.test"},
    {"oneofthem.test", ns_t_mx, "20 worse.half.test"},
    {"oneofthem.test", ns_t_mx, "30 bad.half.test"},
    {"worse.half.test", ns_t_aaaa, "SERVFAIL"},
    {"loop.test", ns_t_mx, "10 mx2.plain.test"},
    {"loop.test", ns_t_mx, "20 us.test"},
    {"loop.test", ns_t_mx, "30 mx1.plain.test"},
    {"us.test", ns_t_a, "192.0.2.77"},
    {"onlyus.test", ns_t_mx, "20 us.test"},
    {"onlyus.test", ns_t_mx, "20 mx1.plain.test"},
    {"loopback.test", ns_t_a, "127.0.0.5"},
    {"silent.test", ns_t_mx, "SILENCE"},
    {"backup.test", ns_t_mx, "10 bad.half.test"},
    {"backup.test", ns_t_mx, "20 us.test"},
    {"zero.test", ns_t_a, "0.0.0.0"},
    {"zero6.test", ns_t_aaaa, "::"},
    {"zero-mapped.test", ns_t_aaaa, "::ffff:0.0.0.0"},
    {"this-network.test", ns_t_a, "0.1.2.3"},
    {"one6.test", ns_t_aaaa, "::1"},
    {"mapped.test", ns_t_aaaa, "::ffff:127.0.0.1"},
    {"nat64.test", ns_t_aaaa, "64:ff9b::7f00:1"},
    {"6to4.test", ns_t_aaaa, "2002:7f00:1::1"},
    {"metadata.test", ns_t_a, "169.254.169.254"},
    {"link.test", ns_t_aaaa, "fe80::1"},
    {"multicast.test", ns_t_a, "224.0.0.1"},
    {"multicast6.test", ns_t_aaaa, "ff02::1"},
    {"broadcast.test", ns_t_a, "255.255.255.255"},
    {"private.test", ns_t_a, "10.1.2.3"},
    {"unique.test", ns_t_aaaa, "fd12::3"},
    {"partly.test", ns_t_mx, "10 mixed.test"},
    {"partly.test", ns_t_mx, "20 zero.test"},
    {"partly.test", ns_t_mx, "30 mx1.plain.test"},
    {"mixed.test", ns_t_a, "127.0.0.1"},
    {"mixed.test", ns_t_a, "198.51.100.4"},
};

static const struct {
  const char *domain;
  enum route_status status;
  const char *hosts; /* names, in order */
  const char *first; /* addresses of the first host */
  const char *site;
  const char *why; /* part of it */
} cases[] = {
    {"plain.test", ROUTE_OK, "mx1.plain.test mx2.plain.test", "192.0.2.1 2001:db8::1",
     "10 mx1.plain.test,20 mx2.plain.test"},
    {"same.test", ROUTE_OK, "mx1.plain.test mx2.plain.test", "192.0.2.1 2001:db8::1",
     "10 mx1.plain.test,20 mx2.plain.test"},
    {"implicit.test", ROUTE_OK, "implicit.test", "192.0.2.9", "implicit.test"},
    {"empty.test", ROUTE_NO_ADDRESS, NULL, NULL, NULL},
    {"gone.test", ROUTE_NO_DOMAIN, NULL, NULL, NULL},
    {"null.test", ROUTE_NULL_MX, NULL, NULL, NULL},
    {"nearly-null.test", ROUTE_OK, "mx2.plain.test", NULL, NULL},
    {"broken.test", ROUTE_TEMPORARY, NULL, NULL, NULL},
    {"nowhere.test", ROUTE_NO_ADDRESS, NULL, NULL, NULL},
    {"half.test", ROUTE_OK, "mx2.plain.test", NULL, NULL},
    {"allbad.test", ROUTE_TEMPORARY, .why = "(A and AAAA) of bad.half.test cannot"},
    {"oneofthem.test", ROUTE_TEMPORARY, .why = "(AAAA) of worse.half.test, and of 1 more,"},
    {"loop.test", ROUTE_OK, "mx2.plain.test", NULL, NULL},
    {"onlyus.test", ROUTE_LOOP, NULL, NULL, NULL},
    {"loopback.test", ROUTE_OK, "loopback.test", "127.0.0.5", NULL},
    {"[192.0.2.5]", ROUTE_OK, "[192.0.2.5]", "192.0.2.5", "[192.0.2.5]"},
    {"[IPv6:2001:db8::5]", ROUTE_OK, "[IPv6:2001:db8::5]", "2001:db8::5", NULL},
    {"[192.0.2.77]", ROUTE_LOOP, NULL, NULL, NULL},
    {"[nonsense]", ROUTE_NO_ADDRESS, NULL, NULL, NULL},
    {"backup.test", ROUTE_TEMPORARY, NULL, NULL, NULL},
};

/* Where no mail goes, with and without local_next_hops. */
static const struct {
  const char *domain;
  enum route_status status, status_local;
  const char *kind; /* as the reason names it */
} barred[] = {
    {"zero.test", ROUTE_NO_ADDRESS, ROUTE_NO_ADDRESS, "an unspecified address"},
    {"zero6.test", ROUTE_NO_ADDRESS, ROUTE_NO_ADDRESS, "an unspecified address"},
    {"zero-mapped.test", ROUTE_NO_ADDRESS, ROUTE_NO_ADDRESS, "an unspecified address"},
    {"this-network.test", ROUTE_NO_ADDRESS, ROUTE_NO_ADDRESS, "an unspecified address"},
    {"[0.0.0.0]", ROUTE_NO_ADDRESS, ROUTE_NO_ADDRESS, "an unspecified address"},
    {"[IPv6:::]", ROUTE_NO_ADDRESS, ROUTE_NO_ADDRESS, "an unspecified address"},
    {"metadata.test", ROUTE_NO_ADDRESS, ROUTE_NO_ADDRESS, "a link-local address"},
    {"link.test", ROUTE_NO_ADDRESS, ROUTE_NO_ADDRESS, "a link-local address"},
    {"multicast.test", ROUTE_NO_ADDRESS, ROUTE_NO_ADDRESS, "a multicast address"},
    {"multicast6.test", ROUTE_NO_ADDRESS, ROUTE_NO_ADDRESS, "a multicast address"},
    {"broadcast.test", ROUTE_NO_ADDRESS, ROUTE_NO_ADDRESS, "a reserved address"},
    {"loopback.test", ROUTE_NO_ADDRESS, ROUTE_OK, "a loopback address"},
    {"one6.test", ROUTE_NO_ADDRESS, ROUTE_OK, "a loopback address"},
    {"mapped.test", ROUTE_NO_ADDRESS, ROUTE_OK, "a loopback address"},
    {"nat64.test", ROUTE_NO_ADDRESS, ROUTE_OK, "a loopback address"},
    {"6to4.test", ROUTE_NO_ADDRESS, ROUTE_OK, "a loopback address"},
    {"[127.0.0.1]", ROUTE_NO_ADDRESS, ROUTE_OK, "a loopback address"},
    {"private.test", ROUTE_OK, ROUTE_OK, ""},
    {"unique.test", ROUTE_OK, ROUTE_OK, ""},
};

struct rig {
  struct fake_dns dns;
  char server[64], *servers[1];
  struct listen_config listens[1];
  struct config config;
  struct gateway gateway;
  struct reason why;
  uv_loop_t loop;
  struct resolver *resolver;
  struct router *router;
};

static void rig_open(struct rig *r, const char *listen) {
  memset(r, 0, sizeof *r);
  r->dns = (struct fake_dns){.rows = rows, .count = sizeof rows / sizeof *rows, .ttl = 300};
  assert_true(fake_dns_start(&r->dns));
  snprintf(r->server, sizeof r->server, "127.0.0.1@%u", r->dns.port);
  r->servers[0] = r->server;
  assert_int_equal(endpoint_parse(listen, ':', &r->listens[0].address), OK);
  r->config = (struct config){.dns_servers = r->servers,
                              .dns_server_count = 1,
                              .delivery_port = 25,
                              .listens = r->listens,
                              .listen_count = 1,
                              .local_next_hops = true};
  r->gateway.config = &r->config;
  assert_int_equal(uv_loop_init(&r->loop), 0);
  assert_int_equal(resolver_new(&r->config, &r->resolver, &r->why), OK);
  assert_int_equal(resolver_attach(r->resolver, &r->loop), OK);
  assert_int_equal(router_new(&r->gateway, r->resolver, NULL, &r->router), OK);
}

static void rig_close(struct rig *r) {
  router_free(&r->router);
  resolver_detach(r->resolver);
  uv_run(&r->loop, UV_RUN_DEFAULT);
  assert_int_equal(uv_loop_close(&r->loop), 0);
  resolver_free(&r->resolver);
  fake_dns_stop(&r->dns);
}

static void on_route(void *arg, struct route *route) {
  struct route **out = arg;
  assert_null(*out);
  *out = route_hold(route);
}

static struct route *find(struct rig *r, const char *domain) {
  struct route *route = NULL;
  assert_int_equal(router_find(r->router, domain, NULL, on_route, &route), OK);
  while (!route) uv_run(&r->loop, UV_RUN_ONCE);
  return route;
}

static void check_route(size_t i, const struct route *route) {
  char names[600] = "", addresses[600] = "";
  for (size_t h = 0; h < route->host_count; h++)
    snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", h ? " " : "", route->hosts[h].name);
  for (size_t a = 0; route->host_count && a < route->hosts[0].address_count; a++) {
    char text[IP_TEXT];
    const struct sockaddr *address = (const struct sockaddr *)&route->hosts[0].addresses[a];
    ip_format(address, text);
    assert_int_equal(ip_port(address), 25);
    snprintf(addresses + strlen(addresses), sizeof addresses - strlen(addresses), "%s%s", a ? " " : "", text);
  }
  if (route->status != cases[i].status) fail_msg("%s: status %d, %s", cases[i].domain, (int)route->status, route->why);
  assert_string_equal(names, cases[i].hosts ? cases[i].hosts : "");
  if (cases[i].first) assert_string_equal(addresses, cases[i].first);
  if (cases[i].site) assert_string_equal(route->site, cases[i].site);
  if (cases[i].why) assert_non_null(strstr(route->why, cases[i].why));
  assert_int_equal(route->why[0] != 0, route->status != ROUTE_OK);
}

static void test_table(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r, "192.0.2.77:25");
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct route *route = find(&r, cases[i].domain);
    check_route(i, route);
    route_release(&route);
  }
  rig_close(&r);
}

static void test_wildcard_listener_is_every_address_of_ours(void **state) {
  (void)state;
  static const struct {
    const char *listen, *domain;
    enum route_status status;
  } samples[] = {
      {"0.0.0.0:25", "loopback.test", ROUTE_LOOP},
      {"[::]:25", "loopback.test", ROUTE_LOOP},
      {"0.0.0.0:25", "mapped.test", ROUTE_LOOP},
      {"0.0.0.0:25", "one6.test", ROUTE_OK},
      {"[::]:25", "one6.test", ROUTE_LOOP},
      {"0.0.0.0:2525", "loopback.test", ROUTE_OK},
      {"127.0.0.1:25", "loopback.test", ROUTE_OK},
      {"127.0.0.5:25", "loopback.test", ROUTE_LOOP},
      {"127.0.0.1:25", "mapped.test", ROUTE_LOOP},
      {"0.0.0.0:25", "zero.test", ROUTE_LOOP},
      {"0.0.0.0:2525", "zero.test", ROUTE_NO_ADDRESS},
  };
  for (size_t i = 0; i < sizeof samples / sizeof *samples; i++) {
    struct rig r;
    rig_open(&r, samples[i].listen);
    struct route *route = find(&r, samples[i].domain);
    if (route->status != samples[i].status) fail_msg("%zu: %d, %s", i, (int)route->status, route->why);
    route_release(&route);
    rig_close(&r);
  }
}

static void test_addresses_that_no_mail_goes_to(void **state) {
  (void)state;
  for (int local = 0; local < 2; local++) {
    struct rig r;
    rig_open(&r, "192.0.2.77:25");
    r.config.local_next_hops = local;
    for (size_t i = 0; i < sizeof barred / sizeof *barred; i++) {
      struct route *route = find(&r, barred[i].domain);
      enum route_status wanted = local ? barred[i].status_local : barred[i].status;
      if (route->status != wanted) fail_msg("%s: status %d, %s", barred[i].domain, (int)route->status, route->why);
      if (wanted != ROUTE_OK) assert_non_null(strstr(route->why, barred[i].kind));
      route_release(&route);
    }
    rig_close(&r);
  }
}

/* What is left of an exchanger, and of a site, is used. */
static void test_only_bad_addresses_are_left_out(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r, "192.0.2.77:25");
  r.config.local_next_hops = false;
  struct route *route = find(&r, "partly.test");
  assert_int_equal(route->status, ROUTE_OK);
  assert_int_equal(route->host_count, 2);
  char text[IP_TEXT];
  assert_int_equal(route->hosts[0].address_count, 1);
  ip_format((struct sockaddr *)&route->hosts[0].addresses[0], text);
  assert_string_equal(text, "198.51.100.4");
  assert_string_equal(route->hosts[1].name, "mx1.plain.test");
  route_release(&route);
  rig_close(&r);
}

/* A network of the test's own, so that the address is one of this machine on every machine. */
static void test_this_machine_is_no_next_hop(void **state) {
  (void)state;
  int before = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
  assert_int_equal(unshare(CLONE_NEWNET), 0);
  assert_int_equal(system("ip link set lo up && ip addr add 192.0.2.50/32 dev lo"), 0);
  for (int local = 0; local < 2; local++) {
    struct rig r;
    rig_open(&r, "192.0.2.77:25");
    r.config.local_next_hops = local;
    struct route *route = find(&r, "[192.0.2.50]");
    if (route->status != (local ? ROUTE_OK : ROUTE_LOOP)) fail_msg("%s", route->why);
    if (!local) assert_non_null(strstr(route->why, "which is ours"));
    route_release(&route);
    rig_close(&r);
  }
  assert_int_equal(setns(before, CLONE_NEWNET), 0);
  close(before);
}

static struct route *find_by(struct rig *r, const char *domain, const struct static_route *by) {
  struct route *route = NULL;
  assert_int_equal(router_find(r->router, domain, by, on_route, &route), OK);
  while (!route) uv_run(&r->loop, UV_RUN_ONCE);
  return route;
}

/* By command: what is asked for, the port, the site's name, and what a route to nowhere means. */
static void test_static_routes(void **state) {
  static const struct {
    const char *host, *site, *first;
    enum route_lookup lookup;
    unsigned port, expected_port;
    enum route_status status;
  } by[] = {
      {"plain.test", NULL, NULL, ROUTE_BY_ADDRESS, 0, 0, ROUTE_BROKEN}, /* it has MX records alone */
      {"implicit.test", "implicit.test:25", "implicit.test", ROUTE_BY_ADDRESS, 0, 25, ROUTE_OK},
      {"implicit.test", "implicit.test:587", "implicit.test", ROUTE_BY_ADDRESS, 587, 587, ROUTE_OK},
      {"plain.test", "10 mx1.plain.test,20 mx2.plain.test", "mx1.plain.test", ROUTE_BY_MX, 26, 26, ROUTE_OK},
      {"null.test", "null.test:25", "null.test", ROUTE_BY_ADDRESS, 0, 25, ROUTE_OK},
      {"null.test", NULL, NULL, ROUTE_BY_MX, 0, 0, ROUTE_BROKEN},
      {"no-such.test", NULL, NULL, ROUTE_BY_ADDRESS, 0, 0, ROUTE_BROKEN},
      {"bad.half.test", NULL, NULL, ROUTE_BY_ADDRESS, 0, 0, ROUTE_TEMPORARY},
      {"us.test", NULL, NULL, ROUTE_BY_ADDRESS, 0, 0, ROUTE_BROKEN},
      {"us.test", "us.test:26", "us.test", ROUTE_BY_ADDRESS, 26, 26, ROUTE_OK}, /* nobody of ours listens there */
      {"[192.0.2.4]", "[192.0.2.4]:2525", "[192.0.2.4]", ROUTE_BY_ADDRESS, 2525, 2525, ROUTE_OK},
      {"[127.0.0.1]", "[127.0.0.1]:2525", "[127.0.0.1]", ROUTE_BY_ADDRESS, 2525, 2525, ROUTE_OK},
      {"[0.0.0.0]", NULL, NULL, ROUTE_BY_ADDRESS, 0, 0, ROUTE_BROKEN},
      {"loopback.test", NULL, NULL, ROUTE_BY_ADDRESS, 0, 0, ROUTE_BROKEN},
      {"", "10 mx1.plain.test,20 mx2.plain.test", "mx1.plain.test", ROUTE_DIRECT, 0, 25, ROUTE_OK},
  };
  (void)state;
  struct rig r;
  rig_open(&r, "192.0.2.77:25");
  r.config.local_next_hops = false;
  for (size_t i = 0; i < sizeof by / sizeof by[0]; i++) {
    struct static_route s = {.id = (int64_t)i + 100,
                             .host = by[i].host,
                             .lookup = by[i].lookup,
                             .port = by[i].port,
                             .tls = ROUTE_TLS_VERIFY,
                             .auth = ROUTE_AUTH_NONE};
    struct route *route = find_by(&r, "plain.test", &s), *again = find_by(&r, "plain.test", &s);
    if (route->status != by[i].status) fail_msg("%zu %s: %d %s", i, by[i].host, (int)route->status, route->why);
    assert_ptr_equal(route, again);
    assert_true(route->terms.by == s.id && route->terms.tls == ROUTE_TLS_VERIFY && !route->terms.login);
    if (by[i].status == ROUTE_OK) {
      assert_string_equal(route->site, by[i].site);
      assert_string_equal(route->hosts[0].name, by[i].first);
      assert_int_equal(ip_port((const struct sockaddr *)&route->hosts[0].addresses[0]), by[i].expected_port);
    } else {
      assert_non_null(strstr(route->why, "sendoff route list"));
      assert_true(route->expires_us <= clock_now_us() + 30 * SECOND_US);
    }
    route_release(&route);
    route_release(&again);
  }
  /* Without one nothing of all that is known. */
  struct route *plain = find(&r, "plain.test");
  assert_true(plain->terms.by == 0 && plain->terms.tls == ROUTE_TLS_MAY);
  route_release(&plain);
  rig_close(&r);
}

/* A way of the recipient's own is judged as ever, whatever its TLS: null MX returns the mail. */
static void test_direct_is_the_domains_own_way(void **state) {
  const struct static_route s = {.id = 5, .host = "", .lookup = ROUTE_DIRECT, .tls = ROUTE_TLS_VERIFY};
  static const struct {
    const char *domain;
    enum route_status status;
  } own[] = {{"null.test", ROUTE_NULL_MX}, {"no-such.test", ROUTE_NO_DOMAIN}, {"implicit.test", ROUTE_OK}};
  (void)state;
  struct rig r;
  rig_open(&r, "192.0.2.77:25");
  for (size_t i = 0; i < sizeof own / sizeof own[0]; i++) {
    struct route *route = find_by(&r, own[i].domain, &s);
    assert_int_equal(route->status, own[i].status);
    assert_string_equal(route->site, own[i].domain);
    route_release(&route);
  }
  rig_close(&r);
}

static void test_cache_and_joined_questions(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r, "192.0.2.77:25");
  struct route *two[2] = {NULL, NULL};
  for (int i = 0; i < 2; i++) assert_int_equal(router_find(r.router, "plain.test", NULL, on_route, &two[i]), OK);
  while (!two[0] || !two[1]) uv_run(&r.loop, UV_RUN_ONCE);
  assert_ptr_equal(two[0], two[1]);
  int asked = __atomic_load_n(&r.dns.questions, __ATOMIC_RELAXED);
  struct route *third = NULL;
  assert_int_equal(router_find(r.router, "plain.test", NULL, on_route, &third), OK);
  assert_ptr_equal(third, two[0]); /* at once */
  assert_int_equal(__atomic_load_n(&r.dns.questions, __ATOMIC_RELAXED), asked);
  assert_true(third->expires_us > clock_now_us() + 250 * SECOND_US &&
              third->expires_us <= clock_now_us() + 300 * SECOND_US);
  clock_set_for_tests(third->expires_us + 1);
  struct route *fresh = find(&r, "plain.test");
  assert_ptr_not_equal(fresh, third);
  clock_set_for_tests(0);
  route_release(&fresh);
  route_release(&third);
  route_release(&two[0]);
  route_release(&two[1]);
  rig_close(&r);
}

static void test_end_while_searching(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r, "192.0.2.77:25");
  struct route *route = NULL;
  assert_int_equal(router_find(r.router, "silent.test", NULL, on_route, &route), OK);
  uv_run(&r.loop, UV_RUN_NOWAIT);
  assert_null(route);
  rig_close(&r);
  assert_non_null(route); /* answered on the way */
  assert_int_equal(route->status, ROUTE_TEMPORARY);
  route_release(&route);
}

static void test_blocking_lookup(void **state) {
  (void)state;
  struct rig r;
  rig_open(&r, "192.0.2.77:25");
  struct dns_answer a;
  resolver_lookup(r.resolver, "mx2.plain.test", ns_t_a, &a);
  assert_int_equal(a.status, DNS_FOUND);
  assert_int_equal(a.count, 2);
  assert_int_equal(a.records[0].data.len, 4);
  assert_in_range(a.ttl, 290, 300);
  resolver_release(r.resolver, &a);
  resolver_lookup(r.resolver, "mx2.plain.test", ns_t_txt, &a);
  assert_int_equal(a.status, DNS_NODATA);
  resolver_release(r.resolver, &a);
  resolver_lookup(r.resolver, "gone.test", ns_t_a, &a);
  assert_int_equal(a.status, DNS_NXDOMAIN);
  resolver_release(r.resolver, &a);
  resolver_lookup(r.resolver, "broken.test", ns_t_mx, &a);
  assert_int_equal(a.status, DNS_FAILED);
  resolver_release(r.resolver, &a);
  rig_close(&r);
}

static void test_hostile_mx_records(void **state) {
  (void)state;
  struct dns_record records[40];
  static char wire[30][32];
  struct dns_answer answer = {.status = DNS_FOUND, .records = records};
  struct mx_list list;
  static const struct bytes bad[] = {
      BYTES(""),
      BYTES("\0\012"),
      BYTES("\0\012\003ab"),
      BYTES("\0\012\002ab"),
      BYTES("\0\012\004a b\0\0"),
      BYTES("\0\012\100aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\0"),
      BYTES("\0\012\002ab\0x"),
      BYTES("\0\012\300\014"),
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) records[answer.count++].data = bad[i];
  mx_list_read(&answer, &list);
  assert_int_equal(list.count, 0);
  assert_false(list.null_mx);
  /* More than there is room for: the best stay, in order, and a name counts once. */
  answer.count = 0;
  for (size_t i = 0; i < 30; i++) {
    size_t preference = 30 - i;
    int n = snprintf(wire[i] + 3, sizeof wire[i] - 3, "host%02zu", preference);
    wire[i][0] = 0;
    wire[i][1] = (char)preference;
    wire[i][2] = (char)n;
    records[answer.count++].data = (struct bytes){wire[i], 3 + (size_t)n + 1};
  }
  records[answer.count++].data = records[29].data;
  mx_list_read(&answer, &list);
  assert_int_equal(list.count, MX_HOSTS_MAX);
  assert_true(list.cut);
  for (size_t i = 0; i < list.count; i++) assert_int_equal(list.hosts[i].preference, i + 1);
  assert_string_equal(list.hosts[0].name, "host01");
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_wildcard_listener_is_every_address_of_ours),
      cmocka_unit_test(test_addresses_that_no_mail_goes_to),
      cmocka_unit_test(test_only_bad_addresses_are_left_out),
      cmocka_unit_test(test_this_machine_is_no_next_hop),
      cmocka_unit_test(test_static_routes),
      cmocka_unit_test(test_direct_is_the_domains_own_way),
      cmocka_unit_test(test_cache_and_joined_questions),
      cmocka_unit_test(test_end_while_searching),
      cmocka_unit_test(test_blocking_lookup),
      cmocka_unit_test(test_hostile_mx_records),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
