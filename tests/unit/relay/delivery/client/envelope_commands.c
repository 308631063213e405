#include "relay/delivery/client/envelope_commands.h"
#include "base/clock.h"
#include "base/result.h"
#include "relay/delivery/site/job_fit.h"
#include "relay/smtp/xtext.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define NOW (INT64_C(1790000000) * SECOND_US)

static const struct ehlo nothing = {0}, everything = {.size = true,
                                                      .eightbit = true,
                                                      .utf8 = true,
                                                      .dsn = true,
                                                      .deliver_by = true,
                                                      .priority = true,
                                                      .require_tls = true};

static void assert_text(const struct buffer *b, const char *wanted) {
  char text[1200];
  assert_true(bytes_copy(buffer_bytes(b), text, sizeof text));
  assert_string_equal(text, wanted);
}

static struct client_transaction transaction(const struct queued_recipient *r) {
  return (struct client_transaction){
      .envelope = {.reverse_path = "a@example.com", .size = 7}, .recipients = r, .recipient_count = 1};
}

static void test_mail(void **state) {
  (void)state;
  static const struct ehlo no_priority = {.size = true, .dsn = true};
  static const struct {
    const char *path, *envid;
    unsigned flags;
    int priority;
    int64_t left_us;
    const struct ehlo *host;
    const char *line;
  } cases[] = {
      {"a@b.c", "", 0, 0, 0, &nothing, "MAIL FROM:<a@b.c>\r\n"},
      {"", "", 0, 0, 0, &everything, "MAIL FROM:<> SIZE=7\r\n"},
      {"a@b.c", "q+2B1", MESSAGE_RET_HDRS, 0, 0, &everything, "MAIL FROM:<a@b.c> SIZE=7 RET=HDRS ENVID=q+2B1\r\n"},
      {"a@b.c", "q+2B1", MESSAGE_RET_FULL, 5, 9 * SECOND_US, &nothing, "MAIL FROM:<a@b.c>\r\n"},
      {"a@b.c", "", MESSAGE_RET_FULL, -9, 0, &everything, "MAIL FROM:<a@b.c> SIZE=7 RET=FULL MT-PRIORITY=-9\r\n"},
      {"a@b.c", "", MESSAGE_RET_FULL, 5, 0, &no_priority, "MAIL FROM:<a@b.c> SIZE=7 RET=FULL\r\n"},
      {"a@b.c", "", MESSAGE_BY_RETURN, 0, 90 * SECOND_US + 5, &everything, "MAIL FROM:<a@b.c> SIZE=7 BY=90;R\r\n"},
      {"a@b.c", "", MESSAGE_BY_RETURN | MESSAGE_BY_TRACE, 0, 5, &everything, "MAIL FROM:<a@b.c> SIZE=7 BY=1;RT\r\n"},
      {"a@b.c", "", MESSAGE_BY_NOTIFY, 0, -90 * SECOND_US, &everything, "MAIL FROM:<a@b.c> SIZE=7 BY=-90;N\r\n"},
      {"a@b.c", "", MESSAGE_BY_NOTIFY, 0, INT64_C(9999999999) * SECOND_US, &everything,
       "MAIL FROM:<a@b.c> SIZE=7 BY=999999999;N\r\n"},
      {"a@b.c", "", MESSAGE_8BIT | MESSAGE_UTF8, 0, 0, &everything,
       "MAIL FROM:<a@b.c> SIZE=7 BODY=8BITMIME SMTPUTF8\r\n"},
      {"a@b\303\274.example", "", 0, 0, 0, &everything, "MAIL FROM:<a@b\303\274.example> SIZE=7 SMTPUTF8\r\n"},
      {"a@b\303\274.example", "", 0, 0, 0, &nothing, "MAIL FROM:<a@xn--b-eha.example>\r\n"},
      {"a@b.c", "", MESSAGE_REQUIRE_TLS, 0, 0, &everything, "MAIL FROM:<a@b.c> SIZE=7 REQUIRETLS\r\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct queued_recipient r = {.to = {.address = "r@example.net"}};
    struct client_transaction t = transaction(&r);
    struct buffer out;
    buffer_init(&out, 1000);
    t.envelope.reverse_path = cases[i].path;
    t.envelope.envid = cases[i].envid;
    t.envelope.flags = cases[i].flags;
    t.envelope.priority = cases[i].priority;
    t.envelope.deliver_by_us = cases[i].left_us ? NOW + cases[i].left_us : 0;
    assert_int_equal(transaction_mail(&t, cases[i].host, NOW, &out), OK);
    assert_text(&out, cases[i].line);
    buffer_free(&out);
  }
}

static void test_rcpt(void **state) {
  (void)state;
  static const struct ehlo ascii_dsn = {.dsn = true};
  static const struct {
    const char *address, *orcpt;
    unsigned notify;
    const struct ehlo *host;
    const char *line;
  } cases[] = {
      {"r@b.c", "", NOTIFY_NEVER, &nothing, "RCPT TO:<r@b.c>\r\n"},
      {"r@b.c", "", 0, &everything, "RCPT TO:<r@b.c> ORCPT=rfc822;r@b.c\r\n"},
      {"r+x=y@b.c", "", NOTIFY_NEVER, &everything, "RCPT TO:<r+x=y@b.c> NOTIFY=NEVER ORCPT=rfc822;r+2Bx+3Dy@b.c\r\n"},
      {"r@b.c", "RFC822;Old+2B@b.c", NOTIFY_SUCCESS | NOTIFY_FAILURE | NOTIFY_DELAY | NOTIFY_DELAY_SENT, &everything,
       "RCPT TO:<r@b.c> NOTIFY=SUCCESS,FAILURE,DELAY ORCPT=RFC822;Old+2B@b.c\r\n"},
      {"j\303\266rg@b.c", "", 0, &everything, "RCPT TO:<j\303\266rg@b.c> ORCPT=utf-8;j\303\266rg@b.c\r\n"},
      {"r@b\303\274.example", "", 0, &ascii_dsn, "RCPT TO:<r@xn--b-eha.example> ORCPT=utf-8;r@b\\x{FC}.example\r\n"},
      {"r@b.c", "utf-8;j\303\266rg\\x{2B}@b.c", 0, &ascii_dsn, "RCPT TO:<r@b.c> ORCPT=utf-8;j\\x{F6}rg\\x{2B}@b.c\r\n"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct queued_recipient r = {
        .to = {.address = cases[i].address, .orcpt = cases[i].orcpt, .notify = cases[i].notify}};
    struct client_transaction t = transaction(&r);
    struct buffer out;
    buffer_init(&out, 1000);
    assert_int_equal(transaction_rcpt(&t, 0, cases[i].host, &out), OK);
    assert_text(&out, cases[i].line);
    buffer_free(&out);
  }
}

/* RFC 3461 4.2: 500 octets at most; what is ours may be left out. */
static void test_orcpt_too_long(void **state) {
  (void)state;
  char address[255];
  memset(address, '=', sizeof address);
  strcpy(address + sizeof address - 5, "@b.c");
  struct queued_recipient r = {.to = {.address = address}};
  struct client_transaction t = transaction(&r);
  struct buffer out;
  buffer_init(&out, 1000);
  assert_int_equal(transaction_rcpt(&t, 0, &everything, &out), OK);
  assert_null(memmem(out.at, out.len, "ORCPT", 5));
  assert_memory_equal(out.at + out.len - 3, ">\r\n", 3);
  buffer_free(&out);
}

static void test_obstacles(void **state) {
  (void)state;
  static const struct ehlo slow = {.deliver_by = true, .deliver_by_least = 100}, small = {.size = true, .size_max = 6};
  static const struct {
    const char *name, *path, *to;
    unsigned flags;
    int64_t left_us;
    const struct ehlo *host;
    enum trouble trouble;
    const char *enhanced; /* NULL: the trouble's own */
    const char *numbers;  /* NULL: none */
  } cases[] = {
      {"plain", "a@b.c", "r@b.c", 0, 0, &nothing, TROUBLE_NONE, NULL},
      {"large", "a@b.c", "r@b.c", 0, 0, &small, TROUBLE_TOO_LARGE, NULL, "size=7 limit=6"},
      {"header", "a@b.c", "r@b.c", MESSAGE_UTF8, 0, &nothing, TROUBLE_NO_SMTPUTF8, "5.6.9"},
      {"header, offered", "a@b.c", "r@b.c", MESSAGE_UTF8, 0, &everything, TROUBLE_NONE, NULL},
      {"sender", "j\303\266@b.c", "r@b.c", 0, 0, &nothing, TROUBLE_NO_SMTPUTF8, NULL},
      {"sender's domain", "j@b\303\274.example", "r@b.c", 0, 0, &nothing, TROUBLE_NONE, NULL},
      {"recipient", "a@b.c", "j\303\266@b.c", 0, 0, &nothing, TROUBLE_NO_SMTPUTF8, NULL},
      {"recipient's domain", "a@b.c", "j@b\303\274.example", 0, 0, &nothing, TROUBLE_NONE, NULL},
      {"R without DELIVERBY", "a@b.c", "r@b.c", MESSAGE_BY_RETURN, 9 * SECOND_US, &nothing, TROUBLE_NO_DELIVERBY, NULL},
      {"R in time", "a@b.c", "r@b.c", MESSAGE_BY_RETURN, 100 * SECOND_US, &slow, TROUBLE_NONE, NULL},
      {"R too late for it", "a@b.c", "r@b.c", MESSAGE_BY_RETURN, 99 * SECOND_US, &slow, TROUBLE_NO_DELIVERBY, NULL,
       "seconds_left=99 seconds_least=100"},
      {"R too late", "a@b.c", "r@b.c", MESSAGE_BY_RETURN, -1, &everything, TROUBLE_DEADLINE, NULL},
      {"N without DELIVERBY", "a@b.c", "r@b.c", MESSAGE_BY_NOTIFY, 1, &nothing, TROUBLE_NONE, NULL},
      {"N too late for it", "a@b.c", "r@b.c", MESSAGE_BY_NOTIFY, -1, &slow, TROUBLE_NONE, NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct queued_recipient r = {.to = {.address = cases[i].to}};
    struct client_transaction t = transaction(&r);
    struct incident out = {0};
    t.envelope.reverse_path = cases[i].path;
    t.envelope.flags = cases[i].flags;
    t.envelope.deliver_by_us = cases[i].left_us ? NOW + cases[i].left_us : 0;
    bool found = transaction_obstacle(&t, cases[i].host, NOW, &out);
    print_message("%s\n", cases[i].name);
    assert_int_equal(found, cases[i].trouble != TROUBLE_NONE);
    if (!found) continue;
    assert_int_equal(out.trouble, cases[i].trouble);
    assert_true(out.text[0]);
    assert_string_equal(out.numbers, cases[i].numbers ? cases[i].numbers : "");
    if (cases[i].enhanced)
      assert_string_equal(out.enhanced, cases[i].enhanced);
    else
      assert_null(out.enhanced);
  }
}

static struct job *job_of(const char *const *addresses) {
  struct envelope m = {.id = 1};
  struct job *j = job_new(&m, "b.c");
  for (int64_t id = 1; *addresses; addresses++, id++) {
    struct queued_recipient r = {.to = {.id = id, .address = *addresses}};
    assert_int_equal(job_add_recipient(j, &r), OK);
  }
  return j;
}

static void test_fit(void **state) {
  (void)state;
  static const char *const mixed[] = {"a@b.c", "\303\266@b.c", "c@b\303\274.example", NULL}, *const alike[] = {
                                                                                                 "\303\266@b.c", NULL};
  struct ehlo two = {.recipient_max = 2};
  struct incident why = {0};
  struct job *j = job_of(mixed);
  assert_null(job_take_unfit(j, &everything, &why));
  struct job *unfit = job_take_unfit(j, &nothing, &why);
  assert_int_equal(unfit->recipient_count, 1);
  assert_int_equal(unfit->recipients[0].to.id, 2);
  assert_int_equal(why.trouble, TROUBLE_NO_SMTPUTF8);
  assert_int_equal(j->recipient_count, 2);
  assert_null(job_take_excess(j, &two));
  two.recipient_max = 1;
  struct job *excess = job_take_excess(j, &two);
  assert_int_equal(excess->recipients[0].to.id, 3);
  assert_int_equal(j->recipient_count, 1);
  assert_null(job_take_excess(j, &nothing));
  job_free(&j);
  job_free(&unfit);
  job_free(&excess);
  j = job_of(alike);
  assert_null(job_take_unfit(j, &nothing, &why)); /* then the whole job cannot go */
  job_free(&j);
}

static void test_limits(void **state) {
  (void)state;
  struct ehlo e = {0};
  ehlo_line(&e, 1, BYTES("LIMITS MAILMAX=7 rcptmax=25 NEW=1 RCPTDOMAINMAX=1"));
  ehlo_line(&e, 2, BYTES("DELIVERBY 30"));
  ehlo_line(&e, 3, BYTES("MT-PRIORITY MIXER"));
  ehlo_line(&e, 4, BYTES("dsn"));
  ehlo_line(&e, 5, BYTES("REQUIRETLS"));
  assert_int_equal(e.mail_max, 7);
  assert_int_equal(e.recipient_max, 25);
  assert_int_equal(e.deliver_by_least, 30);
  assert_true(e.deliver_by && e.priority && e.dsn && e.require_tls);
  static const char *const odd[] = {"LIMITS", "LIMITS MAILMAX", "LIMITS MAILMAX= RCPTMAX=x",
                                    "LIMITS  =", "DELIVERBY -1"};
  for (size_t i = 0; i < sizeof odd / sizeof *odd; i++) {
    e = (struct ehlo){0};
    ehlo_line(&e, 1, bytes_of(odd[i]));
    assert_true(!e.mail_max && !e.recipient_max && !e.deliver_by_least);
  }
}

/* The store may have been written to by others: what it says is one line, or nothing. */
static void test_control_characters(void **state) {
  (void)state;
  static const struct {
    const char *from, *envid, *to, *orcpt;
  } cases[] = {
      {"a@b.c>\r\nRCPT TO:<x@y.z", "", "r@example.net", ""}, {"a@b.c\n", "", "r@example.net", ""},
      {"a@b.c", "q\r\nDATA", "r@example.net", ""},           {"a@b.c", "", "r@example.net>\r\nDATA\r\n", ""},
      {"a@b.c", "", "r@example.net", "rfc822;r\r\nDATA"},    {"a\t@b.c", "", "r\x7f@example.net", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct queued_recipient r = {.to = {.address = cases[i].to, .orcpt = cases[i].orcpt}};
    struct client_transaction t = transaction(&r);
    struct buffer out;
    t.envelope.reverse_path = cases[i].from;
    t.envelope.envid = cases[i].envid;
    buffer_init(&out, 4000);
    int mail = transaction_mail(&t, &everything, NOW, &out), rcpt = transaction_rcpt(&t, 0, &everything, &out);
    if (mail == OK && rcpt == OK) fail_msg("%zu: %.*s", i, (int)out.len, out.at);
    buffer_free(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_mail),
      cmocka_unit_test(test_rcpt),
      cmocka_unit_test(test_orcpt_too_long),
      cmocka_unit_test(test_obstacles),
      cmocka_unit_test(test_fit),
      cmocka_unit_test(test_limits),
      cmocka_unit_test(test_control_characters),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
