/* What the replies and the log say of a refusal. */
#include "policy/policy.h"

#include "policy/bulk_rules.h"

#include "tests/unit/policy/samples.h"

#include <stdlib.h>
#include <string.h>

/* The longest that there can be: the reference still fits in, and the line is under 300 characters. */
static void test_lines_stay_short(void **state) {
  (void)state;
  static const char *const rules[] = {RULE_SENDER, RULE_HEADER_FROM, RULE_HEADER_SENDER, RULE_RECIPIENT};
  char name[65], domain[200], *many[9];
  memset(name, 'n', 64);
  memset(domain, 'd', 199);
  name[64] = domain[199] = '\0';
  for (size_t i = 0; i < 9; i++) many[i] = domain;
  const char *const *patterns = (const char *const *)many;
  struct account account = {.name = name,
                            .senders = patterns,
                            .sender_count = 9,
                            .to = patterns,
                            .to_count = 9,
                            .not_to = patterns,
                            .not_to_count = 9};
  struct facts f = mail("a@example.com", ~0u);
  f.account = &account;
  f.account_name = name;
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
    for (int cause = 0; cause <= 8; cause++) {
      struct finding found = {.check = policy_checks, .rule = rules[i], .cause = cause};
      struct refusal r = {0};
      memset(found.subject, 'a', ADDRESS_MAX);
      memcpy(found.subject + 75, "\xc3\xa4", 2); /* where it is cut */
      memset(found.meant, 'm', DOMAIN_MAX);
      policy_word(&f, &found, &r);
      if (strlen(r.text) + sizeof "550 5.7.1 . sendoff why 7QF2KC" > 300) fail_msg("%zu: %s", strlen(r.text), r.text);
      assert_null(strchr(r.text, '\xc3'));
    }
}

/* What to publish stands at the end, and is whole; the reason beside it is cut. */
static void test_what_to_publish_is_whole(void **state) {
  (void)state;
  static const struct {
    const char *rule, *end;
    struct dmarc_repair repair;
    bool repaired;
  } cases[] = {
      {RULE_SPF, "; add ip6:2001:db8:1111:2222:3333:4444:5555:6666 to the SPF record of ddddd", {0}, false},
      {RULE_DMARC, "; have it signed: sendoff domain add ddddd", {0}, false},
      {RULE_DMARC, "; publish the TXT record of nnnnn", {.value = "k"}, true},
      {RULE_DMARC,
       "; publish for nnnnn",
       {.value = "v=DKIM1; k=ed25519; p=MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="},
       true},
      {RULE_DMARC, "; add ip4:192.0.2.7 to the SPF record of nnnnn", {.add = true, .value = "ip4:192.0.2.7"}, true},
  };
  static struct dmarc_prediction p;
  struct spf_verdict spf = {.result = SPF_FAIL, .source = "2001:db8:1111:2222:3333:4444:5555:6666"};
  const struct domain domain = {.name = "example.com"};
  char author[201];
  memset(author, 'd', 200);
  author[200] = '\0';
  memset(spf.domain, 'd', sizeof spf.domain - 1);
  memset(spf.why, 'w', sizeof spf.why - 1);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct facts f = mail("a@example.com", ~0u);
    struct finding found = {.check = policy_checks, .rule = cases[i].rule};
    struct refusal r = {0};
    p = (struct dmarc_prediction){.repair_count = cases[i].repaired, .repairs = {cases[i].repair}};
    memset(p.why, 'w', sizeof p.why - 1);
    memcpy(p.why + 30, "\xc3\xa4", 2);
    memset(p.repairs[0].name, 'n', 300);
    if (*p.repairs[0].value == 'k') memset(p.repairs[0].value, 'k', 400); /* an RSA key's record */
    f.spf = &spf;
    f.dmarc = &p;
    f.from_domain = author;
    f.header_domain = &domain;
    policy_word(&f, &found, &r);
    if (strlen(r.text) + sizeof "550 5.7.26 . sendoff why 7QF2KC" > 300) fail_msg("%zu: %s", strlen(r.text), r.text);
    if (!strstr(r.text, cases[i].end)) fail_msg("case %zu: %s", i, r.text);
    if (cases[i].repaired && *p.repairs[0].value != 'k') assert_non_null(strstr(r.text, p.repairs[0].value));
  }
}

static void test_every_rule_has_words(void **state) {
  (void)state;
  static const char *const rules[] = {RULE_ACCOUNT_GONE, RULE_LOGIN_ENDED, RULE_SUSPENDED,     RULE_SENDER,
                                      RULE_LIMIT,        RULE_HEADER_FROM, RULE_MESSAGE_LIMIT, RULE_SMOOTH_LIMIT,
                                      RULE_DISK,         RULE_STORE,       RULE_HEADER_SENDER, RULE_RECIPIENT,
                                      RULE_SUPPRESSION,  RULE_DMARC,       RULE_FROM_SYNTAX,   RULE_RECIPIENTS,
                                      RULE_MEMORY,       RULE_SPF,         RULE_BULK,          RULE_SIMULATOR};
  struct facts f = mail("a@example.com", ~0u);
  struct limit limit = {0};
  f.suppression = &bounced;
  f.dmarc = &dmarc_fails;
  f.recipient = "r@example.org";
  for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++) {
    struct finding found = {.check = policy_checks, .rule = rules[i], .limit = {.rule = &limit}};
    struct refusal r = {0};
    f.room_why = "";
    f.suspend_reason = "";
    policy_word(&f, &found, &r);
    assert_null(strstr(r.text, "refused by the check"));
  }
}

/* Every mixture of what is missing: the line is never too long, the code is that of the first, and none gets lost. */
static void test_bulk_rules_in_words(void **state) {
  (void)state;
  static const char long_domain[] = "a-label-that-is-as-long-as-labels-may-be-which-is-63-octets-xxx.example.com";
  struct facts f = mail("a@example.com", ~0u);
  f.from_domain = long_domain;
  for (uint64_t missing = 1; missing < UINT64_C(1) << bulk_rule_count; missing++) {
    struct finding found = {.check = policy_checks, .rule = RULE_BULK, .count = missing};
    struct refusal r = {0};
    size_t first = 0, named = 0, more = 0;
    policy_word(&f, &found, &r);
    while (!(missing >> first & 1)) first++;
    assert_string_equal(r.enhanced, bulk_rules[first].enhanced);
    assert_true(strlen("550 5.7.30 ") + strlen(r.text) + strlen(". sendoff why 7QF2K9") < 300);
    const char *and = strstr(r.text, "; and ");
    if (and) more = strtoul(and+6, NULL, 10);
    for (size_t i = first; i < bulk_rule_count; i++) {
      const char *at = strstr(r.text, bulk_rules[i].what);
      bool is_named = at && at[strlen(bulk_rules[i].what)] != '-'; /* List-Unsubscribe is no part of another */
      if (is_named) assert_true(missing >> i & 1);
      named += is_named;
    }
    assert_int_equal(named + more, (size_t)__builtin_popcountll(missing));
  }
}

/* A row whose receivers nobody knows, or that does not say where it comes from, is a mistake. */
static void test_bulk_rules_are_whole(void **state) {
  (void)state;
  unsigned known = 0;
  for (size_t i = 0; i < bulk_receiver_count; i++) known |= bulk_receivers[i].bit;
  assert_true(bulk_rule_count <= 64);
  for (size_t i = 0; i < bulk_rule_count; i++) {
    assert_true(bulk_rules[i].asked_by && !(bulk_rules[i].asked_by & ~known));
    assert_int_equal(strncmp(bulk_rules[i].enhanced, "5.7.", 4), 0);
    assert_true(*bulk_rules[i].origin);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_lines_stay_short), cmocka_unit_test(test_what_to_publish_is_whole),
      cmocka_unit_test(test_every_rule_has_words), cmocka_unit_test(test_bulk_rules_in_words),
      cmocka_unit_test(test_bulk_rules_are_whole)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
