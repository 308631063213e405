/* Raw octets over 127 in fields of every kind: what is written, and that it is ASCII in lines that are not too long. */
#include "relay/mime/header_encode.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define NAME_30 "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc"

static const struct sample {
  const char *in, *charset, *out; /* out NULL: cannot be encoded */
} samples[] = {
    /* text */
    {"Subject: Gr\xc3\xbc\xc3\x9f"
     "e",
     "", "Subject: =?utf-8?Q?Gr=C3=BC=C3=9Fe?="},
    {"Subject: plain \xc3\xbc plain", "", "Subject: plain =?utf-8?Q?=C3=BC?= plain"},
    {"Subject: \xc3\xbc \xc3\xa4 x", "", "Subject: =?utf-8?Q?=C3=BC_=C3=A4?= x"},
    {"Subject: \xc3\xbc x \xc3\xa4", "", "Subject: =?utf-8?Q?=C3=BC?= x =?utf-8?Q?=C3=A4?="},
    {"Subject: a\r\n \xc3\xbc", "", "Subject: a\r\n =?utf-8?Q?=C3=BC?="},
    {"Subject: =?utf-8?Q?=C3=A4?= \xc3\xbc", "", "Subject: =?utf-8?Q?=C3=A4?= =?utf-8?Q?=C3=BC?="},
    {"Subject:\xc3\xbc", "", "Subject:=?utf-8?Q?=C3=BC?="},
    {"Subject: \xfc", "iso-8859-1", "Subject: =?utf-8?Q?=C3=BC?="},
    {"Subject: \xc1", "koi8-r", "Subject: =?utf-8?Q?=D0=B0?="},
    {"Subject: \x93x\x94", "", "Subject: =?utf-8?Q?=E2=80=9Cx=E2=80=9D?="}, /* windows-1252's quotes */
    {"Subject: \xfc", "no-such-set", "Subject: =?utf-8?Q?=C3=BC?="},
    {"Subject: \xfc", "utf-8//TRANSLIT", "Subject: =?utf-8?Q?=C3=BC?="},
    {"X-Anything: \x81", "", "X-Anything: =?utf-8?Q?=C2=81?="},
    {"Received: from \xc3\xbc by x; now", "", "Received: from =?utf-8?Q?=C3=BC?= by x; now"},
    {"Subject: " NAME_30 NAME_30, "",
     "Subject: =?utf-8?B?w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7w=?=\r\n =?utf-8?B?w7w=?="},
    {"Subject: " NAME_30 NAME_30 NAME_30, "",
     "Subject: =?utf-8?B?w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7zDvMO8w7w=?=\r\n "
     "=?utf-8?B?w7zDvMO8w7zDvMO8w7zDvMO8w7zDvA==?="},
    /* addresses */
    {"From: J\xc3\xb6rg <a@x.example>", "", "From: =?utf-8?Q?J=C3=B6rg?= <a@x.example>"},
    {"To: \"J\xc3\xb6rg \\\"B\\\"\" <a@x.example>, b@y.example", "",
     "To: =?utf-8?Q?J=C3=B6rg_=22B=22?= <a@x.example>, b@y.example"},
    {"Cc: b@y.example (J\xc3\xb6rg)", "", "Cc: b@y.example (=?utf-8?Q?J=C3=B6rg?=)"},
    {"Reply-To: a@b\xc3\xbc.example", "", "Reply-To: a@xn--b-eha.example"},
    {"Reply-To: X <a@b\xc3\xbc.example>", "", "Reply-To: X <a@xn--b-eha.example>"},
    {"To: J\xc3\xb6rg: a@x.example;", "", "To: =?utf-8?Q?J=C3=B6rg?=: a@x.example;"},
    {"From: J\xf6rg <a@x.example>", "", "From: =?utf-8?Q?J=C3=B6rg?= <a@x.example>"},
    {"To: j\xc3\xb6rg@x.example", "", NULL},
    {"To: X <j\xc3\xb6rg@x.example>", "", NULL},
    {"To: M\xc3\xbcller, Hans <a@x.example>", "", NULL},
    /* parameters */
    {"Content-Disposition: attachment; filename=\"\xc3\xbc.pdf\"", "",
     "Content-Disposition: attachment;\r\n filename*=utf-8''%C3%BC.pdf"},
    {"Content-Type: application/pdf; name=\xfc.pdf; x=y", "",
     "Content-Type: application/pdf;\r\n name*=utf-8''%C3%BC.pdf; x=y"},
    {"Content-Type: text/plain; name=\"a;\xc3\xbc b\"", "",
     "Content-Type: text/plain;\r\n name*=utf-8''a%3B%C3%BC%20b"},
    {"Content-Type: multipart/mixed; boundary=\"\xc3\xbc\"", "", NULL},
    {"Content-Type: te\xc3\xbcxt/plain", "", NULL},
};

static void read_field(const char *text, struct field *f) {
  size_t at = 0;
  assert_int_equal(header_next(bytes_of(text), &at, f), 1);
}

static void test_samples(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    const struct sample *s = &samples[i];
    struct buffer out;
    struct field f;
    buffer_init(&out, 65536);
    read_field(s->in, &f);
    assert_true(header_needs_encoding(f.whole));
    int rc = header_encode(&f, bytes_of(s->charset), &out);
    if (rc != (s->out ? OK : E_SYNTAX)) fail_msg("%s: %d", s->in, rc);
    if (s->out) {
      size_t len = strlen(s->out);
      if (out.len != len + 2 || memcmp(out.at, s->out, len) != 0)
        fail_msg("%s:\n%.*s, not\n%s", s->in, (int)out.len, out.at, s->out);
    } else {
      assert_int_equal(out.len, 0);
    }
    buffer_free(&out);
  }
}

/* Names of any length in every place: ASCII, no line over 76 octets but for what cannot be broken, no field lost. */
static void test_lengths(void **state) {
  (void)state;
  static const char *const places[][2] = {{"Subject: ", ""},
                                          {"To: ", " <a@x.example>"},
                                          {"Cc: a@x.example (", ")"},
                                          {"Content-Disposition: attachment; filename=\"", "\""}};
  for (size_t p = 0; p < 4; p++)
    for (size_t n = 1; n < 400; n += 7) {
      struct buffer name, in, out;
      struct field f;
      buffer_init(&name, 4096);
      buffer_init(&in, 8192);
      buffer_init(&out, 65536);
      for (size_t i = 0; i < n; i++)
        assert_int_equal(buffer_add(&name, i % 3 ? "\xe2\x82\xac" : "=", i % 3 ? 3 : 1), OK);
      if (n == 1) buffer_add(&name, "\xe2\x82\xac", 3);
      buffer_add(&name, "", 1);
      buffer_addf(&in, "%s%s%s", places[p][0], name.at, places[p][1]);
      buffer_add(&in, "", 1);
      read_field(in.at, &f);
      assert_int_equal(header_encode(&f, bytes_of(""), &out), OK);
      assert_false(header_needs_encoding(buffer_bytes(&out)));
      for (size_t at = 0; at < out.len;) {
        size_t lf = bytes_find(buffer_bytes(&out), '\n', at);
        if (lf - at > 78 + 1) fail_msg("%zu %zu: %.*s", p, n, (int)(lf - at), out.at + at);
        at = lf + 1;
      }
      buffer_free(&name);
      buffer_free(&in);
      buffer_free(&out);
    }
}

static void test_as_text(void **state) {
  (void)state;
  struct buffer out;
  struct field f;
  buffer_init(&out, 1024);
  read_field("To: M\xc3\xbcller, Hans <a@x.example>", &f);
  assert_int_equal(header_encode_text(&f, bytes_of(""), &out), OK);
  assert_true(bytes_equal(buffer_bytes(&out), BYTES("To: =?utf-8?Q?M=C3=BCller=2C?= Hans <a@x.example>\r\n")));
  buffer_free(&out);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples), cmocka_unit_test(test_lengths),
                                     cmocka_unit_test(test_as_text)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
