/* The file is cut into lines here, so that each has its number and its bound, and so that a line that cannot be read is
 * only one line: libcsv itself ends at its first error, and a quote that nobody closes would swallow the rest of the
 * file. A record is a line, and as many more as a quoted field of it goes on for. */
#include "cli/output/csv.h"

#include <csv.h>
#include <stdlib.h>
#include <string.h>

#define BOM "\xef\xbb\xbf"
#define INPUT_SIZE ((size_t)64 * 1024)

struct csv_reader {
  csv_read_fn *read;
  void *arg;
  struct csv_parser parser;
  char input[INPUT_SIZE]; /* what is read and not yet taken: [at, end) */
  size_t at, end;
  bool at_end;               /* of the file */
  uint64_t line;             /* of the first octet in `at` */
  char text[CSV_RECORD_MAX]; /* the fields of the record, each ended by NUL */
  size_t text_len;
  struct csv_record record;
  bool too_big, has_nul, ended; /* `ended`: the record is whole */
};

static int is_line_end(unsigned char c) {
  return c == '\n';
}

/* Around a field. A CR before LF is one of them, so that any other is text and ends no record. */
static int is_space(unsigned char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

static int init_parser(struct csv_parser *p) {
  if (csv_init(p, CSV_STRICT | CSV_STRICT_FINI) != 0) return E_MEMORY;
  csv_set_term_func(p, is_line_end);
  csv_set_space_func(p, is_space);
  return OK;
}

struct csv_reader *csv_reader_new(csv_read_fn *read, void *arg) {
  struct csv_reader *r = calloc(1, sizeof *r);
  if (!r) return NULL;
  r->read = read;
  r->arg = arg;
  r->line = 1;
  if (init_parser(&r->parser) == OK) return r;
  free(r);
  return NULL;
}

void csv_reader_free(struct csv_reader **at) {
  struct csv_reader *r = *at;
  *at = NULL;
  if (!r) return;
  csv_free(&r->parser);
  free(r);
}

/* --- lines --- */

/* More of the file behind what is there; OK also at its end. */
static int fill(struct csv_reader *r) {
  if (r->at) memmove(r->input, r->input + r->at, r->end - r->at);
  r->end -= r->at;
  r->at = 0;
  while (!r->at_end && r->end < INPUT_SIZE) {
    long n = r->read(r->arg, r->input + r->end, INPUT_SIZE - r->end);
    if (n < 0) return E_IO;
    r->at_end = n == 0;
    r->end += (size_t)n;
  }
  return OK;
}

/* A record that begins at `at` lies within the input, as far as its bound allows. */
static int have_record(struct csv_reader *r) {
  return r->end - r->at > CSV_RECORD_MAX || r->at_end ? OK : fill(r);
}

/* From `from`, with its line end: LF, or CR LF. */
static size_t line_length(const struct csv_reader *r, size_t from) {
  const char *lf = memchr(r->input + from, '\n', r->end - from);
  return lf ? (size_t)(lf - r->input) + 1 - from : r->end - from;
}

/* A line without an end within the bound: to its end, however far that is. */
static int skip_line(struct csv_reader *r) {
  for (;;) {
    size_t n = line_length(r, r->at);
    bool ended = n && r->input[r->at + n - 1] == '\n';
    r->at += n;
    if (ended || (r->at == r->end && r->at_end)) break;
    int rc = fill(r);
    if (rc != OK) return rc;
  }
  r->line++;
  return OK;
}

/* --- fields --- */

static void on_field(void *field, size_t len, void *arg) {
  struct csv_reader *r = arg;
  if (r->record.count == CSV_FIELDS_MAX || len + 1 > sizeof r->text - r->text_len) {
    r->too_big = true;
    return;
  }
  char *to = r->text + r->text_len;
  if (len) memcpy(to, field, len);
  r->has_nul |= len && memchr(field, '\0', len);
  to[len] = '\0';
  r->record.fields[r->record.count++] = to;
  r->text_len += len + 1;
}

static void on_record(int end, void *arg) {
  (void)end;
  ((struct csv_reader *)arg)->ended = true;
}

static int begin_record(struct csv_reader *r) {
  csv_free(&r->parser);
  r->record = (struct csv_record){.line = r->line};
  r->text_len = 0;
  r->too_big = r->has_nul = r->ended = false;
  return init_parser(&r->parser);
}

/* Lines from `at`, until the record is whole. *len: their octets, *lines: their number. E_SYNTAX: it is not
 * well-formed. E_TOO_BIG: over the bound. */
static int parse_record(struct csv_reader *r, size_t *len, uint64_t *lines) {
  *len = *lines = 0;
  while (!r->ended && r->at + *len < r->end) {
    size_t n = line_length(r, r->at + *len);
    if (*len + n > CSV_RECORD_MAX) return E_TOO_BIG;
    if (csv_parse(&r->parser, r->input + r->at + *len, n, on_field, on_record, r) != n)
      return csv_error(&r->parser) == CSV_EPARSE ? E_SYNTAX : E_MEMORY;
    *len += n;
    ++*lines;
    if (!r->record.count && !r->parser.pstate) return OK; /* an empty line */
  }
  if (!r->ended && csv_fini(&r->parser, on_field, on_record, r) != 0) return E_SYNTAX;
  return r->too_big ? E_TOO_BIG : OK;
}

static void skip_bom(struct csv_reader *r) {
  if (r->line == 1 && r->end - r->at >= 3 && memcmp(r->input + r->at, BOM, 3) == 0) r->at += 3;
}

int csv_next(struct csv_reader *r, struct csv_record *out, struct reason *why) {
  for (;;) {
    size_t len;
    uint64_t lines;
    int rc = have_record(r);
    if (rc != OK) return fail(why, rc, "the file cannot be read");
    skip_bom(r);
    if (r->at == r->end) return 0;
    if ((rc = begin_record(r)) != OK) return fail(why, rc, "out of memory");
    rc = parse_record(r, &len, &lines);
    *out = r->record;
    if (rc == E_SYNTAX || rc == E_TOO_BIG) {
      int skipped = skip_line(r);
      if (skipped != OK) return fail(why, skipped, "the file cannot be read");
      return rc == E_SYNTAX ? fail(why, E_SYNTAX, "its quotes do not match")
                            : fail(why, E_SYNTAX, "it is longer than %zu octets, or has more than %d fields",
                                   CSV_RECORD_MAX, CSV_FIELDS_MAX);
    }
    if (rc != OK) return fail(why, rc, "out of memory");
    r->at += len;
    r->line += lines;
    if (r->has_nul) return fail(why, E_SYNTAX, "it has a NUL octet: save the list as UTF-8 text");
    if (out->count) return 1;
  }
}

/* --- writing --- */

static bool is_blank(char c) {
  return c == ' ' || c == '\t';
}

int csv_add_field(struct buffer *out, const char *text) {
  size_t n = strlen(text);
  bool plain = !text[strcspn(text, "\",\r\n")] && (!n || (!is_blank(text[0]) && !is_blank(text[n - 1])));
  if (plain) return buffer_add(out, text, n);
  int rc = buffer_reserve(out, 2 * n + 2);
  if (rc == OK) out->len += csv_write(out->at + out->len, 2 * n + 2, text, n);
  return rc;
}
