/* The table of checks: each row's cases, and how a stage is decided. */
#include "policy/policy.h"

#include "policy/bulk_rules.h"

#include "tests/unit/policy/samples.h"

#include <stdlib.h>
#include <string.h>

/* One check with these facts; all that a case does not say is as it should be. */
struct sample {
  const char *check;
  enum outcome outcome;
  int code;         /* OUTCOME_REFUSE */
  const char *text; /* of the reply, or a part of it */
  /* facts */
  bool gone, login_ended;
  enum account_standing standing;
  const char *from, *header_from, *from_domain, *limit;
  bool daemon, rewritten;
  const char *header_sender, *to;
  uint64_t used;
  size_t recipients, dropped;
  int room, stored;
  const struct spf_verdict *spf;
  const struct domain *domain;
  bool drops;
  const struct suppression *suppression;
  int suppression_failed;
  const struct dmarc_prediction *dmarc;
  enum mail_stream stream;
  bool no_unsubscribe, no_one_click, no_feedback_id, unsigned_;
  const char *signing_domain;
  enum answer source_name;
  enum brake_step brake;
  enum check_mode brake_mode; /* in which the step was reached; off: in observe, the default */
  unsigned unknown;           /* facts that are not known */
};

static void run(const struct sample *s) {
  struct account account = blog;
  struct limit limit = {0};
  struct usage usage = {0}, *of_scope = &usage;
  struct usage_scope scope = {.scope = SCOPE_ACCOUNT, .owner = "blog", .limits = &limit, .limit_count = 1};
  struct limit_verdict stored = {.result = s->stored == E_LIMIT ? E_LIMIT : OK, .rule = &limit};
  struct finding found[POLICY_CHECKS_MAX];
  struct facts f = {.known = ~s->unknown,
                    .now_us = moment("2026-11-22 20:48"),
                    .account = s->gone ? NULL : &account,
                    .account_name = "blog",
                    .standing = s->standing,
                    .suspend_reason = "unpaid",
                    .login_holds = !s->login_ended,
                    .envelope_domain = s->domain,
                    .scopes = &scope,
                    .usage = &of_scope,
                    .scope_count = s->limit ? 1 : 0,
                    .room = s->room,
                    .room_why = "3 MB free of 10 GB",
                    .spf = s->spf ? s->spf : &spf_unknown,
                    .recipient_count = s->recipients,
                    .recipients_dropped = s->dropped,
                    .recipients_max = 100,
                    .header_from = bytes_of(s->header_from ? s->header_from : "a@example.com"),
                    .from_domain = s->from_domain ? s->from_domain : "example.com",
                    .daemon = s->daemon,
                    .header_sender = bytes_of(s->header_sender ? s->header_sender : ""),
                    .rewritten = s->rewritten,
                    .stored = s->stored,
                    .stored_limit = &stored};
  if (s->from_domain && !*s->from_domain) f.from_domain = NULL;
  take_from(&f, s->from ? s->from : "a@example.com");
  f.suppression = s->suppression;
  f.suppression_failed = s->suppression_failed;
  f.dmarc = s->dmarc;
  f.header_domain = s->domain;
  f.recipient = "r@example.org";
  f.stream = s->stream;
  f.bulk = (struct bulk_fields){!s->no_unsubscribe, !s->no_one_click, !s->no_feedback_id};
  f.signing_domain = s->unsigned_ ? NULL : s->signing_domain ? s->signing_domain : "example.com";
  f.from_aligned = bulk_from_aligned(f.signing_domain, f.header_from);
  f.source_confirmed = s->source_name;
  const struct brake_status brake = {.step = s->brake, .mode = s->brake_mode ? s->brake_mode : CHECK_OBSERVE};
  f.brake = &brake;
  account.drop_suppressed = s->drops;
  if (s->to) {
    account.to = to;
    account.to_count = 2;
    account.not_to = not_to;
    account.not_to_count = 1;
    f.recipient = s->to;
    assert_int_equal(address_parse(bytes_of(s->to), &f.to), OK);
  }
  usage_roll(&usage, f.now_us, NULL);
  usage.calendar[0].used.messages = s->used;
  if (s->limit) limit = limit_of(s->limit);
  policy_find_all(&f, found);
  for (size_t i = 0; i < policy_check_count; i++) {
    if (strcmp(policy_checks[i].name, s->check) != 0) continue;
    assert_int_equal(found[i].outcome, s->outcome);
    if (s->outcome != OUTCOME_REFUSE) return;
    struct refusal r = {0};
    policy_word(&f, &found[i], &r);
    assert_int_equal(r.code, s->code);
    assert_string_equal(r.rule, found[i].rule);
    if (s->text && !strstr(r.text, s->text)) fail_msg("\"%s\" is not in \"%s\"", s->text, r.text);
    return;
  }
  fail_msg("there is no check %s", s->check);
}

#define BULK .stream = STREAM_BULK
#define NOTHING_OF_IT .no_unsubscribe = true, .no_one_click = true, .no_feedback_id = true, .unsigned_ = true
#define NOT_STORED .unknown = FACT_STORED

static const struct sample samples[] = {
    {"account", OUTCOME_PASS},
    {"account", OUTCOME_REFUSE, 550, "account blog is no longer here", .gone = true},
    {"account", OUTCOME_REFUSE, 550, "no longer here", .standing = STANDING_GONE},
    {"account", OUTCOME_REFUSE, 550, "blog is suspended: unpaid", .standing = STANDING_SUSPENDED},
    {"account", OUTCOME_REFUSE, 530, "log in again", .login_ended = true},
    {"account", OUTCOME_REFUSE, 451, "send it again", .standing = STANDING_LOGIN_CHANGED},
    {"reverse-path", OUTCOME_PASS, .from = "anybody@EXAMPLE.com"},
    {"reverse-path", OUTCOME_PASS, .from = ""},
    {"reverse-path", OUTCOME_PASS, .from = "A@example.net"},
    {"reverse-path", OUTCOME_REFUSE, 553, "blog may not send as b@example.net; allowed: example.com, a@example.net",
     .from = "b@example.net"},
    {"reverse-path", OUTCOME_REFUSE, 553, "may not send as", .from = "a@sub.example.com"},
    {"reverse-path", OUTCOME_REFUSE, 553, "write example.com", .from = "a@ｅxample.com"},
    {"reverse-path", OUTCOME_UNKNOWN, .unknown = FACT_ENVELOPE},
    {"reverse-path", OUTCOME_PASS, .from = "b@example.net", .rewritten = true},
    {"header-from", OUTCOME_PASS, .header_from = "b@example.net", .rewritten = true},
    {"header-sender", OUTCOME_PASS},
    {"header-sender", OUTCOME_PASS, .header_sender = "Robot <robot@example.com>"},
    {"header-sender", OUTCOME_REFUSE, 553, "blog may not send with Sender: boss@bank.example; allowed: example.com",
     .header_sender = "boss@bank.example"},
    {"header-sender", OUTCOME_REFUSE, 550, "cannot be read", .header_sender = "the boss"},
    {"header-sender", OUTCOME_REFUSE, 550, "write example.com", .header_sender = "a@ｅxample.com"},
    {"suppression", OUTCOME_PASS},
    {"suppression", OUTCOME_REFUSE, 550,
     "r@example.org is suppressed: its mail bounced with 550 5.1.1; until 2026-12-22 20:48 UTC (in 30d)",
     .suppression = &bounced},
    {"suppression", OUTCOME_REFUSE, 550, "r@example.org is suppressed: asked us to; until it is removed",
     .suppression = &by_hand},
    {"suppression", OUTCOME_DROP, .suppression = &bounced, .drops = true},
    {"suppression", OUTCOME_REFUSE, 451, "the suppression list could not be read; try again later",
     .suppression_failed = E_BUSY},
    {"suppression", OUTCOME_REFUSE, 451, "the suppression list could not be read", .suppression_failed = E_IO,
     .drops = true},
    {"suppression", OUTCOME_REFUSE, 451, "out of memory", .suppression_failed = E_MEMORY},
    {"suppression", OUTCOME_UNKNOWN, .unknown = FACT_SUPPRESSION},
    {"recipient", OUTCOME_PASS, .to = "me@example.org"},
    {"recipient", OUTCOME_PASS, .to = "ME@own.example"},
    {"recipient", OUTCOME_REFUSE, 550, "blog may not write to x@else.example; allowed: example.org, me@own.example",
     .to = "x@else.example"},
    {"recipient", OUTCOME_REFUSE, 550, "blog may not write to no@example.org; not allowed: no@example.org",
     .to = "no@example.org"},
    {"recipient-count", OUTCOME_PASS, .recipients = 100},
    {"recipient-count", OUTCOME_REFUSE, 452, "100 in one message at most", .recipients = 101},
    {"limits", OUTCOME_PASS, .used = 1000, NOT_STORED},
    {"limits", OUTCOME_PASS, .limit = "1000/day", .used = 999, NOT_STORED},
    {"limits", OUTCOME_REFUSE, 452, "blog: 1000 of 1000 messages today", .limit = "1000/day", .used = 1000, NOT_STORED},
    {"limits", OUTCOME_REFUSE, 550, "blog: 3 recipients in this message, 2 allowed", .limit = "2rcpt/message",
     .recipients = 3, NOT_STORED},
    {"limits", OUTCOME_PASS, .limit = "2rcpt/message", .recipients = 3, .dropped = 1, NOT_STORED},
    {"limits", OUTCOME_PASS, .limit = "2rcpt/message", .recipients = 3, .suppression = &by_hand, .drops = true,
     NOT_STORED},
    {"limits", OUTCOME_REFUSE, 550, "3 recipients in this message, 2 allowed", .limit = "2rcpt/message",
     .recipients = 4, .dropped = 1, NOT_STORED},
    {"limits", OUTCOME_PASS, .limit = "2rcpt/message", .recipients = 1, .dropped = 0, .suppression = &by_hand,
     .drops = true, NOT_STORED},
    {"limits", OUTCOME_UNKNOWN, .limit = "1000/day", .unknown = FACT_STORED | FACT_USAGE},
    {"limits", OUTCOME_REFUSE, 452, "of 1000 messages", .limit = "1000/day", .stored = E_LIMIT},
    {"room", OUTCOME_PASS},
    {"room", OUTCOME_REFUSE, 452, "almost full: 3 MB free", .room = E_FULL},
    {"room", OUTCOME_REFUSE, 451, "files have gone", .room = E_IO},
    {"spf", OUTCOME_PASS, .domain = &enforcing},
    {"spf", OUTCOME_PASS, .domain = &enforcing, .spf = &spf_softfails},
    {"spf", OUTCOME_REFUSE, 550, "(v=spf1 -all); add ip4:192.0.2.7 to the SPF record of example.com",
     .domain = &enforcing, .spf = &spf_fails},
    {"spf", OUTCOME_OFF, .domain = &without, .spf = &spf_fails},
    {"spf", OUTCOME_UNKNOWN, .domain = &enforcing, .unknown = FACT_SPF},
    {"header-from", OUTCOME_PASS, .header_from = "\"A, B\" <a@example.com>, x@example.com"},
    {"header-from", OUTCOME_REFUSE, 553, "blog may not send with From: boss@bank.example; allowed: example.com",
     .header_from = "a@example.com, The Boss <boss@bank.example>"},
    {"header-from", OUTCOME_PASS, .header_from = "MAILER-DAEMON <mailer-daemon@gateway.example>", .daemon = true},
    {"header-from", OUTCOME_REFUSE, 550, "write example.com", .header_from = "a@ｅxample.com"},
    {"bulk-rules", OUTCOME_PASS, BULK},
    {"bulk-rules", OUTCOME_PASS, BULK, .dmarc = &dmarc_fails, .source_name = ANSWER_YES},
    {"bulk-rules", OUTCOME_PASS, NOTHING_OF_IT},
    {"bulk-rules", OUTCOME_PASS, BULK, NOTHING_OF_IT, .from = ""},
    {"bulk-rules", OUTCOME_PASS, BULK, .header_from = "a@news.example.com, b@example.com"},
    {"bulk-rules", OUTCOME_REFUSE, 550,
     "bulk mail of example.com lacks List-Unsubscribe with one https URI for Gmail (5000/day), Yahoo", BULK,
     .no_unsubscribe = true},
    {"bulk-rules", OUTCOME_REFUSE, 550, "lacks List-Unsubscribe-Post: List-Unsubscribe=One-Click for Gmail", BULK,
     .no_one_click = true},
    {"bulk-rules", OUTCOME_REFUSE, 550, "lacks Feedback-ID for Orange (1000/day)", BULK, .no_feedback_id = true},
    {"bulk-rules", OUTCOME_REFUSE, 550,
     "lacks a DKIM signature for Gmail (5000/day), Yahoo, Microsoft (5000/day); Feedback-ID for Orange (1000/day)",
     BULK, .unsigned_ = true, .no_feedback_id = true},
    {"bulk-rules", OUTCOME_REFUSE, 550, "lacks a From that the signing domain is aligned with for Gmail", BULK,
     .header_from = "a@example.com, b@example.net"},
    {"bulk-rules", OUTCOME_REFUSE, 550, "lacks a From that", BULK, .signing_domain = "sub.example.com"},
    {"bulk-rules", OUTCOME_REFUSE, 550, "lacks a DMARC record for Gmail (5000/day), Yahoo, Microsoft", BULK,
     .dmarc = &dmarc_none},
    {"bulk-rules", OUTCOME_PASS, BULK, .dmarc = &dmarc_none, .unknown = FACT_DMARC},
    {"bulk-rules", OUTCOME_PASS, BULK, .dmarc = &dmarc_silent},
    {"bulk-rules", OUTCOME_REFUSE, 550, "lacks a forward-confirmed name of the source for Gmail (5000/day), Yahoo",
     BULK, .source_name = ANSWER_NO},
    {"bulk-rules", OUTCOME_REFUSE, 550, "; and 4 more", BULK, NOTHING_OF_IT, .dmarc = &dmarc_none,
     .source_name = ANSWER_NO},
    {"bulk-rules", OUTCOME_UNKNOWN, .unknown = FACT_BULK},
    {"from-form", OUTCOME_PASS},
    {"from-form", OUTCOME_REFUSE, 550, "no domain name", .from_domain = ""},
    {"from-form", OUTCOME_REFUSE, 550, "has 3 mailboxes", .header_from = "a@example.com, b@example.com, c@example.com"},
    {"from-form", OUTCOME_PASS, .header_from = "a@example.com, b@example.com", .header_sender = "a@example.com"},
    {"dmarc", OUTCOME_PASS, .dmarc = &dmarc_passes, .domain = &enforcing},
    {"dmarc", OUTCOME_PASS, .dmarc = NULL, .domain = &enforcing},
    {"dmarc", OUTCOME_PASS, .dmarc = &dmarc_fails_none, .domain = &enforcing},
    {"dmarc", OUTCOME_REFUSE, 550, "would fail it; publish for example.com: TXT \"v=spf1 ip4:192.0.2.7 -all\"",
     .dmarc = &dmarc_fails, .domain = &enforcing},
    {"dmarc", OUTCOME_REFUSE, 550, "would fail it", .dmarc = &dmarc_fails_old, .domain = &enforcing},
    {"dmarc", OUTCOME_REFUSE, 550, "would fail it; have it signed: sendoff domain add news.example.com",
     .dmarc = &dmarc_fails_old, .domain = &enforcing, .from_domain = "news.example.com"},
    {"dmarc", OUTCOME_REFUSE, 550, "would fail it; add ip4:192.0.2.7 to the SPF record of example.com",
     .dmarc = &dmarc_lists_others, .domain = &enforcing},
    {"brake", OUTCOME_PASS},
    {"brake", OUTCOME_SLOW, .brake = BRAKE_SLOW},
    {"brake", OUTCOME_HOLD, .brake = BRAKE_HOLD},
    {"brake", OUTCOME_HOLD, .brake = BRAKE_SUSPEND},
    {"brake", OUTCOME_HOLD, .brake = BRAKE_HOLD, .brake_mode = CHECK_ENFORCE},
    {"brake", OUTCOME_PASS, .brake = BRAKE_HOLD, .domain = &braking}, /* what was only observed */
    {"brake", OUTCOME_UNKNOWN, .unknown = FACT_BRAKE},
    {"store", OUTCOME_PASS},
    {"store", OUTCOME_REFUSE, 452, "the disk is full", .stored = E_FULL},
    {"store", OUTCOME_REFUSE, 451, "could not be stored", .stored = E_IO},
};

static void test_checks(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    print_message("%zu %s\n", i, samples[i].check);
    run(&samples[i]);
  }
}

static void test_every_check_has_cases(void **state) {
  (void)state;
  for (size_t c = 0; c < policy_check_count; c++) {
    bool passes = false, refuses = false;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
      if (strcmp(samples[i].check, policy_checks[c].name) != 0) continue;
      passes |= samples[i].outcome == OUTCOME_PASS;
      refuses |= samples[i].outcome == OUTCOME_REFUSE || samples[i].outcome == OUTCOME_HOLD;
    }
    if (!passes || !refuses) fail_msg("%s has no case that passes, or none that refuses", policy_checks[c].name);
  }
}

/* --- a stage --- */

static void test_a_stage_asks_for_what_it_lacks(void **state) {
  (void)state;
  struct facts f = mail("a@example.com", FACT_ENVELOPE);
  struct verdict v;
  policy_decide(&f, STAGE_MAIL, &v);
  assert_int_equal(v.action, ACTION_GATHER);
  assert_int_equal(v.missing, FACT_USAGE);
  f.known |= FACT_USAGE;
  policy_decide(&f, STAGE_MAIL, &v);
  assert_int_equal(v.action, ACTION_GATHER);
  assert_int_equal(v.missing, FACT_ROOM);
  f.known |= FACT_ROOM;
  policy_decide(&f, STAGE_MAIL, &v);
  assert_int_equal(v.action, ACTION_GATHER);
  assert_int_equal(v.missing, FACT_SPF);
  f.known |= FACT_SPF;
  policy_decide(&f, STAGE_MAIL, &v);
  assert_int_equal(v.action, ACTION_ACCEPT);
}

static void test_what_is_refused_asks_no_dns(void **state) {
  (void)state;
  struct facts f = mail("a@bank.example", FACT_ENVELOPE);
  struct verdict v;
  policy_decide(&f, STAGE_MAIL, &v);
  assert_int_equal(v.action, ACTION_REFUSE);
  assert_string_equal(v.refusal.rule, RULE_SENDER);
  assert_string_equal(v.refusal.about, "a@bank.example");
}

static void test_modes(void **state) {
  (void)state;
  static const struct {
    const struct domain *domain;
    enum action action;
    bool observed;
  } cases[] = {{&enforcing, ACTION_REFUSE, false},
               {&observing, ACTION_ACCEPT, true},
               {&without, ACTION_ACCEPT, false},
               {NULL, ACTION_ACCEPT, true}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct facts f = mail("a@example.com", ~0u);
    struct verdict v;
    f.envelope_domain = cases[i].domain;
    policy_decide(&f, STAGE_MAIL, &v);
    assert_int_equal(v.action, cases[i].action);
    const struct check_result *r = &v.record.of[row_of("spf")];
    assert_int_equal(r->outcome == OUTCOME_REFUSE && r->mode == CHECK_OBSERVE, cases[i].observed);
    if (cases[i].observed) assert_non_null(strstr(v.notes, "spf=would refuse: example.com does not list 192.0.2.7"));
  }
}

/* --- modes: the account's, else the domain's, else the gateway's, else the check's own --- */

static const struct check_setting to_off = {"header-from", CHECK_OFF}, to_observe = {"header-from", CHECK_OBSERVE},
                                  to_enforce = {"header-from", CHECK_ENFORCE}, of_another = {"spf", CHECK_OFF};

static void test_the_most_specific_mode_holds(void **state) {
  (void)state;
  static const struct {
    const struct check_setting *account, *domain, *gateway;
    enum check_mode mode;
  } cases[] = {
      {NULL, NULL, NULL, CHECK_ENFORCE},
      {NULL, NULL, &to_observe, CHECK_OBSERVE},
      {NULL, &to_off, &to_observe, CHECK_OFF},
      {&to_enforce, &to_off, &to_observe, CHECK_ENFORCE},
      {&to_observe, NULL, &to_off, CHECK_OBSERVE},
      {&of_another, NULL, &to_observe, CHECK_OBSERVE},
      {&of_another, &of_another, &of_another, CHECK_ENFORCE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct account account = blog;
    struct domain domain = {.name = "example.com"};
    struct directory gateway = {0};
    account.settings = (struct settings){.modes = cases[i].account, .mode_count = cases[i].account != NULL};
    domain.settings = (struct settings){.modes = cases[i].domain, .mode_count = cases[i].domain != NULL};
    gateway.gateway = (struct settings){.modes = cases[i].gateway, .mode_count = cases[i].gateway != NULL};
    struct facts f = mail("a@example.com", FACT_HEADER);
    f.account = &account;
    f.directory = &gateway;
    f.header_domain = &domain;
    assert_int_equal(policy_mode(&f, "header-from"), cases[i].mode);
  }
}

/* Mail from one domain with another one's From: each check asks the domain that it is about. */
static void test_each_check_asks_its_own_domain(void **state) {
  (void)state;
  static const struct check_setting modes[] = {{"header-from", CHECK_OFF}, {"reverse-path", CHECK_OFF}};
  const struct domain envelope = {.settings = {.modes = modes, .mode_count = 2}};
  struct facts f = mail("a@example.com", FACT_HEADER);
  f.envelope_domain = &envelope;
  assert_int_equal(policy_mode(&f, "header-from"), CHECK_ENFORCE);
  assert_int_equal(policy_mode(&f, "reverse-path"), CHECK_OFF);
  f.envelope_domain = NULL;
  f.header_domain = &envelope;
  assert_int_equal(policy_mode(&f, "header-from"), CHECK_OFF);
  assert_int_equal(policy_mode(&f, "reverse-path"), CHECK_ENFORCE);
  f.header_domain = NULL; /* no header yet */
  assert_int_equal(policy_mode(&f, "header-from"), CHECK_ENFORCE);
}

static void test_what_is_fixed_has_no_mode(void **state) {
  (void)state;
  for (size_t i = 0; i < policy_check_count; i++) {
    const struct check_setting setting = {policy_checks[i].name, CHECK_OFF};
    struct account account = blog;
    struct facts f = mail("a@example.com", ~0u);
    account.settings = (struct settings){.modes = &setting, .mode_count = 1};
    f.account = &account;
    assert_int_equal(policy_mode(&f, policy_checks[i].name), policy_checks[i].fixed ? CHECK_ENFORCE : CHECK_OFF);
  }
  struct facts f = mail("a@example.com", ~0u);
  assert_int_equal(policy_mode(&f, "no-such-check"), CHECK_OFF);
}

/* --- what is kept of it --- */

static void test_notes_name_every_observed_check(void **state) {
  (void)state;
  static const struct check_setting both[] = {{"header-from", CHECK_OBSERVE}, {"header-sender", CHECK_OBSERVE}};
  struct account account;
  struct facts f = with_header(&account, both, 2);
  struct verdict v, again;
  policy_decide(&f, STAGE_HEADER, &v);
  assert_int_equal(v.action, ACTION_ACCEPT);
  assert_non_null(strstr(v.notes, "header-from=would refuse: blog may not send with From: boss@bank.example, allowed"));
  assert_non_null(strstr(v.notes, "; header-sender=would refuse: the Sender field cannot be read"));
  assert_null(strstr(v.notes, "user@example.com;")); /* a ";" of the text would end the note */
  f.before = &v.record;
  policy_decide(&f, STAGE_HEADER, &again); /* as for a header that is encoded anew: said once */
  assert_int_equal(again.record.of[row_of("header-from")].outcome, OUTCOME_REFUSE);
  assert_string_equal(again.notes, "");
}

/* What passes because DNS did not say enough, says so; once. */
static void test_notes_say_what_is_in_doubt(void **state) {
  (void)state;
  struct account account;
  struct facts f = with_header(&account, NULL, 0);
  struct verdict v, again;
  f.known |= FACT_USAGE | FACT_SPF | FACT_DMARC;
  f.spf = &spf_unknown;
  f.dmarc = &dmarc_doubtful;
  policy_decide(&f, STAGE_CONTENT, &v);
  assert_string_equal(v.notes, "dmarc=pass: it is not known: DNS, it did not answer");
  f.before = &v.record;
  policy_decide(&f, STAGE_CONTENT, &again);
  assert_string_equal(again.notes, "");
}

/* An account that has mail to suppressed recipients dropped, while that is only observed. */
static void test_what_would_be_dropped_is_noted(void **state) {
  (void)state;
  static const struct check_setting modes[] = {{"suppression", CHECK_OBSERVE}, {"suppression", CHECK_ENFORCE}};
  for (size_t i = 0; i < 2; i++) {
    struct account account = blog;
    struct facts f = mail("a@example.com", ~0u);
    struct verdict v;
    account.drop_suppressed = true;
    account.settings = (struct settings){.modes = &modes[i], .mode_count = 1};
    f.account = &account;
    f.suppression = &by_hand;
    f.recipient = "r@example.org";
    f.recipients_max = 100;
    policy_decide(&f, STAGE_RCPT, &v);
    assert_int_equal(v.action, ACTION_ACCEPT);
    assert_int_equal(v.drop, i == 1);
    assert_string_equal(
        v.notes, i ? "" : "suppression=would drop: r@example.org is suppressed: asked us to, until it is removed");
  }
}

static void test_off_needs_nothing(void **state) {
  (void)state;
  struct facts f = mail("a@example.com", FACT_ENVELOPE | FACT_ROOM | FACT_USAGE);
  struct verdict v;
  f.envelope_domain = &without;
  policy_decide(&f, STAGE_MAIL, &v);
  assert_int_equal(v.action, ACTION_ACCEPT);
}

/* What the other stages ask for is known at once, or by the caller. */
static void test_only_two_stages_wait(void **state) {
  (void)state;
  for (size_t i = 0; i < policy_check_count; i++)
    if (policy_checks[i].stages & ~(unsigned)(STAGE_MAIL | STAGE_CONTENT))
      assert_false(policy_checks[i].needs & FACT_SPF);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_checks),
                                     cmocka_unit_test(test_every_check_has_cases),
                                     cmocka_unit_test(test_a_stage_asks_for_what_it_lacks),
                                     cmocka_unit_test(test_what_is_refused_asks_no_dns),
                                     cmocka_unit_test(test_modes),
                                     cmocka_unit_test(test_the_most_specific_mode_holds),
                                     cmocka_unit_test(test_each_check_asks_its_own_domain),
                                     cmocka_unit_test(test_what_is_fixed_has_no_mode),
                                     cmocka_unit_test(test_notes_name_every_observed_check),
                                     cmocka_unit_test(test_notes_say_what_is_in_doubt),
                                     cmocka_unit_test(test_what_would_be_dropped_is_noted),
                                     cmocka_unit_test(test_off_needs_nothing),
                                     cmocka_unit_test(test_only_two_stages_wait)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
