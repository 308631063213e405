/* What is read from standard input, and the header that is made of it. */
#include "sendmail/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int file_with(struct bytes text) {
  int fd = memfd_create("message", MFD_CLOEXEC);
  assert_true(fd >= 0);
  for (size_t at = 0; at < text.len;) {
    ssize_t n = write(fd, text.at + at, text.len - at);
    assert_true(n > 0);
    at += (size_t)n;
  }
  assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
  return fd;
}

static void read_spool(struct spool *s, struct bytes text, bool dot_ends) {
  struct reason why = {""};
  int fd = file_with(text);
  if (spool_read(s, fd, dot_ends, &why) != OK) fail_msg("%s", why.text);
  close(fd);
}

static const struct {
  const char *in, *out;
  bool dot_ends;
} lines[] = {
    {"a\nb\n", "a\r\nb\r\n"},
    {"a\r\nb\r\n", "a\r\nb\r\n"},
    {"a\r\r\r\nb", "a\r\nb\r\n"},
    {"a\rb\n", "a\rb\r\n"},
    {"a\r", "a\r\n"},
    {"\r\r", "\r\n"},
    {"", ""},
    {"\n\n", "\r\n\r\n"},
    {"a\n.\nb\n", "a\r\n.\r\nb\r\n"},
    {"a\n.\nb\n", "a\r\n", true},
    {"a\n.\r\nb\n", "a\r\n", true},
    {"a\n.", "a\r\n", true},
    {"a\n.", "a\r\n.\r\n"},
    {"a\n..\n.x\n.\rx\n", "a\r\n..\r\n.x\r\n.\rx\r\n", true},
    {".\nx", "", true},
};

static void test_lines(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
    struct spool s;
    read_spool(&s, bytes_of(lines[i].in), lines[i].dot_ends);
    if (!bytes_equal(buffer_bytes(&s.head), bytes_of(lines[i].out)))
      fail_msg("%zu: %.*s", i, (int)s.head.len, s.head.at);
    assert_int_equal(s.octets, strlen(lines[i].out));
    spool_free(&s);
  }
}

static int count_piece(void *arg, struct bytes piece) {
  for (size_t i = 0; i < piece.len; i++)
    if (piece.at[i] == 'x') ++*(size_t *)arg;
  return OK;
}

/* What does not fit in memory comes back whole, from any offset. */
static void test_a_file(void **state) {
  (void)state;
  size_t size = 3 * (size_t)SPOOL_MEMORY, got = 0;
  char *text = malloc(size);
  struct spool s;
  assert_non_null(text);
  memset(text, 'x', size);
  read_spool(&s, (struct bytes){text, size}, false);
  assert_int_equal(s.octets, size + 2);
  assert_true(s.fd >= 0 && s.head.len == SPOOL_MEMORY);
  assert_int_equal(spool_each(&s, 0, count_piece, &got), OK);
  assert_int_equal(got, size);
  got = 0;
  assert_int_equal(spool_each(&s, SPOOL_MEMORY + 7, count_piece, &got), OK);
  assert_int_equal(got, size - SPOOL_MEMORY - 7);
  spool_free(&s);
  free(text);
}

struct header_case {
  const char *in, *header; /* the header that is made: qualified with h.example, from me@h.example, without Bcc */
  size_t body;             /* octets */
};

static const struct header_case headers[] = {
    {"From: a@b.example\n\nbody\n", "From: a@b.example\r\n\r\n", 6},
    {"From: a@b.example\n", "From: a@b.example\r\n\r\n", 0},
    {"", "From: \"N \\\" M\" <me@h.example>\r\n\r\n", 0},
    {"\nbody\n", "From: \"N \\\" M\" <me@h.example>\r\n\r\n", 6}, /* an empty line ahead of a header goes */
    {"just text\n", "From: \"N \\\" M\" <me@h.example>\r\n\r\n", 11},
    {"Subject: x\nno field\nmore\n", "From: \"N \\\" M\" <me@h.example>\r\nSubject: x\r\n\r\n", 16},
    {"From root Thu Jan 1\nFrom: root\nBcc: x@y.example\nTo: b,\n c\n\nt",
     "From: root@h.example\r\nTo: b@h.example,\r\n c@h.example\r\n\r\n", 3},
    {"\xef\xbb\xbf"
     "From: a@b.example\n\n",
     "From: a@b.example\r\n\r\n", 0},
};

static void test_headers(void **state) {
  (void)state;
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
    struct spool s;
    struct message m;
    struct reason why = {""};
    read_spool(&s, bytes_of(headers[i].in), false);
    assert_int_equal(message_find_header(&m, &s, &why), OK);
    assert_int_equal(message_make_header(&m, "h.example", "me@h.example", "N \" M\r\n", true, &why), OK);
    if (!bytes_equal(buffer_bytes(&m.header), bytes_of(headers[i].header)))
      fail_msg("%zu: %.*s", i, (int)m.header.len, m.header.at);
    if (s.octets - m.body_at != headers[i].body) fail_msg("%zu: %zu", i, (size_t)(s.octets - m.body_at));
    assert_int_equal(message_size(&m, &s), m.header.len + headers[i].body);
    message_free(&m);
    spool_free(&s);
  }
}

static void test_authors(void **state) {
  (void)state;
  static const char *const cases[][2] = {{"From: A <a@b.example>, c@d.example\n", "a@b.example"},
                                         {"From: root (Cron)\n", "root@h.example"},
                                         {"From: two words\n", NULL},
                                         {"To: a@b.example\n", NULL}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct spool s;
    struct message m;
    struct reason why = {""};
    char got[ADDRESS_MAX + 1];
    read_spool(&s, bytes_of(cases[i][0]), false);
    assert_int_equal(message_find_header(&m, &s, &why), OK);
    assert_int_equal(message_author(&m, "h.example", got), cases[i][1] != NULL);
    if (cases[i][1]) assert_string_equal(got, cases[i][1]);
    message_free(&m);
    spool_free(&s);
  }
}

int main(void) {
  static const struct CMUnitTest tests[] = {cmocka_unit_test(test_lines), cmocka_unit_test(test_a_file),
                                            cmocka_unit_test(test_headers), cmocka_unit_test(test_authors)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
