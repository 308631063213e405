/* What the end of an attempt says of the source. */
#include "relay/delivery/outcome/regard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define HOUR (3600 * SECOND_US)

static enum regard regard(struct incident i) {
  struct config config = {.retry_count = 0};
  struct verdict_case c = {.config = &config, .expires_us = HOUR};
  struct ruling r;
  verdict_rule(&c, &i, &r);
  return regard_of(&i, &r);
}

static void replies(void **state) {
  (void)state;
  static const struct {
    enum smtp_stage stage;
    int code;
    const char *enhanced, *text;
    bool of_source; /* the room for the pace found so */
    enum regard expected;
  } cases[] = {
      {STAGE_DOT, 250, "2.0.0", "kept", false, REGARD_ANSWERED},
      /* the recipient, and the message */
      {STAGE_RCPT, 550, "5.1.1", "no such user", false, REGARD_ANSWERED},
      {STAGE_RCPT, 552, "5.2.2", "mailbox full", false, REGARD_ANSWERED},
      {STAGE_RCPT, 550, "", "user unknown", false, REGARD_ANSWERED},
      {STAGE_DOT, 552, "5.3.4", "too large, by our policy", false, REGARD_ANSWERED},
      {STAGE_DOT, 554, "5.6.0", "malformed", false, REGARD_ANSWERED},
      {STAGE_RCPT, 554, "5.7.1", "Relay access denied", false, REGARD_ANSWERED},
      /* the source */
      {STAGE_DOT, 550, "5.7.1", "likely unsolicited mail", false, REGARD_AGAINST},
      {STAGE_RCPT, 554, "5.7.1", "your address is not welcome", false, REGARD_AGAINST},
      {STAGE_MAIL, 550, "5.7.515", "authentication level", false, REGARD_AGAINST},
      {STAGE_RCPT, 550, "5.1.1", "rejected: listed by a blocklist", false, REGARD_AGAINST},
      {STAGE_DOT, 554, "", "message rejected as spam", false, REGARD_AGAINST},
      {STAGE_MAIL, 421, "4.7.0", "unusual rate", true, REGARD_AGAINST},
      {STAGE_RCPT, 451, "4.3.2", "too busy", true, REGARD_AGAINST},
      {STAGE_RCPT, 550, "5.7.28", "unusual rate", true, REGARD_AGAINST},
      /* it comes again: greylisting, a mailbox that is locked */
      {STAGE_RCPT, 451, "4.7.1", "greylisted", false, REGARD_NONE},
      {STAGE_RCPT, 450, "4.2.1", "later", false, REGARD_NONE},
      /* the connection */
      {STAGE_GREETING, 554, "5.7.1", "blocked", false, REGARD_TURNED_AWAY},
      {STAGE_EHLO, 421, "4.7.0", "too many", true, REGARD_TURNED_AWAY},
      {STAGE_STARTTLS, 454, "4.7.0", "no TLS", false, REGARD_NONE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct incident incident = {.stage = cases[i].stage,
                                .trouble = cases[i].code / 100 == 2 ? TROUBLE_NONE : TROUBLE_REPLY,
                                .of_source = cases[i].of_source,
                                .reply = {.code = cases[i].code}};
    snprintf(incident.reply.enhanced, sizeof incident.reply.enhanced, "%s", cases[i].enhanced);
    snprintf(incident.reply.text, sizeof incident.reply.text, "%s", cases[i].text);
    if (regard(incident) != cases[i].expected)
      fail_msg("%d %s %s: %d", cases[i].code, cases[i].enhanced, cases[i].text, (int)regard(incident));
  }
}

static void troubles(void **state) {
  (void)state;
  static const struct {
    enum smtp_stage stage;
    enum trouble trouble;
    enum regard expected;
  } cases[] = {
      {STAGE_CONNECT, TROUBLE_NETWORK, REGARD_NONE}, {STAGE_GREETING, TROUBLE_TIMEOUT, REGARD_NONE},
      {STAGE_RCPT, TROUBLE_CLOSED, REGARD_NONE},     {STAGE_DOT, TROUBLE_CLOSED, REGARD_ANSWERED},
      {STAGE_DOT, TROUBLE_TIMEOUT, REGARD_ANSWERED}, {STAGE_DOT, TROUBLE_STOPPING, REGARD_NONE},
      {STAGE_ROUTE, TROUBLE_PACE, REGARD_NONE},      {STAGE_ROUTE, TROUBLE_WARMUP, REGARD_NONE},
      {STAGE_IDLE, TROUBLE_TOO_LARGE, REGARD_NONE},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    assert_int_equal(regard((struct incident){.stage = cases[i].stage, .trouble = cases[i].trouble}),
                     cases[i].expected);
}

static void they_add_up(void **state) {
  (void)state;
  struct warmup_tally t = {0};
  static const enum regard all[] = {REGARD_ANSWERED, REGARD_AGAINST, REGARD_NONE, REGARD_TURNED_AWAY, REGARD_ANSWERED};
  for (size_t i = 0; i < 3; i++) regard_count(all[i], &t);
  assert_false(t.turned_away);
  for (size_t i = 3; i < 5; i++) regard_count(all[i], &t);
  assert_int_equal(t.used, 3);
  assert_int_equal(t.attempts, 3);
  assert_int_equal(t.against, 1);
  assert_true(t.turned_away);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(replies),
      cmocka_unit_test(troubles),
      cmocka_unit_test(they_add_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
