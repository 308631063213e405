/* Content decoding: every case is fed whole, and cut in two at every place, and octet by octet; the outcome must be the
 * same. */
#include "relay/smtp/data_sink.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct sample {
  const char *name;
  struct bytes in;   /* what the client sends after DATA */
  bool ends;         /* the end of the content is in it */
  struct bytes rest; /* what must be left unread */
  struct bytes out;  /* NULL `at`: not looked at, because the message is refused */
  size_t bare_cr, bare_lf, nul, long_line, eight_bit;
};

#define B(text) BYTES(text)
#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A250 A50 A50 A50 A50 A50
#define A998 A250 A250 A250 A50 A50 A50 A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct sample samples[] = {
    {"empty", B(".\r\n"), true, B(""), B("")},
    {"one line", B("a: b\r\n\r\nhi\r\n.\r\n"), true, B(""), B("a: b\r\n\r\nhi\r\n")},
    {"pipelined behind the end", B("x\r\n.\r\nQUIT\r\n"), true, B("QUIT\r\n"), B("x\r\n")},
    {"stuffed dot", B("..\r\n.\r\n"), true, B(""), B(".\r\n")},
    {"stuffed dots", B("...x\r\n..\r\n.\r\n"), true, B(""), B("..x\r\n.\r\n")},
    {"a dot that was not stuffed", B(".x\r\n.\r\n"), true, B(""), B("x\r\n")},
    {"dot in a line", B("a.\r\n.\r\n"), true, B(""), B("a.\r\n")},
    {"no end yet", B("a\r\n"), false, B(""), B("a\r\n")},
    {"end not complete", B("a\r\n.\r"), false, B(""), B("a\r\n")},
    {"bare LF", B("a\nb\r\n.\r\n"), true, B(""), {0}, .bare_lf = 1},
    {"bare CR", B("x\r\na\rb\r\n.\r\n"), true, B(""), {0}, .bare_cr = 2},
    {"CR CR LF", B("a\r\r\n.\r\n"), true, B(""), {0}, .bare_cr = 1},
    {"NUL", B("a\0b\r\n.\r\n"), true, B(""), {0}, .nul = 1},
    {"8-bit", B("a\r\n\xc3\xa4\r\n.\r\n"), true, B(""), B("a\r\n\xc3\xa4\r\n"), .eight_bit = 2},
    {"998 octets", B(A998 "\r\n.\r\n"), true, B(""), B(A998 "\r\n")},
    {"998 octets and a stuffed dot", B("." A998 "\r\n.\r\n"), true, B(""), B(A998 "\r\n")},
    {"999 octets", B(A998 "a\r\n.\r\n"), true, B(""), {0}, .long_line = 1},
    /* The published end-of-data variants: none of them ends the content. */
    {"smuggle LF . LF", B("a\n.\nMAIL FROM:<b@c>\r\n.\r\n"), true, B(""), {0}, .bare_lf = 1},
    {"smuggle LF . CRLF", B("a\n.\r\nMAIL\r\n.\r\n"), true, B(""), {0}, .bare_lf = 1},
    {"smuggle CR . CRLF", B("a\r.\r\nMAIL\r\n.\r\n"), true, B(""), {0}, .bare_cr = 1},
    {"smuggle CR . CR", B("a\r.\rMAIL\r\n.\r\n"), true, B(""), {0}, .bare_cr = 1},
    {"smuggle CRLF . LF", B("a\r\n.\nMAIL\r\n.\r\n"), true, B(""), {0}, .bare_lf = 2},
    {"smuggle CRLF . CR", B("a\r\n.\rMAIL\r\n.\r\n"), true, B(""), {0}, .bare_cr = 2},
    {"smuggle CRLF NUL . CRLF", B("a\r\n\0.\r\nMAIL\r\n.\r\n"), true, B(""), {0}, .nul = 2},
    {"smuggle CRLF . NUL CRLF", B("a\r\n.\0\r\nMAIL\r\n.\r\n"), true, B(""), {0}, .nul = 2},
    {"smuggle CRLF . CRCRLF", B("a\r\n.\r\r\nMAIL\r\n.\r\n"), true, B(""), {0}, .bare_cr = 2},
    {"smuggle CRCRLF . CRLF", B("a\r\r\n.\r\n"), true, B(""), {0}, .bare_cr = 1},
};

static void emit(void *arg, struct bytes run) {
  assert_int_equal(buffer_add_bytes(arg, run), OK);
}

/* Feeds `in` in pieces that end at the offsets of `cuts`; returns the octets consumed. */
static size_t feed(struct data_sink *d, struct bytes in, size_t step, size_t cut, struct buffer *out, bool *done) {
  size_t used = 0;
  *done = false;
  while (used < in.len && !*done) {
    size_t end = step ? used + step : used < cut ? cut : in.len;
    if (end > in.len) end = in.len;
    size_t n = data_sink_feed(d, (struct bytes){in.at + used, end - used}, emit, out, done);
    assert_true(*done || n == end - used);
    used += n;
  }
  return used;
}

static void check(const struct sample *s, size_t step, size_t cut) {
  struct data_sink d;
  struct buffer out;
  bool done;
  data_sink_init(&d, DATA_DOTTED);
  buffer_init(&out, 4096);
  size_t used = feed(&d, s->in, step, cut, &out, &done);
  if (done != s->ends || s->in.len - used != s->rest.len || d.bare_cr != s->bare_cr || d.bare_lf != s->bare_lf ||
      d.nul != s->nul || d.long_line != s->long_line || d.eight_bit != s->eight_bit ||
      (s->out.at && !bytes_equal(s->out, buffer_bytes(&out))))
    fail_msg("%s: step %zu, cut %zu", s->name, step, cut);
  buffer_free(&out);
}

static void test_samples(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    const struct sample *s = &samples[i];
    for (size_t cut = 0; cut <= s->in.len; cut++) check(s, 0, cut);
    for (size_t step = 1; step <= 7; step++) check(s, step, 0);
  }
}

/* --- BDAT: the same octets, in chunks of any sizes --- */

static const struct sample chunked[] = {
    {"empty", B("")},
    {"lines", B("a: b\r\n\r\nhi\r\n")},
    {"no end of line at the end", B("a: b\r\n\r\nhi")},
    {"a dot is nothing special", B("a\r\n.\r\nb\r\n..\r\n.x\r\n.")},
    {"8-bit", B("a\r\n\xc3\xa4\r\n"), .eight_bit = 2},
    {"bare LF", B("a\r\nb\nc\r\n"), .bare_lf = 2},
    {"bare CR", B("a\rb\r\n"), .bare_cr = 1},
    {"bare CR at the end", B("a\r\nb\r"), .bare_cr = 2},
    {"CR CR LF", B("a\r\r\n"), .bare_cr = 1},
    {"NUL", B("a\r\n\r\nb\0"), .nul = 3},
    {"a line as long as it may be", B(A998 "\r\n")},
    {"a line too long", B("x\r\n" A998 "a\r\n"), .long_line = 2},
    {"smuggle LF . LF", B("a\n.\nb"), .bare_lf = 1},
};

/* One chunk up to `cut`, another one with the rest, both fed in steps. */
static void check_chunks(const struct sample *s, enum data_framing framing, size_t cut, size_t step) {
  struct data_sink d;
  struct buffer out;
  bool done, quiet = framing == DATA_BINARY_CHUNKS;
  buffer_init(&out, 4096);
  data_sink_init(&d, framing);
  for (int half = 0; half < 2; half++) {
    struct bytes chunk = half ? bytes_from(s->in, cut) : (struct bytes){s->in.at, cut};
    data_sink_chunk(&d, chunk.len);
    /* More than the chunk is there: it must be left. */
    struct bytes input = {chunk.at, s->in.len - (size_t)(chunk.at - s->in.at)};
    size_t used = feed(&d, input, step, 0, &out, &done);
    assert_true(used == chunk.len && (done || !chunk.len));
  }
  data_sink_last(&d);
  bool as_expected = quiet ? !(d.bare_cr | d.bare_lf | d.nul | d.long_line | d.eight_bit)
                           : d.bare_cr == s->bare_cr && d.bare_lf == s->bare_lf && d.nul == s->nul &&
                                 d.long_line == s->long_line && d.eight_bit == s->eight_bit;
  if (!as_expected || !bytes_equal(s->in, buffer_bytes(&out))) fail_msg("%s: cut %zu, step %zu", s->name, cut, step);
  buffer_free(&out);
}

static void test_chunks(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof chunked / sizeof chunked[0]; i++)
    for (size_t cut = 0; cut <= chunked[i].in.len; cut++)
      for (size_t step = 1; step <= 1000; step = step * 3 + 1) {
        check_chunks(&chunked[i], DATA_CHUNKS, cut, step);
        check_chunks(&chunked[i], DATA_BINARY_CHUNKS, cut, step);
      }
}

/* --- the last line, and the fields of parts --- */

static const struct {
  struct bytes in;
  size_t last_eight_bit, last_long_line, eight_bit_field;
} marked[] = {
    {B("\xc3\xa4\r\nx\r\n\xc3\xa4\r\nx\r\n"), 3, 0, 0},
    {B(A998 "a\r\nx\r\n" A998 "a\r\n"), 0, 3, 0},
    {B("--b\r\nX: \xc3\xa4\r\n\r\n\xc3\xa4\r\n"), 4, 0, 2},
    {B("--b\r\nX: y\r\n\xc3\xa4: z\r\n"), 3, 0, 0},
    {B("--b\r\nX: y;\r\n\tz=\xc3\xa4\r\n"), 3, 0, 3},
    {B("-- \r\nJ\xc3\xb6rg\r\nTel: \xc3\xa4\r\n"), 3, 0, 0}, /* a signature */
    {B("-- \r\nJohn\r\nTel: \xc3\xa4\r\n"), 3, 0, 0},
    {B("-x\r\nX: \xc3\xa4\r\n"), 2, 0, 0},
    {B("--b\r\n\r\nX: \xc3\xa4\r\n"), 3, 0, 0},
    {B("a--b\r\nX: \xc3\xa4\r\n"), 2, 0, 0},
};

static void test_marked_lines(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof marked / sizeof marked[0]; i++)
    for (size_t cut = 0; cut <= marked[i].in.len; cut++) {
      struct data_sink d;
      struct buffer out;
      bool done;
      buffer_init(&out, 4096);
      data_sink_init(&d, DATA_DOTTED);
      feed(&d, marked[i].in, 0, cut, &out, &done);
      if (d.last_eight_bit != marked[i].last_eight_bit || d.last_long_line != marked[i].last_long_line ||
          d.eight_bit_field != marked[i].eight_bit_field)
        fail_msg("%zu, cut %zu: %zu %zu %zu", i, cut, d.last_eight_bit, d.last_long_line, d.eight_bit_field);
      buffer_free(&out);
    }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_samples), cmocka_unit_test(test_chunks),
                                     cmocka_unit_test(test_marked_lines)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
