/* The SPF check: what RFC 7208 asks, what libspf2 gets wrong without help, and what hostile records can do. */
#include "base/clock.h"
#include "policy/spf/rdata.h"
#include "policy/spf/spf_terms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/policy_zone.h"

#define HELO "smtp.example.com"
#define ROWS_MAX 24
#define TXT ns_t_txt
#define A ns_t_a
#define AAAA ns_t_aaaa
#define MX ns_t_mx
#define PTR ns_t_ptr

static struct spf_verdict check(struct zone *z, const char *ip, const char *path) {
  struct spf_verdict v;
  struct dns_source dns = zone_source(z);
  spf_check(&dns, ip, path, HELO, &v);
  assert_int_equal(z->asked, z->released);
  assert_int_equal(z->old_type, 0); /* RFC 7208 3.1: type SPF is not asked for */
  for (const char *c = v.why; *c; c++) assert_in_range((unsigned char)*c, 32, 126);
  return v;
}

static void test_results(void **state) {
  (void)state;
  static const struct {
    struct row rows[ROWS_MAX];
    const char *ip, *path;
    enum spf_result result;
    const char *why; /* a part of it; NULL: any */
  } samples[] = {
      {{{"e.org", TXT, "v=spf1 ip4:192.0.2.1 -all"}}, "192.0.2.1", "a@e.org", SPF_PASS, "e.org lists 192.0.2.1"},
      {{{"e.org", TXT, "v=spf1 ip4:192.0.2.1 -all"}},
       "192.0.2.2",
       "a@e.org",
       SPF_FAIL,
       "e.org does not list 192.0.2.2 (v=spf1 ip4:192.0.2.1 -all)"},
      {{{"e.org", TXT, "v=spf1 ip4:192.0.2.1 ~all"}}, "192.0.2.2", "a@e.org", SPF_SOFTFAIL, "as a softfail"},
      {{{"e.org", TXT, "v=spf1 ip4:192.0.2.1 ?all"}}, "192.0.2.2", "a@e.org", SPF_NEUTRAL, "says nothing"},
      {{{"e.org", TXT, "v=spf1 ip4:192.0.2.1"}}, "192.0.2.2", "a@e.org", SPF_NEUTRAL, NULL}, /* 4.7 */
      {{{"e.org", TXT, "hello"}}, "192.0.2.2", "a@e.org", SPF_NONE, "publishes no SPF record"},
      {{{"e.org", TXT, "v=spf10 -all"}}, "192.0.2.2", "a@e.org", SPF_NONE, NULL}, /* 4.5 */
      {{{"other.org", TXT, "v=spf1 -all"}}, "192.0.2.2", "a@e.org", SPF_NONE, NULL},
      {{{"E.ORG", TXT, "V=SPF1 IP4:192.0.2.1 -ALL"}}, "192.0.2.1", "a@e.Org", SPF_PASS, NULL},
      {{{"e.org", TXT, "v=spf1   ip4:192.0.2.0/24   -all  "}}, "192.0.2.77", "a@e.org", SPF_PASS, NULL},
      {{{"e.org", TXT, "v=spf1"}}, "192.0.2.77", "a@e.org", SPF_NEUTRAL, NULL},
      /* the null reverse-path: postmaster at the name given in EHLO (2.4) */
      {{{HELO, TXT, "v=spf1 a -all"}, {HELO, A, "192.0.2.1"}}, "192.0.2.1", "", SPF_PASS, HELO " lists"},
      {{{"e.org", TXT, "v=spf1 +all"}}, "192.0.2.1", "", SPF_NONE, HELO},
      /* loopback is looked up like any address: libspf2 alone would let it pass */
      {{{"e.org", TXT, "v=spf1 -all"}}, "127.0.0.2", "a@e.org", SPF_FAIL, "does not list 127.0.0.2"},
      /* a, mx, with prefixes and both families */
      {{{"e.org", TXT, "v=spf1 a -all"}, {"e.org", A, "192.0.2.9"}}, "192.0.2.9", "a@e.org", SPF_PASS, NULL},
      {{{"e.org", TXT, "v=spf1 a/24 -all"}, {"e.org", A, "192.0.2.9"}}, "192.0.2.10", "a@e.org", SPF_PASS, NULL},
      {{{"e.org", TXT, "v=spf1 a:h.e.org//64 -all"}, {"h.e.org", AAAA, "2001:db8::1"}},
       "2001:db8::ffff",
       "a@e.org",
       SPF_PASS,
       NULL},
      {{{"e.org", TXT, "v=spf1 ip6:2001:db8::/32 -all"}}, "2001:db8:5::1", "a@e.org", SPF_PASS, NULL},
      {{{"e.org", TXT, "v=spf1 ip4:192.0.2.1 -all"}}, "::ffff:192.0.2.1", "a@e.org", SPF_PASS, NULL}, /* 5 */
      {{{"e.org", TXT, "v=spf1 mx -all"},
        {"e.org", MX, "m1.e.org"},
        {"e.org", MX, "m2.e.org"},
        {"m1.e.org", A, "192.0.2.3"},
        {"m2.e.org", A, "192.0.2.4"}},
       "192.0.2.4",
       "a@e.org",
       SPF_PASS,
       NULL},
      {{{"e.org", TXT, "v=spf1 exists:%{ir}.list.e.org -all"}, {"4.2.0.192.list.e.org", A, "127.0.0.2"}},
       "192.0.2.4",
       "a@e.org",
       SPF_PASS,
       NULL},
      {{{"e.org", TXT, "v=spf1 ptr -all"},
        {"4.2.0.192.in-addr.arpa", PTR, "mail.e.org"},
        {"mail.e.org", A, "192.0.2.4"}},
       "192.0.2.4",
       "a@e.org",
       SPF_PASS,
       NULL},
      /* include and redirect */
      {{{"e.org", TXT, "v=spf1 include:p.net -all"}, {"p.net", TXT, "v=spf1 ip4:192.0.2.4 -all"}},
       "192.0.2.4",
       "a@e.org",
       SPF_PASS,
       NULL},
      {{{"e.org", TXT, "v=spf1 include:p.net ~all"}, {"p.net", TXT, "v=spf1 ip4:192.0.2.4 -all"}},
       "192.0.2.5",
       "a@e.org",
       SPF_SOFTFAIL,
       NULL}, /* 5.2: a fail within is no match */
      {{{"e.org", TXT, "v=spf1 include:p.net -all"}}, "192.0.2.5", "a@e.org", SPF_PERMERROR, "p.net"},
      {{{"e.org", TXT, "v=spf1 redirect=p.net"}, {"p.net", TXT, "v=spf1 ip4:192.0.2.4 -all"}},
       "192.0.2.4",
       "a@e.org",
       SPF_PASS,
       NULL},
      {{{"e.org", TXT, "v=spf1 redirect=p.net"}}, "192.0.2.4", "a@e.org", SPF_PERMERROR, NULL}, /* 6.1 */
      {{{"e.org", TXT, "v=spf1 redirect=p.net ip4:192.0.2.4"}, {"p.net", TXT, "v=spf1 -all"}},
       "192.0.2.4",
       "a@e.org",
       SPF_PASS,
       NULL}, /* 6.1: wherever it stands, it counts last */
      {{{"e.org", TXT, "v=spf1 redirect=p.net ?all"}, {"p.net", TXT, "v=spf1 +all"}},
       "192.0.2.4",
       "a@e.org",
       SPF_NEUTRAL,
       NULL}, /* 6.1: void beside all */
      {{{"e.org", TXT, "v=spf1 redirect=p.net redirect=q.net"}}, "192.0.2.4", "a@e.org", SPF_PERMERROR, "twice"},
      /* the explanation is never fetched */
      {{{"e.org", TXT, "v=spf1 exp=why.e.org -all"}, {"why.e.org", 0, .trouble = DNS_FAILED}},
       "192.0.2.4",
       "a@e.org",
       SPF_FAIL,
       NULL},
      {{{"e.org", TXT, "v=spf1 unknown=x ip4:192.0.2.4 -all"}}, "192.0.2.4", "a@e.org", SPF_PASS, NULL}, /* 6 */
      /* records that nobody can use */
      {{{"e.org", TXT, "v=spf1 +all"}, {"e.org", TXT, "v=spf1 -all"}},
       "192.0.2.4",
       "a@e.org",
       SPF_PERMERROR,
       "more than one record"},
      {{{"e.org", TXT, "v=spf1 ip4:192.0.2.400 -all"}}, "192.0.2.4", "a@e.org", SPF_PERMERROR, "ip4:192.0.2.400"},
      {{{"e.org", TXT, "v=spf1 ipv4:192.0.2.4 -all"}}, "192.0.2.4", "a@e.org", SPF_PERMERROR, "ipv4:192.0.2.4"},
      {{{"e.org", TXT, "v=spf1 \001 -all"}}, "192.0.2.4", "a@e.org", SPF_PERMERROR, "printable"},
      {{{"e.org", TXT, .raw = {"\011v=spf1 -all", 11}}}, "192.0.2.4", "a@e.org", SPF_PERMERROR, NULL},
      {{{"e.org", TXT, .raw = {"\377v=spf1 -all", 12}}}, "192.0.2.4", "a@e.org", SPF_NONE, NULL}, /* no string in it */
      {{{"e.org", TXT, .raw = {"\006v=spf1\014 ip4:192.0.2\006.4 -al\001l", 29}}},
       "192.0.2.4",
       "a@e.org",
       SPF_PASS,
       NULL}, /* 3.3: put together without spaces */
      /* a failure of DNS is temporary, whatever libspf2 makes of it, and refuses nothing */
      {{{"e.org", 0, .trouble = DNS_FAILED}}, "192.0.2.4", "a@e.org", SPF_TEMPERROR, "DNS did not answer for e.org"},
      {{{"e.org", 0, .trouble = DNS_FAILED, .bogus = true}},
       "192.0.2.4",
       "a@e.org",
       SPF_TEMPERROR,
       "DNSSEC does not confirm the answer for e.org: whether"},
      {{{"e.org", TXT, "v=spf1 a:x.e.org -all"}, {"x.e.org", 0, .trouble = DNS_FAILED}},
       "192.0.2.4",
       "a@e.org",
       SPF_TEMPERROR,
       "DNS did not answer for x.e.org"},
      {{{"e.org", TXT, "v=spf1 include:p.net -all"}, {"p.net", 0, .trouble = DNS_FAILED}},
       "192.0.2.4",
       "a@e.org",
       SPF_TEMPERROR,
       "p.net"},
      {{{"e.org", TXT, "v=spf1 a:x.e.org ip4:192.0.2.4 -all"}, {"x.e.org", 0, .trouble = DNS_FAILED}},
       "192.0.2.9",
       "a@e.org",
       SPF_TEMPERROR,
       NULL},
      /* no domain that could publish anything (4.3) */
      {{{"localhost", TXT, "v=spf1 +all"}}, "192.0.2.4", "a@localhost", SPF_NONE, NULL},
      {{{"e.org", TXT, "v=spf1 +all"}}, "192.0.2.4", "a@[192.0.2.4]", SPF_NONE, NULL},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct zone z = {.rows = samples[i].rows};
    struct spf_verdict v = check(&z, samples[i].ip, samples[i].path);
    if (v.result != samples[i].result)
      fail_msg("sample %zu (%s): %s instead of %s: %s", i, samples[i].rows[0].data, spf_result_name(v.result),
               spf_result_name(samples[i].result), v.why);
    if (samples[i].why && !strstr(v.why, samples[i].why)) fail_msg("sample %zu: %s", i, v.why);
  }
}

/* Prefix lengths of 0, which libspf2 takes for none: any address of the source's kind, if there is one at all (5.3). */
static void test_zero_lengths(void **state) {
  (void)state;
  static const struct row zone[] = {{"h.net", A, "198.51.100.1"}, {"six.net", AAAA, "2001:db8:9::1"},
                                    {"mx.net", MX, "nobody.net"}, {"mx.net", MX, "h.net"},
                                    {"mx6.net", MX, "six.net"},   {"hollow.net", MX, "six.net"}};
  static const struct {
    const char *record, *ip;
    enum spf_result result;
  } samples[] = {
      {"v=spf1 ip4:198.51.100.1/0 -all", "192.0.2.1", SPF_PASS},
      {"v=spf1 -ip4:0.0.0.0/0 +all", "192.0.2.1", SPF_FAIL},
      {"v=spf1 ip4:0.0.0.0/0 -all", "2001:db8::1", SPF_FAIL},
      {"v=spf1 ip6:::/0 -all", "2001:db8::1", SPF_PASS},
      {"v=spf1 ip6:2001:db8::/0 -all", "192.0.2.1", SPF_FAIL},
      {"v=spf1 ip6:::/0 -all", "::ffff:192.0.2.1", SPF_FAIL}, /* 5: it is an IPv4 address */
      {"v=spf1 a:h.net/0 -all", "192.0.2.1", SPF_PASS},
      {"v=spf1 ?a:h.net/0 -all", "192.0.2.1", SPF_NEUTRAL},
      {"v=spf1 a:h.net/0 -all", "2001:db8::1", SPF_FAIL},
      {"v=spf1 a:six.net/0 -all", "192.0.2.1", SPF_FAIL},
      {"v=spf1 a:six.net/0 -all", "2001:db8::1", SPF_FAIL}, /* 128 is what is not written */
      {"v=spf1 a:six.net//0 -all", "2001:db8::1", SPF_PASS},
      {"v=spf1 a:six.net/24//0 -all", "2001:db8::1", SPF_PASS},
      {"v=spf1 a:h.net//0 -all", "192.0.2.1", SPF_FAIL},
      {"v=spf1 a:nobody.net/0 -all", "192.0.2.1", SPF_FAIL},
      {"v=spf1 mx:mx.net/0 -all", "192.0.2.1", SPF_PASS},
      {"v=spf1 mx:mx6.net//0 -all", "2001:db8::1", SPF_PASS},
      {"v=spf1 mx:hollow.net/0 -all", "192.0.2.1", SPF_FAIL},
      {"v=spf1 mx:nobody.net/0 -all", "192.0.2.1", SPF_FAIL},
      {"v=spf1 a:h.net/0 -all", "198.51.100.1", SPF_PASS},
      {"v=spf1 a:h.net/1 -all", "192.0.2.1", SPF_PASS},
      {"v=spf1 a:h.net/8 -all", "192.0.2.1", SPF_FAIL},
      {"v=spf1 a:six.net//33 -all", "2001:db8:8000::1", SPF_FAIL},
      {"v=spf1 a:six.net//32 -all", "2001:db8:8000::1", SPF_PASS},
      {"v=spf1 ip6:2001:db8:1111:2222:3333:4444:5555:6600/120 -all", "2001:db8:1111:2222:3333:4444:5555:66ff",
       SPF_PASS},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct row rows[ROWS_MAX] = {{"e.org", TXT, samples[i].record}};
    memcpy(rows + 1, zone, sizeof zone);
    struct zone z = {.rows = rows};
    struct spf_verdict v = check(&z, samples[i].ip, "a@e.org");
    if (v.result != samples[i].result) fail_msg("%s for %s: %s", samples[i].record, samples[i].ip, v.why);
  }
}

/* A /0 inherits nothing: the source's own address is there for the term that has it, and for no other. */
static void test_zero_length_alone(void **state) {
  (void)state;
  static const struct row rows[] = {{"e.org", TXT, "v=spf1 ?mx:mx.net//0 mx:mx.net a:h.net -all"},
                                    {"mx.net", MX, "h.net"},
                                    {"h.net", A, "198.51.100.1"},
                                    {NULL}};
  struct zone z = {.rows = rows};
  assert_int_equal(check(&z, "192.0.2.1", "a@e.org").result, SPF_FAIL);
}

/* An error anywhere in a record counts, also behind what matches (4.6): libspf2 alone passes, fails or says nothing. */
static void test_malformed_records(void **state) {
  (void)state;
  static const char *const terms[] = {
      "a:192.0.2.1",   "a:h",     "a:h.net:25",   "ptr:", "mx:",  "exists:", "exists:h.n/24", "redirect:h.n",
      "redirect=-all", "exp=",    "exp=%{r}.h.n", "x=%x", "1x=y", "=y",      "exists:%(d)",   "ip4:192.0.2.1/032",
      "all.",          "a/24/64", "a:%{d0}"};
  for (size_t i = 0; i < COUNT_OF(terms); i++) {
    char text[200];
    snprintf(text, sizeof text, "v=spf1 ip4:192.0.2.1 +all %s", terms[i]);
    const struct row rows[] = {{"e.org", TXT, text}, {"i.org", TXT, "v=spf1 include:e.org -all"}, {NULL}};
    struct zone z = {.rows = rows}, within = {.rows = rows};
    struct spf_verdict v = check(&z, "192.0.2.1", "a@e.org");
    if (v.result != SPF_PERMERROR || !strstr(v.why, terms[i])) fail_msg("%s: %s", terms[i], v.why);
    v = check(&within, "192.0.2.1", "a@i.org");
    if (v.result != SPF_PERMERROR || !strstr(v.why, "e.org, to which it refers")) fail_msg("%s: %s", terms[i], v.why);
  }
}

/* Names that macros make (7), and the sender's parts that go into them (4.3). */
static void test_expanded_names(void **state) {
  (void)state;
  static const struct {
    const char *record, *name; /* the name has an address */
    const char *path;
    enum spf_result result;
  } samples[] = {
      {"v=spf1 a:a%_b%%c%-d.e.org -all", "a b%c%20d.e.org", "x@e.org", SPF_PASS},
      {"v=spf1 exists:%{l}.e.org -all", "two words.e.org", "two words@e.org", SPF_PASS},
      {"v=spf1 exists:%{l}.e.org -all", "postmaster.e.org", "@e.org", SPF_PASS},
      {"v=spf1 exists:%{l}.e.org -all", "postmaster.e.org", "x@e.org", SPF_FAIL},
      {"v=spf1 exists:%{l1r-}.e.org -all", "b.e.org", "a-b-c@e.org", SPF_FAIL},
      {"v=spf1 exists:%{l1r-}.e.org -all", "a.e.org", "a-b-c@e.org", SPF_PASS},
      {"v=spf1 exists:%{d2}.e.org -all", "e.org.e.org", "a@e.org", SPF_PASS},
      {"v=spf1 exists:%{d1}.e.org -all", "org.e.org", "a@e.org", SPF_PASS},
      {"v=spf1 exists:%{d9}.e.org -all", "e.org.e.org", "a@e.org", SPF_PASS}, /* libspf2 alone: ".org.e.org" */
      {"v=spf1 exists:%{d2R}.e.org -all", "org.e.e.org", "a@e.org", SPF_PASS},
      {"v=spf1 exists:%{l1,}.%{l1/}.e.org -all", "c.b,c.e.org", "a/b,c@e.org", SPF_PASS},
      {"v=spf1 exists:%{p}.e.org -all", "unknown.e.org", "a@e.org", SPF_PASS},
      {"v=spf1 ptr:e.org. a:h.e.org. -all", "h.e.org", "a@e.org", SPF_PASS},
      {"v=spf1 exists:%{l}.e.org -all", "a\\b.e.org", "a\\b@e.org", SPF_FAIL}, /* nothing can be asked about it */
      /* the mark of a /0 is nobody's to set */
      {"v=spf1 a:%{l}.e.org -all", "x.e.org", "\001x@e.org", SPF_FAIL},
      {"v=spf1 a:%{l}.e.org -all", "\001x.e.org", "\001x@e.org", SPF_FAIL},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    bool exists = strstr(samples[i].record, "exists:");
    const struct row rows[] = {
        {"e.org", TXT, samples[i].record},
        {samples[i].name, A, exists || samples[i].result == SPF_PASS ? "192.0.2.1" : "198.51.100.1"},
        {NULL}};
    struct zone z = {.rows = rows};
    struct spf_verdict v = check(&z, "192.0.2.1", samples[i].path);
    if (v.result != samples[i].result) fail_msg("sample %zu (%s): %s", i, samples[i].record, v.why);
  }
}

/* RFC 7208 4.6.4: two terms may find nothing, over the whole check. */
static void test_void_limit(void **state) {
  (void)state;
  static const struct {
    struct row rows[ROWS_MAX];
    enum spf_result result;
  } samples[] = {
      {{{"e.org", TXT, "v=spf1 a:x.net mx:y.net ip4:192.0.2.1 -all"}}, SPF_PASS},
      {{{"e.org", TXT, "v=spf1 a:x.net mx:y.net exists:z.net ip4:192.0.2.1 -all"}}, SPF_PERMERROR},
      {{{"e.org", TXT, "v=spf1 ptr a:x.net a:y.net ip4:192.0.2.1 -all"}}, SPF_PERMERROR},
      {{{"e.org", TXT, "v=spf1 a:x.net a:x.net a:x.net -all"}, {"x.net", MX, "m.net"}}, SPF_PERMERROR}, /* no data */
      {{{"e.org", TXT, "v=spf1 a:x.net include:i.net -all"}, {"i.net", TXT, "v=spf1 a:y.net a:z.net -all"}},
       SPF_PERMERROR},
      {{{"e.org", TXT, "v=spf1 ip4:192.0.2.1 a:x.net a:y.net a:z.net -all"}}, SPF_PASS}, /* none is asked */
      /* hosts of a term are not terms, and what cannot be asked finds nothing without a lookup */
      {{{"e.org", TXT, "v=spf1 mx a:x.net -all"}, {"e.org", MX, "m1.net"}, {"e.org", MX, "m2.net"}}, SPF_FAIL},
      {{{"e.org", TXT, "v=spf1 a:a..b.net a:c..d.net a:e..f.net -all"}}, SPF_FAIL},
      {{{"e.org", TXT, "v=spf1 a:x.net a:y.net a:z.net -all"}, {"z.net", 0, .trouble = DNS_FAILED}}, SPF_TEMPERROR},
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct zone z = {.rows = samples[i].rows};
    struct spf_verdict v = check(&z, "192.0.2.1", "a@e.org");
    if (v.result != samples[i].result) fail_msg("sample %zu: %s: %s", i, spf_result_name(v.result), v.why);
  }
}

/* Names of the source that DNS does not tell are passed over (5.5); only a fail is not believed then, and what is not
 * sure is not kept. */
static void test_unknown_names(void **state) {
  (void)state;
  static const struct row failed[] = {{"1.2.0.192.in-addr.arpa", 0, .trouble = DNS_FAILED}};
  static const struct row half[] = {{"1.2.0.192.in-addr.arpa", PTR, "lost.e.org"},
                                    {"1.2.0.192.in-addr.arpa", PTR, "h.e.org"},
                                    {"lost.e.org", 0, .trouble = DNS_FAILED},
                                    {"h.e.org", A, "192.0.2.1"}};
  static const struct {
    const char *record;
    const struct row *zone;
    size_t count;
    enum spf_result result;
  } samples[] = {{"v=spf1 ptr ?all", failed, COUNT_OF(failed), SPF_NEUTRAL},
                 {"v=spf1 ptr ~all", failed, COUNT_OF(failed), SPF_SOFTFAIL},
                 {"v=spf1 ptr -all", failed, COUNT_OF(failed), SPF_TEMPERROR},
                 {"v=spf1 ptr ip4:192.0.2.1 -all", failed, COUNT_OF(failed), SPF_PASS},
                 {"v=spf1 ptr -all", half, COUNT_OF(half), SPF_PASS},
                 {"v=spf1 ptr:x.net -all", half, COUNT_OF(half), SPF_TEMPERROR},
                 {"v=spf1 ptr:x.net a:lost.e.org ?all", half, COUNT_OF(half), SPF_TEMPERROR}};
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct row rows[ROWS_MAX] = {{"e.org", TXT, samples[i].record}};
    memcpy(rows + 1, samples[i].zone, samples[i].count * sizeof *rows);
    struct zone z = {.rows = rows};
    struct spf_verdict v = check(&z, "192.0.2.1", "a@e.org");
    if (v.result != samples[i].result) fail_msg("sample %zu: %s: %s", i, spf_result_name(v.result), v.why);
    assert_int_equal(v.ttl, 5);
  }
}

/* RFC 7208 4.6.4: ten terms that ask DNS, over the whole check, and not a question more. */
static void test_lookup_limit(void **state) {
  (void)state;
  static const struct row ten[] = {
      {"e.org", TXT,
       "v=spf1 a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net ip4:192.0.2.1 -all"},
      {"h.net", A, "198.51.100.1"},
      {NULL}};
  static const struct row eleven[] = {
      {"e.org", TXT,
       "v=spf1 a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net a:h.net -all"},
      {"h.net", A, "198.51.100.1"},
      {NULL}};
  static const struct row spread[] = {{"e.org", TXT, "v=spf1 include:i1.net include:i2.net -all"},
                                      {"i1.net", TXT, "v=spf1 a:h.net a:h.net a:h.net a:h.net -all"},
                                      {"i2.net", TXT, "v=spf1 a:h.net a:h.net a:h.net a:h.net a:h.net -all"},
                                      {"h.net", A, "198.51.100.1"},
                                      {NULL}};
  static const struct row circle[] = {{"e.org", TXT, "v=spf1 include:e.org -all"}, {NULL}};
  static const struct row bomb[] = {{"e.org", TXT, "v=spf1 include:e.org include:e.org include:e.org redirect=e.org"},
                                    {NULL}};
  static const struct {
    const struct row *rows;
    enum spf_result result;
    size_t asked_max;
  } samples[] = {{ten, SPF_PASS, 11},
                 {eleven, SPF_PERMERROR, 11},
                 {spread, SPF_PERMERROR, 12},
                 {circle, SPF_PERMERROR, 11},
                 {bomb, SPF_PERMERROR, 11}};
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct zone z = {.rows = samples[i].rows};
    struct spf_verdict v = check(&z, "192.0.2.1", "a@e.org");
    if (v.result != samples[i].result) fail_msg("sample %zu: %s, %s", i, spf_result_name(v.result), v.why);
    if (z.asked > samples[i].asked_max) fail_msg("sample %zu: %zu questions", i, z.asked);
  }
}

/* More than ten exchangers are an error; of the names of an address no more than ten are looked at (4.6.4). */
static void test_many_names(void **state) {
  (void)state;
  static char names[20][24];
  struct row rows[64] = {{"e.org", TXT, "v=spf1 mx ptr -all"}};
  for (int many = 10; many <= 11; many++) {
    struct zone z = {.rows = rows};
    size_t n = 1;
    for (int i = 0; i < many; i++) {
      snprintf(names[i], sizeof names[i], "m%d.e.org", i);
      rows[n++] = (struct row){"e.org", MX, names[i]};
      rows[n++] = (struct row){names[i], A, "198.51.100.1"};
    }
    rows[n] = (struct row){NULL};
    struct spf_verdict v = check(&z, "192.0.2.1", "a@e.org");
    assert_int_equal(v.result, many == 10 ? SPF_FAIL : SPF_PERMERROR);
  }
  size_t n = 1;
  for (int i = 0; i < 20; i++) {
    snprintf(names[i], sizeof names[i], "p%d.e.org", i);
    rows[n++] = (struct row){"1.2.0.192.in-addr.arpa", PTR, names[i]};
    rows[n++] = (struct row){names[i], A, i == 15 ? "192.0.2.1" : "198.51.100.1"};
  }
  rows[n] = (struct row){NULL};
  rows[0].data = "v=spf1 ptr -all";
  struct zone z = {.rows = rows};
  assert_int_equal(check(&z, "192.0.2.1", "a@e.org").result, SPF_FAIL);
  assert_in_range(z.asked, 3, 12);
}

/* A list of four hundred networks: libspf2 alone forgets those beyond 511 octets of its own form. */
static void test_long_record(void **state) {
  (void)state;
  char text[4000] = "v=spf1";
  for (int i = 0; i < 200; i++) snprintf(text + strlen(text), 32, " ip4:10.%d.0.0/16", i);
  strcat(text, " -all");
  const struct row rows[] = {{"e.org", TXT, text}, {NULL}};
  struct zone z = {.rows = rows};
  assert_int_equal(check(&z, "10.199.1.1", "a@e.org").result, SPF_PASS);
  assert_int_equal(check(&z, "10.200.1.1", "a@e.org").result, SPF_FAIL);
}

/* Each length around the bounds, and macros that grow: ASan watches libspf2 (CVE-2023-42118, CVE-2021-33912). */
static void test_hostile_lengths(void **state) {
  (void)state;
  static const char *const forms[] = {"v=spf1 a:%s.e.org -all", "v=spf1 include:%s -all",   "v=spf1 exists:%s -all",
                                      "v=spf1 redirect=%s",     "v=spf1 ip4:%s -all",       "v=spf1 %s -all",
                                      "v=spf1 x=%s -all",       "v=spf1 exp=%s.e.org -all", "v=spf1 -%s"};
  static const char *const fillers[] = {"x", "%%", "%_", "%{s}", "%{d1r-}", "%{L}.", "%{i}", "%{p}", "%", "/", "\377"};
  char filler[4200], text[4400];
  for (size_t f = 0; f < COUNT_OF(forms); f++)
    for (size_t k = 0; k < COUNT_OF(fillers); k++)
      for (size_t len = 50; len <= 4100; len += len < 520 ? 47 : 1790) {
        size_t one = strlen(fillers[k]);
        filler[0] = '\0';
        for (size_t n = 0; n + one <= len; n += one) memcpy(filler + n, fillers[k], one), filler[n + one] = '\0';
        const char *place = strstr(forms[f], "%s");
        snprintf(text, sizeof text, "%.*s%s%s", (int)(place - forms[f]), forms[f], filler, place + 2);
        const struct row rows[] = {{"e.org", TXT, text}, {NULL}};
        struct zone z = {.rows = rows};
        check(&z, "2001:db8::1", "a-long+local.part-of-a-path@e.org");
      }
}

static void test_ttl(void **state) {
  (void)state;
  static const struct {
    struct row rows[4];
    uint32_t ttl;
  } samples[] = {
      {{{"e.org", TXT, "v=spf1 a -all", .ttl = 600}, {"e.org", A, "192.0.2.1", .ttl = 60}}, 60},
      {{{"e.org", TXT, "v=spf1 -all", .ttl = 1}}, 5},
      {{{"e.org", TXT, "v=spf1 -all", .ttl = 604800}}, 86400},
      {{{"e.org", 0, .trouble = DNS_FAILED}}, 5},
      {{{"x.org", TXT, "other"}}, 300}, /* a negative answer has its own */
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct zone z = {.rows = samples[i].rows};
    assert_int_equal(check(&z, "192.0.2.1", "a@e.org").ttl, samples[i].ttl);
  }
}

static void test_local_part(void **state) {
  (void)state;
  static const struct {
    const char *record, *path;
    enum spf_result result;
    bool depends;
  } samples[] = {
      {"v=spf1 exists:%{l}.u.e.org -all", "ann@e.org", SPF_PASS, true},
      {"v=spf1 exists:%{l}.u.e.org -all", "bob@e.org", SPF_FAIL, true},
      {"v=spf1 exists:%{d}.u.e.org -all", "ann@e.org", SPF_FAIL, false},
      {"v=spf1 redirect=%{S}.e.org", "ann@e.org", SPF_PERMERROR, true},
      {"v=spf1 %{l} -all", "ann@e.org", SPF_PERMERROR, false}, /* whoever asks */
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    const struct row rows[] = {{"e.org", TXT, samples[i].record}, {"ann.u.e.org", A, "127.0.0.2"}, {NULL}};
    struct zone z = {.rows = rows};
    struct spf_verdict v = check(&z, "192.0.2.1", samples[i].path);
    if (v.result != samples[i].result || v.depends_on_local_part != samples[i].depends)
      fail_msg("sample %zu: %s, %s", i, spf_result_name(v.result), v.why);
  }
}

/* No question is asked behind the deadline, and the check is then temporary. */
static void test_deadline(void **state) {
  (void)state;
  const struct row rows[] = {{"e.org", TXT, "v=spf1 -all"}, {NULL}};
  struct zone z = {.rows = rows};
  struct dns_source dns = zone_source(&z);
  struct spf_verdict v;
  spf_check_until(&dns, "192.0.2.1", "a@e.org", HELO, clock_monotonic_ms(), &v);
  assert_int_equal(v.result, SPF_TEMPERROR);
  assert_int_equal(z.asked, 0);
}

static void test_question_names(void **state) {
  (void)state;
  static const struct {
    const char *text, *question; /* NULL: none */
  } samples[] = {{"e.org", "e.org"}, {"e.org.", "e.org"}, {"", NULL},        {".", NULL},
                 {"a..b", NULL},     {".e.org", NULL},    {"e.org..", NULL}, {"a b.org", "a b.org"},
                 {"a\\b.org", NULL}, {"a\tb.org", NULL}};
  char out[NAME_MAX_TEXT + 1], text[2000] = "";
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    assert_int_equal(question_name(samples[i].text, out), samples[i].question != NULL);
    if (samples[i].question) assert_string_equal(out, samples[i].question);
  }
  for (int i = 0; i < 100; i++) strcat(text, "label-10ch."); /* 7.3: labels go from the left */
  strcat(text, "e.org");
  assert_true(question_name(text, out));
  assert_int_equal(strlen(out), 22 * 11 + 5);
  memset(text, 'x', 64);
  strcpy(text + 64, ".org");
  assert_false(question_name(text, out));
  assert_true(question_name(text + 1, out));
}

static void test_wire_names(void **state) {
  (void)state;
  static const struct {
    struct bytes wire;
    const char *text; /* NULL: none */
  } samples[] = {{{"\001a\003org", 7}, "a.org"}, {{"", 1}, "."},          {{"", 0}, NULL},
                 {{"\001a", 2}, NULL},           {{"\005a", 2}, NULL},    {{"\001.\000", 3}, NULL},
                 {{"\001 \0", 3}, NULL},         {{"\300\014", 2}, NULL}, {{"\002\\1", 4}, NULL}};
  char out[NAME_MAX_TEXT + 1], *hold;
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    struct bytes wire = exact_copy(samples[i].wire, &hold);
    bool read = rdata_name(wire, out);
    free(hold);
    if (read != (samples[i].text != NULL)) fail_msg("sample %zu", i);
    if (read) assert_string_equal(out, samples[i].text);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_results),           cmocka_unit_test(test_zero_lengths),
                                     cmocka_unit_test(test_zero_length_alone), cmocka_unit_test(test_malformed_records),
                                     cmocka_unit_test(test_expanded_names),    cmocka_unit_test(test_void_limit),
                                     cmocka_unit_test(test_unknown_names),     cmocka_unit_test(test_lookup_limit),
                                     cmocka_unit_test(test_many_names),        cmocka_unit_test(test_long_record),
                                     cmocka_unit_test(test_hostile_lengths),   cmocka_unit_test(test_ttl),
                                     cmocka_unit_test(test_local_part),        cmocka_unit_test(test_deadline),
                                     cmocka_unit_test(test_question_names),    cmocka_unit_test(test_wire_names)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
