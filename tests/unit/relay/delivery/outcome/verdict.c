#include "relay/delivery/outcome/verdict.h"
#include "base/clock.h"
#include "base/mail/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static const struct {
  const char *name;
  struct incident incident;
  enum verdict verdict;
  enum event_kind kind;
  int code;
  const char *enhanced;
} cases[] = {
    {"delivered",
     {.stage = STAGE_DOT, .trouble = TROUBLE_NONE, .reply = {.code = 250, .enhanced = "2.0.0"}},
     VERDICT_DELIVERED,
     EVENT_DELIVERED,
     250,
     "2.0.0"},
    {"delivered without an enhanced code",
     {.stage = STAGE_DOT, .trouble = TROUBLE_NONE, .reply = {.code = 250}},
     VERDICT_DELIVERED,
     EVENT_DELIVERED,
     250,
     "2.0.0"},
    {"no such user",
     {.stage = STAGE_RCPT, .trouble = TROUBLE_REPLY, .reply = {.code = 550, .enhanced = "5.1.1"}},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     550,
     "5.1.1"},
    {"greylisted",
     {.stage = STAGE_RCPT, .trouble = TROUBLE_REPLY, .reply = {.code = 451, .enhanced = "4.7.1"}},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     451,
     "4.7.1"},
    {"bare codes",
     {.stage = STAGE_MAIL, .trouble = TROUBLE_REPLY, .reply = {.code = 553}},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     553,
     "5.0.0"},
    {"bare codes",
     {.stage = STAGE_MAIL, .trouble = TROUBLE_REPLY, .reply = {.code = 451}},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     451,
     "4.0.0"},
    {"refused after the dot",
     {.stage = STAGE_DOT, .trouble = TROUBLE_REPLY, .reply = {.code = 554, .enhanced = "5.7.1"}},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     554,
     "5.7.1"},
    {"552 to RCPT is 452",
     {.stage = STAGE_RCPT, .trouble = TROUBLE_REPLY, .reply = {.code = 552}},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     552,
     "5.0.0"},
    {"too many recipients, others taken",
     {.stage = STAGE_RCPT,
      .trouble = TROUBLE_REPLY,
      .others_accepted = true,
      .reply = {.code = 452, .enhanced = "4.5.3"}},
     VERDICT_AGAIN,
     EVENT_DEFERRED,
     452,
     "4.5.3"},
    {"too many recipients, by the enhanced code",
     {.stage = STAGE_RCPT,
      .trouble = TROUBLE_REPLY,
      .others_accepted = true,
      .reply = {.code = 550, .enhanced = "5.5.3"}},
     VERDICT_AGAIN,
     EVENT_DEFERRED,
     550,
     "5.5.3"},
    {"too many recipients, and there was none before",
     {.stage = STAGE_RCPT, .trouble = TROUBLE_REPLY, .reply = {.code = 550, .enhanced = "5.5.3"}},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     550,
     "5.5.3"},
    {"too many recipients, as an old host says it",
     {.stage = STAGE_RCPT, .trouble = TROUBLE_REPLY, .others_accepted = true, .reply = {.code = 552}},
     VERDICT_AGAIN,
     EVENT_DEFERRED,
     552,
     "5.0.0"},
    {"550 without an enhanced code",
     {.stage = STAGE_RCPT, .trouble = TROUBLE_REPLY, .others_accepted = true, .reply = {.code = 550}},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     550,
     "5.0.0"},
    {"mailbox full",
     {.stage = STAGE_RCPT,
      .trouble = TROUBLE_REPLY,
      .others_accepted = true,
      .reply = {.code = 552, .enhanced = "5.2.2"}},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     552,
     "5.2.2"},
    {"disk full",
     {.stage = STAGE_RCPT,
      .trouble = TROUBLE_REPLY,
      .others_accepted = true,
      .reply = {.code = 452, .enhanced = "4.3.1"}},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     452,
     "4.3.1"},
    {"552 after the dot",
     {.stage = STAGE_DOT, .trouble = TROUBLE_REPLY, .reply = {.code = 552, .enhanced = "5.3.4"}},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     552,
     "5.3.4"},
    {"5xx greeting",
     {.stage = STAGE_GREETING, .trouble = TROUBLE_REPLY, .reply = {.code = 554}},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     554,
     "5.0.0"},
    {"4xx greeting",
     {.stage = STAGE_GREETING, .trouble = TROUBLE_REPLY, .reply = {.code = 421}},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     421,
     "4.0.0"},
    {"refused connection",
     {.stage = STAGE_CONNECT, .trouble = TROUBLE_NETWORK},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     450,
     "4.4.1"},
    {"handshake", {.stage = STAGE_HANDSHAKE, .trouble = TROUBLE_TLS}, VERDICT_PLAIN, EVENT_DEFERRED, 450, "4.7.5"},
    {"closed at STARTTLS",
     {.stage = STAGE_STARTTLS, .trouble = TROUBLE_CLOSED},
     VERDICT_PLAIN,
     EVENT_DEFERRED,
     450,
     "4.4.2"},
    {"handshake without end",
     {.stage = STAGE_HANDSHAKE, .trouble = TROUBLE_TIMEOUT},
     VERDICT_PLAIN,
     EVENT_DEFERRED,
     450,
     "4.4.2"},
    {"injection", {.stage = STAGE_HANDSHAKE, .trouble = TROUBLE_PROTOCOL}, VERDICT_PLAIN, EVENT_DEFERRED, 450, "4.5.0"},
    {"closed in EHLO inside TLS",
     {.stage = STAGE_EHLO, .tls = true, .trouble = TROUBLE_CLOSED},
     VERDICT_PLAIN,
     EVENT_DEFERRED,
     450,
     "4.4.2"},
    {"closed in EHLO",
     {.stage = STAGE_EHLO, .trouble = TROUBLE_CLOSED},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     450,
     "4.4.2"},
    {"idle connection gone",
     {.stage = STAGE_MAIL, .reused = true, .trouble = TROUBLE_CLOSED},
     VERDICT_AGAIN,
     EVENT_DEFERRED,
     450,
     "4.4.2"},
    {"idle connection gone with 421",
     {.stage = STAGE_MAIL, .reused = true, .trouble = TROUBLE_REPLY, .reply = {.code = 421}},
     VERDICT_AGAIN,
     EVENT_DEFERRED,
     421,
     "4.0.0"},
    {"new connection gone",
     {.stage = STAGE_MAIL, .trouble = TROUBLE_CLOSED},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     450,
     "4.4.2"},
    {"gone after an answer",
     {.stage = STAGE_RCPT, .reused = true, .answered = true, .trouble = TROUBLE_CLOSED},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     450,
     "4.4.2"},
    {"gone after the dot",
     {.stage = STAGE_DOT, .reused = true, .answered = true, .trouble = TROUBLE_CLOSED},
     VERDICT_DEFER,
     EVENT_DEFERRED,
     450,
     "4.4.2"},
    {"421 in DATA",
     {.stage = STAGE_DATA, .answered = true, .trouble = TROUBLE_REPLY, .reply = {.code = 421, .enhanced = "4.3.2"}},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     421,
     "4.3.2"},
    {"put off after the dot",
     {.stage = STAGE_DOT, .answered = true, .trouble = TROUBLE_REPLY, .reply = {.code = 451, .enhanced = "4.7.1"}},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     451,
     "4.7.1"},
    {"no answer after the dot",
     {.stage = STAGE_DOT, .answered = true, .trouble = TROUBLE_TIMEOUT},
     VERDICT_DEFER,
     EVENT_DEFERRED,
     450,
     "4.4.2"},
    {"no SMTP after the dot",
     {.stage = STAGE_DOT, .answered = true, .trouble = TROUBLE_PROTOCOL},
     VERDICT_DEFER,
     EVENT_DEFERRED,
     450,
     "4.5.0"},
    {"gone before the dot",
     {.stage = STAGE_CONTENT, .answered = true, .trouble = TROUBLE_NETWORK},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     450,
     "4.4.1"},
    {"no answer to MAIL",
     {.stage = STAGE_MAIL, .reused = true, .trouble = TROUBLE_TIMEOUT},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     450,
     "4.4.2"},
    {"our own disk", {.stage = STAGE_CONTENT, .trouble = TROUBLE_LOCAL}, VERDICT_DEFER, EVENT_DEFERRED, 451, "4.3.0"},
    {"it wants the TLS that it offers",
     {.stage = STAGE_MAIL, .tls_unused = true, .trouble = TROUBLE_REPLY, .reply = {.code = 530, .enhanced = "5.7.0"}},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     530,
     "5.7.0"},
    {"it wants the TLS that it offers, by the enhanced code",
     {.stage = STAGE_RCPT, .tls_unused = true, .trouble = TROUBLE_REPLY, .reply = {.code = 550, .enhanced = "5.7.10"}},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     550,
     "5.7.10"},
    {"it wants the TLS that it offers, by the text",
     {.stage = STAGE_DATA,
      .tls_unused = true,
      .trouble = TROUBLE_REPLY,
      .reply = {.code = 554, .enhanced = "5.7.1", .text = "please use StartTLS"}},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     554,
     "5.7.1"},
    {"no TLS was offered",
     {.stage = STAGE_MAIL, .trouble = TROUBLE_REPLY, .reply = {.code = 530, .enhanced = "5.7.0", .text = "TLS"}},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     530,
     "5.7.0"},
    {"in the clear, and refused for another reason",
     {.stage = STAGE_RCPT, .tls_unused = true, .trouble = TROUBLE_REPLY, .reply = {.code = 550, .enhanced = "5.7.1"}},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     550,
     "5.7.1"},
    {"too large here, and another put it off",
     {.stage = STAGE_IDLE, .put_off = true, .trouble = TROUBLE_TOO_LARGE},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     552,
     "5.3.4"},
    {"no REQUIRETLS here, and another put it off",
     {.stage = STAGE_EHLO, .tls = true, .put_off = true, .trouble = TROUBLE_NO_REQUIRETLS},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     550,
     "5.7.30"},
    {"refused here, and another put it off",
     {.stage = STAGE_RCPT, .put_off = true, .trouble = TROUBLE_REPLY, .reply = {.code = 550, .enhanced = "5.1.1"}},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     550,
     "5.1.1"},
    {"too large", {.stage = STAGE_IDLE, .trouble = TROUBLE_TOO_LARGE}, VERDICT_BOUNCE, EVENT_BOUNCED, 552, "5.3.4"},
    {"8-bit", {.stage = STAGE_IDLE, .trouble = TROUBLE_NO_8BITMIME}, VERDICT_BOUNCE, EVENT_BOUNCED, 554, "5.6.3"},
    {"UTF-8", {.stage = STAGE_IDLE, .trouble = TROUBLE_NO_SMTPUTF8}, VERDICT_BOUNCE, EVENT_BOUNCED, 554, "5.6.7"},
    {"no DELIVERBY",
     {.stage = STAGE_IDLE, .trouble = TROUBLE_NO_DELIVERBY},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     554,
     "5.4.7"},
    {"too late", {.stage = STAGE_ROUTE, .trouble = TROUBLE_DEADLINE}, VERDICT_BOUNCE, EVENT_EXPIRED, 0, "5.4.7"},
    {"no TLS", {.stage = STAGE_EHLO, .trouble = TROUBLE_NO_TLS}, VERDICT_BOUNCE, EVENT_BOUNCED, 550, "5.7.10"},
    {"no good TLS",
     {.stage = STAGE_HANDSHAKE, .trouble = TROUBLE_NO_TLS},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     550,
     "5.7.10"},
    {"no REQUIRETLS",
     {.stage = STAGE_EHLO, .tls = true, .trouble = TROUBLE_NO_REQUIRETLS},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     550,
     "5.7.30"},
    {"null MX", {.trouble = TROUBLE_NULL_MX}, VERDICT_BOUNCE, EVENT_BOUNCED, 556, "5.1.10"},
    {"no domain", {.trouble = TROUBLE_NO_DOMAIN}, VERDICT_BOUNCE, EVENT_BOUNCED, 550, "5.1.2"},
    {"loop", {.trouble = TROUBLE_LOOP}, VERDICT_BOUNCE, EVENT_BOUNCED, 554, "5.4.6"},
    {"SERVFAIL", {.trouble = TROUBLE_DNS}, VERDICT_DEFER, EVENT_DEFERRED, 450, "4.4.3"},
    {"a route to nowhere", {.trouble = TROUBLE_ROUTE}, VERDICT_DEFER, EVENT_DEFERRED, 451, "4.3.5"},
    {"enforced TLS: handshake",
     {.stage = STAGE_HANDSHAKE, .tls_enforced = true, .trouble = TROUBLE_TLS_ENFORCED},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     451,
     "4.7.5"},
    {"not whom the TLSA records name",
     {.stage = STAGE_HANDSHAKE, .tls_enforced = true, .trouble = TROUBLE_DANE},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     451,
     "4.7.5"},
    {"not as the MTA-STS policy asks",
     {.stage = STAGE_HANDSHAKE, .tls_enforced = true, .trouble = TROUBLE_STS},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     451,
     "4.7.5"},
    {"not of the hosts that the MTA-STS policy names",
     {.stage = STAGE_ROUTE, .tls_enforced = true, .local = true, .trouble = TROUBLE_STS},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     451,
     "4.7.5"},
    {"returned by an operator",
     {.stage = STAGE_ROUTE, .trouble = TROUBLE_RETURNED},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     554,
     "5.0.0"},
    {"enforced TLS: closed at STARTTLS",
     {.stage = STAGE_STARTTLS, .tls_enforced = true, .trouble = TROUBLE_CLOSED},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     450,
     "4.4.2"},
    {"enforced TLS: closed in EHLO inside it",
     {.stage = STAGE_EHLO, .tls = true, .tls_enforced = true, .trouble = TROUBLE_CLOSED},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     450,
     "4.4.2"},
    {"login refused",
     {.stage = STAGE_AUTH, .trouble = TROUBLE_LOGIN, .reply = {.code = 535, .enhanced = "5.7.8"}},
     VERDICT_DEFER,
     EVENT_DEFERRED,
     535,
     "5.7.8"},
    {"no AUTH", {.stage = STAGE_AUTH, .trouble = TROUBLE_LOGIN}, VERDICT_DEFER, EVENT_DEFERRED, 451, "4.7.8"},
    {"login not now",
     {.stage = STAGE_AUTH, .trouble = TROUBLE_REPLY, .reply = {.code = 454, .enhanced = "4.7.0"}},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     454,
     "4.7.0"},
    {"a route without the login that is needed",
     {.stage = STAGE_MAIL, .routed = true, .trouble = TROUBLE_REPLY, .reply = {.code = 530, .enhanced = "5.7.0"}},
     VERDICT_NEXT_HOST,
     EVENT_DEFERRED,
     530,
     "5.7.0"},
    {"an exchanger that wants a login",
     {.stage = STAGE_MAIL, .trouble = TROUBLE_REPLY, .reply = {.code = 530, .enhanced = "5.7.0"}},
     VERDICT_BOUNCE,
     EVENT_BOUNCED,
     530,
     "5.7.0"},
    {"no source", {.trouble = TROUBLE_SOURCE}, VERDICT_DEFER, EVENT_DEFERRED, 451, "4.3.5"},
    {"stopping", {.stage = STAGE_DATA, .trouble = TROUBLE_STOPPING}, VERDICT_DEFER, EVENT_DEFERRED, 451, "4.3.2"},
};

static const struct config config = {
    .retry_us = {60 * SECOND_US, 300 * SECOND_US, 900 * SECOND_US},
    .retry_count = 3,
};
#define NOW (INT64_C(1000000) * SECOND_US)
#define CREATED (NOW - 3600 * SECOND_US)
#define EXPIRES (NOW + 86400 * SECOND_US)

static void rule(const struct incident *i, unsigned attempts, int64_t expires_us, uint32_t random, struct ruling *out) {
  struct verdict_case c = {.config = &config,
                           .attempts = attempts,
                           .created_us = CREATED,
                           .expires_us = expires_us,
                           .now_us = NOW,
                           .random = random};
  verdict_rule(&c, i, out);
}

static void test_table(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct ruling r;
    rule(&cases[i].incident, 0, EXPIRES, 0, &r);
    if (verdict_of(&cases[i].incident) != cases[i].verdict || r.kind != cases[i].kind || r.code != cases[i].code ||
        strcmp(r.enhanced, cases[i].enhanced))
      fail_msg("%s: verdict %d, %s %d %s", cases[i].name, (int)verdict_of(&cases[i].incident), event_name(r.kind),
               r.code, r.enhanced);
    assert_true(r.set);
  }
}

static void test_retry_schedule(void **state) {
  (void)state;
  static const struct {
    unsigned attempts;
    uint32_t random;
    int64_t wait;
  } schedule[] = {
      {0, 0, 60}, {1, 0, 300}, {2, 0, 900}, {3, 0, 900}, {1000, 0, 900}, {0, 100, 66}, {0, 50, 63}, {0, 101, 60},
  };
  struct incident i = {.stage = STAGE_RCPT, .trouble = TROUBLE_REPLY, .reply = {.code = 450}};
  for (size_t k = 0; k < sizeof schedule / sizeof *schedule; k++) {
    struct ruling r;
    rule(&i, schedule[k].attempts, EXPIRES, schedule[k].random, &r);
    assert_int_equal(r.kind, EVENT_DEFERRED);
    assert_true(r.counts);
    assert_int_equal(r.next_us, NOW + schedule[k].wait * SECOND_US);
  }
}

/* What the site says of itself comes before the schedule; no other of its hosts is asked then. */
static void test_the_sites_own_time(void **state) {
  (void)state;
  struct incident i = {.stage = STAGE_MAIL, .trouble = TROUBLE_REPLY, .reply = {.code = 421, .enhanced = "4.7.0"}};
  struct ruling r;
  assert_int_equal(verdict_of(&i), VERDICT_NEXT_HOST);
  i.site_wide = true;
  assert_int_equal(verdict_of(&i), VERDICT_DEFER);
  i.retry_us = NOW + 2000 * SECOND_US;
  rule(&i, 0, EXPIRES, 0, &r);
  assert_int_equal(r.next_us, i.retry_us);
  rule(&i, 3, EXPIRES, 100, &r); /* a twentieth more */
  assert_int_equal(r.next_us, i.retry_us + 100 * SECOND_US);
  i.retry_us = NOW - SECOND_US;
  rule(&i, 0, EXPIRES, 100, &r);
  assert_int_equal(r.next_us, NOW);
  assert_true(r.counts);
  i = (struct incident){.stage = STAGE_ROUTE, .trouble = TROUBLE_PACE, .retry_us = NOW + SECOND_US, .text = "its turn"};
  rule(&i, 0, EXPIRES, 0, &r);
  assert_int_equal(r.kind, EVENT_DEFERRED);
  assert_string_equal(r.rule, RULE_PACE);
  assert_int_equal(r.next_us, NOW + SECOND_US);
  assert_false(r.counts); /* nothing was tried */
  i = (struct incident){.stage = STAGE_MAIL, .trouble = TROUBLE_REPLY, .site_wide = true, .reply = {.code = 554}};
  assert_int_equal(verdict_of(&i), VERDICT_BOUNCE); /* a refusal stays one */
}

static void test_expiry(void **state) {
  (void)state;
  struct incident i = {
      .stage = STAGE_RCPT, .trouble = TROUBLE_REPLY, .reply = {.code = 451, .enhanced = "4.7.1", .text = "greylisted"}};
  struct ruling r;
  rule(&i, 0, NOW + 5 * SECOND_US, 0, &r);
  assert_int_equal(r.kind, EVENT_DEFERRED);
  assert_int_equal(r.next_us, NOW + 5 * SECOND_US);
  rule(&i, 0, NOW, 0, &r);
  assert_int_equal(r.kind, EVENT_EXPIRED);
  assert_string_equal(r.enhanced, "4.4.7");
  assert_int_equal(r.code, 0);
  assert_non_null(strstr(r.text, "451 4.7.1 greylisted"));
  assert_non_null(strstr(r.text, "1h"));
  /* Delivered and refused are what they are, however old. */
  i.reply.code = 550;
  rule(&i, 0, NOW, 0, &r);
  assert_int_equal(r.kind, EVENT_BOUNCED);
}

static void test_stopping_counts_nothing(void **state) {
  (void)state;
  struct incident i = {.stage = STAGE_DATA, .trouble = TROUBLE_STOPPING};
  struct ruling r;
  rule(&i, 7, NOW - 1, 0, &r);
  assert_int_equal(r.kind, EVENT_DEFERRED);
  assert_false(r.counts);
  assert_int_equal(r.next_us, NOW);
}

static void test_remote_text(void **state) {
  (void)state;
  struct incident i = {.stage = STAGE_GREETING, .trouble = TROUBLE_REPLY, .reply = {.code = 554, .text = "go away"}};
  struct ruling r;
  rule(&i, 0, EXPIRES, 0, &r);
  assert_true(r.remote);
  assert_string_equal(r.text, "go away (while waiting for the greeting)");
  i = (struct incident){.stage = STAGE_CONNECT, .trouble = TROUBLE_TIMEOUT, .text = "no answer"};
  rule(&i, 0, EXPIRES, 0, &r);
  assert_false(r.remote);
  assert_string_equal(r.text, "no answer");
}

/* Each trouble has a cause of its own in the log; only what went well has none. */
static void test_rules(void **state) {
  (void)state;
  for (enum trouble one = TROUBLE_NONE; one <= TROUBLE_RETURNED; one++) {
    struct incident a = {.trouble = one};
    struct ruling r;
    assert_int_equal(incident_rule(&a)[0] == '\0', one == TROUBLE_NONE);
    rule(&a, 0, EXPIRES, 0, &r);
    assert_string_equal(r.rule, incident_rule(&a));
    for (enum trouble other = TROUBLE_NONE; other < one; other++) {
      struct incident b = {.trouble = other};
      assert_string_not_equal(incident_rule(&a), incident_rule(&b));
    }
  }
}

/* The sender learns why, and what was last; not who. Nothing is concluded of the mailbox. */
static void test_returned(void **state) {
  (void)state;
  static const struct {
    const char *order, *last, *text;
  } orders[] = {
      {"root ", NULL, "returned by the operator of this gateway"},
      {"root", "", "returned by the operator of this gateway"},
      {"- moved away", "greylisted",
       "returned by the operator of this gateway: moved away; the last reason was: greylisted"},
  };
  for (size_t i = 0; i < sizeof orders / sizeof orders[0]; i++) {
    struct verdict_case c = {.expires_us = NOW - 1, .last = orders[i].last, .now_us = NOW}; /* even if expired */
    struct incident incident;
    struct ruling r;
    incident_of_return(orders[i].order, &incident);
    verdict_rule(&c, &incident, &r);
    assert_int_equal(r.kind, EVENT_BOUNCED);
    assert_int_equal(r.bounce, BOUNCE_NONE);
    assert_string_equal(r.text, orders[i].text);
  }
}

/* The sender's deadline (RFC 2852) is the cause, whatever the attempts came to; and the log has that last. */
static void test_sender_deadline(void **state) {
  (void)state;
  static const struct {
    struct incident incident;
    const char *last, *text;
  } ends[] = {
      {{.trouble = TROUBLE_DEADLINE, .text = "too late"}, NULL, "too late"},
      {{.trouble = TROUBLE_DEADLINE, .text = "too late"}, "", "too late"},
      {{.trouble = TROUBLE_DEADLINE, .text = "too late"}, "busy", "too late; the last reason was: busy"},
      {{.stage = STAGE_RCPT, .trouble = TROUBLE_REPLY, .reply = {.code = 450, .text = "no"}},
       "busy",
       "not delivered within 1h; the last reason was: 450 4.0.0 no"},
  };
  struct verdict_case c = {
      .config = &config, .attempts = 2, .created_us = CREATED, .expires_us = NOW, .now_us = NOW, .sender_ends = true};
  struct ruling r;
  for (size_t k = 0; k < sizeof ends / sizeof *ends; k++) {
    c.last = ends[k].last;
    verdict_rule(&c, &ends[k].incident, &r);
    assert_int_equal(r.kind, EVENT_EXPIRED);
    assert_string_equal(r.enhanced, "5.4.7");
    assert_string_equal(r.rule, RULE_DEADLINE);
    assert_string_equal(r.text, ends[k].text);
  }
  c.sender_ends = false; /* the gateway's own: what the last attempt came to is the cause */
  verdict_rule(&c, &ends[3].incident, &r);
  assert_string_equal(r.enhanced, "4.4.7");
  assert_string_equal(r.rule, RULE_REMOTE_REPLY);
}

static void test_numbers(void **state) {
  (void)state;
  struct incident i = {.trouble = TROUBLE_TOO_LARGE};
  struct ruling r;
  numbers_add(i.numbers, "size", 7);
  rule(&i, 0, EXPIRES, 0, &r);
  assert_string_equal(r.numbers, "size=7 attempt=1");
  rule(&(struct incident){.trouble = TROUBLE_DNS}, 4, EXPIRES, 0, &r);
  assert_string_equal(r.numbers, "attempt=5");
}

/* A pause of the route's login is waited for, and no longer than the message lives. */
static void test_not_before(void **state) {
  (void)state;
  struct incident i = {.stage = STAGE_AUTH, .trouble = TROUBLE_LOGIN, .again_us = NOW + 1};
  struct ruling r;
  rule(&i, 0, EXPIRES, 0, &r);
  int64_t by_schedule = r.next_us;
  assert_true(by_schedule > NOW + 1);
  i.again_us = by_schedule + 5;
  rule(&i, 0, EXPIRES, 0, &r);
  assert_int_equal(r.next_us, by_schedule + 5);
  rule(&i, 0, by_schedule + 2, 0, &r);
  assert_int_equal(r.next_us, by_schedule + 2);
}

static void test_several_domains(void **state) {
  (void)state;
  static const struct {
    const char *what;
    struct incident incident;
    bool again, remembered;
  } parts[] = {
      {"of another domain",
       {.stage = STAGE_RCPT, .other_domain = true, .reply = {.code = 450, .enhanced = "4.7.1"}},
       true,
       false},
      {"of the first", {.stage = STAGE_RCPT, .reply = {.code = 450, .enhanced = "4.7.1"}}, false, false},
      {"refused",
       {.stage = STAGE_RCPT, .other_domain = true, .reply = {.code = 550, .enhanced = "5.1.1"}},
       false,
       false},
      {"closing", {.stage = STAGE_RCPT, .other_domain = true, .reply = {.code = 421}}, false, false},
      {"the site waits",
       {.stage = STAGE_RCPT, .other_domain = true, .site_wide = true, .reply = {.code = 450}},
       false,
       false},
      {"Microsoft",
       {.stage = STAGE_RCPT,
        .other_domain = true,
        .reply = {.code = 452, .enhanced = "4.5.3", .text = "Recipients belong to multiple regions ATTR38"}},
       true,
       true},
      {"Google, at DATA",
       {.stage = STAGE_DATA,
        .reply = {.code = 451,
                  .enhanced = "4.3.0",
                  .text = "Multiple destination domains per transaction is unsupported. Please try again."}},
       true,
       true},
      {"another reply at DATA", {.stage = STAGE_DATA, .other_domain = true, .reply = {.code = 451}}, false, false},
  };
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    struct incident own = parts[i].incident;
    own.trouble = TROUBLE_REPLY;
    own.others_accepted = true;
    if (verdict_parts_domains(&own) != false) fail_msg("%s: of one domain", parts[i].what);
    own.joined = true;
    if ((verdict_of(&own) == VERDICT_AGAIN) != parts[i].again) fail_msg("%s", parts[i].what);
    if (verdict_wants_one_domain(&own) != parts[i].remembered) fail_msg("%s: remembered", parts[i].what);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_not_before),
      cmocka_unit_test(test_returned),
      cmocka_unit_test(test_rules),
      cmocka_unit_test(test_table),
      cmocka_unit_test(test_retry_schedule),
      cmocka_unit_test(test_the_sites_own_time),
      cmocka_unit_test(test_expiry),
      cmocka_unit_test(test_remote_text),
      cmocka_unit_test(test_stopping_counts_nothing),
      cmocka_unit_test(test_sender_deadline),
      cmocka_unit_test(test_numbers),
      cmocka_unit_test(test_several_domains),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
