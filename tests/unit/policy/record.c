/* The record of a message, stage by stage, and the line of it that a refusal keeps. */
#include "policy/policy.h"

#include "tests/unit/policy/samples.h"

#include <string.h>

struct message {
  struct account account;
  struct facts facts;
  struct policy_record record;
  struct verdict verdict;
};

static void begin(struct message *m, const struct check_setting *modes, size_t count) {
  memset(m, 0, sizeof *m);
  m->facts = with_header(&m->account, modes, count);
  m->facts.known |= FACT_USAGE | FACT_ROOM | FACT_SPF;
  m->facts.before = &m->record;
  m->facts.recipients_max = 100;
}

static enum action ask(struct message *m, enum stage stage) {
  policy_decide(&m->facts, stage, &m->verdict);
  if (m->verdict.action == ACTION_ACCEPT) policy_record_add(&m->record, &m->verdict.record);
  return m->verdict.action;
}

static void assert_trace(const struct policy_record *r, const char *expected) {
  char trace[TRACE_TEXT];
  policy_trace(r, trace);
  assert_string_equal(trace, expected);
}

/* What was decided, and no more: nothing of the checks behind the one that refuses, or of stages to come. */
static void test_trace(void **state) {
  (void)state;
  static const struct check_setting modes[] = {{"header-from", CHECK_OBSERVE}, {"spf", CHECK_OFF}};
  struct message m;
  begin(&m, modes, 2);
  assert_int_equal(ask(&m, STAGE_MAIL), ACTION_ACCEPT);
  assert_trace(&m.record, "reverse-path=pass; limits=pass; room=pass; spf=off");
  m.facts.known = FACT_HEADER; /* all else has gone */
  assert_int_equal(ask(&m, STAGE_HEADER), ACTION_REFUSE);
  assert_string_equal(m.verdict.refusal.trace, "reverse-path=pass; limits=pass; room=pass; spf=off; "
                                               "header-from=would refuse; header-sender=refuse");
  begin(&m, NULL, 0);
  take_from(&m.facts, "b@bank.example");
  assert_int_equal(ask(&m, STAGE_MAIL), ACTION_REFUSE);
  assert_string_equal(m.verdict.refusal.trace, "reverse-path=refuse");
  begin(&m, NULL, 0);
  assert_int_equal(ask(&m, STAGE_MAIL), ACTION_ACCEPT);
  assert_trace(&m.record, "reverse-path=pass; limits=pass; room=pass; spf=would refuse fail");
}

/* A stage that lacks a fact has decided nothing yet; asked again, it says all that it found. */
static void test_the_record_of_a_stage_that_waits(void **state) {
  (void)state;
  struct message m;
  begin(&m, NULL, 0);
  m.facts.known = FACT_ENVELOPE | FACT_USAGE | FACT_ROOM;
  assert_int_equal(ask(&m, STAGE_MAIL), ACTION_GATHER);
  assert_trace(&m.record, "");
  m.facts.known |= FACT_SPF;
  assert_int_equal(ask(&m, STAGE_MAIL), ACTION_ACCEPT);
  assert_trace(&m.record, "reverse-path=pass; limits=pass; room=pass; spf=would refuse fail");
}

/* Without facts that have gone; with what SPF said of the pool that MAIL was decided for, and of another one later. */
static void test_trace_at_the_commit(void **state) {
  (void)state;
  struct limit limit = limit_of("1000/day");
  struct message m;
  begin(&m, NULL, 0);
  m.facts.header_from = BYTES("a@example.com");
  m.facts.header_sender = BYTES("");
  m.facts.header_domain = &braking;
  const struct brake_status slowed = {.step = BRAKE_SLOW, .mode = CHECK_ENFORCE};
  struct limit_verdict over = {.result = E_LIMIT, .rule = &limit, .used = 1000};
  m.facts.dmarc = &dmarc_fails;
  m.facts.brake = &slowed;
  m.facts.known |= FACT_DMARC | FACT_BULK | FACT_BRAKE;
  assert_int_equal(ask(&m, STAGE_MAIL), ACTION_ACCEPT);
  m.facts.spf = &spf_softfails;
  assert_int_equal(ask(&m, STAGE_HEADER), ACTION_ACCEPT);
  assert_int_equal(ask(&m, STAGE_CONTENT), ACTION_ACCEPT);
  m.facts = (struct facts){.known = FACT_STORED,
                           .account = &blog,
                           .login_holds = true,
                           .account_name = "blog",
                           .stored = E_LIMIT,
                           .stored_limit = &over,
                           .before = &m.record};
  assert_int_equal(ask(&m, STAGE_STORE), ACTION_REFUSE);
  assert_string_equal(m.verdict.refusal.trace,
                      "account=pass; reverse-path=pass; limits=refuse 1000 of 1000/day; room=pass; "
                      "spf=would refuse fail; header-from=pass; header-sender=pass; from-form=pass; "
                      "dmarc=would refuse fail; bulk-rules=pass; brake=slow");
}

static enum action to_recipient(struct message *m, const char *address) {
  m->facts.recipient = address;
  assert_int_equal(address_parse(bytes_of(address), &m->facts.to), OK);
  m->facts.known |= FACT_RECIPIENT | FACT_SUPPRESSION;
  m->facts.recipient_count++;
  return ask(m, STAGE_RCPT);
}

/* Of the message: the one among several that an observed check would have refused. Of a refused recipient: its own
 * results, which the message keeps nothing of. */
static void test_the_record_of_recipients(void **state) {
  (void)state;
  static const struct check_setting modes[] = {{"recipient", CHECK_OBSERVE}};
  struct message m;
  begin(&m, modes, 1);
  m.account.to = to;
  m.account.to_count = 2;
  assert_int_equal(to_recipient(&m, "x@else.example"), ACTION_ACCEPT);
  assert_non_null(strstr(m.verdict.notes, "recipient=would refuse: "));
  assert_int_equal(to_recipient(&m, "y@else.example"), ACTION_ACCEPT);
  assert_string_equal(m.verdict.notes, "");
  assert_int_equal(to_recipient(&m, "z@example.org"), ACTION_ACCEPT);
  static const char kept[] = "recipient-count=pass; recipient=would refuse; suppression=pass; limits=pass";
  assert_trace(&m.record, kept);
  m.facts.suppression = &by_hand;
  assert_int_equal(to_recipient(&m, "z@example.org"), ACTION_REFUSE);
  assert_string_equal(m.verdict.refusal.trace, "recipient-count=pass; recipient=pass; suppression=refuse; limits=pass");
  m.facts.recipients_max = 3;
  assert_int_equal(to_recipient(&m, "z@example.org"), ACTION_REFUSE);
  assert_string_equal(m.verdict.refusal.trace, "recipient-count=refuse; limits=pass");
  assert_trace(&m.record, kept);
}

/* Every check has room in the line, and none is cut. */
static void test_the_longest_trace(void **state) {
  (void)state;
  struct policy_record r = {0};
  char trace[TRACE_TEXT];
  for (size_t i = 0; i < policy_check_count; i++) r.of[i].outcome = OUTCOME_REFUSE;
  memset(r.of[row_of("limits")].detail, '9', RESULT_DETAIL - 1);
  strcpy(r.of[row_of("spf")].detail, "permerror");
  strcpy(r.of[row_of("dmarc")].detail, "temperror");
  policy_trace(&r, trace);
  assert_non_null(strstr(trace, "; store=would refuse"));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_trace), cmocka_unit_test(test_the_record_of_a_stage_that_waits),
      cmocka_unit_test(test_trace_at_the_commit), cmocka_unit_test(test_the_record_of_recipients),
      cmocka_unit_test(test_the_longest_trace)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
