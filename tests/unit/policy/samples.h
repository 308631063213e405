/* Facts that the tests of the policy share: an account, domains in each mode, what DNS said. */
#ifndef SENDOFF_TESTS_POLICY_SAMPLES_H
#define SENDOFF_TESTS_POLICY_SAMPLES_H

#include "policy/policy.h"

#include "tests/unit/limit_samples.h"

#include <string.h>

static const char *const senders[] = {"example.com", "a@example.net"};
static const char *const to[] = {"example.org", "me@own.example"}, *const not_to[] = {"no@example.org"};
static const struct account blog = {.name = "blog", .senders = senders, .sender_count = 2};
static const struct spf_verdict spf_fails = {.result = SPF_FAIL,
                                             .source = "192.0.2.7",
                                             .domain = "example.com",
                                             .why = "example.com does not list 192.0.2.7 (v=spf1 -all)"},
                                spf_softfails = {.result = SPF_SOFTFAIL}, spf_unknown = {.result = SPF_TEMPERROR};
static const struct check_setting enforce = {"spf", CHECK_ENFORCE}, observe = {"spf", CHECK_OBSERVE},
                                  off = {"spf", CHECK_OFF};
static const struct check_setting brakes = {"brake", CHECK_ENFORCE};
static const struct domain braking = {.name = "example.com", .settings = {.modes = &brakes, .mode_count = 1}};
static const struct domain enforcing = {.name = "example.com", .settings = {.modes = &enforce, .mode_count = 1}},
                           observing = {.name = "example.com", .settings = {.modes = &observe, .mode_count = 1}},
                           without = {.name = "example.com", .settings = {.modes = &off, .mode_count = 1}};

static const struct suppression bounced = {.origin = SUPPRESSION_BOUNCE,
                                           .reason = "",
                                           .code = 550,
                                           .enhanced = "5.1.1",
                                           .expires_us = INT64_C(1797972480) * SECOND_US},
                                by_hand = {.origin = SUPPRESSION_MANUAL, .reason = "asked us to"};

static const struct dmarc_prediction
    dmarc_passes = {.now = {.result = DMARC_PASS}, .old = {.result = DMARC_PASS}},
    dmarc_fails_none = {.now = {.result = DMARC_FAIL}, .old = {.result = DMARC_FAIL}},
    dmarc_none = {.now = {.result = DMARC_NO_POLICY}}, dmarc_silent = {.now = {.result = DMARC_TEMPERROR}},
    dmarc_doubtful = {.now = {.result = DMARC_TEMPERROR}, .why = "it is not known: DNS; it did not answer"},
    dmarc_fails = {.now = {.result = DMARC_FAIL, .disposition = DMARC_REJECT, .record = "example.com"},
                   .why = "example.com publishes p=reject and this mail would fail it",
                   .repairs = {{.name = "example.com", .value = "v=spf1 ip4:192.0.2.7 -all"}},
                   .repair_count = 1},
    dmarc_lists_others = {.now = {.result = DMARC_FAIL, .disposition = DMARC_REJECT},
                          .why = "this mail would fail it",
                          .repairs = {{.add = true, .name = "example.com", .value = "ip4:192.0.2.7"}},
                          .repair_count = 1},
    dmarc_fails_old = {.now = {.result = DMARC_PASS},
                       .old = {.result = DMARC_FAIL, .disposition = DMARC_QUARANTINE},
                       .why = "receivers by RFC 7489: would fail it"};

static inline void take_from(struct facts *f, const char *from) {
  f->reverse_path = from;
  f->from = (struct address){.is_null = true};
  if (*from) assert_int_equal(address_parse(bytes_of(from), &f->from), OK);
}

static const struct brake_status not_braked = {0};

static inline struct facts mail(const char *from, unsigned known) {
  struct facts f = {.known = known & ~(unsigned)FACT_STORED,
                    .account = &blog,
                    .account_name = "blog",
                    .login_holds = true,
                    .spf = &spf_fails,
                    .brake = &not_braked};
  take_from(&f, from);
  return f;
}

static inline size_t row_of(const char *check) {
  for (size_t i = 0; i < policy_check_count; i++)
    if (strcmp(policy_checks[i].name, check) == 0) return i;
  fail_msg("there is no check %s", check);
  return 0;
}

static inline struct facts with_header(struct account *account, const struct check_setting *modes, size_t count) {
  struct facts f = mail("a@example.com", FACT_ENVELOPE | FACT_HEADER);
  *account = blog;
  account->settings = (struct settings){.modes = modes, .mode_count = count};
  f.account = account;
  f.header_from = BYTES("boss@bank.example");
  f.header_sender = BYTES("the boss;");
  f.from_domain = "bank.example";
  return f;
}

#endif
