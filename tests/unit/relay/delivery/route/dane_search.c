/* Which questions are asked for a host's TLSA records (relay/net/tlsa_search.h), and what comes of their answers: RFC
 * 7672 2.2.2 and 2.2.3, row by row. The resolver is a table. */
#include "relay/delivery/route/dane_search.h"

#include "base/result.h"

#include <arpa/nameser.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define D32 "0123456789abcdef0123456789abcdef"
#define GOOD "\3\1\1" D32
#define PKIX "\1\1\1" D32

enum kind { IS_DENIED, IS_SECURE, IS_INSECURE, IS_SERVFAIL, IS_BOGUS, IS_BUSY };

struct row {
  const char *name; /* NULL: the end */
  int type;
  enum kind kind;
  const char *rdata; /* 35 octets */
};

static const struct row *zone;
static char asked[600]; /* "TLSA _25._tcp.mx.test, " */

int __wrap_resolver_ask(struct resolver *r, const char *name, int type,
                        void (*done)(void *arg, const struct dns_answer *answer), void *arg);
int __wrap_resolver_ask(struct resolver *r, const char *name, int type,
                        void (*done)(void *arg, const struct dns_answer *answer), void *arg) {
  (void)r;
  size_t len = strlen(asked);
  snprintf(asked + len, sizeof asked - len, "%s%s %s", len ? ", " : "", type == TLSA_TYPE ? "TLSA" : "CNAME", name);
  const struct row *row = zone;
  while (row->name && (strcmp(row->name, name) != 0 || row->type != type)) row++;
  if (row->name && row->kind == IS_BUSY) return E_BUSY;
  struct dns_record record = {.data = {row->rdata, row->rdata ? 35 : 0}};
  struct dns_answer answer = {.status = DNS_NXDOMAIN, .secure = true, .ttl = 60};
  if (row->name && (row->kind == IS_SECURE || row->kind == IS_INSECURE))
    answer = (struct dns_answer){
        .status = DNS_FOUND, .secure = row->kind == IS_SECURE, .count = 1, .records = &record, .ttl = 20};
  if (row->name && (row->kind == IS_SERVFAIL || row->kind == IS_BOGUS))
    answer = (struct dns_answer){.status = DNS_FAILED, .bogus = row->kind == IS_BOGUS};
  done(arg, &answer);
  return OK;
}

static struct dane_finding found;
static unsigned times;

static void on_done(void *arg, const struct dane_finding *f) {
  (void)arg;
  found = *f;
  times++;
}

#define AT_HOST "_25._tcp.mx.test"
#define AT_END "_25._tcp.real.test"

static const struct {
  const char *what;
  bool secure;
  const char *canonical;
  struct row zone[4];
  const char *asked;
  enum dane_status status;
  const char *base;
  size_t usable;
  bool bogus;
} cases[] = {
    {"insecure: no question at all", false, "", {{AT_HOST, TLSA_TYPE, IS_SECURE, GOOD}}, "", DANE_NONE},
    {"denied", true, "", {{NULL}}, "TLSA " AT_HOST, DANE_NONE},
    {"found", true, "", {{AT_HOST, TLSA_TYPE, IS_SECURE, GOOD}}, "TLSA " AT_HOST, DANE_FOUND, "mx.test", 1},
    {"none usable", true, "", {{AT_HOST, TLSA_TYPE, IS_SECURE, PKIX}}, "TLSA " AT_HOST, DANE_FOUND, "mx.test", 0},
    {"records in a zone that is not signed", true, "", {{AT_HOST, TLSA_TYPE, IS_INSECURE, GOOD}}, "TLSA " AT_HOST},
    {"SERVFAIL", true, "", {{AT_HOST, TLSA_TYPE, IS_SERVFAIL}}, "TLSA " AT_HOST, DANE_FAILED},
    {"bogus", true, "", {{AT_HOST, TLSA_TYPE, IS_BOGUS}}, "TLSA " AT_HOST, DANE_FAILED, .bogus = true},
    {"too many questions", true, "", {{AT_HOST, TLSA_TYPE, IS_BUSY}}, "TLSA " AT_HOST, DANE_FAILED},
    {"an alias, signed all the way: its end first",
     true,
     "real.test",
     {{AT_END, TLSA_TYPE, IS_SECURE, GOOD}, {AT_HOST, TLSA_TYPE, IS_SECURE, PKIX}},
     "TLSA " AT_END,
     DANE_FOUND,
     "real.test",
     1},
    {"nothing there: then at its beginning",
     true,
     "real.test",
     {{AT_HOST, TLSA_TYPE, IS_SECURE, GOOD}},
     "TLSA " AT_END ", TLSA " AT_HOST,
     DANE_FOUND,
     "mx.test",
     1},
    {"nothing at either", true, "real.test", {{NULL}}, "TLSA " AT_END ", TLSA " AT_HOST, DANE_NONE},
    {"its end fails: no guess at its beginning",
     true,
     "real.test",
     {{AT_END, TLSA_TYPE, IS_SERVFAIL}, {AT_HOST, TLSA_TYPE, IS_SECURE, GOOD}},
     "TLSA " AT_END,
     DANE_FAILED},
    {"its beginning fails",
     true,
     "real.test",
     {{AT_HOST, TLSA_TYPE, IS_BOGUS}},
     "TLSA " AT_END ", TLSA " AT_HOST,
     DANE_FAILED,
     .bogus = true},
    {"an alias into a zone that is not signed: at its beginning alone",
     false,
     "real.test",
     {{"mx.test", ns_t_cname, IS_SECURE}, {AT_HOST, TLSA_TYPE, IS_SECURE, GOOD}, {AT_END, TLSA_TYPE, IS_SECURE, PKIX}},
     "CNAME mx.test, TLSA " AT_HOST,
     DANE_FOUND,
     "mx.test",
     1},
    {"the alias itself is not signed",
     false,
     "real.test",
     {{"mx.test", ns_t_cname, IS_INSECURE}, {AT_HOST, TLSA_TYPE, IS_SECURE, GOOD}},
     "CNAME mx.test",
     DANE_NONE},
    {"the alias fails", false, "real.test", {{"mx.test", ns_t_cname, IS_SERVFAIL}}, "CNAME mx.test", DANE_FAILED},
    {"no question for it", false, "real.test", {{"mx.test", ns_t_cname, IS_BUSY}}, "CNAME mx.test", DANE_FAILED},
};

static void test_table(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct dane_search plan = {.of = {.host = "mx.test",
                                      .next_hop = "dest.test",
                                      .expanded = "",
                                      .port = 25,
                                      .secure = cases[i].secure,
                                      .canonical = cases[i].canonical},
                               .done = on_done};
    zone = cases[i].zone;
    asked[0] = '\0';
    times = 0;
    dane_search_start(&plan);
    if (found.status != cases[i].status || strcmp(asked, cases[i].asked) != 0 || found.bogus != cases[i].bogus)
      fail_msg("%s: %d, asked %s", cases[i].what, (int)found.status, asked);
    assert_int_equal(times, 1);
    assert_int_equal(found.rules != NULL, cases[i].status == DANE_FOUND);
    if (!found.rules) continue;
    assert_string_equal(found.rules->base, cases[i].base);
    assert_string_equal(found.rules->next_hop, "dest.test");
    assert_int_equal(found.rules->records->count, cases[i].usable);
    assert_int_equal(found.rules->records->count + found.rules->records->unusable, 1);
    assert_int_equal(found.ttl, 20);
    dane_rules_free(&found.rules);
  }
}

/* The port is the one of the connection (RFC 6698 3); a name that has no room for it has no records. */
static void test_names(void **state) {
  (void)state;
  static const struct row none[1];
  char host[256];
  zone = none;
  asked[0] = '\0';
  struct dane_search plan = {
      .of = {.host = "mx.test", .next_hop = "dest.test", .expanded = "", .port = 465, .secure = true, .canonical = ""},
      .done = on_done};
  dane_search_start(&plan);
  assert_string_equal(asked, "TLSA _465._tcp.mx.test");
  assert_true(found.status == DANE_NONE && found.ttl == 60);
  memset(host, 'a', 250);
  host[250] = asked[0] = '\0';
  plan.of.host = host;
  dane_search_start(&plan);
  assert_string_equal(asked, "");
  assert_true(found.status == DANE_NONE && found.ttl == UINT32_MAX);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
