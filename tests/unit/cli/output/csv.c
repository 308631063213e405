#include "cli/delivery/suppression_csv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A text, given out a few octets at a time. */
struct text {
  const char *at;
  size_t left, step;
};

static long read_text(void *arg, char *out, size_t size) {
  struct text *t = arg;
  size_t n = t->left < t->step ? t->left : t->step;
  if (n > size) n = size;
  memcpy(out, t->at, n);
  t->at += n;
  t->left -= n;
  return (long)n;
}

/* All of it as "1[a][b] 2! ...": the line of each record and its fields, or a mark for a line that cannot be read. */
static void read_all(const char *text, size_t len, size_t step, char *out, size_t size) {
  struct text t = {text, len, step};
  struct csv_reader *r = csv_reader_new(read_text, &t);
  struct csv_record record;
  struct reason why;
  size_t n = 0;
  int rc;
  *out = '\0';
  while ((rc = csv_next(r, &record, &why)) != 0) {
    n += (size_t)snprintf(out + n, size - n, "%s%llu", n ? " " : "", (unsigned long long)record.line);
    if (rc == E_SYNTAX) n += (size_t)snprintf(out + n, size - n, "!");
    for (size_t i = 0; rc == 1 && i < record.count; i++)
      n += (size_t)snprintf(out + n, size - n, "[%.40s]", record.fields[i]);
  }
  csv_reader_free(&r);
}

static void test_records(void **state) {
  static const struct {
    const char *text, *records;
  } cases[] = {
      {"", ""},
      {"a,b\r\nc,d\r\n", "1[a][b] 2[c][d]"},
      {"a\nb", "1[a] 2[b]"},
      {"\xef\xbb\xbf"
       "a\n",
       "1[a]"},
      {"\n\r\n \na\n", "4[a]"},
      {"a,,\n", "1[a][][]"},
      {" a , \"b\" \n", "1[a][b]"},
      {"\"a,b\",\"c\"\"d\"\n", "1[a,b][c\"d]"},
      {"\"a\nb\",c\nd\n", "1[a\nb][c] 3[d]"},
      {"a\"b\nc\n", "1! 2[c]"},
      {"\"a\"b\nc\n", "1! 2[c]"},
      {"a\n\"b\nc\nd\n", "1[a] 2! 3[c] 4[d]"}, /* a quote that nobody closes is one line */
      {"a\rb\n", "1[a\rb]"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
    for (size_t step = 1; step < 8; step += 3) {
      char out[1024];
      read_all(cases[i].text, strlen(cases[i].text), step, out, sizeof out);
      assert_string_equal(out, cases[i].records);
    }
}

static void test_bounds(void **state) {
  size_t size = 3 * 65536;
  char *text = malloc(size + 8), out[1024];
  (void)state;
  memset(text, 'a', size);
  memcpy(text + size, "\nb\n", 3);
  read_all(text, size + 3, 65536, out, sizeof out);
  assert_string_equal(out, "1! 2[b]");
  memset(text, ',', CSV_FIELDS_MAX);
  memcpy(text + CSV_FIELDS_MAX, "\nb\n", 3);
  read_all(text, CSV_FIELDS_MAX + 3, 100, out, sizeof out);
  assert_string_equal(out, "1! 2[b]");
  free(text);
}

static void test_nul(void **state) {
  static const char text[] = "a\nb\0,c\nd\n";
  char out[1024];
  (void)state;
  read_all(text, sizeof text - 1, 3, out, sizeof out);
  assert_string_equal(out, "1[a] 2! 3[d]");
}

static struct csv_record record_of(const char *const *fields) {
  struct csv_record r = {.line = 1};
  for (; fields[r.count]; r.count++) r.fields[r.count] = fields[r.count];
  return r;
}

/* Of exports of services: the header line, a line, and what is taken. */
static void test_columns(void **state) {
  static const struct {
    const char *header[10], *line[10];
    const char *key, *reason;
    int64_t added_s; /* 0: now */
    int code;
  } cases[] = {
      {{"address", "reason"}, {"U@X.example", "asked"}, "u@x.example", "asked"},
      {{"Email Address", "Added", "Cause"},
       {"u@x.example", "2026-01-02", "bounce"},
       "u@x.example",
       "bounce",
       1767312000},
      {{"status", "reason", "email", "created"},
       {"5.1.1", "550 unknown", "u@x.example", "1767312000"},
       "u@x.example",
       "550 unknown",
       1767312000},
      {{"address", "code", "error", "created_at"},
       {"u@x.example", "550", "no", "Fri, 02 Jan 2026 00:00:00 UTC"},
       "u@x.example",
       "",
       1767312000,
       550},
      {{"EmailAddress", "Reason", "LastUpdateTime"},
       {"u@x.example", "BOUNCE", "2026-01-02T00:00:00.123000+00:00"},
       "u@x.example",
       "BOUNCE",
       1767312000},
      {{"recipient"}, {"u@x.example"}, "u@x.example", ""},
      {{"address", "date"}, {"u@x.example", "who knows"}, "u@x.example", ""},
  };
  int64_t now = INT64_C(1790000000) * SECOND_US;
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct suppression_columns columns;
    struct suppression_line line;
    struct reason why;
    struct csv_record header = record_of(cases[i].header), record = record_of(cases[i].line);
    assert_true(suppression_columns_read(&header, &columns));
    assert_int_equal(suppression_line_read(&record, &columns, now, &line, &why), OK);
    assert_string_equal(line.key, cases[i].key);
    assert_string_equal(line.entry.reason, cases[i].reason);
    assert_true(line.entry.added_us / SECOND_US == (cases[i].added_s ? cases[i].added_s : now / SECOND_US));
    assert_int_equal(line.entry.code, cases[i].code);
  }
}

static void test_without_a_header(void **state) {
  static const char *const fields[] = {"u@x.example", "asked", "2026-01-02", NULL}, *const bad[] = {"nobody", NULL};
  struct suppression_columns columns;
  struct suppression_line line;
  struct reason why;
  struct csv_record record = record_of(fields), none = record_of(bad);
  (void)state;
  assert_false(suppression_columns_read(&record, &columns));
  assert_int_equal(suppression_line_read(&record, &columns, INT64_C(1790000000) * SECOND_US, &line, &why), OK);
  assert_string_equal(line.entry.reason, "asked");
  assert_true(line.entry.added_us == INT64_C(1767312000) * SECOND_US);
  assert_false(suppression_columns_read(&none, &columns));
  assert_int_equal(suppression_line_read(&none, &columns, 1, &line, &why), E_SYNTAX);
}

static void test_round_trip(void **state) {
  const struct suppression s = {.address = "\"a,b\"@x.example",
                                .origin = SUPPRESSION_BOUNCE,
                                .reason = "it \"was\"\nso, ",
                                .code = 550,
                                .enhanced = "5.1.1",
                                .text = " spaces ",
                                .added_us = 1767312000 * SECOND_US,
                                .expires_us = 1797312000 * SECOND_US};
  struct buffer out;
  struct suppression_columns columns;
  struct suppression_line line;
  struct csv_record record;
  struct reason why;
  (void)state;
  buffer_init(&out, 4096);
  assert_int_equal(suppression_csv_header(&out), OK);
  assert_int_equal(suppression_csv_write(&s, &out), OK);
  struct text t = {out.at, out.len, 5};
  struct csv_reader *r = csv_reader_new(read_text, &t);
  assert_int_equal(csv_next(r, &record, &why), 1);
  assert_true(suppression_columns_read(&record, &columns));
  assert_int_equal(csv_next(r, &record, &why), 1);
  assert_int_equal(suppression_line_read(&record, &columns, 1790000000 * SECOND_US, &line, &why), OK);
  assert_string_equal(line.key, s.address);
  assert_string_equal(line.entry.reason, s.reason);
  assert_string_equal(line.entry.text, s.text);
  assert_int_equal(line.entry.origin, SUPPRESSION_BOUNCE);
  assert_int_equal(line.entry.code, 550);
  assert_true(line.entry.added_us == s.added_us && line.expires_us == s.expires_us && line.says_expiry);
  assert_int_equal(csv_next(r, &record, &why), 0);
  csv_reader_free(&r);
  buffer_free(&out);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_records), cmocka_unit_test(test_bounds),           cmocka_unit_test(test_nul),
      cmocka_unit_test(test_columns), cmocka_unit_test(test_without_a_header), cmocka_unit_test(test_round_trip)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
