/* What is asked of a blocklist, and which answers are believed (RFC 5782). */
#include "relay/delivery/route/blocklist.h"

#include "base/clock.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/policy_zone.h"

#define ZONE "bl.example.org"
#define FOUR "193.0.2.25"
#define SIX "2a00:5f:1::25"
#define FOUR_AT "25.2.0.193." ZONE
#define SIX_AT "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.f.5.0.0.0.0.a.2." ZONE
#define MAPPED "0.0.0.0.0.f.7.f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0." ZONE
#define A ns_t_a
#define TXT ns_t_txt

/* The list is as it should be, for all three kinds. */
#define GOOD                                                                                                           \
  {"2.0.0.127." ZONE, A, "127.0.0.2"}, {"2." MAPPED, A, "127.0.0.2"}, {                                                \
    "test." ZONE, A, "127.0.1.2"                                                                                       \
  }

static void test_names(void **state) {
  (void)state;
  static const struct {
    const char *subject, *name;
  } samples[] = {{FOUR, FOUR_AT}, {SIX, SIX_AT}, {"smtp.example.com", "smtp.example.com." ZONE}};
  char name[DOMAIN_MAX + 1], zone[DOMAIN_MAX + 1];
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    assert_true(blocklist_question(ZONE, samples[i].subject, name));
    assert_string_equal(name, samples[i].name);
  }
  /* Every address fits before the longest name of a list that may be configured; not every domain does. */
  memset(zone, 'a', BLOCKLIST_ZONE_MAX);
  zone[BLOCKLIST_ZONE_MAX] = '\0';
  assert_true(blocklist_question(zone, SIX, name));
  assert_true(strlen(name) == BLOCKLIST_ZONE_MAX + 64);
  memset(zone, 'a', 236);
  zone[236] = '\0';
  assert_true(blocklist_question(zone, "smtp.example.com", name));
  zone[236] = 'a';
  zone[237] = '\0';
  assert_false(blocklist_question(zone, "smtp.example.com", name));
}

static const struct sample {
  struct row rows[10];
  const char *subject;
  enum blocklist_state state;
  const char *codes, *text; /* text: a part of it */
} samples[] = {
    {{GOOD}, FOUR, BLOCKLIST_CLEAN},
    {{GOOD}, SIX, BLOCKLIST_CLEAN},
    {{GOOD}, "smtp.example.com", BLOCKLIST_CLEAN},
    {{GOOD, {FOUR_AT, A, "127.0.0.4"}, {FOUR_AT, TXT, "spam, see https://bl.example.org/q?25"}},
     FOUR,
     BLOCKLIST_LISTED,
     "127.0.0.4",
     "see https://bl.example.org/q?25"},
    {{GOOD, {FOUR_AT, A, "127.0.0.2"}, {FOUR_AT, A, "127.0.0.10"}}, FOUR, BLOCKLIST_LISTED, "127.0.0.2, 127.0.0.10"},
    {{GOOD, {SIX_AT, A, "127.0.0.2"}}, SIX, BLOCKLIST_LISTED, "127.0.0.2"},
    {{GOOD, {FOUR_AT, A, "127.0.0.2"}, {FOUR_AT, TXT, "a\33[31m\n\200"}}, FOUR, BLOCKLIST_LISTED, .text = "a?[31m??"},
    {{GOOD, {FOUR_AT, A, "127.0.0.2"}, {FOUR_AT, TXT, .raw = {"\5ab", 3}}}, FOUR, BLOCKLIST_LISTED, "127.0.0.2"},
    /* The HELO name, and the domain that it is of. */
    {{GOOD, {"smtp.example.com." ZONE, A, "127.0.1.2"}}, "smtp.example.com", BLOCKLIST_LISTED, "127.0.1.2"},
    {{GOOD, {"example.com." ZONE, A, "127.0.1.4"}}, "smtp.example.com", BLOCKLIST_LISTED, "127.0.1.4"},
    {{GOOD, {"com." ZONE, A, "127.0.1.4"}}, "smtp.example.com", BLOCKLIST_CLEAN},
    /* No listings. */
    {{GOOD, {FOUR_AT, A, "127.255.255.254"}},
     FOUR,
     BLOCKLIST_UNUSABLE,
     "",
     "127.255.255.254: it does not answer public"},
    {{GOOD, {FOUR_AT, A, "127.255.255.255"}}, FOUR, BLOCKLIST_UNUSABLE, "", "asked too often"},
    {{GOOD, {FOUR_AT, A, "127.255.255.7"}}, FOUR, BLOCKLIST_UNUSABLE, "", "it refuses to answer"},
    {{GOOD, {FOUR_AT, A, "127.0.0.2"}, {FOUR_AT, A, "127.255.255.254"}}, FOUR, BLOCKLIST_UNUSABLE, "", "public"},
    {{GOOD, {FOUR_AT, A, "127.255.255.254"}, {FOUR_AT, A, "127.0.0.2"}}, FOUR, BLOCKLIST_UNUSABLE, "", "public"},
    {{GOOD, {FOUR_AT, A, "127.0.0.1"}}, FOUR, BLOCKLIST_UNUSABLE, "", "127.0.0.1: it refuses"},
    {{GOOD, {FOUR_AT, A, "192.0.2.80"}}, FOUR, BLOCKLIST_UNUSABLE, "", "192.0.2.80: no blocklist does that"},
    {{GOOD, {FOUR_AT, 0, .trouble = DNS_FAILED}}, FOUR, BLOCKLIST_UNKNOWN, "", "DNS did not answer for " FOUR_AT},
    {{GOOD, {FOUR_AT, 0, .trouble = DNS_FAILED, .bogus = true}}, FOUR, BLOCKLIST_UNKNOWN, "", "DNSSEC"},
    {{GOOD, {FOUR_AT, A, .raw = {"\177\0\0", 3}}}, FOUR, BLOCKLIST_CLEAN},
    {{GOOD, {FOUR_AT, TXT, "a reason alone is no listing"}}, FOUR, BLOCKLIST_CLEAN},
    /* Lists that are not believed, whatever they say of the source. */
    {{{FOUR_AT, A, "127.0.0.2"}}, FOUR, BLOCKLIST_UNUSABLE, "", "it does not list 127.0.0.2, so it lists no IPv4"},
    {{GOOD, {"1.0.0.127." ZONE, A, "127.0.0.2"}, {FOUR_AT, A, "127.0.0.2"}},
     FOUR,
     BLOCKLIST_UNUSABLE,
     "",
     "it lists 127.0.0.1, which no list may: it lists everything"},
    {{{"2.0.0.127." ZONE, A, "127.0.0.2"}, {SIX_AT, A, "127.0.0.2"}}, SIX, BLOCKLIST_UNUSABLE, "", "no IPv6 addresses"},
    {{GOOD, {"1." MAPPED, A, "127.0.0.2"}}, SIX, BLOCKLIST_UNUSABLE, "", "it lists ::ffff:7f00:1"},
    {{{"2.0.0.127." ZONE, A, "127.0.0.2"}}, "smtp.example.com", BLOCKLIST_UNUSABLE, "", "it lists no domains"},
    {{GOOD, {"invalid." ZONE, A, "127.0.1.2"}}, "smtp.example.com", BLOCKLIST_UNUSABLE, "", "it lists invalid"},
    {{{"2.0.0.127." ZONE, A, "127.255.255.254"}}, FOUR, BLOCKLIST_UNUSABLE, "", "public resolvers"},
    {{{"2.0.0.127." ZONE, 0, .trouble = DNS_FAILED}, {FOUR_AT, A, "127.0.0.2"}},
     FOUR,
     BLOCKLIST_UNKNOWN,
     "",
     "did not"},
    {{GOOD, {"1.0.0.127." ZONE, 0, .trouble = DNS_FAILED}},
     FOUR,
     BLOCKLIST_UNKNOWN,
     "",
     "did not answer for 1.0.0.127"},
};

static void test_samples(void **state) {
  (void)state;
  for (const struct sample *s = samples; s < samples + sizeof samples / sizeof samples[0]; s++) {
    struct zone z = {.rows = s->rows};
    const struct dns_source dns = zone_source(&z);
    struct blocklist_finding found;
    blocklist_check(&dns, ZONE, s->subject, clock_monotonic_ms() + BLOCKLIST_MS, &found);
    const char *text = s->text ? s->text : "", *codes = s->codes ? s->codes : found.codes;
    if (found.state != s->state || strcmp(found.codes, codes) != 0 || !strstr(found.text, text))
      fail_msg("row %zu: %d \"%s\" \"%s\"", (size_t)(s - samples), found.state, found.codes, found.text);
    if (s->state == BLOCKLIST_CLEAN) assert_string_equal(found.text, "");
    assert_int_equal(z.asked, z.released);
    assert_true(z.asked <= 5);
  }
}

/* However many records a list has for one source, and however long its reason is. */
static void test_what_is_kept_is_bounded(void **state) {
  (void)state;
  static struct row rows[104] = {GOOD};
  static char codes[98][20], reason[2000];
  memset(reason, 'x', sizeof reason - 1);
  for (size_t i = 0; i < 98; i++) {
    snprintf(codes[i], sizeof codes[i], "127.0.100.%zu", i + 100);
    rows[3 + i] = (struct row){FOUR_AT, A, codes[i]};
  }
  rows[101] = (struct row){FOUR_AT, TXT, reason};
  struct zone z = {.rows = rows};
  const struct dns_source dns = zone_source(&z);
  struct blocklist_finding found;
  blocklist_check(&dns, ZONE, FOUR, clock_monotonic_ms() + BLOCKLIST_MS, &found);
  assert_int_equal(found.state, BLOCKLIST_LISTED);
  assert_true(strlen(found.codes) > 40 && strlen(found.codes) < BLOCKLIST_CODES);
  assert_int_equal(strlen(found.text), BLOCKLIST_TEXT - 1);
  z.asked = 0;
  blocklist_check(&dns, ZONE, FOUR, clock_monotonic_ms(), &found); /* its time is over */
  assert_int_equal(found.state, BLOCKLIST_UNKNOWN);
  assert_int_equal(z.asked, 0);
}

static void test_what_to_do(void **state) {
  (void)state;
  static const struct {
    const char *text, *next;
  } texts[] = {
      {"listed, see https://bl.example.org/q?ip=1.", "ask for removal at https://bl.example.org/q?ip=1"},
      {"(http://bl.example.org/1)", "ask for removal at http://bl.example.org/1"},
      {"no page", "ask whoever runs bl.example.org for removal"},
      {"", "ask whoever runs bl.example.org for removal"},
  };
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    char next[BLOCKLIST_NEXT];
    const struct blocklist_note n = {.list = ZONE, .text = texts[i].text};
    blocklist_next(&n, next);
    size_t len = strlen(next), end = strlen(texts[i].next);
    if (len < end || strcmp(next + len - end, texts[i].next) != 0) fail_msg("%s", next);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_names), cmocka_unit_test(test_samples),
                                     cmocka_unit_test(test_what_is_kept_is_bounded), cmocka_unit_test(test_what_to_do)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
