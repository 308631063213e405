/* Header From values, honest and forged. What the walk gives is whom the account must be allowed to be; so it may
 * refuse too much, but never miss a mailbox. */
#include "base/address/address.h"
#include "base/result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/unit/exact.h"

#define ME "me@ok.example"
#define CEO "ceo@bank.example"
#define FOUND_MAX 8

/* Walks all of `value` as a caller must; what was found goes to `found`, joined by blanks. */
static int walk(struct bytes value, char *found, size_t size) {
  char *hold, *scratch = malloc(value.len ? value.len : 1);
  if (!scratch) abort();
  struct bytes in = exact_copy(value, &hold);
  struct address a;
  size_t at = 0, used = 0, before = 0;
  int rc;
  found[0] = '\0';
  while ((rc = mailbox_next(in, &at, &a, scratch, value.len)) == 1) {
    assert_true(at > before && at <= in.len);
    before = at;
    int n = snprintf(found + used, size - used, "%s%.*s", used ? " " : "", (int)a.whole.len, a.whole.at);
    assert_true(n > 0 && (size_t)n < size - used);
    used += (size_t)n;
  }
  free(scratch);
  free(hold);
  return rc;
}

static void test_values(void **state) {
  (void)state;
  static const struct {
    struct bytes value;
    const char *found; /* NULL: must be refused, whatever came before */
  } samples[] = {
      /* as RFC 5322 has them */
      {BYTES(" " ME), ME},
      {BYTES(ME), ME},
      {BYTES("<" ME ">"), ME},
      {BYTES(" Me Myself <" ME ">"), ME},
      {BYTES("\"Me\" <" ME ">"), ME},
      {BYTES("J. R. Me <" ME ">"), ME},
      {BYTES("Me<" ME ">"), ME},
      {BYTES("=?utf-8?Q?J=C3=BCrgen?= <" ME ">"), ME},
      {BYTES("J\xc3\xbcrgen <" ME ">"), ME},
      {BYTES(ME ", a@b.example"), ME " a@b.example"},
      {BYTES("Me <" ME ">,\r\n You <you@ok.example>"), ME " you@ok.example"},
      {BYTES(", ," ME ", ,"), ME},
      {BYTES("We: " ME ", You <you@ok.example>;"), ME " you@ok.example"},
      {BYTES("We: " ME ";, a@b.example, Them:c@d.example;"), ME " a@b.example c@d.example"},
      {BYTES("nobody:;"), ""},
      {BYTES(""), ""},
      {BYTES(" (nobody)\r\n "), ""},
      {BYTES(ME "; a@b.example"), ME " a@b.example"}, /* ";" for ",", as some programs write */
      {BYTES(ME "\r\n"), ME},
      {BYTES("me@[127.0.0.1]"), "me@[127.0.0.1]"},
      {BYTES("Me <me@[IPv6:::1]>"), "me@[IPv6:::1]"},
      {BYTES("\"m e\"@ok.example"), "\"m e\"@ok.example"},

      /* comments and folding are taken out */
      {BYTES(ME " (" CEO ")"), ME},
      {BYTES("(<" CEO ">) " ME), ME},
      {BYTES("(a(b(" CEO ",)))" ME), ME},
      {BYTES("(\\)" CEO ", \\() " ME), ME},
      {BYTES("(\" ) <" ME "> (\")"), ME}, /* a quote in a comment is nothing */
      {BYTES("me(x)@(y)ok(z).example"), ME},
      {BYTES("me\r\n @ok.example"), ME},
      {BYTES("<me@ok.\r\n\texample>"), ME},
      {BYTES("<(x) " ME " (y)>"), ME},
      {BYTES("Me\r\n <" ME ">"), ME},
      {BYTES("\"Me\r\n Myself\" <" ME ">"), ME},

      /* display names that look like addresses */
      {BYTES("\"" CEO "\" <" ME ">"), ME},
      {BYTES("\"<" CEO ">\" <" ME ">"), ME},
      {BYTES("\"a\\\" <" CEO ">, \" <" ME ">"), ME},
      {BYTES("\"a\\\\\" <" CEO ">"), CEO}, /* the backslash quotes the backslash: the string has ended */
      {BYTES("\"(\" <" CEO "> (\" <" ME ">\")"), CEO},
      {BYTES("\"(\" <" CEO "> (\") <" ME ">\")"), NULL}, /* a quote in a comment hides no ")" */
      {BYTES("\"" ME "\" <" CEO ">"), CEO},
      {BYTES(ME " <" ME ">"), ME},
      {BYTES("Me@OK.example <" ME ">"), ME},
      {BYTES(CEO " <" ME ">"), NULL},
      {BYTES("The " CEO " <" ME ">"), NULL},
      {BYTES("me @ ok.example x <" ME ">"), NULL},
      {BYTES("<" CEO "> <" ME ">"), NULL},
      {BYTES("<" CEO ">" ME), NULL},
      {BYTES("<" ME "> " CEO), NULL},
      {BYTES(ME " " CEO), NULL},
      {BYTES(ME CEO), NULL},
      {BYTES("<<" CEO ">" ME ">"), NULL},
      {BYTES("<" ME "<" CEO ">>"), NULL},
      {BYTES(ME "> <" CEO), NULL},
      {BYTES("[ <" CEO "> ] <" ME ">"), NULL},
      {BYTES("[" CEO "] <" ME ">"), NULL},
      {BYTES("x@[" CEO "]"), NULL},
      {BYTES("[Team] Me <" ME ">"), NULL}, /* brackets belong in quotes (RFC 5322 3.2.3) */

      /* the second mailbox must come out, too */
      {BYTES(ME "," CEO), ME " " CEO},
      {BYTES(ME ",\r\n\t" CEO), ME " " CEO},
      {BYTES("Me, Myself <" CEO ">"), NULL}, /* an unquoted comma */
      {BYTES("We: " ME ";" CEO), ME " " CEO},
      {BYTES("We:;" CEO), CEO},
      {BYTES("We: " ME ";," CEO), ME " " CEO},
      {BYTES("undisclosed:;, <" CEO ">"), CEO},
      {BYTES(ME ",(" CEO ")," CEO), ME " " CEO},

      /* words side by side are no address */
      {BYTES("a b@ok.example"), NULL},
      {BYTES("ceo@ban k.example"), NULL},
      {BYTES("ceo@ban(x)k.example"), NULL},
      {BYTES("me@ok.example bank"), NULL},
      {BYTES("\"a\" b@ok.example"), NULL},
      {BYTES("<a b@ok.example>"), NULL},
      {BYTES("<me@ok.ex\r\n ample>"), NULL},

      /* obsolete routes */
      {BYTES("<@relay.example:" ME ">"), ME},
      {BYTES("<@a.example, @b.example: " ME ">"), ME},
      {BYTES("<@a.example," CEO ":" ME ">"), NULL},
      {BYTES("<@a.example,<" CEO ">:" ME ">"), NULL},
      {BYTES("<@a.example " ME ">"), NULL},
      {BYTES("<@a.example;" CEO ":" ME ">"), NULL},
      {BYTES("<@a.example@b.example:" ME ">"), NULL},
      {BYTES("<@:" ME ">"), NULL},
      {BYTES("<@a.example:>"), NULL},
      {BYTES("@a.example:" ME), NULL},

      /* groups that are none */
      {BYTES(CEO ": " ME ";"), NULL},
      {BYTES("We: " ME), NULL},
      {BYTES("We: Us: " ME ";;"), NULL},
      {BYTES(": " ME ";"), NULL},
      {BYTES("We: <" ME ";>"), NULL},
      {BYTES("We: \";\" " ME), NULL},

      /* local parts that another reader would see otherwise */
      {BYTES("=?utf-8?Q?ceo=40bank.example=3E=00?=@ok.example"), NULL},
      {BYTES("Me <=?utf-8?Q?ceo=40bank.example?=@ok.example>"), NULL},
      {BYTES("\"" CEO "\"@ok.example"), NULL},
      {BYTES("\"x> <ceo\"@ok.example"), NULL},
      {BYTES("\"" CEO " x\"@ok.example"), NULL},
      {BYTES("bounce+a=b.example@ok.example"), "bounce+a=b.example@ok.example"},

      /* broken */
      {BYTES("Me"), NULL},
      {BYTES("Me <>"), NULL},
      {BYTES("<>"), NULL},
      {BYTES("<"), NULL},
      {BYTES(">"), NULL},
      {BYTES("Me <" ME), NULL},
      {BYTES(ME ">"), NULL},
      {BYTES("\"Me <" ME ">"), NULL},
      {BYTES("\"Me\\"), NULL},
      {BYTES("(Me <" ME ">"), NULL},
      {BYTES("(Me\\"), NULL},
      {BYTES("Me) <" ME ">"), NULL},
      {BYTES("Me\\ <" ME ">"), NULL},
      {BYTES(ME " (a (b)"), NULL},
      {BYTES(ME ", \"a"), NULL},
      {BYTES(ME ",("), NULL},
      {BYTES("me@[127.0.0.1"), NULL},
      {BYTES("me@-bad.example"), NULL},
      {BYTES("me..me@ok.example"), "me..me@ok.example"},

      /* octets that must not be there */
      {BYTES("me\0@ok.example"), NULL},
      {BYTES(ME "\0," CEO), NULL},
      {BYTES(ME ",\0" CEO), NULL},
      {BYTES("\0"), NULL},
      {BYTES("(\0) " ME), NULL},
      {BYTES("\"\0\" <" ME ">"), NULL},
      {BYTES(ME ",\nFrom: " CEO), NULL},
      {BYTES(ME "\n"), NULL},
      {BYTES(ME "\r"), NULL},
      {BYTES(ME ",\r\n" CEO), NULL}, /* no white space behind the line end: no fold */
      {BYTES("(a\nb) " ME), NULL},
      {BYTES("\"a\rb\" <" ME ">"), NULL},
      {BYTES("\"a\\\r\n b\" <" ME ">"), NULL},
      {BYTES("Me\x1b <" ME ">"), NULL},
      {BYTES("\"\x7f\" <" ME ">"), NULL},
      {BYTES("J\xfcrgen <" ME ">"), NULL},               /* ISO 8859-1 */
      {BYTES("\xc0\xbc" CEO "\xc0\xbe <" ME ">"), NULL}, /* "<" and ">" in over-long UTF-8 */
      {BYTES("\"\xc3\" <" ME ">"), NULL},
      {BYTES("(\xff) " ME), NULL},
      {BYTES("me@ok.example\xef\xbc\x8c" CEO), NULL}, /* a full-width comma */
  };
  for (size_t i = 0; i < COUNT_OF(samples); i++) {
    char found[512];
    int rc = walk(samples[i].value, found, sizeof found);
    if (rc != (samples[i].found ? 0 : E_SYNTAX) || (samples[i].found && strcmp(found, samples[i].found) != 0))
      fail_msg("%zu \"%.*s\": %d \"%s\"", i, (int)samples[i].value.len, samples[i].value.at, rc, found);
  }
}

static void test_views(void **state) {
  (void)state;
  struct address a;
  char scratch[64];
  size_t at = 0;
  assert_int_equal(mailbox_next(BYTES("x <m\xc3\xbc@(c)[127.0.0.1]>"), &at, &a, scratch, sizeof scratch), 1);
  assert_true(bytes_equal(a.local, BYTES("m\xc3\xbc")));
  assert_true(bytes_equal(a.domain, BYTES("[127.0.0.1]")));
  assert_true(a.literal && a.utf8 && !a.is_null);
  at = 0;
  assert_int_equal(mailbox_next(BYTES(ME), &at, &a, scratch, 5), E_SYNTAX); /* a scratch too small is no overrun */
}

static void test_comment_depth(void **state) {
  (void)state;
  char text[200], found[64];
  for (size_t depth = 15; depth <= 17; depth++) {
    memset(text, '(', depth);
    memset(text + depth, ')', depth);
    memcpy(text + 2 * depth, ME, sizeof ME);
    assert_int_equal(walk(bytes_of(text), found, sizeof found), depth <= 16 ? 0 : E_SYNTAX);
  }
}

/* Lists made of honest and tricky pieces: every mailbox comes out, in order. */
static void test_made_lists(void **state) {
  (void)state;
  static const char *const before[] = {
      "",          " ",          "Me <",         "\"" CEO "\" <",     "\"a\\\"<" CEO ">\" <",         "(c, " CEO ")",
      "\r\n J. <", "\"\" (<) <", "<@r.example:", "\"\xc3\xbc, ;:\"<", "A (\\() \"b\r\n c\" D\r\n\t<",
  };
  static const char *const between[] = {",", ", ", ",\r\n ", " , ,", " (," CEO ") ,", ";, "};
  uint64_t seed = 2822;
  for (int round = 0; round < 20000; round++) {
    char text[2048] = "", expected[512] = "", found[512], one[48];
    size_t count = 1 + next_number(&seed) % FOUND_MAX;
    for (size_t i = 0; i < count; i++) {
      const char *decoration = before[next_number(&seed) % COUNT_OF(before)];
      snprintf(one, sizeof one, "a%u@b%zu.example", next_number(&seed) % 1000, i);
      strcat(strcat(text, decoration), one);
      if (strchr(decoration, '<') && decoration[0] != '(') strcat(text, next_number(&seed) % 2 ? ">" : " >(x)");
      if (i + 1 < count) strcat(text, between[next_number(&seed) % COUNT_OF(between)]);
      strcat(strcat(expected, i ? " " : ""), one);
    }
    if (walk(bytes_of(text), found, sizeof found) != 0 || strcmp(found, expected) != 0)
      fail_msg("\"%s\": \"%s\"", text, found);
  }
}

/* Whatever the octets: the walk ends, stays inside, and what it gives out are addresses. */
static void test_any_octets(void **state) {
  (void)state;
  static const char *const pool[] = {"a",  "@",  "b.c",      ".",    ",",    ";", ":", "<",     ">",
                                     "(",  ")",  "\"",       "\\",   "[",    "]", " ", "\r\n ", "\r",
                                     "\n", "=?", "\xc3\xbc", "\xc3", "\x01", ME,  CEO};
  uint64_t seed = 822;
  size_t good = 0;
  for (int round = 0; round < 200000; round++) {
    char text[256] = "", found[1024];
    size_t pieces = next_number(&seed) % 12, nul = next_number(&seed) % 64;
    for (size_t i = 0; i < pieces; i++) strcat(text, pool[next_number(&seed) % COUNT_OF(pool)]);
    struct bytes value = bytes_of(text);
    if (nul < value.len) text[nul] = '\0';
    good += walk(value, found, sizeof found) == 0 && found[0];
    if (nul < value.len) assert_int_equal(walk(value, found, sizeof found), E_SYNTAX);
  }
  assert_true(good > 100); /* or this tested nothing */
}

/* A value of a megabyte that is made to be costly is read at once, not in quadratic time (ctest's timeout would say
 * so). */
static void test_costly(void **state) {
  (void)state;
  static const char *const pieces[] = {"a:", "a:;",  "(",    "()",   ",", "a@b,", "\"\"",
                                       "<",  "<@a,", "<@a:", "a:b,", "@", "\\\""};
  size_t len = 1 << 20;
  char *text = malloc(len), *scratch = malloc(len);
  assert_non_null(text);
  assert_non_null(scratch);
  for (size_t p = 0; p < COUNT_OF(pieces); p++) {
    size_t piece = strlen(pieces[p]), at = 0;
    for (size_t i = 0; i < len; i++) text[i] = pieces[p][i % piece];
    struct address a;
    while (mailbox_next((struct bytes){text, len}, &at, &a, scratch, len) == 1) continue;
  }
  free(scratch);
  free(text);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_values),     cmocka_unit_test(test_views),      cmocka_unit_test(test_comment_depth),
      cmocka_unit_test(test_made_lists), cmocka_unit_test(test_any_octets), cmocka_unit_test(test_costly),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
