/* By which transport a text can go. */
#include "relay/mime/octets.h"
#include "tests/unit/exact.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define A50 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A950 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50 A50
#define A998 A950 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static const struct {
  struct bytes text;
  struct octets is;
} cases[] = {
    {BYTES(""), {0}},
    {BYTES("a\r\nb\r\n"), {0}},
    {BYTES("a\r\nb"), {0}},
    {BYTES("a=b\t\r\n\xc3\r\n"), {.high = 1, .escapes = 2}},
    {BYTES("\x7f\x1b"), {.escapes = 2}},
    {BYTES("\0\r\n"), {.nul = true, .escapes = 1}},
    {BYTES("a\nb\r\n"), {.bare_lf = true, .escapes = 1}},
    {BYTES("\n\r\n"), {.bare_lf = true, .escapes = 1}},
    {BYTES("a\rb\r\n"), {.bare_cr = true, .escapes = 1}},
    {BYTES("a\r\r\n"), {.bare_cr = true, .escapes = 1}},
    {BYTES("a\r"), {.bare_cr = true, .escapes = 1}},
    {BYTES(A998 "\r\n" A998), {0}},
    {BYTES(A998 "a\r\n"), {.long_line = true}},
    {BYTES("a\r\n" A998 "a"), {.long_line = true}},
    {BYTES(A50 "\n" A950 "\r\n"), {.long_line = true, .bare_lf = true, .escapes = 1}}, /* a bare LF ends no line */
};

static void test_cases(void **state) {
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    const struct octets *is = &cases[i].is;
    struct octets o;
    char *hold;
    struct bytes text = exact_copy(cases[i].text, &hold);
    octets_scan(text, &o);
    if (o.high != is->high || o.escapes != is->escapes || o.nul != is->nul || o.bare_cr != is->bare_cr ||
        o.bare_lf != is->bare_lf || o.long_line != is->long_line)
      fail_msg("case %zu: high %zu, escapes %zu, NUL %d, CR %d, LF %d, long %d", i, o.high, o.escapes, o.nul, o.bare_cr,
               o.bare_lf, o.long_line);
    bool binary = is->nul || is->bare_cr || is->bare_lf || is->long_line;
    if (octets_binary(&o) != binary || seven_bit_safe(text) != (!binary && !is->high)) fail_msg("case %zu", i);
    free(hold);
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
