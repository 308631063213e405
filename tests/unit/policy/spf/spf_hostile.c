/* DNS that is an enemy's: an SPF check ends, soon, after few questions, and never in memory that is not its own. */
#include "base/clock.h"
#include "policy/spf/spf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "tests/unit/policy_zone.h"

#define HELO "smtp.example.com"
#define TXT ns_t_txt
#define A ns_t_a
#define MX ns_t_mx
#define PTR ns_t_ptr
#define QUESTIONS_MAX 111 /* spf.h */

static struct spf_verdict check(struct zone *z, const char *path, const char *helo) {
  struct spf_verdict v;
  struct dns_source dns = zone_source(z);
  spf_check(&dns, "192.0.2.1", path, helo, &v);
  assert_int_equal(z->asked, z->released);
  assert_in_range(z->asked, 0, QUESTIONS_MAX);
  for (const char *c = v.why; *c; c++) assert_in_range((unsigned char)*c, 32, 126);
  return v;
}

static void test_loops(void **state) {
  (void)state;
  static const struct {
    struct row rows[5];
    enum spf_result result;
    size_t asked_max;
  } samples[] = {
      {{{"e.org", TXT, "v=spf1 include:e.org -all"}}, SPF_PERMERROR, 11},
      {{{"e.org", TXT, "v=spf1 redirect=e.org"}}, SPF_PERMERROR, 11},
      {{{"e.org", TXT, "v=spf1 redirect=E.ORG"}}, SPF_PERMERROR, 11},
      {{{"e.org", TXT, "v=spf1 redirect=%{d}."}}, SPF_PERMERROR, 1},
      {{{"e.org", TXT, "v=spf1 include:a.net -all"}, {"a.net", TXT, "v=spf1 include:e.org -all"}}, SPF_PERMERROR, 11},
      {{{"e.org", TXT, "v=spf1 include:a.net ?all"},
        {"a.net", TXT, "v=spf1 redirect=b.net"},
        {"b.net", TXT, "v=spf1 include:a.net redirect=e.org"}},
       SPF_PERMERROR,
       11},
      {{{"e.org", TXT, "v=spf1 redirect=x.%{d}"},
        {"x.e.org", TXT, "v=spf1 redirect=x.%{d}"},
        {"x.x.e.org", TXT, "v=spf1 redirect=%{d2}"}},
       SPF_PERMERROR,
       11},
      /* each of ten is one lookup, and each again asks for ten hosts */
      {{{"e.org", TXT, "v=spf1 mx mx mx mx mx mx mx mx mx mx mx -all"},
        {"e.org", MX, "h.net"},
        {"h.net", A, "198.51.100.1"}},
       SPF_PERMERROR,
       21},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct zone z = {.rows = samples[i].rows};
    struct spf_verdict v = check(&z, "a@e.org", HELO);
    if (v.result != samples[i].result) fail_msg("sample %zu: %s: %s", i, spf_result_name(v.result), v.why);
    if (z.asked > samples[i].asked_max) fail_msg("sample %zu: %zu questions", i, z.asked);
  }
}

/* A thousand TXT records at one name: those of others are passed over, of ours there may be one. */
static void test_thousand_records(void **state) {
  (void)state;
  static struct row rows[1002];
  for (size_t ours = 0; ours <= 2; ours++) {
    for (size_t i = 0; i < 1000; i++)
      rows[i] = (struct row){"e.org", TXT, i % 499 == 498 && i / 499 < ours ? "v=spf1 +all" : "v=spf10 or another"};
    rows[1000] = (struct row){NULL};
    struct zone z = {.rows = rows};
    assert_int_equal(check(&z, "a@e.org", HELO).result, ours == 0 ? SPF_NONE : ours == 1 ? SPF_PASS : SPF_PERMERROR);
    assert_int_equal(z.asked, 1);
  }
  for (size_t i = 0; i < 1000; i++) rows[i].data = "v=spf1 -all";
  struct zone all = {.rows = rows};
  assert_int_equal(check(&all, "a@e.org", HELO).result, SPF_PERMERROR);
  /* as many addresses, exchangers and names of the source: the last of the addresses counts, the rest are bounded */
  static struct row many[1003] = {{"e.org", TXT, "v=spf1 a -all"}};
  for (size_t i = 1; i <= 1000; i++) many[i] = (struct row){"e.org", A, i == 1000 ? "192.0.2.1" : "198.51.100.1"};
  struct zone addresses = {.rows = many};
  assert_int_equal(check(&addresses, "a@e.org", HELO).result, SPF_PASS);
  many[0].data = "v=spf1 mx -all";
  for (size_t i = 1; i <= 1000; i++) many[i] = (struct row){"e.org", MX, "h.net"};
  struct zone hosts = {.rows = many};
  assert_int_equal(check(&hosts, "a@e.org", HELO).result, SPF_PERMERROR);
  assert_in_range(hosts.asked, 2, 12);
  many[0].data = "v=spf1 ptr ?all";
  for (size_t i = 1; i <= 1000; i++) many[i] = (struct row){"1.2.0.192.in-addr.arpa", PTR, "h.net"};
  struct zone names = {.rows = many};
  assert_int_equal(check(&names, "a@e.org", HELO).result, SPF_NEUTRAL);
  assert_in_range(names.asked, 2, 12);
}

/* TXT RDATA of any length, well-formed or cut. */
static void test_oversized(void **state) {
  (void)state;
  static char text[16000], wire[65535];
  static const struct {
    size_t len;
    const char *term;
    enum spf_result result;
  } samples[] = {{4000, " ip4:192.0.2.1", SPF_PASS},
                 {4100, " ip4:192.0.2.1", SPF_PERMERROR},
                 {15900, " ip4:192.0.2.1", SPF_PERMERROR},
                 {4000, " a", SPF_PERMERROR},
                 {300, "x", SPF_NONE},
                 {16, " ", SPF_NEUTRAL},
                 {4000, " ", SPF_NEUTRAL},
                 {3000, " x=y", SPF_NEUTRAL},
                 {4000, "=", SPF_NONE},
                 {4000, " %", SPF_PERMERROR}};
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    size_t n = (size_t)snprintf(text, sizeof text, "v=spf1"), one = strlen(samples[i].term);
    for (; n + one <= samples[i].len; n += one) memcpy(text + n, samples[i].term, one + 1);
    const struct row rows[] = {{"e.org", TXT, text}, {"e.org", A, "198.51.100.1"}, {NULL}};
    struct zone z = {.rows = rows};
    struct spf_verdict v = check(&z, "a@e.org", HELO);
    /* more than 254 mechanisms are too many, whatever they say */
    enum spf_result result = strstr(samples[i].term, "ip4:") && n / one > 254 ? SPF_PERMERROR : samples[i].result;
    if (v.result != result) fail_msg("sample %zu: %s: %s", i, spf_result_name(v.result), v.why);
  }
  for (size_t len = 0; len <= sizeof wire; len += len < 300 ? 1 : 4093) { /* strings that claim more than there is */
    memset(wire, 255, sizeof wire);
    memcpy(wire + 1, "v=spf1 -all ", len > 13 ? 12 : 0);
    const struct row rows[] = {{"e.org", TXT, .raw = {wire, len}}, {NULL}};
    struct zone z = {.rows = rows};
    enum spf_result result = check(&z, "a@e.org", HELO).result;
    assert_true(result == SPF_NONE || result == SPF_PERMERROR);
  }
}

static void slow_lookup(void *arg, const char *name, int type, struct dns_answer *out) {
  const struct timespec some = {.tv_nsec = 40 * 1000 * 1000};
  nanosleep(&some, NULL);
  zone_lookup(arg, name, type, out);
}

/* Nothing is asked behind the deadline: each answer takes 40 ms of 60, and ten more terms are waiting. */
static void test_slow(void **state) {
  (void)state;
  static const struct row rows[] = {
      {"e.org", TXT, "v=spf1 include:i.net a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net +all"},
      {"i.net", TXT, "v=spf1 a:h.net -all"},
      {"h.net", A, "198.51.100.1"},
      {NULL}};
  struct zone z = {.rows = rows};
  struct dns_source dns = {&z, slow_lookup, zone_release};
  struct spf_verdict v;
  spf_check_until(&dns, "192.0.2.1", "a@e.org", HELO, clock_monotonic_ms() + 60, &v);
  assert_int_equal(v.result, SPF_TEMPERROR);
  assert_int_equal(v.ttl, 5);
  assert_in_range(z.asked, 0, 2);
  assert_int_equal(z.asked, z.released);
}

/* SERVFAIL at each question in turn refuses nothing, unless the answer was found before it. */
static void test_failures(void **state) {
  (void)state;
  static const struct {
    const char *record, *name;
    int type;
    enum spf_result result;
  } samples[] = {
      {"v=spf1 -all", "e.org", TXT, SPF_TEMPERROR},
      {"v=spf1 a -all", "e.org", A, SPF_TEMPERROR},
      {"v=spf1 mx -all", "e.org", MX, SPF_TEMPERROR},
      {"v=spf1 mx:m.net -all", "h.net", A, SPF_TEMPERROR},
      {"v=spf1 mx:m.net/0 -all", "h.net", A, SPF_TEMPERROR},
      {"v=spf1 exists:h.net -all", "h.net", A, SPF_TEMPERROR},
      {"v=spf1 include:i.net -all", "i.net", TXT, SPF_TEMPERROR},
      {"v=spf1 include:i.net -all", "h.net", A, SPF_TEMPERROR},
      {"v=spf1 redirect=i.net", "i.net", TXT, SPF_TEMPERROR},
      {"v=spf1 ptr -all", "1.2.0.192.in-addr.arpa", PTR, SPF_TEMPERROR},
      {"v=spf1 exists:%{p}.x.net -all", "1.2.0.192.in-addr.arpa", PTR, SPF_TEMPERROR},
      {"v=spf1 a:h.net ip4:192.0.2.1 -all", "h.net", A, SPF_TEMPERROR},
      {"v=spf1 ip4:192.0.2.1 a:h.net -all", "h.net", A, SPF_PASS},
      {"v=spf1 ?all a:h.net", "h.net", A, SPF_NEUTRAL},
      {"v=spf1 a:h.net moo", "h.net", A, SPF_PERMERROR}, /* it is not asked */
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    const struct row rows[] = {{samples[i].name, samples[i].type, .trouble = DNS_FAILED},
                               {"e.org", TXT, samples[i].record},
                               {"i.net", TXT, "v=spf1 a:h.net -all"},
                               {"m.net", MX, "h.net"},
                               {NULL}};
    struct zone z = {.rows = rows};
    struct spf_verdict v = check(&z, "a@e.org", HELO);
    if (v.result != samples[i].result) fail_msg("sample %zu: %s: %s", i, spf_result_name(v.result), v.why);
  }
}

/* Octets that no host name has, in names that DNS gives and in those that the sender gives. */
static void test_odd_octets(void **state) {
  (void)state;
  static const struct bytes hosts[] = {{"\0\012\003a.b\003net", 11},
                                       {"\0\012\002a\0\003net", 10},
                                       {"\0\012\002\001h\003net", 10},
                                       {"\0\012\002h \003net", 10},
                                       {"\0\012\002h\377\003net", 10},
                                       {"\0\012\300\014", 4},
                                       {"\0\012\077h", 4},
                                       {"\0", 1},
                                       {"", 0},
                                       {"\0\012", 3} /* the null MX */,
                                       {"\0\012\002%{\003net", 10},
                                       {"\0\012\002\\1\003net", 10}};
  static const char *const parts[] = {"\001", "\001h", "a\nb", "%{h}", "%%", "\\",  "a..b", "/0", "//0",
                                      " ",    "\"@\"", "\377", "h/8",  "..", "x:y", "-",    "%"};
  for (size_t i = 0; i < COUNT_OF(hosts); i++) {
    const struct row rows[] = {{"e.org", TXT, "v=spf1 mx mx/0 ptr:net -all"},
                               {"e.org", MX, .raw = hosts[i]},
                               {"1.2.0.192.in-addr.arpa", PTR, .raw = bytes_from(hosts[i], 2)},
                               {"h.net", A, "198.51.100.1"},
                               {NULL}};
    struct zone z = {.rows = rows};
    struct spf_verdict v = check(&z, "a@e.org", HELO);
    if (v.result != SPF_FAIL && v.result != SPF_PERMERROR) fail_msg("host %zu: %s", i, v.why);
  }
  static const char *const records[] = {
      "v=spf1 a:%{l} -all",        "v=spf1 a:%{h} -all",     "v=spf1 mx:%{l}.net/24 -all",
      "v=spf1 include:%{h} -all",  "v=spf1 redirect=%{l}",   "v=spf1 ptr:%{h} -all",
      "v=spf1 exists:%{L}.x -all", "v=spf1 a:%{p}%{h} -all", "v=spf1 a:x.%{l3r-}/0 -all"};
  for (size_t r = 0; r < COUNT_OF(records); r++)
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
      char path[64];
      snprintf(path, sizeof path, "%s@e.org", parts[i]);
      const struct row rows[] = {{"e.org", TXT, records[r]}, {"h.net", A, "198.51.100.1"}, {NULL}};
      struct zone z = {.rows = rows};
      struct spf_verdict v = check(&z, path, parts[i]);
      if (v.result != SPF_FAIL && v.result != SPF_PERMERROR) fail_msg("%s, %s: %s", records[r], parts[i], v.why);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_loops),     cmocka_unit_test(test_thousand_records),
                                     cmocka_unit_test(test_oversized), cmocka_unit_test(test_slow),
                                     cmocka_unit_test(test_failures),  cmocka_unit_test(test_odd_octets)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
