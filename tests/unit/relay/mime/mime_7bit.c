/* Conversion to 7-bit MIME. That the leaves decode to the same is shown by tests/e2e/test_mime_7bit.py with a parser
 * that is not ours; here are the rules of what changes and what does not. */
#include "relay/mime/mime_7bit.h"
#include "relay/mime/mime_field.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define B(text) BYTES(text)
#define V "MIME-Version: 1.0\r\n"
#define MIXED V "Content-Type: multipart/mixed; boundary=b\r\n"
#define PLAIN "Content-Type: text/plain; charset=utf-8\r\n"
#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A1000 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50
#define A73 A50 "aaaaaaaaaaaaaaaaaaaaaaa"

struct sample {
  const char *name;
  struct bytes in, out; /* NULL `at` of `out`: nothing may come out, or what went in */
  enum mime_obstacle obstacle;
  bool keep_8bit, same, fields;
};

static const struct sample samples[] = {
    {"7-bit", B("Subject: x\r\n\r\nhi\r\n"), .same = true},
    {"7-bit with a label that says more", B(V "Content-Transfer-Encoding: 8bit\r\n\r\nhi\r\n"), .same = true},
    {"no body", B("Subject: x\r\n\r\n"), .same = true},
    {"no MIME, UTF-8", B("Subject: x\r\n\r\na few words of text, and then \xc3\xa4\r\n"),
     B("Subject: x\r\n" V PLAIN
       "Content-Transfer-Encoding: quoted-printable\r\n\r\na few words of text, and then =C3=A4\r\n")},
    {"no MIME, not UTF-8", B("Subject: x\r\n\r\na few words of text, and then \xe4\r\n"),
     B("Subject: x\r\n" V "Content-Type: text/plain; charset=unknown-8bit\r\n"
       "Content-Transfer-Encoding: quoted-printable\r\n\r\na few words of text, and then =E4\r\n")},
    {"mostly not ASCII", B(V PLAIN "\r\n\xd0\xb4\xd0\xb0\r\n"),
     B(V PLAIN "Content-Transfer-Encoding: base64\r\n\r\n0LTQsA0K\r\n")},
    {"the label is replaced where it stands",
     B(V "content-transfer-encoding:\r\n 8BIT (of course)\r\n" PLAIN "\r\nmany words of ASCII text \xc3\xa4\r\n"),
     B(V "Content-Transfer-Encoding: quoted-printable\r\n" PLAIN "\r\nmany words of ASCII text =C3=A4\r\n")},
    {"a label that lies", B(V "Content-Transfer-Encoding: 7bit\r\n\r\n\xff\r\n"),
     B(V "Content-Transfer-Encoding: base64\r\nContent-Type: text/plain; charset=unknown-8bit\r\n\r\n/w0K\r\n")},
    {"no line end at the end", B(PLAIN "\r\nsome text, some text \xc3\xa4"),
     B(PLAIN V "Content-Transfer-Encoding: quoted-printable\r\n\r\nsome text, some text =C3=A4=\r\n")},
    {"binary that is no text",
     B(V "Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n\x89PNG\r\n\x1a\n\0\0"),
     B(V "Content-Type: image/png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgoAAA==\r\n")},
    {"text that is binary", B(V "Content-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n\r\na\nb\r\n"),
     B(V "Content-Type: text/plain\r\nContent-Transfer-Encoding: base64\r\n\r\nYQpiDQo=\r\n")},
    {"a long line", B("A: b\r\n\r\n" A1000 "\r\n"),
     B("A: b\r\n" V "Content-Transfer-Encoding: quoted-printable\r\n\r\n" A73 "=\r\n" A73 "=\r\n" A73 "=\r\n" A73
       "=\r\n" A73 "=\r\n" A73 "=\r\n" A73 "=\r\n" A73 "=\r\n" A73 "=\r\n" A73 "=\r\n" A73 "=\r\n" A73 "=\r\n" A73
       "=\r\n" A50 "a\r\n")},
    {"space at the end of a line", B(PLAIN "\r\nsome text, some text \xc3\xa4 \r\nx\t\r\n"),
     B(PLAIN V "Content-Transfer-Encoding: quoted-printable\r\n\r\nsome text, some text =C3=A4=20\r\nx=09\r\n")},
    /* --- multiparts --- */
    {"only the part that needs it",
     B(MIXED "\r\n--b\r\n\r\nfirst\r\n--b\r\n" PLAIN "\r\nsome text, some text \xc3\xa4\r\n--b--\r\n"),
     B(MIXED "\r\n--b\r\n\r\nfirst\r\n--b\r\n" PLAIN
             "Content-Transfer-Encoding: quoted-printable\r\n\r\nsome text, some text =C3=A4\r\n--b--\r\n")},
    {"a part that ends with CRLF keeps it", B(MIXED "\r\n--b\r\n" PLAIN "\r\n\xc3\xa4\r\n\r\n--b--\r\n"),
     B(MIXED "\r\n--b\r\n" PLAIN "Content-Transfer-Encoding: base64\r\n\r\nw6QNCg==\r\n--b--\r\n")},
    {"labels of what is around it",
     B(MIXED "Content-Transfer-Encoding: 8bit\r\n\r\n--b\r\nContent-Transfer-Encoding: binary\r\n\r\nx\r\n--b\r\n" PLAIN
             "\r\n\xc3\xa4\r\n--b--\r\n"),
     B(MIXED "Content-Transfer-Encoding: 7bit\r\n\r\n--b\r\nContent-Transfer-Encoding: 7bit\r\n\r\nx\r\n--b\r\n" PLAIN
             "Content-Transfer-Encoding: base64\r\n\r\nw6Q=\r\n--b--\r\n")},
    {"preamble and epilogue go when they must", B(MIXED "\r\npre\xc3\xa4\r\n--b\r\n\r\nx\r\n--b--\r\nepi\xc3\xa4\r\n"),
     B(MIXED "\r\n--b\r\n\r\nx\r\n--b--\r\n")},
    {"preamble and epilogue stay when they may", B(MIXED "\r\npre\r\n--b\r\n" PLAIN "\r\n\xc3\xa4\r\n--b--\r\nepi\r\n"),
     B(MIXED "\r\npre\r\n--b\r\n" PLAIN "Content-Transfer-Encoding: base64\r\n\r\nw6Q=\r\n--b--\r\nepi\r\n")},
    {"closing delimiter missing", B(MIXED "\r\n--b\r\n" PLAIN "\r\n\xc3\xa4\r\n"),
     B(MIXED "\r\n--b\r\n" PLAIN "Content-Transfer-Encoding: base64\r\n\r\nw6QNCg==\r\n")},
    {"empty parts", B(MIXED "\r\n--b\r\n--b\r\n\r\n--b\r\nA: b\r\n--b\r\n" PLAIN "\r\n\xc3\xa4\r\n--b--\r\n"),
     B(MIXED "\r\n--b\r\n--b\r\n\r\n--b\r\nA: b\r\n--b\r\n" PLAIN
             "Content-Transfer-Encoding: base64\r\n\r\nw6Q=\r\n--b--\r\n")},
    {"an outer delimiter ends what is inside",
     B(MIXED "\r\n--b\r\nContent-Type: multipart/alternative; boundary=\"c\"\r\n\r\n--c\r\n" PLAIN
             "\r\n\xc3\xa4\r\n--b\r\n" PLAIN "\r\n\xc3\xb6\r\n--c\r\n--b--\r\n"),
     B(MIXED "\r\n--b\r\nContent-Type: multipart/alternative; boundary=\"c\"\r\n\r\n--c\r\n" PLAIN
             "Content-Transfer-Encoding: base64\r\n\r\nw6Q=\r\n--b\r\n" PLAIN
             "Content-Transfer-Encoding: base64\r\n\r\nw7YNCi0tYw==\r\n--b--\r\n")},
    {"a longer boundary is another", B(MIXED "\r\n--b\r\n" PLAIN "\r\n\xc3\xa4\r\n--bb\r\n--b-- \t\r\n"),
     B(MIXED "\r\n--b\r\n" PLAIN "Content-Transfer-Encoding: base64\r\n\r\nw6QNCi0tYmI=\r\n--b--\r\n")},
    {"a soft line break makes no delimiter", B(MIXED "\r\n--b\r\n\r\n" A73 "--b\r\n\xc3\xa4\r\n--b--\r\n"),
     B(MIXED "\r\n--b\r\n" PLAIN "Content-Transfer-Encoding: quoted-printable\r\n\r\n" A73
             "=\r\n=2D-b\r\n=C3=A4\r\n--b--\r\n")},
    {"a message in it",
     B(MIXED "\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\nSubject: "
             "in\r\n\r\n\xc3\xa4\r\n--b--\r\n"),
     B(MIXED "\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: 7bit\r\n\r\nSubject: in\r\n" V PLAIN
             "Content-Transfer-Encoding: base64\r\n\r\nw6Q=\r\n--b--\r\n")},
    {"a digest",
     B(V "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in\r\n\r\n\xc3\xa4\r\n--b--\r\n"),
     B(V "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\nSubject: in\r\n" V PLAIN
         "Content-Transfer-Encoding: base64\r\n\r\nw6Q=\r\n--b--\r\n")},
    {"MIME-Version forgotten",
     B("Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" PLAIN "\r\n\xc3\xa4\r\n--b--\r\n"),
     B("Content-Type: multipart/mixed; boundary=b\r\n" V "\r\n--b\r\n" PLAIN
       "Content-Transfer-Encoding: base64\r\n\r\nw6Q=\r\n--b--\r\n")},
    {"a multipart without parts stays as it is, with its label",
     B(V "Content-Type: multipart/mixed\r\nContent-Transfer-Encoding: binary\r\n\r\nx\r\n"), .same = true},
    {"a multipart whose boundary is not there, too",
     B(MIXED "Content-Transfer-Encoding: binary\r\n\r\n--c\r\n\r\nx\r\n"), .same = true},
    {"a signed part that fits stays as it is",
     B(MIXED
       "\r\n--b\r\nContent-Type: multipart/signed; boundary=s\r\n\r\npre\r\n--s \r\n\r\nx\r\n--s--\r\n--b\r\n" PLAIN
       "\r\n\xc3\xa4\r\n--b--\r\n"),
     B(MIXED
       "\r\n--b\r\nContent-Type: multipart/signed; boundary=s\r\n\r\npre\r\n--s \r\n\r\nx\r\n--s--\r\n--b\r\n" PLAIN
       "Content-Transfer-Encoding: base64\r\n\r\nw6Q=\r\n--b--\r\n")},
    {"message/global is encoded itself",
     B(MIXED "\r\n--b\r\nContent-Type: message/global\r\n\r\nSubject: \xc3\xa4\r\n--b--\r\n"),
     B(MIXED "\r\n--b\r\nContent-Type: message/global\r\nContent-Transfer-Encoding: "
             "base64\r\n\r\nU3ViamVjdDogw6Q=\r\n--b--\r\n")},
    /* --- only BINARYMIME is missing --- */
    {"8-bit may stay", B("A: \xc3\xa4\r\n\r\n\xc3\xa4\r\n"), .same = true, .keep_8bit = true},
    {"8-bit may stay, binary may not",
     B(MIXED "Content-Transfer-Encoding: binary\r\n\r\n--b\r\nContent-Transfer-Encoding: "
             "binary\r\n\r\n\xc3\xa4\r\n--b\r\nContent-Type: image/gif\r\n\r\n\n\r\n--b--\r\n"),
     B(MIXED "Content-Transfer-Encoding: 8bit\r\n\r\n--b\r\nContent-Transfer-Encoding: "
             "8bit\r\n\r\n\xc3\xa4\r\n--b\r\nContent-Type: image/gif\r\nContent-Transfer-Encoding: "
             "base64\r\n\r\nCg==\r\n--b--\r\n"),
     .keep_8bit = true},
    {"8-bit fields may stay, too", B(MIXED "\r\n--b\r\nContent-Type: image/png; name=\xc3\xa4\r\n\r\nx\r\n--b--\r\n"),
     .same = true, .keep_8bit = true},
    {"8-bit fields may not stay",
     B(MIXED "\r\n--b\r\nContent-Type: image/png; name=\xc3\xa4\r\n\r\n\xc3\xa4\r\n--b--\r\n"),
     B(MIXED "\r\n--b\r\nContent-Type: image/png;\r\n name*=utf-8''%C3%A4\r\n\r\n\xc3\xa4\r\n--b--\r\n"),
     .keep_8bit = true, .fields = true},
    {"8-bit boundary stays where it can", B(V "Content-Type: multipart/mixed; boundary=\xc3\xa4\r\n\r\nx\r\n"),
     .same = true, .keep_8bit = true, .fields = true},
    /* --- header fields --- */
    {"8-bit header", B("Subject: \xc3\xa4\r\n\r\nx\r\n"), B("Subject: =?utf-8?Q?=C3=A4?=\r\n\r\nx\r\n")},
    {"8-bit header of a part", B(MIXED "\r\n--b\r\nContent-Type: image/png; name=\xc3\xa4\r\n\r\nx\r\n--b--\r\n"),
     B(MIXED "\r\n--b\r\nContent-Type: image/png;\r\n name*=utf-8''%C3%A4\r\n\r\nx\r\n--b--\r\n")},
    /* --- what cannot be done --- */
    {"8-bit address in the header", B("From: \xc3\xa4@x.example\r\n\r\nx\r\n"), .obstacle = MIME_HEADER},
    {"NUL in the header", B("Subject: \0\r\n\r\nx\r\n"), .obstacle = MIME_HEADER, .keep_8bit = true},
    {"long line in the header", B("References: " A1000 "\r\n\r\nx\r\n"), .obstacle = MIME_HEADER},
    {"signed",
     B(MIXED "\r\n--b\r\nContent-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n\r\n\xc3\xa4\r\n--s--\r\n--b--\r\n"),
     .obstacle = MIME_SEALED},
    {"encrypted", B(V "Content-Type: multipart/encrypted; boundary=s\r\n\r\n--s\r\n\r\n\xc3\xa4\r\n--s--\r\n"),
     .obstacle = MIME_SEALED},
    {"partial", B(V "Content-Type: message/partial; id=x; number=1\r\n\r\n\xc3\xa4\r\n"), .obstacle = MIME_FRAGMENT},
    {"external", B(V "Content-Type: message/external-body; access-type=url\r\n\r\n\xc3\xa4\r\n"),
     .obstacle = MIME_FRAGMENT},
    {"a report", B(V "Content-Type: message/delivery-status\r\n\r\nX: \xc3\xa4\r\n"), .obstacle = MIME_UNENCODED},
    {"no boundary", B(V "Content-Type: multipart/mixed\r\n\r\n\xc3\xa4\r\n"), .obstacle = MIME_MALFORMED},
    {"two boundaries",
     B(V "Content-Type: multipart/mixed; boundary=b; boundary=c\r\n\r\n--b\r\n\r\n\xc3\xa4\r\n--b--\r\n"),
     .obstacle = MIME_MALFORMED},
    {"no parts", B(MIXED "\r\nall of it \xc3\xa4\r\n"), .obstacle = MIME_MALFORMED},
    {"the same boundary inside",
     B(MIXED "\r\n--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n\xc3\xa4\r\n--b\r\n\r\nx\r\n--b--\r\n"),
     .obstacle = MIME_MALFORMED},
    {"an encoded multipart", B(MIXED "Content-Transfer-Encoding: base64\r\n\r\n--b\r\n\r\n\xc3\xa4\r\n--b--\r\n"),
     .obstacle = MIME_MALFORMED},
    {"base64 that is none", B(V "Content-Transfer-Encoding: base64\r\n\r\n\xc3\xa4\r\n"), .obstacle = MIME_MALFORMED},
    {"an unknown encoding", B(V "Content-Transfer-Encoding: x-own\r\n\r\n\xc3\xa4\r\n"), .obstacle = MIME_MALFORMED},
    {"two labels", B(V "Content-Transfer-Encoding: 8bit\r\nContent-Transfer-Encoding: binary\r\n\r\n\xc3\xa4\r\n"),
     .obstacle = MIME_MALFORMED},
    {"two types", B(V PLAIN MIXED "\r\n--b\r\n\r\n\xc3\xa4\r\n--b--\r\n"), .obstacle = MIME_MALFORMED},
    {"a part without an empty line", B(MIXED "\r\n--b\r\nf\xc3\xbcr dich\r\n--b--\r\n"), .obstacle = MIME_MALFORMED},
    {"a header that is none", B("Subject: x\r\nnothing\r\n\r\nx\r\n"), .obstacle = MIME_MALFORMED},
};

struct taken {
  struct buffer out;
  bool body;
};

static int on_field(void *arg, struct bytes field) {
  struct taken *r = arg;
  assert_false(r->body);
  return buffer_add_bytes(&r->out, field);
}

static int on_header_end(void *arg) {
  struct taken *r = arg;
  assert_false(r->body);
  r->body = true;
  return buffer_add(&r->out, "\r\n", 2);
}

static int on_body(void *arg, struct bytes run) {
  struct taken *r = arg;
  assert_true(r->body && run.len > 0);
  return buffer_add_bytes(&r->out, run);
}

static int convert_source(const struct mime_source *m, struct taken *r, enum mime_obstacle *why) {
  struct mime_out out = {.field = on_field, .header_end = on_header_end, .body = on_body, .arg = r};
  *r = (struct taken){.body = false};
  buffer_init(&r->out, 1 << 20);
  return mime_7bit_convert(m, &out, why);
}

static int convert(struct bytes prefix, struct bytes content, struct taken *r, enum mime_obstacle *why) {
  return convert_source(&(struct mime_source){.prefix = prefix, .content = content}, r, why);
}

static void test_samples(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    const struct sample *s = &samples[i];
    struct taken r;
    enum mime_obstacle why;
    struct mime_source from = {.prefix = {"", 0}, .content = s->in, .keep_8bit = s->keep_8bit, .fields = s->fields};
    int rc = convert_source(&from, &r, &why);
    struct bytes expected = s->obstacle ? BYTES("") : s->same ? s->in : s->out;
    if (why != s->obstacle || rc != (s->obstacle ? E_DENIED : OK) || !bytes_equal(buffer_bytes(&r.out), expected))
      fail_msg("%s: result %d, obstacle %d (%s), out:\n%.*s", s->name, rc, why, mime_obstacle_text(why), (int)r.out.len,
               r.out.at ? r.out.at : "");
    buffer_free(&r.out);
  }
}

/* What the gateway put before the header counts as header, too. */
static void test_prefix(void **state) {
  (void)state;
  struct taken r;
  enum mime_obstacle why;
  assert_int_equal(
      convert(B("Received: x\r\n" V "Content-Transfer-Encoding: 8bit\r\n"), B(PLAIN "\r\n\xc3\xa4\r\n"), &r, &why), OK);
  assert_true(bytes_equal(buffer_bytes(&r.out),
                          B("Received: x\r\n" V "Content-Transfer-Encoding: base64\r\n" PLAIN "\r\nw6QNCg==\r\n")));
  buffer_free(&r.out);
}

/* `depth` multiparts in each other, and 8-bit text in the innermost. */
static void nest(struct buffer *b, int depth) {
  for (int i = 0; i < depth; i++) buffer_addf(b, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i);
  buffer_addf(b, "\r\n\xc3\xa4\r\n");
}

static void test_depth(void **state) {
  (void)state;
  for (int depth = MIME_DEPTH_MAX; depth <= MIME_DEPTH_MAX + 1; depth++) {
    struct buffer in;
    struct taken r;
    enum mime_obstacle why;
    buffer_init(&in, 1 << 16);
    nest(&in, depth);
    int rc = convert((struct bytes){"", 0}, buffer_bytes(&in), &r, &why);
    assert_int_equal(rc, depth > MIME_DEPTH_MAX ? E_DENIED : OK);
    assert_int_equal(why, depth > MIME_DEPTH_MAX ? MIME_DEPTH : MIME_CONVERTIBLE);
    buffer_free(&in);
    buffer_free(&r.out);
  }
}

static int no_more(void *arg, struct bytes run) {
  (void)run;
  return ++*(int *)arg > 1 ? E_IO : OK;
}

static int nothing(void *arg) {
  (void)arg;
  return OK;
}

static void test_output_fails(void **state) {
  (void)state;
  int calls = 0;
  enum mime_obstacle why;
  struct mime_source m = {.content = B(MIXED "\r\n--b\r\n\r\n\xc3\xa4\r\n--b--\r\n")};
  struct mime_out out = {.field = no_more, .header_end = nothing, .body = no_more, .arg = &calls};
  assert_int_equal(mime_7bit_convert(&m, &out, &why), E_IO);
  assert_int_equal(calls, 2);
  assert_int_equal(mime_7bit_convert(&m, NULL, &why), OK);
}

static void test_boundaries(void **state) {
  (void)state;
  static const struct {
    const char *value, *boundary;
  } cases[] = {
      {"multipart/mixed; boundary=abc", "abc"},
      {" multipart / mixed ; boundary = abc ;", "abc"},
      {"multipart/mixed; charset=utf-8; BOUNDARY=\"a b\\\"c\"", "a b\"c"},
      {"multipart/mixed;\r\n\tboundary=\"a\r\n b\"", "a b"},
      {"multipart/mixed; boundary=----=_Part_1:2/3", "----=_Part_1:2/3"},
      {"multipart/mixed (x; boundary=no); boundary=abc (yes)", "abc"},
      {"multipart/mixed; note=\"; boundary=no\"; boundary=abc", "abc"},
      {"multipart/mixed; odd; =; boundary=\"abc  \"", "abc"},
      {"multipart/mixed; boundary=abc(x)", ""},
      {"multipart/mixed; boundary=\"abc", ""},
      {"multipart/mixed; boundary=", ""},
      {"multipart/mixed; boundary=a; boundary=a", ""},
      {"multipart/mixed; boundary=a\tb", "a"},
      {"multipart/mixed; boundary=\"a\tb\"", ""},
      {"multipart/mixed; boundary=" A50 A50 A50 A50 A50 "a", ""},
      {"multipart/mixed; boundary=" A50 A50 A50 A50 A50, A50 A50 A50 A50 A50},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct mime_type t;
    mime_type_read(bytes_of(cases[i].value), &t);
    if (!bytes_equal_nocase(t.type, B("multipart")) || !bytes_equal_nocase(t.subtype, B("mixed")) ||
        !bytes_equal((struct bytes){t.boundary, t.boundary_len}, bytes_of(cases[i].boundary)))
      fail_msg("%s: %.*s", cases[i].value, (int)t.boundary_len, t.boundary);
  }
}

static void test_encodings(void **state) {
  (void)state;
  assert_int_equal(mime_encoding_read(B(" Base64\r\n ")), ENCODING_BASE64);
  assert_int_equal(mime_encoding_read(B("(x) quoted-printable (y)")), ENCODING_QUOTED_PRINTABLE);
  assert_int_equal(mime_encoding_read(B("")), ENCODING_7BIT);
  assert_int_equal(mime_encoding_read(B("8 bit")), ENCODING_OTHER);
  assert_int_equal(mime_encoding_read(B("=base64")), ENCODING_OTHER);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_samples),      cmocka_unit_test(test_prefix),     cmocka_unit_test(test_depth),
      cmocka_unit_test(test_output_fails), cmocka_unit_test(test_boundaries), cmocka_unit_test(test_encodings),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
