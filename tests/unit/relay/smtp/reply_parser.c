#include "relay/smtp/reply_parser.h"
#include "base/result.h"
#include "relay/smtp/ehlo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* last: it has a macro named fail */

static const struct {
  const char *name, *input;
  int rc, code;
  const char *enhanced, *text;
  size_t rest; /* octets left after the reply */
} cases[] = {
    {.name = "simple", .input = "250 ok\r\n", .rc = 1, .code = 250, .enhanced = "", .text = "ok"},
    {.name = "enhanced",
     .input = "550 5.1.1 no such user\r\n",
     .rc = 1,
     .code = 550,
     .enhanced = "5.1.1",
     .text = "no such user"},
    {.name = "no text", .input = "250\r\n", .rc = 1, .code = 250, .enhanced = "", .text = ""},
    {.name = "space only", .input = "354 \r\n", .rc = 1, .code = 354, .enhanced = "", .text = ""},
    {.name = "several lines",
     .input = "451-4.7.1 first\r\n451-4.7.1 second\r\n451 4.7.1 third\r\n",
     .rc = 1,
     .code = 451,
     .enhanced = "4.7.1",
     .text = "first second third"},
    {.name = "only enhanced", .input = "250 2.0.0\r\n", .rc = 1, .code = 250, .enhanced = "2.0.0", .text = ""},
    {.name = "enhanced of another class",
     .input = "550 4.1.1 odd\r\n",
     .rc = 1,
     .code = 550,
     .enhanced = "",
     .text = "4.1.1 odd"},
    {.name = "four digits",
     .input = "550 5.1234.1 odd\r\n",
     .rc = 1,
     .code = 550,
     .enhanced = "",
     .text = "5.1234.1 odd"},
    {.name = "three digits",
     .input = "550 5.123.456 odd\r\n",
     .rc = 1,
     .code = 550,
     .enhanced = "5.123.456",
     .text = "odd"},
    {.name = "enhanced cut short", .input = "550 5.1 odd\r\n", .rc = 1, .code = 550, .enhanced = "", .text = "5.1 odd"},
    {.name = "enhanced with a tail",
     .input = "550 5.1.1x odd\r\n",
     .rc = 1,
     .code = 550,
     .enhanced = "",
     .text = "5.1.1x odd"},
    {.name = "bare LF", .input = "250 ok\n", .rc = 1, .code = 250, .enhanced = "", .text = "ok"},
    {.name = "control characters",
     .input = "250 a\001b\033[31m\r\n",
     .rc = 1,
     .code = 250,
     .enhanced = "",
     .text = "a?b?[31m"},
    {.name = "CR inside", .input = "250 a\rb\r\n", .rc = 1, .code = 250, .enhanced = "", .text = "a?b"},
    {.name = "two replies",
     .input = "250 ok\r\n354 go\r\n",
     .rc = 1,
     .code = 250,
     .enhanced = "",
     .text = "ok",
     .rest = 8},
    {.name = "unfinished", .input = "250 ok", .rc = 0},
    {.name = "more lines to come", .input = "250-ok\r\n", .rc = 0},
    {.name = "codes differ",
     .input = "250-ok\r\n251 taken\r\n",
     .rc = 1,
     .code = 251,
     .enhanced = "",
     .text = "ok taken"},
    {.name = "codes differ, both refuse",
     .input = "550-5.1.1 nobody\r\n554 5.7.1 and no\r\n",
     .rc = 1,
     .code = 554,
     .enhanced = "5.7.1",
     .text = "nobody and no"},
    {.name = "classes differ: refused",
     .input = "250-2.0.0 ok\r\n451-4.3.0 or not\r\n550 5.7.1 no\r\n",
     .rc = 1,
     .code = 550,
     .enhanced = "5.7.1",
     .text = "ok or not no"},
    {.name = "classes differ: taken",
     .input = "550-5.7.1 spam\r\n250 taken\r\n",
     .rc = 1,
     .code = 250,
     .enhanced = "",
     .text = "spam taken"},
    {.name = "enhanced in the first line only",
     .input = "550-5.1.1 no\r\n550 user\r\n",
     .rc = 1,
     .code = 550,
     .enhanced = "5.1.1",
     .text = "no user"},
    {.name = "a line without a code inside",
     .input = "250-2.0.0 ok\r\nqueued as 7\r\n\r\n25\r\n250 2.0.0 bye\r\n",
     .rc = 1,
     .code = 250,
     .enhanced = "2.0.0",
     .text = "ok queued as 7 25 bye"},
    {.name = "a code without an end inside", .input = "250-ok\r\n250_ok\r\n", .rc = 0},
    {.name = "no code", .input = "hello\r\n", .rc = E_SYNTAX},
    {.name = "empty line", .input = "\r\n", .rc = E_SYNTAX},
    {.name = "two digits", .input = "25\r\n", .rc = E_SYNTAX},
    {.name = "four digits", .input = "2500 ok\r\n", .rc = E_SYNTAX},
    {.name = "preliminary", .input = "150 wait\r\n", .rc = E_SYNTAX},
    {.name = "class 6", .input = "650 what\r\n", .rc = E_SYNTAX},
    {.name = "HTTP", .input = "HTTP/1.1 400 Bad Request\r\n", .rc = E_SYNTAX},
};

/* Feeds in pieces of at most `piece` octets, each in a block of its own so that a read past it is found. */
static int feed_in_pieces(struct reply_parser *p, struct bytes input, size_t piece, size_t *rest) {
  while (input.len) {
    size_t len = input.len < piece ? input.len : piece;
    char *copy = malloc(len);
    memcpy(copy, input.at, len);
    struct bytes data = {copy, len};
    int rc = reply_parser_feed(p, &data);
    size_t used = len - data.len;
    free(copy);
    input = bytes_from(input, used);
    *rest = input.len;
    if (rc != 0) return rc;
    assert_int_equal(used, len);
  }
  *rest = 0;
  return 0;
}

static void check(size_t i, struct reply_parser *p, int rc, size_t rest) {
  assert_int_equal(rc, cases[i].rc);
  if (rc != 1) return;
  assert_int_equal(p->reply.code, cases[i].code);
  assert_string_equal(p->reply.enhanced, cases[i].enhanced);
  assert_string_equal(p->reply.text, cases[i].text);
  assert_int_equal(rest, cases[i].rest);
}

static void test_table_in_pieces(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bytes input = bytes_of(cases[i].input);
    for (size_t piece = 1; piece <= input.len; piece++) {
      struct reply_parser p;
      size_t rest = 0;
      reply_parser_init(&p, NULL, NULL);
      int rc = feed_in_pieces(&p, input, piece, &rest);
      check(i, &p, rc, rest);
    }
  }
}

static void test_cut_at_every_position(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    struct bytes input = bytes_of(cases[i].input);
    for (size_t cut = 0; cut <= input.len; cut++) {
      struct reply_parser p;
      reply_parser_init(&p, NULL, NULL);
      struct bytes first = {input.at, cut}, second = bytes_from(input, cut);
      int rc = reply_parser_feed(&p, &first);
      size_t rest = first.len + second.len;
      if (rc == 0) {
        rc = reply_parser_feed(&p, &second);
        rest = second.len;
      }
      check(i, &p, rc, rest);
    }
  }
}

static void test_replies_follow_each_other(void **state) {
  (void)state;
  struct reply_parser p;
  reply_parser_init(&p, NULL, NULL);
  struct bytes data = BYTES("250-2.1.0 a\r\n250 b\r\n550 5.7.1 c\r\n354 d\r\n");
  static const int codes[] = {250, 550, 354};
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(reply_parser_feed(&p, &data), 1);
    assert_int_equal(p.reply.code, codes[i]);
  }
  assert_string_equal(p.reply.enhanced, "");
  assert_int_equal(data.len, 0);
}

static void test_nul_octets(void **state) {
  (void)state;
  struct reply_parser p;
  reply_parser_init(&p, NULL, NULL);
  struct bytes data = BYTES("250 a\0b\r\n");
  assert_int_equal(reply_parser_feed(&p, &data), 1);
  assert_string_equal(p.reply.text, "a?b");
  data = BYTES("2\0000 ok\r\n");
  assert_int_equal(reply_parser_feed(&p, &data), E_SYNTAX);
}

static void test_line_without_end(void **state) {
  (void)state;
  struct reply_parser p;
  reply_parser_init(&p, NULL, NULL);
  char block[1000];
  memset(block, 'x', sizeof block);
  memcpy(block, "250 ", 4);
  size_t fed = 0;
  int rc = 0;
  while (rc == 0 && fed < 10 * REPLY_OCTETS_MAX) {
    struct bytes data = {block, sizeof block};
    rc = reply_parser_feed(&p, &data);
    fed += sizeof block;
  }
  assert_int_equal(rc, E_TOO_BIG);
  assert_true(fed <= REPLY_OCTETS_MAX + sizeof block);
}

static void test_lines_without_end(void **state) {
  (void)state;
  struct reply_parser p;
  reply_parser_init(&p, NULL, NULL);
  int rc = 0;
  size_t lines = 0;
  while (rc == 0 && lines < 10 * REPLY_LINES_MAX) {
    struct bytes data = BYTES("250-x\r\n");
    rc = reply_parser_feed(&p, &data);
    lines++;
  }
  assert_int_equal(rc, E_TOO_BIG);
  assert_true(lines <= REPLY_LINES_MAX + 1);
}

static void test_long_text_is_cut(void **state) {
  (void)state;
  struct reply_parser p;
  reply_parser_init(&p, NULL, NULL);
  char block[5000];
  memset(block, 'x', sizeof block);
  memcpy(block, "550 5.1.1 ", 10);
  memcpy(block + sizeof block - 2, "\r\n", 2);
  struct bytes data = {block, sizeof block};
  assert_int_equal(reply_parser_feed(&p, &data), 1);
  assert_int_equal(strlen(p.reply.text), REPLY_TEXT_MAX - 1);
  assert_string_equal(p.reply.enhanced, "5.1.1");
}

/* Nor may lines without a code go on for ever. */
static void test_stray_lines_without_end(void **state) {
  (void)state;
  struct reply_parser p;
  reply_parser_init(&p, NULL, NULL);
  struct bytes data = BYTES("250-x\r\n");
  int rc = reply_parser_feed(&p, &data);
  size_t lines = 0;
  while (rc == 0 && lines < 10 * REPLY_LINES_MAX) {
    data = BYTES("and so on\r\n");
    rc = reply_parser_feed(&p, &data);
    lines++;
  }
  assert_int_equal(rc, E_TOO_BIG);
  assert_true(lines <= REPLY_LINES_MAX + 1);
}

static void on_line(void *arg, size_t index, struct bytes text) {
  ehlo_line(arg, index, text);
}

static void test_ehlo(void **state) {
  (void)state;
  struct ehlo e = {0};
  struct reply_parser p;
  reply_parser_init(&p, on_line, &e);
  struct bytes data = BYTES("250-STARTTLS.example.com greets you\r\n250-pipelining\r\n250-SIZE 1000\r\n250-8BITMIME\r\n"
                            "250-SIZEABLE\r\n250 SMTPUTF8\r\n");
  assert_int_equal(reply_parser_feed(&p, &data), 1);
  assert_true(e.pipelining && e.size && e.eightbit && e.utf8);
  assert_false(e.starttls);
  assert_int_equal(e.size_max, 1000);
  ehlo_line(&e, 1, BYTES("SIZE"));
  assert_int_equal(e.size_max, 0);
  ehlo_line(&e, 0, BYTES("STARTTLS"));
  assert_false(e.starttls);
  ehlo_line(&e, 5, BYTES("STARTTLS"));
  assert_true(e.starttls);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_table_in_pieces),
      cmocka_unit_test(test_cut_at_every_position),
      cmocka_unit_test(test_replies_follow_each_other),
      cmocka_unit_test(test_line_without_end),
      cmocka_unit_test(test_lines_without_end),
      cmocka_unit_test(test_stray_lines_without_end),
      cmocka_unit_test(test_long_text_is_cut),
      cmocka_unit_test(test_ehlo),
      cmocka_unit_test(test_nul_octets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
