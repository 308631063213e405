#include "cli/log/log_export.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mail/event.h"
#include "cli/input/account_filter.h"
#include "cli/log/log_options.h"
#include "cli/output/csv.h"
#include "cli/output/output.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Read at once, and written when the log is no longer held: whoever takes the output may be slow, and meanwhile the
 * write-ahead log could not begin anew. */
#define PIECE (1024 * 1024)
#define EVENT_MOST (256 * 1024)

struct export {
  bool csv;
  struct buffer out;
  size_t count;
  int64_t last; /* the event that it has come to */
  int rc;
  bool more;
};

/* --- CSV --- */

/* A spreadsheet takes a cell that begins so for a formula, and what strangers write is in these cells. Some skip
 * blanks, and some know the full-width forms (U+FF1D, U+FF0B, U+FF0D, U+FF20), which keyboards of East Asia have. */
static bool is_formula(const char *text) {
  static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
  if (*text && strchr("\t\r\n", *text)) return true;
  text += strspn(text, " ");
  bool found = *text && strchr("=+-@", *text);
  for (size_t i = 0; !found && i < sizeof wide / sizeof wide[0]; i++)
    found = strncmp(text, wide[i], strlen(wide[i])) == 0;
  return found;
}

static void add_field(struct export *x, const char *text, bool last) {
  char *quoted = NULL;
  if (x->rc == OK && is_formula(text) && asprintf(&quoted, "'%s", text) < 0) x->rc = E_MEMORY;
  if (x->rc == OK) x->rc = csv_add_field(&x->out, quoted ? quoted : text);
  if (x->rc == OK) x->rc = buffer_add_bytes(&x->out, last ? BYTES("\r\n") : BYTES(","));
  free(quoted);
}

static void add_event(struct export *x, const struct event *e) {
  char id[ID_TEXT], message[ID_TEXT] = "", time[40], code[16] = "", count[24];
  id_format(e->id, id);
  if (e->message_id) id_format(e->message_id, message);
  clock_format_iso(id_time_us(e->id), time, sizeof time);
  if (e->code) snprintf(code, sizeof code, "%d", e->code);
  snprintf(count, sizeof count, "%llu", (unsigned long long)e->count);
  const char *const fields[] = {time,        event_name(e->kind),
                                id,          message,
                                e->account,  stream_name(e->stream),
                                e->from,     e->to,
                                e->domain,   code,
                                e->enhanced, e->text,
                                e->host,     e->source,
                                e->subject,  e->header_id,
                                e->rule,     e->ref,
                                count};
  size_t n = sizeof fields / sizeof fields[0];
  for (size_t i = 0; i < n; i++) add_field(x, fields[i], i + 1 == n);
}

static int add_header(struct export *x) {
  return buffer_add_bytes(&x->out, BYTES("time,event,id,message,account,stream,from,to,domain,code,enhanced,text,host,"
                                         "source,subject,message_id,rule,ref,count\r\n"));
}

/* --- JSON --- */

static void add_json(struct export *x, const struct event *e) {
  json_t *object = event_json(e);
  char *text = object ? json_line(object) : NULL;
  if (!text) x->rc = E_MEMORY;
  if (x->rc == OK) x->rc = buffer_add_bytes(&x->out, bytes_of(text));
  if (x->rc == OK) x->rc = buffer_add_bytes(&x->out, BYTES("\n"));
  free(text);
  json_decref(object);
}

/* --- all of it --- */

static bool add_row(void *arg, const struct event *e) {
  struct export *x = arg;
  if (x->csv)
    add_event(x, e);
  else
    add_json(x, e);
  x->last = e->id;
  x->count++;
  x->more = x->out.len >= PIECE;
  return x->rc == OK && !x->more;
}

/* False: whoever reads it has gone, or the disk is full. */
static bool write_out(struct export *x) {
  bool good = !x->out.len || fwrite(x->out.at, 1, x->out.len, stdout) == x->out.len;
  buffer_consume(&x->out, x->out.len);
  return good;
}

static enum exit_status export_all(struct export *x, struct reader *r, struct log_filter *f) {
  if (x->csv) x->rc = add_header(x);
  do {
    x->more = false;
    f->after_id = x->last;
    int rc = x->rc == OK ? reader_log(r, f, add_row, x) : OK;
    if (rc == OK) rc = x->rc;
    if (!write_out(x)) return cli_fail(EXIT_NO, "writing the log: %s", strerror(errno));
    if (rc != OK) return cli_fail(EXIT_NO, "the log cannot be read: %s", result_text(rc));
  } while (x->more);
  return fflush(stdout) == 0 ? EXIT_DONE : cli_fail(EXIT_NO, "writing the log: %s", strerror(errno));
}

static enum exit_status read_format(const struct cli *c, struct export *x) {
  const char *format = cli_option(c, "format");
  x->csv = format && strcmp(format, "csv") == 0;
  if (x->csv || (format && strcmp(format, "jsonl") == 0)) return EXIT_DONE;
  return cli_fail(EXIT_USAGE, "say how: --format csv, or --format jsonl (one JSON object a line)");
}

enum exit_status log_export(struct cli *c) {
  struct log_filter f;
  struct reader *r;
  struct export x = {0};
  enum exit_status s = read_format(c, &x);
  if (s == EXIT_DONE) s = log_options_read(c, &f);
  if (s != EXIT_DONE || (s = cli_reader(c, &r)) != EXIT_DONE) return s;
  buffer_init(&x.out, PIECE + EVENT_MOST);
  s = export_all(&x, r, &f);
  if (s == EXIT_DONE && !x.count) s = account_filter_check(c, f.account);
  buffer_free(&x.out);
  reader_close(&r);
  return s;
}
