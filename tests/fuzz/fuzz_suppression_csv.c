/* A suppression list as CSV: what is taken is within its bounds, names lines in order, is the same however the file is
 * cut, and is read as the same again when it is written. */
#include "tests/fuzz/fuzz.h"

#include "cli/delivery/suppression_csv.h"

#define NOW (INT64_C(1790000000) * SECOND_US)

struct source {
  struct bytes left;
  size_t step;
};

static long read_source(void *arg, char *out, size_t size) {
  struct source *s = arg;
  size_t n = s->left.len < s->step ? s->left.len : s->step;
  if (n > size) n = size;
  if (n) memcpy(out, s->left.at, n);
  s->left = bytes_from(s->left, n);
  return (long)n;
}

static void again(const struct suppression *s) {
  struct buffer out;
  struct suppression_columns columns;
  struct suppression_line line;
  struct csv_record record;
  struct reason why;
  buffer_init(&out, 256 * 1024);
  CHECK(suppression_csv_header(&out) == OK && suppression_csv_write(s, &out) == OK);
  struct source from = {buffer_bytes(&out), out.len};
  struct csv_reader *r = csv_reader_new(read_source, &from);
  CHECK(csv_next(r, &record, &why) == 1 && suppression_columns_read(&record, &columns));
  int rc = csv_next(r, &record, &why);
  if (rc == 1) { /* else quotes made it too long */
    CHECK(suppression_line_read(&record, &columns, NOW, &line, &why) == OK);
    CHECK(strcmp(line.key, s->address) == 0 && strcmp(line.entry.reason, s->reason) == 0);
    CHECK(strcmp(line.entry.text, s->text) == 0 && strcmp(line.entry.enhanced, s->enhanced) == 0);
  } else {
    CHECK(rc == E_SYNTAX && out.len > CSV_RECORD_MAX);
  }
  csv_reader_free(&r);
  buffer_free(&out);
}

/* A digest of all that was read. */
static uint64_t run(struct bytes text, size_t step, bool write) {
  struct source from = {text, step};
  struct csv_reader *r = csv_reader_new(read_source, &from);
  struct csv_record record;
  struct suppression_columns columns;
  struct suppression_line line;
  struct reason why;
  bool first = true;
  uint64_t digest = 5381, last = 0;
  int rc;
  CHECK(r);
  while ((rc = csv_next(r, &record, &why)) != 0) {
    CHECK((rc == 1 || rc == E_SYNTAX) && record.line > last);
    last = record.line;
    digest = digest * 33 + last;
    if (rc != 1) continue;
    CHECK(record.count && record.count <= CSV_FIELDS_MAX);
    for (size_t i = 0; i < record.count; i++)
      for (const char *c = record.fields[i]; *c; c++) digest = digest * 33 + (unsigned char)*c;
    if (first) suppression_columns_read(&record, &columns);
    first = false;
    if (suppression_line_read(&record, &columns, NOW, &line, &why) == OK && write) again(&line.entry);
  }
  csv_reader_free(&r);
  return digest;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes in = {(const char *)data, size};
  char *hold;
  size_t step = take_octet(&in) % 64 + 1;
  struct bytes text = exact(in, &hold);
  CHECK(run(text, step, true) == run(text, SIZE_MAX, false));
  free(hold);
  return 0;
}
