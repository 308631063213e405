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
};

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

static void test_samples(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    const struct sample *s = &samples[i];
    struct header_fixup h = {.encode_8bit = s->repair, .convert_long_lines = s->repair};
    struct buffer added, kept;
    int rc = apply(&h, s->in, &added, &kept);
    if (rc != (s->code ? E_DENIED : OK) || h.refusal.code != s->code)
      fail_msg("%s: %d, code %d, %s", s->name, rc, h.refusal.code, h.refusal.text);
    if (!s->code) {
      if (!bytes_equal(buffer_bytes(&kept), bytes_of(s->kept ? s->kept : s->in)))
        fail_msg("%s: kept %.*s", s->name, (int)kept.len, kept.at);
      if (!bytes_equal(buffer_bytes(&added), bytes_of(s->added)))
        fail_msg("%s: added %.*s", s->name, (int)added.len, added.at);
      if (strcmp(h.repairs, s->repairs ? s->repairs : "") != 0) fail_msg("%s: repaired %s", s->name, h.repairs);
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
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples), cmocka_unit_test(test_hops)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
