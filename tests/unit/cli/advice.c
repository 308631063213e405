/* What to do, for the texts that the gateway itself writes and some of other hosts. */
#include "cli/advice.h"

#include <stdbool.h>

#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const struct {
  enum event_kind kind;
  const char *enhanced, *text, *advice;
} table[] = {
    {EVENT_REFUSED, "4.7.1", "blog: 5000 of 5000 messages today; resets 2026-11-23 00:00 UTC (in 3h12m)",
     "sendoff account usage blog"},
    {EVENT_REFUSED, "5.7.1", "blog: 5000 of 5000 messages today; resets 2026-11-23 00:00 UTC (in 3h12m)",
     "sendoff account set blog --limit"},
    {EVENT_REFUSED, "5.7.1", "blog: 101 recipients in this message, 100 allowed", "Send to fewer recipients"},
    {EVENT_REFUSED, "4.7.1",
     "blog: more than a day's mail waits behind the limit 2/second:smooth; room again 2026-11-23 00:00 UTC (in 1h)",
     "sendoff queue list --account blog"},
    {EVENT_REFUSED, "5.7.1", "blog may not send as ceo@bank.example; allowed: example.com",
     "sendoff account set blog --sender"},
    {EVENT_REFUSED, "5.7.1", "blog may not send with From: ceo@bank.example; allowed: example.com",
     "sendoff account set blog --sender"},
    {EVENT_REFUSED, "5.7.1", "blog is suspended: out of money; resets never", "sendoff account resume blog"},
    {EVENT_REFUSED, "5.7.23", "example.com does not list 203.0.113.7 (v=spf1 -all)",
     "sendoff domain records example.com"},
    {EVENT_REFUSED, "5.7.8", "login failed: the password is wrong", "sendoff account password blog"},
    {EVENT_REFUSED, "5.6.11", "line 3 of the message has a bare LF; lines end with CR LF", "ends lines with LF"},
    {EVENT_REFUSED, "5.6.0", "line 3 of the message is over 998 octets; encode it", "its maker has to mend it"},
    {EVENT_REFUSED, "5.6.1", "line 9 has 8-bit octets, but MAIL did not say BODY=8BITMIME",
     "sendoff account set blog --eight-bit accept"},
    {EVENT_REFUSED, "5.3.4", "the message is over 37748736 octets", "max_message_size"},
    {EVENT_REFUSED, "5.4.6", "the message has passed 101 hops, over 100: it goes in a circle", "circle"},
    {EVENT_REFUSED, "4.3.5", "the message could not be signed for example.com", "sendoff dkim list example.com"},
    {EVENT_REFUSED, "4.3.1", "the message cannot be stored now; try again later", "its own log"},
    {EVENT_DEFERRED, "4.4.1", "connection refused", "sendoff queue retry 1"},
    {EVENT_DEFERRED, "4.3.5", "no address in pool bulk", "sendoff source list"},
    {EVENT_DEFERRED, "4.7.1", "greylisted", "greylisting"},
    {EVENT_DEFERRED, "4.0.0", "later", "asked to try later"},
    {EVENT_BOUNCED, "5.1.1", "no such user", "does not exist"},
    {EVENT_BOUNCED, "5.1.10", "takes no mail", "takes no mail"},
    {EVENT_BOUNCED, "5.7.1", "blocked", "sendoff domain records example.com"},
    {EVENT_BOUNCED, "5.0.0", "no", "its words say why"},
    {EVENT_BOUNCED, "5.4.7", "the host does not offer DELIVERBY", "would not keep to it"},
    {EVENT_BOUNCED, "5.6.7", "the recipient's address needs SMTPUTF8", "before its @"},
    {EVENT_BOUNCED, "5.6.9", "the message's header needs SMTPUTF8", "RFC 2047"},
    {EVENT_BOUNCED, "5.6.3", "the message has 8-bit content", "7-bit MIME"},
    {EVENT_BOUNCED, "5.7.10", "the message requires TLS, and the host does not offer it at EHLO", "DNSSEC"},
    {EVENT_BOUNCED, "5.7.10", "TLS: the certificate for mx.example.net is not good", "without REQUIRETLS"},
    {EVENT_BOUNCED, "5.7.10", "a remote host's own words", "by its own rules"},
    {EVENT_BOUNCED, "5.7.30", "the host does not offer REQUIRETLS", "reach them otherwise"},
    {EVENT_EXPIRED, "5.4.7", "the time that its sender set has passed", "with more time"},
    {EVENT_EXPIRED, "4.4.7", "not delivered within 5d", "expire"},
    {EVENT_HELD, "", "held by command", "sendoff queue release 1"},
    {EVENT_DELIVERED, "2.0.0", "ok", NULL},
    {EVENT_ACCEPTED, "2.0.0", "1024 octets", NULL},
};

static struct event event_of(size_t i) {
  return (struct event){.kind = table[i].kind,
                        .message_id = 1,
                        .account = "blog",
                        .from = "a@example.com",
                        .to = "r@example.net",
                        .enhanced = table[i].enhanced,
                        .text = table[i].text};
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
      fail_msg("%s: %s", table[i].text, out);
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
