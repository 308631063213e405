/* What to do, for the rules of this gateway and some replies of other hosts. */
#include "cli/log/advice.h"

#include <stdbool.h>

#include "base/id.h"
#include "base/mail/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const struct {
  enum event_kind kind;
  const char *rule, *enhanced, *advice;
} table[] = {
    {EVENT_REFUSED, RULE_LIMIT, "4.7.1", "sendoff account usage blog"},
    {EVENT_REFUSED, RULE_LIMIT, "5.7.1", "sendoff account set blog --remove-limit OLD --add-limit NEW"},
    {EVENT_REFUSED, RULE_LIMIT, "4.7.1", "sendoff gateway set"},
    {EVENT_REFUSED, RULE_MESSAGE_LIMIT, "5.7.1", "Send to fewer recipients"},
    {EVENT_REFUSED, RULE_MESSAGE_LIMIT, "4.7.1", "Send to fewer recipients"},
    {EVENT_REFUSED, RULE_SMOOTH_LIMIT, "4.7.1", "sendoff queue list --account blog"},
    {EVENT_REFUSED, RULE_SENDER, "5.7.1", "sendoff account set blog --add-sender"},
    {EVENT_REFUSED, RULE_HEADER_FROM, "5.7.1", "sendoff account set blog --add-sender"},
    {EVENT_REFUSED, RULE_HEADER_SENDER, "5.7.1", "sendoff account set blog --add-sender"},
    {EVENT_REFUSED, RULE_HEADER_SENDER, "5.6.0", "Fix the application"},
    {EVENT_REFUSED, RULE_RECIPIENT, "5.7.1", "sendoff account set blog --to"},
    {EVENT_REFUSED, RULE_SIMULATOR, "5.1.1", "docs/simulator.md"},
    {EVENT_REFUSED, RULE_SUSPENDED, "5.7.1", "sendoff account resume blog"},
    {EVENT_REFUSED, RULE_SUSPENDED, "5.7.1", "sendoff account review blog"},
    {EVENT_HELD, RULE_BRAKE, "", "sendoff account review blog"},
    {EVENT_HELD, RULE_COMMAND, "", "sendoff queue release 1"},
    {EVENT_REFUSED, RULE_SPF, "5.7.23", "sendoff domain records example.com"},
    {EVENT_REFUSED, RULE_LOGIN_ENDED, "5.7.0", "session was open"},
    {EVENT_REFUSED, RULE_ACCOUNT_GONE, "5.7.1", "sendoff account add"},
    {EVENT_REFUSED, RULE_AUTHENTICATION, "5.7.0", "Set user name"},
    {EVENT_REFUSED, RULE_TLS_HANDSHAKE, "", "tls { certificate }"},
    {EVENT_REFUSED, RULE_SESSIONS, "4.3.2", "max_sessions"},
    {EVENT_REFUSED, RULE_USER_DATABASE, "4.3.0", "getent passwd"},
    {EVENT_REFUSED, RULE_LOCAL_USER, "5.7.1", "sendoff account list"},
    {EVENT_REFUSED, RULE_BANNED, "4.7.0", "sendoff unban"},
    {EVENT_REFUSED, RULE_RECIPIENTS, "4.5.3", "max_recipients"},
    {EVENT_REFUSED, RULE_SYNTAX, "5.5.4", "as SMTP"},
    {EVENT_REFUSED, RULE_SEQUENCE, "5.5.1", "another order"},
    {EVENT_REFUSED, RULE_LOGIN, "5.7.8", "sendoff account password blog"},
    {EVENT_REFUSED, RULE_LOGIN_RESTRICTED, "4.7.0", "sendoff unban blog"},
    {EVENT_REFUSED, RULE_BARE_NEWLINE, "5.6.11", "ends lines with LF"},
    {EVENT_REFUSED, RULE_LINE_LENGTH, "5.6.0", "Fix the application"},
    {EVENT_REFUSED, RULE_NUL, "5.6.0", "Fix the application"},
    {EVENT_REFUSED, RULE_HEADER, "5.6.0", "Fix the application"},
    {EVENT_REFUSED, RULE_FROM_SYNTAX, "5.6.0", "Fix the application"},
    {EVENT_REFUSED, RULE_8BIT, "5.6.1", "sendoff account set blog --eight-bit accept"},
    {EVENT_REFUSED, RULE_HEADER_8BIT, "5.6.7", "RFC 2047"},
    {EVENT_REFUSED, RULE_HEADER_SIZE, "5.3.4", "header is too large"},
    {EVENT_REFUSED, RULE_SIZE, "5.3.4", "max_message_size"},
    {EVENT_REFUSED, RULE_MAIL_LOOP, "5.4.6", "mail loop"},
    {EVENT_REFUSED, RULE_SIGNING, "4.3.5", "sendoff dkim list example.com"},
    {EVENT_REFUSED, RULE_DISK, "4.3.1", "what is kept free"},
    {EVENT_REFUSED, RULE_STORE, "4.3.0", "shows how it is"},
    {EVENT_REFUSED, RULE_MEMORY, "4.3.0", "its own log"},
    {EVENT_DEFERRED, RULE_NETWORK, "4.4.1", "sendoff queue retry 1"},
    {EVENT_DEFERRED, RULE_TIMEOUT, "4.4.2", "sendoff queue retry 1"},
    {EVENT_DEFERRED, RULE_TLS, "4.7.5", "begins with TLS again"},
    {EVENT_DEFERRED, RULE_STOPPING, "4.3.2", "when the gateway runs"},
    {EVENT_DEFERRED, RULE_LOCAL, "4.3.0", "its own log"},
    {EVENT_DEFERRED, RULE_DNS, "4.4.3", "dns block"},
    {EVENT_DEFERRED, RULE_SOURCE, "4.3.5", "sendoff source list"},
    {EVENT_DEFERRED, RULE_REMOTE_REPLY, "4.3.5", "asked to try later"},
    {EVENT_DEFERRED, RULE_REMOTE_REPLY, "4.2.2", "mailbox is full"},
    {EVENT_DEFERRED, RULE_REMOTE_REPLY, "4.7.1", "greylisting"},
    {EVENT_DEFERRED, RULE_REMOTE_REPLY, "4.0.0", "asked to try later"},
    {EVENT_BOUNCED, RULE_REMOTE_REPLY, "5.1.1", "does not exist"},
    {EVENT_BOUNCED, RULE_REMOTE_REPLY, "5.1.10", "does not exist"},
    {EVENT_BOUNCED, RULE_NULL_MX, "5.1.10", "takes no mail"},
    {EVENT_BOUNCED, RULE_COMMAND, "5.0.0", "sendoff queue bounce"},
    {EVENT_BOUNCED, RULE_REMOTE_REPLY, "5.7.1", "sendoff domain records example.com"},
    {EVENT_BOUNCED, RULE_REMOTE_REPLY, "5.0.0", "its reply says why"},
    {EVENT_BOUNCED, RULE_MAIL_LOOP, "5.4.6", "MX record"},
    {EVENT_BOUNCED, RULE_NO_ADDRESS, "5.4.4", "have no address"},
    {EVENT_BOUNCED, RULE_NO_DELIVERBY, "5.4.7", "does not promise to keep"},
    {EVENT_BOUNCED, RULE_NO_SMTPUTF8, "5.6.7", "before its @"},
    {EVENT_BOUNCED, RULE_NO_SMTPUTF8, "5.6.9", "RFC 2047"},
    {EVENT_BOUNCED, RULE_NO_8BITMIME, "5.6.3", "7-bit MIME"},
    {EVENT_BOUNCED, RULE_TOO_LARGE, "5.3.4", "too large for that host"},
    {EVENT_BOUNCED, RULE_NO_TLS, "5.7.10", "DNSSEC"},
    {EVENT_BOUNCED, RULE_TLS, "5.7.10", "without REQUIRETLS"},
    {EVENT_BOUNCED, RULE_REMOTE_REPLY, "5.7.10", "by its own rules"},
    {EVENT_BOUNCED, RULE_NO_REQUIRETLS, "5.7.30", "reach them otherwise"},
    {EVENT_EXPIRED, RULE_DEADLINE, "5.4.7", "with more time"},
    {EVENT_EXPIRED, RULE_REMOTE_REPLY, "4.4.7", "expire"},
    {EVENT_HELD, RULE_COMMAND, "", "sendoff queue release 1"},
    {EVENT_DELIVERED, "", "2.0.0", NULL},
    {EVENT_ACCEPTED, "", "2.0.0", NULL},
    /* from logs of older versions: by the code, and nothing that may be wrong */
    {EVENT_REFUSED, "", "5.7.23", "sendoff domain records example.com"},
    {EVENT_REFUSED, "", "5.7.1", "sendoff account show blog"},
    {EVENT_REFUSED, "", "4.7.1", "sendoff account show blog"},
    {EVENT_REFUSED, "", "5.7.8", "sendoff account password blog"},
    {EVENT_REFUSED, "", "5.6.11", "ends lines with LF"},
    {EVENT_BOUNCED, "", "5.7.10", "by its own rules"},
    {EVENT_BOUNCED, "", "5.6.9", "RFC 2047"},
    {EVENT_EXPIRED, "", "4.4.7", "expire"},
};

static struct event event_of(size_t i) {
  return (struct event){.kind = table[i].kind,
                        .message_id = 1,
                        .account = "blog",
                        .from = "a@example.com",
                        .to = "r@example.net",
                        .rule = table[i].rule,
                        .enhanced = table[i].enhanced,
                        .text = "resets may not send is suspended in this message"};
}

/* One that was not filled in. */
static bool has_mark(const char *text) {
  return strstr(text, "{account") || strstr(text, "{domain") || strstr(text, "{id");
}

static void test_advice(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    char out[ADVICE_MAX];
    struct event e = event_of(i);
    advise(&e, out, sizeof out);
    if (!table[i].advice)
      assert_string_equal(out, "");
    else if (!strstr(out, table[i].advice))
      fail_msg("%s %s: %s", table[i].rule, table[i].enhanced, out);
    assert_false(has_mark(out));
  }
}

/* Nothing is known of the event: the commands still read well. */
static void test_names_missing(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    char out[ADVICE_MAX];
    struct event e = event_of(i);
    e.account = e.from = "";
    e.message_id = 0;
    advise(&e, out, sizeof out);
    assert_null(strstr(out, "blog"));
    assert_null(strstr(out, "example.com"));
    assert_false(has_mark(out));
  }
}

/* Names as long as they can be, and little room. */
static void test_room(void **state) {
  (void)state;
  char account[300], out[ADVICE_MAX + 1];
  memset(account, 'a', sizeof account - 1);
  account[sizeof account - 1] = '\0';
  for (size_t size = 1; size <= ADVICE_MAX; size++) {
    struct event e = event_of(0);
    e.account = account;
    memset(out, '#', sizeof out);
    advise(&e, out, size);
    assert_true(strlen(out) < size);
    assert_int_equal(out[size], '#');
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_advice),
      cmocka_unit_test(test_names_missing),
      cmocka_unit_test(test_room),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
