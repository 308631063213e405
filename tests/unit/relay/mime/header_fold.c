/* Lines over 998 octets: where they are broken, and what unfolds from that. */
#include "relay/mime/header_fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

enum outcome { SAME, COMMAS, ENCODED, REFUSED };

static const struct sample {
  const char *name, *unit; /* the value is the unit, repeated to over 1200 octets */
  enum outcome outcome;
} samples[] = {
    {"Subject", " word", SAME},
    {"To", " a@x.example,", SAME},
    {"To", "a@x.example,", COMMAS}, /* a space more behind a comma means nothing in a list of addresses */
    {"Subject", "x", ENCODED},
    {"X-Anything", "x,", ENCODED},
    {"References", " <1@x.example>", SAME},
    {"References", "<1@x.example>", REFUSED},
    {"Message-ID", "x", REFUSED},
    {"DKIM-Signature", "x", REFUSED},
    {"ARC-Seal", "x", REFUSED},
};

static void make(const struct sample *s, struct buffer *in) {
  buffer_init(in, 65536);
  assert_int_equal(buffer_addf(in, "%s: ", s->name), OK);
  while (in->len < 1300) assert_int_equal(buffer_addf(in, "%s", s->unit), OK);
  assert_int_equal(buffer_add(in, "\r\n", 2), OK);
}

/* Without its folds; `out` is as large as `in`. */
static size_t unfold(struct bytes in, char *out) {
  size_t n = 0;
  for (size_t i = 0; i < in.len; i++)
    if (in.at[i] != '\r' && in.at[i] != '\n') out[n++] = in.at[i];
  return n;
}

static void without(char *text, size_t *len, char c) {
  size_t n = 0;
  for (size_t i = 0; i < *len; i++)
    if (text[i] != c) text[n++] = text[i];
  *len = n;
}

static void check(const struct sample *s, struct bytes in, struct bytes out) {
  char before[8192], after[8192];
  size_t n = unfold(in, before), m = unfold(out, after);
  assert_false(header_needs_folding(out));
  if (s->outcome == COMMAS) {
    without(before, &n, ' ');
    without(after, &m, ' ');
  }
  if (s->outcome != ENCODED && (n != m || memcmp(before, after, n) != 0)) fail_msg("%s%s", s->name, s->unit);
  if (s->outcome == ENCODED) assert_non_null(memmem(out.at, out.len, "=?utf-8?", 8));
  for (size_t at = 0; at < out.len;) { /* no line of white space alone */
    size_t lf = bytes_find(out, '\n', at);
    assert_true(bytes_trim((struct bytes){out.at + at, lf - at}).len > 0);
    at = lf + 1;
  }
}

static void test_samples(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    struct buffer in, out;
    struct field f;
    size_t at = 0;
    make(&samples[i], &in);
    buffer_init(&out, 65536);
    assert_int_equal(header_next(buffer_bytes(&in), &at, &f), 1);
    assert_true(header_needs_folding(f.whole));
    assert_int_equal(header_fold(&f, &out), samples[i].outcome == REFUSED ? E_SYNTAX : OK);
    if (samples[i].outcome != REFUSED) check(&samples[i], f.whole, buffer_bytes(&out));
    buffer_free(&in);
    buffer_free(&out);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
