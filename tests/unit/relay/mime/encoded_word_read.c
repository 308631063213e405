/* Subjects as programs encode them, right and wrong: what people read. */
#include "relay/mime/encoded_word_read.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct sample {
  const char *in, *out;
} samples[] = {
    {"", ""},
    {" Your order", "Your order"},
    {" Your\r\n order", "Your order"},
    {" =?utf-8?Q?Gr=C3=BC=C3=9Fe?=", "Gr\xc3\xbc\xc3\x9f"
                                     "e"},
    {" =?UTF-8?b?R3LDvMOfZQ==?=", "Gr\xc3\xbc\xc3\x9f"
                                  "e"},
    {" =?utf-8?B?R3LDvMOfZQ?=", "Gr\xc3\xbc\xc3\x9f"
                                "e"}, /* without its padding */
    {" =?iso-8859-1?Q?Gr=FC=DFe_f=FCr_dich?=", "Gr\xc3\xbc\xc3\x9f"
                                               "e f\xc3\xbcr dich"},
    {" =?iso-8859-1*de?q?f=fcr?=", "f\xc3\xbcr"}, /* RFC 2231 5 */
    {" =?koi8-r?Q?=C1?=", "\xd0\xb0"},
    {" =?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac"},
    {" =?utf-8?Q?=F0=9F=98=80?= sale", "\xf0\x9f\x98\x80 sale"},
    /* RFC 2047 6.2: white space between encoded-words goes, beside other text it stays. */
    {" =?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"},
    {" =?utf-8?Q?a?=\r\n =?utf-8?Q?b?=", "ab"},
    {" =?utf-8?Q?a?= b =?utf-8?Q?c?=", "a b c"},
    {" =?utf-8?Q?a_?= =?iso-8859-1?Q?=FC?=", "a \xc3\xbc"},
    /* A character in two words. */
    {" =?utf-8?Q?=C3?=\r\n =?utf-8?Q?=BC?=", "\xc3\xbc"},
    /* What is no encoded-word, or not of a known kind, stays. */
    {" =?utf-8?X?a?=", "=?utf-8?X?a?="},
    {" =?utf-8?Q?a b?=", "=?utf-8?Q?a b?="},
    {" =?utf-8?Q?a", "=?utf-8?Q?a"},
    {" =?utf-8?Q?a?", "=?utf-8?Q?a?"},
    {" =?utf-8?", "=?utf-8?"},
    {" =?", "=?"},
    {" 1 =? 2", "1 =? 2"},
    {" =?utf-8?Q?=?=", "="},
    {" =?utf-8?Q?=4?=", "=4"},
    {" =?utf-8?Q?"
     "?=",
     ""},
    {" =?no-such-set?Q?=FC?=", "\xc3\xbc"},
    {" =?utf-8//TRANSLIT?Q?=FC?=", "\xc3\xbc"},
    {" =?utf-8?Q?a=0D=0AX=1B?=", "aX?"}, /* nothing in it can end a line */
};

static void are_read(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
    char out[200];
    encoded_words_read(bytes_of(samples[i].in), out, sizeof out);
    if (strcmp(out, samples[i].out) != 0) fail_msg("%s: %s, not %s", samples[i].in, out, samples[i].out);
  }
}

static void are_cut_behind_a_character(void **state) {
  char out[8];
  (void)state;
  encoded_words_read(BYTES(" =?utf-8?Q?abcde=C3=BC=C3=BC?="), out, sizeof out);
  assert_string_equal(out, "abcde\xc3\xbc");
  encoded_words_read(BYTES(" abcdef\xc3\xbc"), out, sizeof out);
  assert_string_equal(out, "abcdef");
  encoded_words_read(BYTES(" =?utf-8?Q?abc?="), out, 1);
  assert_string_equal(out, "");
}

/* However long it is. */
static void long_ones_are_bounded(void **state) {
  static char in[100000];
  char out[256];
  size_t n = 0;
  (void)state;
  while (n + 40 < sizeof in) n += (size_t)sprintf(in + n, " =?utf-8?B?w7zDvMO8w7w=?=\r\n");
  encoded_words_read((struct bytes){in, n}, out, sizeof out);
  assert_int_equal(strlen(out), 254);
  assert_memory_equal(out, "\xc3\xbc\xc3\xbc", 4);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(are_read), cmocka_unit_test(are_cut_behind_a_character),
                                     cmocka_unit_test(long_ones_are_bounded)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
