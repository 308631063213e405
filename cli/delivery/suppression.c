#include "base/id.h"
#include "base/text/quantity.h"
#include "cli/command.h"
#include "cli/delivery/suppression_csv.h"
#include "cli/input/account_filter.h"
#include "cli/input/named.h"
#include "cli/input/reason_option.h"
#include "cli/output/listing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define COMPLAINTS_MAX 20 /* lines that are named one by one; the others are only counted */
#define PAUSE_NS 2000000L /* between transactions: the gateway's turn */
#define PART_TEXT ((size_t)4 << 20)

static const char *account_of(const struct cli *c) {
  const char *account = cli_option(c, "account");
  return account ? account : "";
}

/* --until T, --forever, or as long as the configuration says. */
static enum exit_status read_until(struct cli *c, int64_t now_us, int64_t *out) {
  const char *until = cli_option(c, "until");
  if (cli_switch(c, "forever")) {
    *out = 0;
    return until ? cli_fail(EXIT_USAGE, "--until or --forever, not both") : EXIT_DONE;
  }
  if (!until) {
    *out = now_us + c->config->suppression_keep_us;
    return EXIT_DONE;
  }
  return cli_until(c, "until", out);
}

/* A * is a letter of an address here (RFC 5322 section 3.2.3), and an entry of one stops nobody else's mail. */
static enum exit_status refuse_pattern(const char *text) {
  if (*text == '"' || !strchr(text, '*')) return EXIT_DONE;
  return cli_fail(EXIT_USAGE,
                  "%s: an entry is one address, and * stands for nothing in it; write each address, or a file of them: "
                  "sendoff suppression import FILE",
                  text);
}

static enum exit_status read_key(const char *text, char key[ADDRESS_KEY]) {
  if (address_key(bytes_of(text), key) == OK) return EXIT_DONE;
  return cli_fail(EXIT_USAGE, "%s is no address; write one as in user@example.net", text);
}

/* --- list --- */

static json_t *entry_json(const struct suppression *s, const struct bounce_counts *b) {
  char message[ID_TEXT] = "";
  if (s->message_id) id_format(s->message_id, message);
  return json_pack("{s:o, s:o, s:s, s:o, s:i, s:o, s:o, s:s, s:o, s:o, s:I, s:I}", "account", json_text(s->account),
                   "address", json_text(s->address), "origin", suppression_origin_name(s->origin), "reason",
                   json_text(s->reason), "code", s->code, "enhanced", json_text(s->enhanced), "text",
                   json_text(s->text), "message", message, "added", json_time(s->added_us), "expires",
                   json_time(s->expires_us), "hard", (json_int_t)b->hard, "soft", (json_int_t)b->soft);
}

static json_t *bounces_json(const struct suppression *s, const struct bounce_counts *b) {
  return json_pack("{s:o, s:o, s:I, s:I, s:o}", "account", json_text(s->account), "address", json_text(s->address),
                   "hard", (json_int_t)b->hard, "soft", (json_int_t)b->soft, "last", json_time(s->added_us));
}

static void format_counts(const struct bounce_counts *b, char hard[24], char soft[24]) {
  snprintf(hard, 24, "%llu", (unsigned long long)b->hard);
  snprintf(soft, 24, "%llu", (unsigned long long)b->soft);
}

static bool entry_row(void *arg, const struct suppression *s, const struct bounce_counts *b) {
  char until[40] = "never", hard[24], soft[24], why[600];
  if (s->expires_us) clock_format_span(s->expires_us - clock_now_us(), until, sizeof until);
  format_counts(b, hard, soft);
  if (s->code)
    snprintf(why, sizeof why, "%d %s %.500s", s->code, s->enhanced, s->text);
  else
    snprintf(why, sizeof why, "%.500s", s->reason);
  listing_add(arg, entry_json(s, b),
              (const char *const[]){s->address, *s->account ? s->account : "(all)", suppression_origin_name(s->origin),
                                    until, hard, soft, why});
  return true;
}

static bool bounce_row(void *arg, const struct suppression *s, const struct bounce_counts *b) {
  char last[40], hard[24], soft[24];
  format_counts(b, hard, soft);
  clock_format_minute(s->added_us, last, sizeof last);
  listing_add(arg, bounces_json(s, b), (const char *const[]){s->address, s->account, hard, soft, last});
  return true;
}

static enum exit_status read_filter(struct cli *c, struct suppression_filter *f) {
  *f = (struct suppression_filter){.account = cli_option(c, "account"),
                                   .address = c->argument_count ? c->arguments[0] : NULL};
  return listing_read_limit(c, &f->limit);
}

static const char *nothing_found(const struct suppression_filter *f, bool bounces) {
  if (f->address || f->account) return "nothing matches";
  return bounces ? "nobody had a bounce in the last week" : "nobody is suppressed";
}

static enum exit_status list(struct cli *c) {
  static const char *const entries[] = {"ADDRESS~", "ACCOUNT~", "ORIGIN", "EXPIRES IN", "HARD", "SOFT", "WHY+"};
  static const char *const hits[] = {"ADDRESS~", "ACCOUNT~", "HARD", "SOFT", "LAST+"};
  struct suppression_filter f;
  struct reader *r;
  bool bounces = cli_switch(c, "bounces");
  enum exit_status s = read_filter(c, &f);
  if (s != EXIT_DONE || (s = cli_reader(c, &r)) != EXIT_DONE) return s;
  struct listing l;
  if (bounces)
    listing_begin(&l, c, hits, 5);
  else
    listing_begin(&l, c, entries, 7);
  int rc = bounces ? reader_bounces(r, &f, bounce_row, &l) : reader_suppressions(r, &f, entry_row, &l);
  reader_close(&r);
  listing_end(&l);
  if (rc != OK) return cli_fail(EXIT_NO, "the suppression list cannot be read: %s", result_text(rc));
  listing_warn_cut(&l, f.limit);
  if (l.count) return EXIT_DONE;
  s = account_filter_check(c, f.account && *f.account ? f.account : NULL);
  if (s == EXIT_DONE && !c->json) puts(nothing_found(&f, bounces));
  return s;
}

/* --- add, remove --- */

struct printing {
  const struct cli *c;
  const char *address, *account;
};

static bool print_entry(void *arg, const struct suppression *s, const struct bounce_counts *b) {
  const struct printing *p = arg;
  char until[40] = "";
  if (strcmp(s->address, p->address) != 0 || strcmp(s->account, p->account) != 0) return true;
  if (s->expires_us) clock_format_minute(s->expires_us, until, sizeof until);
  if (p->c->json)
    print_json(entry_json(s, b));
  else
    printf("mail of %s to %s is refused from now on%s%s\n", *s->account ? s->account : "all accounts", s->address,
           *until ? ", until " : "", until);
  return false;
}

/* As the list has it. */
static enum exit_status print_added(struct cli *c, const char *account, const char *key) {
  struct reader *r;
  const struct suppression_filter f = {.account = account, .address = key};
  struct printing p = {c, key, account};
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_suppressions(r, &f, print_entry, &p);
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the lists cannot be read: %s", result_text(rc));
}

/* An account that is named must be there: a list of nobody would suppress nobody. */
static enum exit_status check_account(struct cli *c) {
  return *account_of(c) ? named_check(c, NAMED_ACCOUNT, account_of(c)) : EXIT_DONE;
}

static enum exit_status add(struct cli *c) {
  char key[ADDRESS_KEY];
  struct admin *a;
  struct reason why = {""};
  struct suppression_added done = {0};
  int64_t now = clock_now_us();
  const char *reason;
  if (reason_option(c, &reason) != EXIT_DONE) return EXIT_USAGE;
  struct suppression s = {.account = account_of(c),
                          .address = key,
                          .origin = SUPPRESSION_MANUAL,
                          .reason = reason ? reason : "",
                          .added_us = now};
  enum exit_status status = refuse_pattern(c->arguments[0]);
  if (status == EXIT_DONE) status = read_key(c->arguments[0], key);
  if (status == EXIT_DONE) status = cli_config(c);
  if (status == EXIT_DONE) status = read_until(c, now, &s.expires_us);
  if (status == EXIT_DONE) status = check_account(c);
  if (status != EXIT_DONE || (status = cli_admin(c, &a)) != EXIT_DONE) return status;
  status = cli_admin_done(c, &a, admin_suppression_add(a, &s, 1, false, &done, &why), &why);
  return status == EXIT_DONE ? print_added(c, s.account, key) : status;
}

static enum exit_status remove_entry(struct cli *c) {
  char key[ADDRESS_KEY];
  struct admin *a;
  struct reason why = {""};
  enum exit_status status = read_key(c->arguments[0], key);
  if (status != EXIT_DONE || (status = cli_admin(c, &a)) != EXIT_DONE) return status;
  status = cli_admin_done(c, &a, admin_suppression_remove(a, account_of(c), key, &why), &why);
  if (status == EXIT_DONE && c->json)
    print_json(json_pack("{s:s, s:s, s:b}", "account", account_of(c), "address", key, "removed", 1));
  else if (status == EXIT_DONE)
    printf("mail of %s to %s is accepted again\n", *account_of(c) ? account_of(c) : "all accounts", key);
  return status;
}

/* --- import --- */

struct import {
  struct cli *c;
  struct admin *admin; /* NULL: a dry run */
  int64_t now_us, until_us;
  struct suppression part[SUPPRESSION_PART];
  size_t part_count;
  struct buffer text; /* the part's strings, by their place until it is whole */
  uint64_t lines, bad, expired, odd_dates;
  struct suppression_added done;
};

static long read_file(void *arg, char *out, size_t size) {
  FILE *f = arg;
  size_t n = fread(out, 1, size, f);
  return n || !ferror(f) ? (long)n : -1;
}

static void complain(struct import *m, uint64_t line, const struct reason *why) {
  if (++m->bad <= COMPLAINTS_MAX) cli_warn("line %llu: %s; skipped", (unsigned long long)line, why->text);
}

/* Never moves: the buffer has its whole room from the start. */
static int keep(struct import *m, const char **text) {
  const char *at = m->text.at + m->text.len;
  int rc = m->text.max - m->text.len > strlen(*text) ? buffer_add(&m->text, *text, strlen(*text) + 1) : E_TOO_BIG;
  if (rc == OK) *text = at;
  return rc;
}

static int flush_part(struct import *m, struct reason *why) {
  int rc = OK;
  if (m->admin && m->part_count) {
    rc = admin_suppression_add(m->admin, m->part, m->part_count, true, &m->done, why);
    nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
  }
  m->part_count = m->text.len = 0;
  return rc;
}

static int take_line(struct import *m, const struct suppression_line *line, struct reason *why) {
  struct suppression e = line->entry;
  e.account = account_of(m->c);
  e.expires_us = line->says_expiry ? line->expires_us : m->until_us;
  m->odd_dates += line->odd_date;
  if (e.expires_us && e.expires_us <= m->now_us) {
    m->expired++;
    return OK;
  }
  int rc = OK;
  if (m->part_count == SUPPRESSION_PART || m->text.max - m->text.len < 2 * CSV_RECORD_MAX) rc = flush_part(m, why);
  if (rc == OK) rc = keep(m, &e.address);
  if (rc == OK) rc = keep(m, &e.reason);
  if (rc == OK) rc = keep(m, &e.enhanced);
  if (rc == OK) rc = keep(m, &e.text);
  if (rc == OK) m->part[m->part_count++] = e;
  return rc;
}

static int import_records(struct import *m, struct csv_reader *r, struct reason *why) {
  struct csv_record record;
  struct suppression_columns columns;
  struct suppression_line line;
  bool first = true;
  int rc;
  while ((rc = csv_next(r, &record, why)) != 0) {
    if (rc != 1 && rc != E_SYNTAX) return rc;
    if (rc == 1 && first) {
      first = false;
      if (suppression_columns_read(&record, &columns)) continue;
    }
    m->lines++;
    if (rc == 1) rc = suppression_line_read(&record, &columns, m->now_us, &line, why);
    if (rc == OK) rc = take_line(m, &line, why);
    if (rc == E_SYNTAX)
      complain(m, record.line, why);
    else if (rc != OK)
      return rc;
  }
  return flush_part(m, why);
}

static enum exit_status say_imported(struct import *m, bool dry_run) {
  uint64_t good = m->lines - m->bad - m->expired;
  if (m->c->json)
    print_json(json_pack("{s:I, s:I, s:I, s:I, s:I, s:b}", "lines", (json_int_t)m->lines, "added",
                         (json_int_t)m->done.added, "kept", (json_int_t)m->done.kept, "expired", (json_int_t)m->expired,
                         "unreadable", (json_int_t)m->bad, "dry_run", dry_run));
  else if (dry_run)
    printf("%llu of %llu line%s would be imported; expired: %llu\n", (unsigned long long)good,
           (unsigned long long)m->lines, m->lines == 1 ? "" : "s", (unsigned long long)m->expired);
  else
    printf("%llu of %llu line%s imported; there for as long: %llu, expired: %llu\n", (unsigned long long)m->done.added,
           (unsigned long long)m->lines, m->lines == 1 ? "" : "s", (unsigned long long)m->done.kept,
           (unsigned long long)m->expired);
  if (m->odd_dates)
    cli_warn("%llu date%s cannot be read; taken as today", (unsigned long long)m->odd_dates,
             m->odd_dates == 1 ? "" : "s");
  if (!m->bad) return EXIT_DONE;
  return cli_fail(EXIT_NO, "not imported: %llu line%s that cannot be read", (unsigned long long)m->bad,
                  m->bad == 1 ? "" : "s");
}

static enum exit_status import_from(struct import *m, FILE *file) {
  struct reason why = {""};
  bool dry_run = cli_switch(m->c, "dry-run");
  enum exit_status s = dry_run ? EXIT_DONE : cli_admin(m->c, &m->admin);
  if (s != EXIT_DONE) return s;
  struct csv_reader *r = csv_reader_new(read_file, file);
  int rc = r && buffer_reserve(&m->text, PART_TEXT) == OK ? import_records(m, r, &why) : E_MEMORY;
  csv_reader_free(&r);
  if (m->admin && m->done.added) { /* what was committed is there, whatever came after it */
    struct reason none = {""};
    s = cli_admin_done(m->c, &m->admin, OK, &none);
  }
  if (m->admin) admin_close(&m->admin);
  if (rc != OK) {
    if (m->done.added) cli_warn("%llu were added before this", (unsigned long long)m->done.added);
    return cli_failed(rc, &why);
  }
  enum exit_status said = say_imported(m, dry_run);
  return s == EXIT_DONE ? said : s;
}

static enum exit_status import_list(struct cli *c) {
  const char *path = c->arguments[0];
  struct import *m = calloc(1, sizeof *m);
  if (!m) return cli_fail(EXIT_NO, "out of memory");
  m->c = c;
  m->now_us = clock_now_us();
  buffer_init(&m->text, PART_TEXT);
  enum exit_status s = cli_config(c);
  if (s == EXIT_DONE) s = read_until(c, m->now_us, &m->until_us);
  if (s == EXIT_DONE && *account_of(c)) s = account_filter_check(c, account_of(c));
  if (s == EXIT_DONE) {
    FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    s = f ? import_from(m, f)
          : cli_fail(EXIT_NO, "%s: %s; name a CSV file, or - for standard input", path, strerror(errno));
    if (f && f != stdin) fclose(f);
  }
  buffer_free(&m->text);
  free(m);
  return s;
}

/* --- export --- */

struct export {
  FILE *file;
  struct buffer line;
  int rc;
};

static bool export_row(void *arg, const struct suppression *s, const struct bounce_counts *b) {
  struct export *x = arg;
  (void)b;
  x->rc = suppression_csv_write(s, &x->line);
  if (x->rc == OK && fwrite(x->line.at, 1, x->line.len, x->file) != x->line.len) x->rc = E_IO;
  x->line.len = 0;
  return x->rc == OK;
}

static int export_to(struct export *x, struct reader *r, const char *account) {
  int rc = suppression_csv_header(&x->line);
  if (rc == OK && fwrite(x->line.at, 1, x->line.len, x->file) != x->line.len) rc = E_IO;
  x->line.len = 0;
  if (rc == OK) rc = reader_suppressions(r, &(struct suppression_filter){.account = account}, export_row, x);
  if (rc == OK) rc = x->rc;
  return rc == OK && fflush(x->file) != 0 ? E_IO : rc;
}

static enum exit_status export_list(struct cli *c) {
  const char *path = c->arguments[0];
  struct reader *r;
  enum exit_status s = account_filter_check(c, cli_option(c, "account"));
  if (s != EXIT_DONE || (s = cli_reader(c, &r)) != EXIT_DONE) return s;
  struct export x = {.file = strcmp(path, "-") == 0 ? stdout : fopen(path, "w")};
  buffer_init(&x.line, 64 * 1024);
  int rc = x.file ? export_to(&x, r, account_of(c)) : E_IO;
  if (rc != OK) s = cli_fail(EXIT_NO, "%s: %s", path, rc == E_IO ? strerror(errno) : result_text(rc));
  if (x.file && x.file != stdout && fclose(x.file) != 0 && rc == OK)
    s = cli_fail(EXIT_NO, "%s: %s", path, strerror(errno));
  buffer_free(&x.line);
  reader_close(&r);
  return s;
}

const struct verb suppression_verbs[] = {
    {"suppression", "add", "ADDRESS [--account NAME] [--reason TEXT] [--until WHEN|--forever]",
     "No mail to this address is taken any more: of this account, or of any. WHEN is how long from now (90d), or a "
     "date; without, the entry lasts as long as one of a bounce (30 days, or suppression { keep }).",
     "sendoff suppression add user@example.net --account blog --reason 'asked us to' --forever\n"
     "sendoff suppression add user@example.net --until 90d",
     1, 1, add},
    {"suppression", "list", "[ADDRESS-PATTERN] [--account NAME] [--bounces] [--limit N]",
     "Who is suppressed, why and until when; with --bounces, who had bounces in the last week.",
     "sendoff suppression list '*@example.net'\n"
     "sendoff suppression list --account blog --bounces",
     0, 1, list},
    {"suppression", "remove", "ADDRESS [--account NAME]",
     "Takes an address off the list of this account, or off the one for all, and forgets its bounces.",
     "sendoff suppression remove user@example.net --account blog\n"
     "sendoff suppression remove user@example.net",
     1, 1, remove_entry},
    {"suppression", "import", "FILE|- [--account NAME] [--until WHEN|--forever] [--dry-run]",
     "Adds the addresses of a CSV file: address, reason, date; or as its header line says.",
     "sendoff suppression import bounces.csv --account blog --forever\n"
     "sendoff suppression import bounces.csv --dry-run",
     1, 1, import_list},
    {"suppression", "export", "FILE|- [--account NAME]", "Writes the list of this account, or the one for all, as CSV.",
     "sendoff suppression export - --account blog\n"
     "sendoff suppression export all.csv",
     1, 1, export_list},
    {0}};
