#include "relay/delivery/outcome/dsn.h"
#include "base/result.h"
#include "relay/message/content_loader.h"
#include "relay/mime/quoted_printable.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* last: it has a macro named fail */

/* Python's email package is the judge of what was built. */
static const char judge_failed[] =
    "import sys, email, email.policy\n"
    "raw = open(sys.argv[1], 'rb').read()\n"
    "lines = raw.split(b'\\r\\n')\n"
    "assert b'\\n' not in b''.join(lines) and b'\\r' not in b''.join(lines), 'bare CR or LF'\n"
    "assert max(map(len, lines)) <= 998, 'line too long'\n"
    "assert max(raw) < 128, '8-bit'\n"
    "m = email.message_from_bytes(raw, policy=email.policy.default)\n"
    "assert not m.defects, m.defects\n"
    "assert m.get_content_type() == 'multipart/report' and m.get_param('report-type') == 'delivery-status'\n"
    "assert m['Auto-Submitted'] == 'auto-replied' and m['MIME-Version'] == '1.0'\n"
    "assert 'MAILER-DAEMON@smtp.example.com' in m['From'] and m['To'] == 'a@example.com'\n"
    "assert m['References'] == '<orig@example.com>', m['References']\n"
    "human, status, original = m.get_payload()\n"
    "assert human.get_content_type() == 'text/plain'\n"
    "text = human.get_content()\n"
    "assert 'b@example.net' in text and 'no such user' in text and 'mx.example.net[192.0.2.1]:25' in text\n"
    "assert status.get_content_type() == 'message/delivery-status'\n"
    "per_message, first, second, third = status.get_payload()\n"
    "assert per_message['Original-Envelope-Id'] == 'Q+77', per_message['Original-Envelope-Id']\n"
    "assert first['Original-Recipient'] is None and second['Original-Recipient'] == 'rfc822; old+c@example.net'\n"
    "assert per_message['Deliver-By-Date'] is None and first['Will-Retry-Until'] is None\n"
    "assert per_message['Reporting-MTA'] == 'dns; smtp.example.com' and per_message['Arrival-Date']\n"
    "assert first['Final-Recipient'] == 'rfc822; b@example.net' and first['Action'] == 'failed'\n"
    "assert first['Status'] == '5.1.1' and first['Remote-MTA'] == 'dns; mx.example.net'\n"
    "code = ' '.join(first['Diagnostic-Code'].split())\n"
    "assert code.startswith('smtp; 550 5.1.1 no such user') and '?' in code, code\n"
    "assert m['Content-Transfer-Encoding'] == '7bit' and 'user \303\251 here' in ' '.join(text.split())\n"
    "assert second['Status'] == '4.4.7' and second['Remote-MTA'] is None\n"
    "assert second['Diagnostic-Code'].startswith('x-sendoff; not delivered')\n"
    "assert third['Final-Recipient'] == r'utf-8; j\\x{F6}rg@example.net', third['Final-Recipient']\n"
    "assert original.get_content_type() == 'text/rfc822-headers'\n"
    "assert original.get_payload(decode=True).decode() == open(sys.argv[2], newline='').read()\n"
    "print('good')\n";

static const char header[] = "DKIM-Signature: v=1\r\n"
                             "From: a@example.com\r\n"
                             "Message-ID: <orig@example.com>\r\n"
                             "Subject: caf\303\251 = ok \r\n";

static char *write_temp(char *path, const void *data, size_t len) {
  int fd = mkstemp(path);
  assert_true(fd >= 0);
  assert_int_equal(write(fd, data, len), (ssize_t)len);
  close(fd);
  return path;
}

static void ask_python(const char *judge, struct bytes dsn, const char *original) {
  char script[] = "/tmp/sendoff-dsn-XXXXXX", message[] = "/tmp/sendoff-dsn-XXXXXX", head[] = "/tmp/sendoff-dsn-XXXXXX";
  char command[256], answer[16] = "";
  write_temp(script, judge, strlen(judge));
  write_temp(message, dsn.at, dsn.len);
  write_temp(head, original, strlen(original));
  snprintf(command, sizeof command, "/usr/bin/python3 %s %s %s", script, message, head);
  FILE *p = popen(command, "r");
  assert_non_null(p);
  if (!fgets(answer, sizeof answer, p)) answer[0] = 0;
  int rc = pclose(p);
  unlink(script);
  unlink(message);
  unlink(head);
  assert_int_equal(rc, 0);
  assert_string_equal(answer, "good\n");
}

static struct ruling refused = {.kind = EVENT_BOUNCED,
                                .code = 550,
                                .enhanced = "5.1.1",
                                .remote = true,
                                .text =
                                    "no such user \303\251 here, and a long explanation that goes on and on until it "
                                    "must be folded onto a second line of the report, and a third"};
static struct ruling expired = {.kind = EVENT_EXPIRED,
                                .enhanced = "4.4.7",
                                .text = "not delivered within 5d; the last reason was: 450 4.4.1 connection refused"};

static void test_parsed_by_python(void **state) {
  (void)state;
  struct dsn_recipient recipients[] = {
      {.to = &(struct recipient){.address = "b@example.net"}, .ruling = &refused, .action = DSN_FAILED},
      {.to = &(struct recipient){.address = "c@example.net", .orcpt = "rfc822;old+2Bc@example.net"},
       .ruling = &expired,
       .action = DSN_FAILED},
      {.to = &(struct recipient){.address = "j\303\266rg@example.net"}, .ruling = &expired, .action = DSN_FAILED}};
  struct dsn_input in = {
      .hostname = "smtp.example.com",
      .to = "a@example.com",
      .envid = "Q+2B77",
      .host = "mx.example.net[192.0.2.1]:25",
      .id = 12345,
      .message_id = 54321,
      .arrived_us = INT64_C(1790000000000000),
      .now_us = INT64_C(1790000100000000),
      .recipients = recipients,
      .recipient_count = 3,
      .header = bytes_of(header),
  };
  struct buffer out;
  buffer_init(&out, DSN_MAX);
  assert_int_equal(dsn_build(&in, &out), OK);
  ask_python(judge_failed, buffer_bytes(&out), header);
  buffer_free(&out);
}

/* --- the other actions, and what goes back --- */

static struct ruling deferred = {
    .kind = EVENT_DEFERRED, .code = 554, .enhanced = "5.7.1", .remote = true, .text = "later"};
static struct ruling no_answer = {.kind = EVENT_DEFERRED, .code = 450, .enhanced = "4.4.1", .text = "no answer"};
static struct ruling taken = {
    .kind = EVENT_DELIVERED, .code = 250, .enhanced = "2.6.0", .remote = true, .text = "kept"};

static const char judge_mixed[] =
    "import sys, email, email.policy\n"
    "m = email.message_from_bytes(open(sys.argv[1], 'rb').read(), policy=email.policy.default)\n"
    "assert not m.defects, m.defects\n"
    "assert m['Subject'].startswith('Delayed mail'), m['Subject']\n"
    "human, status, original = m.get_payload()\n"
    "text = human.get_content()\n"
    "assert 'need not send it again' in text and 'handed on' in text and 'will not be tried' not in text, text\n"
    "assert 'It was to be delivered by Mon, 21 Sep 2026' in text, text\n"
    "per_message, late, slow, done = status.get_payload()\n"
    "assert per_message['Deliver-By-Date'].startswith('Mon, 21 Sep 2026'), per_message['Deliver-By-Date']\n"
    "assert (late['Action'], late['Status']) == ('delayed', '4.4.7'), late.items()\n"
    "assert late['Will-Retry-Until'] and late['Remote-MTA'] == 'dns; mx.example.net'\n"
    "assert (slow['Action'], slow['Status']) == ('delayed', '4.4.1'), slow.items()\n"
    "assert slow['Diagnostic-Code'] == 'x-sendoff; no answer' and slow['Remote-MTA'] is None\n"
    "assert (done['Action'], done['Status']) == ('relayed', '2.6.0'), done.items()\n"
    "assert done['Diagnostic-Code'] is None and done['Remote-MTA'] == 'dns; mx.example.net'\n"
    "assert done['Original-Recipient'] == r'utf-8; j\\x{F6}@example.net', done['Original-Recipient']\n"
    "print('good')\n";

static struct dsn_input input(const struct dsn_recipient *recipients, size_t count) {
  return (struct dsn_input){.hostname = "smtp.example.com",
                            .to = "a@example.com",
                            .host = "mx.example.net[192.0.2.1]:25",
                            .id = 12345,
                            .message_id = 54321,
                            .arrived_us = INT64_C(1790000000000000),
                            .expires_us = INT64_C(1790400000000000),
                            .now_us = INT64_C(1790000100000000),
                            .recipients = recipients,
                            .recipient_count = count,
                            .header = bytes_of(header)};
}

static void build_and_ask(const struct dsn_input *in, const char *judge) {
  struct buffer out;
  buffer_init(&out, DSN_MAX);
  assert_int_equal(dsn_build(in, &out), OK);
  ask_python(judge, buffer_bytes(&out), header);
  buffer_free(&out);
}

static void test_delayed_and_relayed(void **state) {
  (void)state;
  struct dsn_recipient recipients[] = {
      {.to = &(struct recipient){.address = "b@example.net"},
       .ruling = &deferred,
       .action = DSN_DELAYED,
       .overdue = true},
      {.to = &(struct recipient){.address = "c@example.net"}, .ruling = &no_answer, .action = DSN_DELAYED},
      {.to = &(struct recipient){.address = "d@example.net", .orcpt = "utf-8;j\303\266@example.net"},
       .ruling = &taken,
       .action = DSN_RELAYED}};
  struct dsn_input in = input(recipients, 3);
  in.deliver_by_us = INT64_C(1790000050000000);
  recipients[1].overdue = false;
  build_and_ask(&in, judge_mixed);
}

/* RFC 6533: to a sender whose own address needs SMTPUTF8. */
static const char judge_utf8[] =
    "import sys, email, email.policy\n"
    "raw = open(sys.argv[1], 'rb').read()\n"
    "assert 'To: <\303\266@example.com>'.encode() in raw\n"
    "m = email.message_from_bytes(raw, policy=email.policy.SMTPUTF8)\n"
    "human, status, original = m.get_payload()\n"
    "assert status.get_content_type() == 'message/global-delivery-status'\n"
    "assert status['Content-Transfer-Encoding'] == '8bit' == m['Content-Transfer-Encoding']\n"
    "assert m.get_param('report-type') == 'global-delivery-status'\n"
    "assert 'Diagnostic-Code: smtp; 550 5.1.1 no such user \303\251 here,'.encode() in raw\n"
    "assert 'Final-Recipient: utf-8; j\303\266rg@example.net\\r\\n'.encode() in raw\n"
    "assert 'Original-Recipient: utf-8; j\303\266@example.net\\r\\n'.encode() in raw\n"
    "assert original.get_content_type() == 'message/global-headers'\n"
    "assert original['Content-Transfer-Encoding'] == '8bit' and 'Subject: caf\303\251'.encode() in raw\n"
    "print('good')\n";

static void test_utf8(void **state) {
  (void)state;
  struct dsn_recipient one = {
      .to = &(struct recipient){.address = "j\303\266rg@example.net", .orcpt = "utf-8;j\303\266@example.net"},
      .ruling = &refused,
      .action = DSN_FAILED};
  struct dsn_input in = input(&one, 1);
  in.to = "\303\266@example.com";
  in.utf8 = in.original_utf8 = true;
  build_and_ask(&in, judge_utf8);
}

static const char judge_utf8_in_ascii[] = "import sys, email, email.policy\n"
                                          "raw = open(sys.argv[1], 'rb').read()\n"
                                          "assert max(raw) < 128\n"
                                          "m = email.message_from_bytes(raw, policy=email.policy.default)\n"
                                          "human, status, original = m.get_payload()\n"
                                          "assert status.get_content_type() == 'message/delivery-status'\n"
                                          "assert original.get_content_type() == 'message/global-headers'\n"
                                          "assert original['Content-Transfer-Encoding'] == 'quoted-printable'\n"
                                          "assert b'Subject: caf=C3=A9' in raw\n"
                                          "print('good')\n";

static void test_utf8_original_to_an_ascii_sender(void **state) {
  (void)state;
  struct dsn_recipient one = {
      .to = &(struct recipient){.address = "b@example.net"}, .ruling = &refused, .action = DSN_FAILED};
  struct dsn_input in = input(&one, 1);
  in.original_utf8 = true;
  build_and_ask(&in, judge_utf8_in_ascii);
}

static const char judge_whole[] =
    "import sys, email, email.policy\n"
    "raw = open(sys.argv[1], 'rb').read()\n"
    "m = email.message_from_bytes(raw, policy=email.policy.default)\n"
    "assert not m.defects, m.defects\n"
    "human, status, original = m.get_payload()\n"
    "assert 'The message is attached' in human.get_content()\n"
    "assert original.get_content_type() == 'message/rfc822', original.get_content_type()\n"
    "assert original['Content-Transfer-Encoding'] == '8bit' == m['Content-Transfer-Encoding']\n"
    "assert b'\\r\\n\\r\\nX: 1\\r\\nSubject: q\\r\\n\\r\\n--gr\\xc3\\xbc\\xc3\\x9fe\\r\\n\\r\\n--' in raw\n"
    "(inner,) = original.get_payload()\n"
    "assert inner['X'] == '1' and inner['Subject'] == 'q'\n"
    "print('good')\n";

static void test_whole(void **state) {
  (void)state;
  struct dsn_recipient one = {
      .to = &(struct recipient){.address = "b@example.net"}, .ruling = &refused, .action = DSN_FAILED};
  struct dsn_input in = input(&one, 1);
  in.whole_head = BYTES("X: 1\r\n");
  in.whole_rest = BYTES("Subject: q\r\n\r\n--gr\303\274\303\237e\r\n");
  build_and_ask(&in, judge_whole);
}

static const char judge_whole_ascii[] =
    "import sys, email, email.policy\n"
    "m = email.message_from_bytes(open(sys.argv[1], 'rb').read(), policy=email.policy.default)\n"
    "assert m['Content-Transfer-Encoding'] == '7bit' == m.get_payload()[2]['Content-Transfer-Encoding']\n"
    "print('good')\n";

static void test_whole_in_seven_bit(void **state) {
  (void)state;
  struct dsn_recipient one = {
      .to = &(struct recipient){.address = "b@example.net"}, .ruling = &refused, .action = DSN_FAILED};
  struct dsn_input in = input(&one, 1);
  in.whole_head = BYTES("X: 1\r\n");
  in.whole_rest = BYTES("Subject: q\r\n\r\nhello\r\n");
  build_and_ask(&in, judge_whole_ascii);
}

/* Whatever octets a host replies with, the report is well-formed UTF-8 and has no control characters. */
static const char judge_hostile[] =
    "import sys, email, email.policy, unicodedata\n"
    "raw = open(sys.argv[1], 'rb').read()\n"
    "text = raw.decode('utf-8')\n"
    "bad = [c for c in text if unicodedata.category(c) == 'Cc' and c not in '\\r\\n']\n"
    "assert not bad, bad\n"
    "(line,) = [l for l in text.split('\\r\\n') if l.startswith('Diagnostic-Code')]\n"
    "assert line == 'Diagnostic-Code: smtp; 550 5.1.1 a?b ?\077 \342\202\254 ? \360\237\230\200 ?\077', line\n"
    "print('good')\n";

static void test_hostile_reply_in_utf8(void **state) {
  (void)state;
  static struct ruling hostile = {.kind = EVENT_BOUNCED,
                                  .code = 550,
                                  .enhanced = "5.1.1",
                                  .remote = true,
                                  .text = "a\001b \300\200 \342\202\254 \377 \360\237\230\200 \302\233"};
  struct dsn_recipient one = {
      .to = &(struct recipient){.address = "b@example.net"}, .ruling = &hostile, .action = DSN_FAILED};
  struct dsn_input in = input(&one, 1);
  in.utf8 = true;
  build_and_ask(&in, judge_hostile);
}

static const char judge_whole_utf8[] =
    "import sys, email, email.policy, quopri\n"
    "raw = open(sys.argv[1], 'rb').read()\n"
    "assert max(raw) < 128\n"
    "part = raw.split(b'Content-Type: message/global\\r\\nContent-Transfer-Encoding: "
    "quoted-printable\\r\\n\\r\\n')[1]\n"
    "inner = email.message_from_bytes(quopri.decodestring(part), policy=email.policy.SMTPUTF8)\n"
    "assert inner['X'] == '1' and inner['Subject'] == 'caf\303\251', inner['Subject']\n"
    "print('good')\n";

static void test_whole_utf8_to_an_ascii_sender(void **state) {
  (void)state;
  struct dsn_recipient one = {
      .to = &(struct recipient){.address = "b@example.net"}, .ruling = &refused, .action = DSN_FAILED};
  struct dsn_input in = input(&one, 1);
  in.original_utf8 = true;
  in.whole_head = BYTES("X: 1\r\n");
  in.whole_rest = BYTES("Subject: caf\303\251\r\n\r\n--gr\303\274\303\237e\r\n");
  build_and_ask(&in, judge_whole_utf8);
}

/* A next hop that pads its text must not make a line of white space alone, which ends the fields for some readers. */
static void test_words_with_many_blanks(void **state) {
  (void)state;
  static struct ruling padded = {.kind = EVENT_BOUNCED, .code = 550, .enhanced = "5.1.1", .remote = true};
  struct dsn_recipient one = {
      .to = &(struct recipient){.address = "b@example.net"}, .ruling = &padded, .action = DSN_FAILED};
  struct dsn_input in = input(&one, 1);
  snprintf(padded.text, sizeof padded.text, " %070d%80s\t%0400d%20s", 1, "", 2, "");
  struct buffer out;
  buffer_init(&out, DSN_MAX);
  assert_int_equal(dsn_build(&in, &out), OK);
  for (size_t at = 0, end; at < out.len; at = end + 1) {
    end = bytes_find(buffer_bytes(&out), '\n', at);
    struct bytes line = {out.at + at, end - at};
    assert_true(line.len < 200 && (line.len == 1 || bytes_trim(line).len));
  }
  buffer_free(&out);
}

static void test_bound(void **state) {
  (void)state;
  struct dsn_recipient recipient = {
      .to = &(struct recipient){.address = "b@example.net"}, .ruling = &refused, .action = DSN_FAILED};
  struct dsn_input in = {.hostname = "h", .to = "a@b", .recipients = &recipient, .recipient_count = 1};
  struct buffer out;
  buffer_init(&out, 300);
  assert_int_equal(dsn_build(&in, &out), E_TOO_BIG);
  buffer_free(&out);
}

static void test_header_ends(void **state) {
  (void)state;
  static const struct {
    const char *prefix, *body, *out;
  } cases[] = {
      {"A: 1\r\n", "B: 2\r\n\r\nbody\r\n", "A: 1\r\nB: 2\r\n"},
      {"", "\r\nbody\r\n", ""},
      {"A: 1\r\n", "\r\nX: body\r\n", "A: 1\r\n"},
      {"", "B: 2\r\n", "B: 2\r\n"},
      {"", "B: 2", ""},
      {"", "", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct buffer out;
    buffer_init(&out, 1000);
    assert_int_equal(dsn_header(bytes_of(cases[i].prefix), bytes_of(cases[i].body), &out), OK);
    assert_int_equal(out.len, strlen(cases[i].out));
    if (out.len) assert_memory_equal(out.at, cases[i].out, out.len);
    buffer_free(&out);
  }
}

static void test_long_header_is_cut_at_a_line(void **state) {
  (void)state;
  size_t len = 3 * LOAD_HEADER_MAX;
  char *body = malloc(len);
  for (size_t i = 0; i < len; i += 8) memcpy(body + i, "X: abc\r\n", 8);
  struct buffer out;
  buffer_init(&out, 2 * LOAD_HEADER_MAX);
  assert_int_equal(dsn_header(BYTES("A: 12\r\n"), (struct bytes){body, len}, &out), OK);
  assert_true(out.len <= LOAD_HEADER_MAX && out.len > LOAD_HEADER_MAX - 16);
  assert_memory_equal(out.at + out.len - 2, "\r\n", 2);
  buffer_free(&out);
  free(body);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_parsed_by_python),
      cmocka_unit_test(test_delayed_and_relayed),
      cmocka_unit_test(test_utf8),
      cmocka_unit_test(test_utf8_original_to_an_ascii_sender),
      cmocka_unit_test(test_whole),
      cmocka_unit_test(test_whole_in_seven_bit),
      cmocka_unit_test(test_hostile_reply_in_utf8),
      cmocka_unit_test(test_whole_utf8_to_an_ascii_sender),
      cmocka_unit_test(test_words_with_many_blanks),
      cmocka_unit_test(test_bound),
      cmocka_unit_test(test_header_ends),
      cmocka_unit_test(test_long_header_is_cut_at_a_line),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
