/* Content comes back as it went in, whichever way it is kept, and its file goes with the message. */
#include "tests/unit/store_lab.h"

static char *pattern_of(size_t size) {
  char *at = malloc(size + 1);
  assert_non_null(at);
  for (size_t i = 0; i < size; i++) at[i] = (char)(i * 31 + i / 256);
  return at;
}

static void write_file(struct lab *l, int64_t id, struct bytes content) {
  int fd;
  assert_ok(spool_begin(l->dir, id, &fd, &l->why), l->why);
  assert_ok(spool_write(fd, content, &l->why), l->why);
  assert_ok(spool_finish(l->dir, id, &fd, &l->why), l->why);
  assert_int_equal(fd, -1);
}

static void accept_content(struct lab *l, struct letter *m, struct bytes prefix, struct bytes content, bool in_file) {
  letter_make(m, "blog", "a@x.example");
  m->accept.message.prefix = prefix;
  m->accept.message.content = content;
  m->accept.message.envelope.size = prefix.len + content.len;
  if (in_file) {
    write_file(l, letter_id(m), content);
    m->accept.message.envelope.flags |= MESSAGE_IN_FILE;
    m->accept.message.content = BYTES("this is not it");
  }
  assert_int_equal(lab_run(&l->poster, &m->accept.op), OK);
}

static void check_content(struct lab *l, int64_t id, struct bytes prefix, struct bytes content) {
  struct reader *r = lab_reader(l);
  struct buffer p, c;
  buffer_init(&p, SIZE_MAX);
  buffer_init(&c, SIZE_MAX);
  assert_ok(reader_content(r, id, &p, &c, &l->why), l->why);
  assert_true(bytes_equal(buffer_bytes(&p), prefix));
  assert_true(bytes_equal(buffer_bytes(&c), content));
  buffer_free(&p);
  buffer_free(&c);
  reader_close(&r);
}

static void round_trips(void **state) {
  static const struct {
    size_t prefix, content;
    bool in_file;
  } rows[] = {
      {0, 0, false},
      {0, 1, false},
      {300, 0, false},
      {300, 4096, false}, /* every octet, NUL and 8-bit among them */
      {300, STORE_INLINE_MAX, false},
      {300, STORE_INLINE_MAX + 1, true},
      {0, 0, true},
      {300, 3 * 1024 * 1024, true},
  };
  struct lab *l = *state;
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    char *prefix = pattern_of(rows[i].prefix), *content = pattern_of(rows[i].content);
    struct letter m;
    struct bytes p = {prefix, rows[i].prefix}, c = {content, rows[i].content};
    accept_content(l, &m, p, c, rows[i].in_file);
    check_content(l, letter_id(&m), p, c);
    lab_reopen(l);
    check_content(l, letter_id(&m), p, c);
    free(prefix);
    free(content);
  }
}

static void a_file_goes_with_its_message(void **state) {
  struct lab *l = *state;
  struct letter m;
  struct store_outcome o;
  char path[512];
  accept_content(l, &m, BYTES("A: b\r\n"), BYTES("\r\nlarge"), true);
  lab_spool_path(l->dir, letter_id(&m), path, sizeof path);
  assert_true(lab_exists(path));
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_DEFERRED, 1, NULL), OK);
  assert_true(lab_exists(path));
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_DELIVERED, 0, &o), OK);
  assert_true(o.message_gone);
  assert_false(lab_exists(path)); /* its completion comes after the removal */
}

static void a_stream_of_the_file(void **state) {
  struct lab *l = *state;
  struct letter m, small;
  struct buffer prefix;
  char text[64];
  int fd;
  accept_content(l, &m, BYTES("A: b\r\n"), BYTES("\r\nlarge"), true);
  accept_content(l, &small, BYTES("A: b\r\n"), BYTES("\r\nsmall"), false);
  struct reader *r = lab_reader(l);
  buffer_init(&prefix, 100);
  assert_ok(reader_content_file(r, letter_id(&m), &prefix, &fd, &l->why), l->why);
  assert_int_equal(read(fd, text, sizeof text), 7);
  assert_memory_equal(text, "\r\nlarge", 7);
  assert_true(bytes_equal(buffer_bytes(&prefix), BYTES("A: b\r\n")));
  close(fd);
  buffer_free(&prefix);
  assert_int_equal(reader_content_file(r, letter_id(&small), &prefix, &fd, &l->why), E_SYNTAX);
  assert_int_equal(fd, -1);
  buffer_free(&prefix);
  reader_close(&r);
}

static void what_cannot_be_read(void **state) {
  struct lab *l = *state;
  struct letter m;
  struct buffer prefix, content;
  int fd;
  char path[512];
  buffer_init(&prefix, 1000);
  buffer_init(&content, 5);
  accept_content(l, &m, BYTES("A: b\r\n"), BYTES("\r\nlarge"), true);
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_content(r, 12345, &prefix, &content, &l->why), E_NOT_FOUND);
  assert_int_equal(reader_content_file(r, 12345, &prefix, &fd, &l->why), E_NOT_FOUND);
  assert_int_equal(reader_content(r, letter_id(&m), &prefix, &content, &l->why), E_TOO_BIG);
  buffer_free(&prefix);
  buffer_free(&content);
  /* A file that was lost is not taken for a message that has gone. */
  lab_spool_path(l->dir, letter_id(&m), path, sizeof path);
  assert_int_equal(unlink(path), 0);
  content.max = 1000;
  assert_int_equal(reader_content(r, letter_id(&m), &prefix, &content, &l->why), E_IO);
  assert_non_null(strstr(l->why.text, "missing"));
  buffer_free(&prefix);
  buffer_free(&content);
  reader_close(&r);
}

/* A message is never kept without its content. */
static void no_content_no_message(void **state) {
  struct lab *l = *state;
  lab_accept(l, "blog", "a@x.example");
  char *error = NULL;
  sqlite3 *db = lab_database(l->dir);
  assert_int_equal(sqlite3_exec(db, "UPDATE messages SET content = NULL", NULL, NULL, &error), SQLITE_CONSTRAINT);
  sqlite3_free(error);
  sqlite3_close(db);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(round_trips, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_file_goes_with_its_message, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_stream_of_the_file, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_cannot_be_read, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(no_content_no_message, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
