/* From fields of devices and old sites: whatever they say, they read as one address and nobody else. */
#include "relay/mime/from_rewrite.h"

#include "base/address/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define OWN "printer@example.com"

static const struct sample {
  const char *in;
  const char *from;     /* the new value; NULL: nothing to do */
  const char *reply_to; /* NULL: none */
} samples[] = {
    /* its own already */
    {" " OWN, NULL, NULL},
    {" Scanner <" OWN ">", NULL, NULL},
    {" \"a <b>\" <Printer@EXAMPLE.com> (2nd floor)", NULL, NULL},
    {" " OWN " (Scanner)", NULL, NULL},
    /* one author */
    {" root@localhost", " " OWN, "root@localhost"},
    {" <root@localhost>", " " OWN, "root@localhost"},
    {" Scanner <root@localhost>", " Scanner <" OWN ">", "root@localhost"},
    {"Scanner<root@localhost>", " Scanner <" OWN ">", "root@localhost"},
    {" \"Doe, John\" <j@x.example>", " \"Doe, John\" <" OWN ">", "j@x.example"},
    {" \"a <b@c.example>, \\\" d\" <j@x.example>", " \"a <b@c.example>, \\\" d\" <" OWN ">", "j@x.example"},
    {" =?utf-8?Q?J=C3=B6rg?= <j@x.example>", " =?utf-8?Q?J=C3=B6rg?= <" OWN ">", "j@x.example"},
    {" Jörg <j@x.example>", " Jörg <" OWN ">", "j@x.example"},
    {" Scanner <root@[192.0.2.1]>", " Scanner <" OWN ">", "root@[192.0.2.1]"},
    {" <@relay.example:root@x.example>", " " OWN, "root@x.example"},
    {" \"two words\"@x.example", " " OWN, "\"two words\"@x.example"},
    /* comments */
    {" root@localhost (Cron Daemon)", " " OWN " (Cron Daemon)", "root@localhost"},
    {" (a \\) (b) < c) root@localhost", " " OWN " (a \\) (b) < c)", "root@localhost"},
    {" (a < b) Scanner <root@localhost> (c)", " (a < b) Scanner <" OWN ">", "root@localhost"},
    {" root@localhost(x).example", " " OWN " (x)", "root@localhost.example"},
    /* folded */
    {" Scanner\r\n of the office\r\n\t<root@\r\n x.example>", " Scanner\r\n of the office <" OWN ">", "root@x.example"},
    {"\r\n Scanner <root@x.example>\r\n", " Scanner <" OWN ">", "root@x.example"},
    /* names that lack their quotes */
    {" Scanner, 2nd floor <root@x.example>", " \"Scanner, 2nd floor\" <" OWN ">", "root@x.example"},
    {" [MFP] <root@x.example>", " \"[MFP]\" <" OWN ">", "root@x.example"},
    {" boss@bank.example <root@x.example>", " \"boss@bank.example\" <" OWN ">", "root@x.example"},
    {" " OWN " <root@x.example>", " \"" OWN "\" <" OWN ">", "root@x.example"},
    /* several, and groups: no name is everybody's */
    {" a@x.example, Foo <b@x.example>", " " OWN, "a@x.example, b@x.example"},
    {" A <a@x.example>, B <b@x.example>", " " OWN, "a@x.example, b@x.example"},
    {" a@x.example, " OWN, " " OWN, "a@x.example"},
    {" " OWN ", a@x.example", " " OWN, "a@x.example"},
    {" Team: A <a@x.example>, b@x.example;", " " OWN, "a@x.example, b@x.example"},
    {" Team: A <a@x.example>;", " \"Team: A\" <" OWN ">", "a@x.example"},
    /* addresses in UTF-8: not in an ASCII field */
    {" Jörg <jörg@x.example>", " Jörg <" OWN ">", NULL},
    {" jörg@x.example, a@x.example", " " OWN, "a@x.example"},
    /* no address at all */
    {"", " " OWN, NULL},
    {" \r\n ", " " OWN, NULL},
    {" <>", " " OWN, NULL},
    {" Scanner", " Scanner <" OWN ">", NULL},
    {" Scanner <>", " Scanner <" OWN ">", NULL},
    {" Scanner <root>", " Scanner <" OWN ">", NULL},
    {" MAILER-DAEMON", " MAILER-DAEMON <" OWN ">", NULL},
    {" nobody:;", " " OWN, NULL},
    {" nobody:; Scanner <root@x.example>", " " OWN, "root@x.example"},
    {" @@@", " \"@@@\" <" OWN ">", NULL},
    /* garbage must not become an author, whatever it begins with */
    {" a@bank.example, Foo <nothing>", " " OWN, NULL},
    {" a@bank.example, <", " " OWN, NULL},
    {" (a <root@x.example>", " \"(a\" <" OWN ">", "root@x.example"},
    {" \"a <root@x.example>", " \"\\\"a\" <" OWN ">", "root@x.example"},
    {" <a@x.example> <b@x.example>", " " OWN, NULL},
    {" a\x01"
     "b <root@x.example>",
     " " OWN, NULL},
    {" M\xfcller <root@x.example>", " " OWN, NULL},
    {" \"\xc3\" <root@x.example>", " " OWN, NULL},
};

/* Nobody else is in it, whatever a reader makes of it. */
static void check_author(struct bytes value) {
  struct address a;
  size_t at = 0;
  char *scratch = malloc(value.len + 1);
  assert_int_equal(mailbox_next(value, &at, &a, scratch, value.len), 1);
  assert_true(bytes_equal(a.whole, BYTES(OWN)));
  assert_int_equal(mailbox_next(value, &at, &a, scratch, value.len), 0);
  free(scratch);
}

static void check(const struct sample *s, bool has_reply_to) {
  struct buffer out, reply_to;
  char from[512] = "", reply[512] = "";
  buffer_init(&out, 8192);
  buffer_init(&reply_to, 8192);
  struct from_rewrite r = {.address = OWN, .reply_to = has_reply_to ? NULL : &reply_to};
  assert_int_equal(from_rewrite(bytes_of(s->in), &r, &out), OK);
  assert_int_equal(r.changed, s->from != NULL);
  if (s->from) snprintf(from, sizeof from, "From:%s\r\n", s->from);
  if (s->reply_to && !has_reply_to) snprintf(reply, sizeof reply, "Reply-To: %s\r\n", s->reply_to);
  if (!bytes_equal(buffer_bytes(&out), bytes_of(from)))
    fail_msg("\"%s\": \"%.*s\"", s->in, (int)out.len, out.at ? out.at : "");
  if (!bytes_equal(buffer_bytes(&reply_to), bytes_of(reply)))
    fail_msg("\"%s\": \"%.*s\"", s->in, (int)reply_to.len, reply_to.at ? reply_to.at : "");
  if (s->from) check_author((struct bytes){out.at + 5, out.len - 7});
  buffer_free(&out);
  buffer_free(&reply_to);
}

static void test_samples(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) check(&samples[i], false);
}

static void test_there_is_a_reply_to(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) check(&samples[i], true);
}

/* A thousand authors: whole addresses, no more than fit on a line. */
static void test_long_list(void **state) {
  (void)state;
  struct buffer in, out, reply_to;
  buffer_init(&in, 65536);
  buffer_init(&out, 8192);
  buffer_init(&reply_to, 8192);
  for (int i = 0; i < 1000; i++) buffer_addf(&in, "%s author%d@x.example", i ? "," : "", i);
  struct from_rewrite r = {.address = OWN, .reply_to = &reply_to};
  assert_int_equal(from_rewrite(buffer_bytes(&in), &r, &out), OK);
  assert_true(bytes_equal(buffer_bytes(&out), BYTES("From: " OWN "\r\n")));
  assert_in_range(reply_to.len, 800, 998);
  assert_true(bytes_starts_nocase(buffer_bytes(&reply_to), BYTES("Reply-To: author0@x.example, author1@x.example, ")));
  assert_memory_equal(reply_to.at + reply_to.len - 10, ".example\r\n", 10);
  buffer_free(&in);
  buffer_free(&out);
  buffer_free(&reply_to);
}

static void test_no_room(void **state) {
  (void)state;
  struct buffer out;
  buffer_init(&out, 10);
  struct from_rewrite r = {.address = OWN};
  assert_int_equal(from_rewrite(BYTES(" root@localhost"), &r, &out), E_TOO_BIG);
  buffer_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples), cmocka_unit_test(test_there_is_a_reply_to),
                                     cmocka_unit_test(test_long_list), cmocka_unit_test(test_no_room)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
