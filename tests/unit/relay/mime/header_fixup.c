/* What happens to a header at submission. */
#include "relay/mime/header_fixup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sample {
  const char *name, *in;
  int code;         /* 0: accepted */
  const char *kept; /* NULL: as it came */
  const char *added;
  bool repair;
  const char *repairs; /* NULL: none */
  bool rewrite;        /* From is to be OWN */
  const char *stream;  /* what X-Sendoff-Stream says */
  bool bulk, tls_optional;
};

#define OWN "printer@example.com"
#define FROM "From: a@example.com\r\n"
#define REST "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n"
#define FULL FROM "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <1@example.com>\r\n"

static const struct sample samples[] = {
    {"nothing to do", FULL "Subject: x\r\n", .added = ""},
    {"Message-ID missing", FROM "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n",
     .added = "Message-ID: <ID@host.example>\r\n"},
    {"both missing", FROM, .added = "Date: Mon, 23 Nov 2026 10:20:30 +0000\r\nMessage-ID: <ID@host.example>\r\n"},
    {"Bcc goes, folds too", FULL "Bcc: x@y,\r\n z@y\r\nSubject: s\r\n", .kept = FULL "Subject: s\r\n", .added = ""},
    {"bCC in any case", FULL "bCC: x@y\r\n", .kept = FULL, .added = ""},
    {"Return-Path goes", "Return-Path: <q@r>\r\n" FULL, .kept = FULL, .added = ""},
    {"Sender stays", FULL "Sender: s@example.com\r\n", .added = ""},
    {"no From", "Subject: x\r\n", .code = 550},
    {"empty header", "", .code = 550},
    {"two From", FROM FROM, .code = 550},
    {"two From, other case", FROM "FROM: b@example.com\r\n", .code = 550},
    {"white space before a colon", FULL "Subject : x\r\n", .kept = FULL "Subject: x\r\n", .added = "",
     .repairs = "Subject closed up"},
    {"form feeds", FULL "Subject: a\f b\r\n \v\fc\r\nX-Other:\f\r\n",
     .kept = FULL "Subject: a  b\r\n   c\r\nX-Other: \r\n", .added = "",
     .repairs = "Subject form feeds replaced, X-Other form feeds replaced"},
    {"white space before the colon of a second From", FULL "From : x@example.com\r\n", .code = 550},
    {"two To", FULL "To: a@x\r\nto: b@x\r\n", .code = 550},
    {"two Cc", FULL "Cc: a@x\r\nCC: b@x\r\n", .code = 550},
    {"two Reply-To", FULL "Reply-To: a@x\r\nReply-To: b@x\r\n", .code = 550},
    {"two Sender", FULL "Sender: a@x\r\nSender: b@x\r\n", .code = 550},
    {"two References", FULL "References: <a@x>\r\nReferences: <b@x>\r\n", .code = 550},
    {"two In-Reply-To", FULL "In-Reply-To: <a@x>\r\nIn-Reply-To: <b@x>\r\n", .code = 550},
    {"two Comments, which may be", FULL "Comments: a\r\nComments: b\r\n", .added = ""},
    {"two Subject", FULL "Subject: a\r\nSubject: b\r\n", .code = 550},
    {"two Date", FULL "Date: x\r\n", .code = 550},
    {"two Message-ID", FULL "Message-Id: <2@x>\r\n", .code = 550},
    {"not a header", FULL "this is no field\r\n", .code = 550},
    {"begins with a fold", " x\r\n" FULL, .code = 550},
    {"8-bit", FULL "Subject: \xc3\xa4\r\n", .code = 550},
    {"two Content-Type", FULL "Content-Type: text/plain\r\ncontent-type: text/html\r\n", .code = 550},
    {"two MIME-Version", FULL "MIME-Version: 1.0\r\nMIME-Version: 1.0\r\n", .code = 550},
    {"8-bit, encoded", FULL "Subject: a \xc3\xa4 b\r\n", .kept = FULL "Subject: a =?utf-8?Q?=C3=A4?= b\r\n",
     .added = "", .repair = true, .repairs = "Subject encoded"},
    {"in the text's own character set",
     FULL "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-2\r\n"
          "Subject: \xb1\r\n",
     .kept = FULL "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=iso-8859-2\r\n"
                  "Subject: =?utf-8?Q?=C4=85?=\r\n",
     .added = "", .repair = true, .repairs = "Subject encoded"},
    {"From quoted", "From: Doe, John <a@example.com>\r\n" REST, .kept = "From: \"Doe, John\" <a@example.com>\r\n" REST,
     .added = "", .repair = true, .repairs = "From quoted"},
    {"From quoted and encoded", "From: M\xfcller, John <a@example.com>\r\n" REST,
     .kept = "From: =?utf-8?Q?M=C3=BCller=2C_John?= <a@example.com>\r\n" REST, .added = "", .repair = true,
     .repairs = "From quoted, From encoded"},
    {"octets over 127 where they cannot be encoded", "From: \xc3\xa4@example.com\r\n" REST, .code = 550,
     .repair = true},
    {"the stream is read, and goes", FULL "X-Sendoff-Stream: bulk\r\nSubject: s\r\n", .kept = FULL "Subject: s\r\n",
     .added = "", .stream = "bulk"},
    {"in any case, folded, with blanks before the colon", "x-sendoff-STREAM \t:\r\n\tbulk \r\n" FULL, .kept = FULL,
     .added = "", .stream = "bulk"},
    {"a stream that nobody knows goes, too", FULL "X-Sendoff-Stream: news; bulk\r\n", .kept = FULL, .added = "",
     .stream = "news; bulk"},
    {"a long one does not become a known one", FULL "X-Sendoff-Stream: transactional and something else\r\n",
     .kept = FULL, .added = "", .stream = "transactional and something els"},
    {"an empty one says nothing", FULL "X-Sendoff-Stream:\r\n", .kept = FULL, .added = ""},
    {"names that begin alike stay", FULL "X-Sendoff-Streams: bulk\r\nX-Sendoff: bulk\r\n", .added = ""},
    {"two streams", FULL "X-Sendoff-Stream: bulk\r\nX-Sendoff-Stream: transactional\r\n", .code = 550},
    {"Precedence stays, and says bulk", FULL "Precedence: Bulk\r\n", .added = "", .bulk = true},
    {"or list", FULL "precedence:\r\n list \r\n", .added = "", .bulk = true},
    {"TLS-Required: No", FULL "TLS-Required: no \r\n", .added = "", .tls_optional = true},
    {"TLS-Required of anything else", FULL "TLS-Required: Yes\r\n", .added = ""},
    {"Precedence of anything else", FULL "Precedence: bulky\r\nPrecedence: first-class\r\n", .added = ""},
    {"From rewritten", "From: Scanner <root@localhost>\r\n" REST,
     .kept = "Reply-To: root@localhost\r\nFrom: Scanner <" OWN ">\r\n" REST, .added = "", .repairs = "From rewritten",
     .rewrite = true},
    {"beside a Reply-To, wherever that is", "From: root@localhost\r\n" REST "reply-to: me@example.org\r\n",
     .kept = "From: " OWN "\r\n" REST "reply-to: me@example.org\r\n", .added = "", .repairs = "From rewritten",
     .rewrite = true},
    {"beside an empty Reply-To", "From: root@localhost\r\n" REST "Reply-To:\r\n",
     .kept = "From: " OWN "\r\n" REST "Reply-To:\r\n", .added = "", .repairs = "From rewritten", .rewrite = true},
    {"Sender goes with the old From", "Sender: boss@bank.example\r\nFrom: root@localhost\r\n" REST,
     .kept = "Reply-To: root@localhost\r\nFrom: " OWN "\r\n" REST, .added = "", .repairs = "From rewritten",
     .rewrite = true},
    {"and folded, and without an author of its own", "From: " OWN "\r\n" REST "SENDER :\r\n boss@bank.example\r\n",
     .kept = "From: " OWN "\r\n" REST, .added = "", .rewrite = true},
    {"From that is right already", "From: \"The Scanner\" <" OWN "> (x)\r\n" REST, .added = "", .rewrite = true},
    {"no From: it gets one", REST, .kept = REST "From: " OWN "\r\n", .added = "", .repairs = "From added",
     .rewrite = true},
    {"nor does its last line end", REST "Subject: x", .kept = REST "Subject: x\r\nFrom: " OWN "\r\n", .added = "",
     .repairs = "From added", .rewrite = true},
    {"no header at all", "", .kept = "From: " OWN "\r\n",
     .added = "Date: Mon, 23 Nov 2026 10:20:30 +0000\r\nMessage-ID: <ID@host.example>\r\n", .repairs = "From added",
     .rewrite = true},
    {"From without an address", "From: Scanner\r\n" REST, .kept = "From: Scanner <" OWN ">\r\n" REST, .added = "",
     .repairs = "From rewritten", .rewrite = true},
    {"From that nobody can read", "From : @@, <\r\n" REST, .kept = "From: \"@@,\" <" OWN ">\r\n" REST, .added = "",
     .repairs = "From closed up, From rewritten", .rewrite = true},
    {"two From are two, all the same", "From: root@localhost\r\nFrom: b@example.com\r\n" REST, .code = 550,
     .rewrite = true},
    {"a name in UTF-8 is encoded", "From: J\xc3\xb6rg <root@localhost>\r\n" REST,
     .kept = "Reply-To: root@localhost\r\nFrom: =?utf-8?Q?J=C3=B6rg?= <" OWN ">\r\n" REST, .added = "", .repair = true,
     .repairs = "From rewritten, From encoded", .rewrite = true},
    {"a name in another character set, too", "From: J\xf6rg, 2 <root@localhost>\r\n" REST,
     .kept = "Reply-To: root@localhost\r\nFrom: =?utf-8?Q?J=C3=B6rg=2C_2?= <" OWN ">\r\n" REST, .added = "",
     .repair = true, .repairs = "From rewritten, From encoded", .rewrite = true},
    {"an address in UTF-8 is not what is refused", "From: j\xc3\xb6rg@localhost\r\n" REST,
     .kept = "From: " OWN "\r\n" REST, .added = "", .repair = true, .repairs = "From rewritten", .rewrite = true},
    {"two addresses in From", "From: b@example.com x <a@example.com>, y <\r\n" REST, .code = 550, .repair = true},
};

static int apply(struct header_fixup *h, const char *in, struct buffer *added, struct buffer *kept) {
  buffer_init(added, 4096);
  buffer_init(kept, HEADER_MAX);
  h->hostname = "host.example";
  h->id_text = "ID";
  h->now_us = INT64_C(1795429230) * 1000000; /* 2026-11-23 10:20:30 UTC */
  h->added = added;
  h->kept = kept;
  return header_fixup_apply((struct bytes){in, strlen(in)}, h);
}

/* What the policy is asked about is the new From, and no Sender. */
static void check_found(const char *name, const struct header_fixup *h) {
  char from[200];
  size_t len = header_fixup_from(h).len;
  if (h->sender_len) fail_msg("%s: there is a Sender", name);
  if (!bytes_copy(header_fixup_from(h), from, sizeof from) || !strstr(from, OWN))
    fail_msg("%s: From is %zu octets, %s", name, len, from);
}

/* The header of a message that is encoded anew is looked at once more: nothing is lost by it. */
static void test_second_look(void **state) {
  (void)state;
  struct header_fixup h = {.rewrite_from = OWN}, again = {.rewrite_from = OWN};
  struct buffer added, kept, kept_again;
  assert_int_equal(apply(&h, "Sender: b@x.example\r\nFrom: A <a@x.example>\r\n" REST, &added, &kept), OK);
  assert_int_equal(buffer_add(&kept, "", 1), OK);
  assert_int_equal(apply(&again, kept.at, &added, &kept_again), OK);
  kept.len--;
  assert_true(bytes_equal(buffer_bytes(&kept), buffer_bytes(&kept_again)));
  assert_string_equal(again.repairs, "");
  buffer_free(&added);
  buffer_free(&kept);
  buffer_free(&kept_again);
}

static void test_samples(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    const struct sample *s = &samples[i];
    struct header_fixup h = {
        .encode_8bit = s->repair, .convert_long_lines = s->repair, .rewrite_from = s->rewrite ? OWN : NULL};
    struct buffer added, kept;
    int rc = apply(&h, s->in, &added, &kept);
    if (rc != (s->code ? E_DENIED : OK) || h.refusal.code != s->code)
      fail_msg("%s: %d, code %d, %s", s->name, rc, h.refusal.code, h.refusal.text);
    if (s->code) assert_string_equal(h.refusal.about, h.refusal.text);
    if (!s->code) {
      if (!bytes_equal(buffer_bytes(&kept), bytes_of(s->kept ? s->kept : s->in)))
        fail_msg("%s: kept %.*s", s->name, (int)kept.len, kept.at);
      if (!bytes_equal(buffer_bytes(&added), bytes_of(s->added)))
        fail_msg("%s: added %.*s", s->name, (int)added.len, added.at);
      if (strcmp(h.repairs, s->repairs ? s->repairs : "") != 0) fail_msg("%s: repaired %s", s->name, h.repairs);
      if (strcmp(h.stream, s->stream ? s->stream : "") != 0) fail_msg("%s: stream %s", s->name, h.stream);
      if (h.bulk != s->bulk) fail_msg("%s: bulk %d", s->name, h.bulk);
      if (h.tls_optional != s->tls_optional) fail_msg("%s: tls_optional %d", s->name, h.tls_optional);
      if (s->rewrite) check_found(s->name, &h);
    }
    buffer_free(&added);
    buffer_free(&kept);
  }
}

static void test_hops(void **state) {
  (void)state;
  for (int hops = HOPS_MAX; hops <= HOPS_MAX + 1; hops++) {
    struct buffer in, added, kept;
    buffer_init(&in, HEADER_MAX);
    for (int i = 0; i < hops; i++) buffer_addf(&in, "Received: by h%d; Mon, 23 Nov 2026 10:00:00 +0000\r\n", i);
    buffer_addf(&in, "%s%c", FROM, 0);
    struct header_fixup h = {0};
    int rc = apply(&h, in.at, &added, &kept);
    assert_int_equal(rc, hops > HOPS_MAX ? E_DENIED : OK);
    assert_int_equal(h.refusal.code, hops > HOPS_MAX ? 554 : 0);
    buffer_free(&in);
    buffer_free(&added);
    buffer_free(&kept);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples), cmocka_unit_test(test_hops),
                                     cmocka_unit_test(test_second_look)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
