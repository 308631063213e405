/* Replies as hosts in wide use give them: which say that a mailbox is gone, and which only say so. */
#include "relay/delivery/outcome/bounce.h"
#include "base/mail/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static const struct {
  const char *enhanced, *text;
  enum bounce expected;
  int code;              /* 0: 550 */
  enum smtp_stage stage; /* 0: RCPT */
  bool others;
} replies[] = {
    /* Gmail */
    {"5.1.1",
     "The email account that you tried to reach does not exist. Please try double-checking the recipient's "
     "email address for typos or unnecessary spaces. For more information, go to "
     "https://support.google.com/mail/?p=NoSuchUser d75a77b69052e-4b0 - gsmtp",
     BOUNCE_HARD},
    {"5.2.1",
     "The email account that you tried to reach is disabled. For more information, go to "
     "https://support.google.com/mail/?p=DisabledUser e9e14a558f8ab - gsmtp",
     BOUNCE_HARD},
    {"5.2.1",
     "The user you are trying to contact is receiving mail at a rate that prevents additional messages from "
     "being delivered. https://support.google.com/mail/?p=ReceivingRatePerm - gsmtp",
     BOUNCE_NONE},
    {"5.2.2", "The recipient's inbox is out of storage space. https://support.google.com/mail/?p=OverQuotaPerm",
     BOUNCE_SOFT, 552},
    {"5.7.26",
     "This mail has been blocked because the sender is unauthenticated. Gmail requires all senders to "
     "authenticate with either SPF or DKIM.",
     BOUNCE_NONE},
    {"5.7.1", "Gmail has detected that this message is likely unsolicited mail.", BOUNCE_NONE, 550, STAGE_DOT},
    /* Microsoft */
    {"5.1.10", "RESOLVER.ADR.RecipientNotFound; Recipient nobody@contoso.example not found by SMTP address lookup",
     BOUNCE_HARD},
    {"5.4.1", "Recipient address rejected: Access denied. [AM6EUR05FT012.eop-eur05.prod.protection.outlook.com]",
     BOUNCE_NONE},
    {"5.5.0", "Requested action not taken: mailbox unavailable (S2017062302). [BN8NAM11FT066.eop-nam11.prod]",
     BOUNCE_NONE},
    {"5.7.1",
     "Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service provider "
     "since part of their network is on our block list (S3140).",
     BOUNCE_NONE},
    {"5.7.515", "Access denied, sending domain EXAMPLE.COM does not meet the required authentication level.",
     BOUNCE_NONE},
    /* Yahoo, AOL: no enhanced codes */
    {"5.0.0", "1 Requested mail action aborted, mailbox not found", BOUNCE_HARD, 552, STAGE_DOT},
    {"5.0.0", "delivery error: dd This user doesn't have a yahoo.com account (nobody@yahoo.com) [0] - mta1.mail",
     BOUNCE_HARD, 554, STAGE_DOT},
    {"5.0.0", "30 Sorry, your message to nobody@aol.com cannot be delivered. This mailbox is disabled (554.30).",
     BOUNCE_HARD, 554},
    {"5.7.9", "Message not accepted for policy reasons. See https://senders.yahooinc.com/error-codes", BOUNCE_NONE,
     554},
    {"5.7.2", "[TSS09] All messages from 192.0.2.1 will be permanently deferred", BOUNCE_NONE, 553},
    /* Apple, Comcast, GMX */
    {"5.1.1", "<nobody@icloud.com>: user does not exist", BOUNCE_HARD},
    {"5.7.1", "[CS01] Message rejected due to local policy. Please visit https://support.apple.com/en-us/HT204137",
     BOUNCE_NONE},
    {"5.1.1", "Not our Customer", BOUNCE_HARD},
    {"5.0.0",
     "Requested action not taken: mailbox unavailable For explanation visit "
     "https://www.gmx.net/mail/senderguidelines?c=hi",
     BOUNCE_NONE},
    /* Postfix, Exim, cPanel, qmail, Mimecast */
    {"5.1.1", "<spam@example.net>: Recipient address rejected: User unknown in virtual mailbox table", BOUNCE_HARD},
    {"5.1.1",
     "<r@example.net>: Recipient address rejected: undeliverable address: host mx.example.net said: 550 5.7.1 "
     "Blocked by our policy",
     BOUNCE_NONE},
    {"5.0.0", "No Such User Here", BOUNCE_HARD},
    {"5.0.0", "Unrouteable address", BOUNCE_NONE},
    {"5.7.1", "sorry, that domain isn't in my list of allowed rcpthosts", BOUNCE_NONE, 553},
    {"5.1.1", "Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [kz3]", BOUNCE_HARD},
    {"5.7.1", "<r@example.net>: Relay access denied", BOUNCE_NONE, 554},
    /* Codes that lie */
    {"5.1.1", "Recipient rejected: your IP is blacklisted, see https://www.spamhaus.org/query/ip/192.0.2.1",
     BOUNCE_NONE},
    {"5.1.1", "Mail from 192.0.2.1 refused, spam reputation too low", BOUNCE_NONE},
    {"5.1.1", "Blocked", BOUNCE_NONE},
    {"5.1.1", "message content rejected", BOUNCE_NONE},
    {"5.1.1", "sender address rejected: Domain not found", BOUNCE_NONE},
    {"5.1.1", "user is over quota", BOUNCE_SOFT},
    {"5.2.1", "Too many messages, try again later", BOUNCE_NONE},
    /* The table of codes */
    {"5.1.2", "no such domain", BOUNCE_HARD},
    {"5.1.3", "bad address syntax", BOUNCE_HARD, 553},
    {"5.1.4", "ambiguous", BOUNCE_SOFT},
    {"5.1.6", "the mailbox has moved", BOUNCE_HARD, 551},
    {"5.1.7", "bad address of yours", BOUNCE_NONE},
    {"5.1.8", "that domain does not exist", BOUNCE_NONE},
    {"5.1.0", "no such user", BOUNCE_HARD},
    {"5.1.0", "rejected", BOUNCE_NONE},
    {"5.2.3", "too long for this mailbox", BOUNCE_NONE, 552},
    {"5.2.4", "the list cannot be expanded", BOUNCE_SOFT},
    {"5.3.4", "too big", BOUNCE_NONE, 552},
    {"5.4.6", "loop", BOUNCE_NONE, 554},
    {"5.6.0", "no such user", BOUNCE_NONE, 554},
    {"5.7.0", "no such user", BOUNCE_NONE},
    {"5.0.0", "this host accepts no mail", BOUNCE_HARD, 556},
    /* The place */
    {"5.1.1", "user unknown", BOUNCE_NONE, 550, STAGE_MAIL},
    {"5.1.1", "user unknown", BOUNCE_HARD, 550, STAGE_DOT},
    {"5.1.1", "user unknown", BOUNCE_NONE, 550, STAGE_DOT, true},
    {"5.1.1", "user unknown", BOUNCE_NONE, 500},
};

static void test_replies(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof replies / sizeof replies[0]; i++) {
    struct incident in = {.stage = replies[i].stage ? replies[i].stage : STAGE_RCPT,
                          .trouble = TROUBLE_REPLY,
                          .others_accepted = replies[i].others,
                          .reply = {.code = replies[i].code ? replies[i].code : 550}};
    if (strcmp(replies[i].enhanced, "5.0.0") != 0)
      snprintf(in.reply.enhanced, sizeof in.reply.enhanced, "%s", replies[i].enhanced);
    snprintf(in.reply.text, sizeof in.reply.text, "%s", replies[i].text);
    struct ruling out;
    struct config config = {.retry_us = {SECOND_US}, .retry_count = 1};
    verdict_rule(&(struct verdict_case){.config = &config, .expires_us = 10, .now_us = 5}, &in, &out);
    assert_int_equal(out.kind, EVENT_BOUNCED);
    if (out.bounce != replies[i].expected)
      fail_msg("%s %s: %d, not %d", replies[i].enhanced, replies[i].text, out.bounce, replies[i].expected);
  }
}

static void test_ends_without_a_permanent_reply(void **state) {
  static const struct {
    struct incident incident;
    int64_t now_us;
    bool sender_ends;
    enum bounce expected;
  } cases[] = {
      {{.trouble = TROUBLE_NO_DOMAIN}, 5, false, BOUNCE_HARD},
      {{.trouble = TROUBLE_NULL_MX}, 5, false, BOUNCE_HARD},
      {{.trouble = TROUBLE_NO_ADDRESS}, 5, false, BOUNCE_SOFT},
      {{.trouble = TROUBLE_LOOP}, 5, false, BOUNCE_NONE},
      {{.trouble = TROUBLE_TOO_LARGE}, 5, false, BOUNCE_NONE},
      {{.stage = STAGE_RCPT, .trouble = TROUBLE_REPLY, .reply = {.code = 450, .enhanced = "4.2.1"}},
       5,
       false,
       BOUNCE_NONE},
      {{.stage = STAGE_RCPT, .trouble = TROUBLE_REPLY, .reply = {.code = 450, .enhanced = "4.2.2"}},
       20,
       false,
       BOUNCE_SOFT},
      {{.stage = STAGE_CONNECT, .trouble = TROUBLE_TIMEOUT}, 20, false, BOUNCE_SOFT},
      {{.stage = STAGE_AUTH, .trouble = TROUBLE_LOGIN, .reply = {.code = 535}}, 20, false, BOUNCE_NONE},
      {{.stage = STAGE_HANDSHAKE, .trouble = TROUBLE_TLS_ENFORCED}, 20, false, BOUNCE_NONE},
      {{.trouble = TROUBLE_ROUTE}, 20, false, BOUNCE_NONE},
      {{.stage = STAGE_CONNECT, .trouble = TROUBLE_TIMEOUT}, 20, true, BOUNCE_NONE}, /* the sender's deadline */
      {{.stage = STAGE_DOT, .trouble = TROUBLE_NONE, .reply = {.code = 250}}, 5, false, BOUNCE_NONE},
      {{.stage = STAGE_GREETING, .trouble = TROUBLE_REPLY, .reply = {.code = 554, .text = "no such user"}},
       5,
       false,
       BOUNCE_NONE},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct ruling out;
    struct config config = {.retry_us = {SECOND_US}, .retry_count = 1};
    verdict_rule(
        &(struct verdict_case){
            .config = &config, .expires_us = 10, .now_us = cases[i].now_us, .sender_ends = cases[i].sender_ends},
        &cases[i].incident, &out);
    if (out.bounce != cases[i].expected) fail_msg("case %zu: %d", i, out.bounce);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(test_replies),
                                            cmocka_unit_test(test_ends_without_a_permanent_reply)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
