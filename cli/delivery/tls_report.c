#include "base/address/address.h"
#include "base/clock.h"
#include "cli/command.h"
#include "cli/machine/machine.h"
#include "cli/output/listing.h"
#include "relay/daemon/control_client.h"
#include "relay/tls_report/tls_report_task.h"

#include <stdio.h>
#include <string.h>

/* --- options --- */

/* --day DATE. `otherwise` when it was not given. */
static enum exit_status read_day(const struct cli *c, int64_t otherwise, int64_t *out) {
  const char *text = cli_option(c, "day");
  int64_t today = tls_day(clock_now_us());
  *out = otherwise;
  if (!text) return EXIT_DONE;
  if (strcmp(text, "today") == 0)
    *out = today;
  else if (strcmp(text, "yesterday") == 0)
    *out = today - 1;
  else if (tls_day_parse(text, out) != OK)
    return cli_fail(EXIT_USAGE, "--day %s: write today, yesterday or 2026-11-01; days are in UTC", text);
  return EXIT_DONE;
}

static enum exit_status read_domain(const struct cli *c, char out[DOMAIN_MAX + 1]) {
  out[0] = '\0';
  if (!c->argument_count) return EXIT_DONE;
  if (domain_normalize(bytes_of(c->arguments[0]), out) != OK)
    return cli_fail(EXIT_USAGE, "%s is no domain", c->arguments[0]);
  return EXIT_DONE;
}

/* --- list --- */

struct tls_listing {
  struct listing listing;
  struct reader *reader;
  size_t limit; /* rows; 0: all */
};

static const char *state_text(const struct tls_report_status *s) {
  bool passed = s->day < tls_day(clock_now_us()) - 2; /* nobody sends it any more, but by command */
  if (s->state == TLS_REPORT_OPEN) return passed ? "not sent" : s->attempts ? "again later" : "not yet";
  return s->state == TLS_REPORT_NONE ? "not asked for" : tls_report_state_name(s->state);
}

static bool add_copy(void *arg, const struct tls_report_copy *c) {
  json_t *list = arg;
  json_array_append_new(list, json_pack("{s:o, s:s, s:o, s:o}", "uri", json_text(c->uri), "state",
                                        tls_report_state_name(c->state), "reason",
                                        *c->reason ? json_text(c->reason) : json_null(), "time", json_time(c->at_us)));
  return true;
}

static json_t *describe(const struct tls_listing *l, const struct tls_report_status *s, uint64_t successes,
                        uint64_t failures) {
  char day[TLS_DAY_TEXT];
  json_t *copies = json_array();
  struct reader *r = l->reader;
  tls_day_text(s->day, day);
  reader_tls_copies(r, s->day, s->domain, add_copy, copies);
  return json_pack("{s:s, s:o, s:I, s:I, s:s, s:o, s:o, s:o}", "day", day, "domain", json_text(s->domain), "successes",
                   (json_int_t)successes, "failures", (json_int_t)failures, "report", tls_report_state_name(s->state),
                   "next", s->state == TLS_REPORT_OPEN ? json_time(s->next_us) : json_null(), "reason",
                   *s->reason ? json_text(s->reason) : json_null(), "copies", copies);
}

static bool add_row(void *arg, const struct tls_report_status *s, uint64_t successes, uint64_t failures) {
  struct tls_listing *l = arg;
  char day[TLS_DAY_TEXT], good[24], bad[24];
  tls_day_text(s->day, day);
  snprintf(good, sizeof good, "%llu", (unsigned long long)successes);
  snprintf(bad, sizeof bad, "%llu", (unsigned long long)failures);
  const char *const cells[] = {day, s->domain, good, bad, state_text(s), s->reason};
  listing_add(&l->listing, l->listing.json ? describe(l, s, successes, failures) : NULL, cells);
  return l->listing.count != l->limit;
}

static enum exit_status list(struct cli *c) {
  static const char *const titles[] = {"DAY", "DOMAIN~", "TLS", "FAILED", "REPORT", "REASON+"};
  char domain[DOMAIN_MAX + 1];
  struct tls_filter f;
  struct tls_listing l;
  if (read_day(c, -1, &f.day) != EXIT_DONE || read_domain(c, domain) != EXIT_DONE ||
      listing_read_limit(c, &l.limit) != EXIT_DONE)
    return EXIT_USAGE;
  f.domain = *domain ? domain : NULL;
  if (cli_reader(c, &l.reader) != EXIT_DONE) return EXIT_NO;
  listing_begin(&l.listing, c, titles, sizeof titles / sizeof titles[0]);
  int rc = reader_tls_domains(l.reader, &f, add_row, &l);
  if (rc == OK) l.listing.empty = "no sessions were counted";
  listing_end(&l.listing);
  listing_warn_cut(&l.listing, l.limit);
  reader_close(&l.reader);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the store cannot be read: %s", result_text(rc));
}

/* --- show --- */

static int print_report(struct reader *r, const struct config *config, const char *domain, int64_t day, bool line) {
  struct tls_report_sender by;
  struct buffer json;
  tls_report_sender_of(config, &by);
  buffer_init(&json, TLS_REPORT_MAX);
  int rc = tls_report_of_day(r, &by, domain, day, !line, &json);
  if (rc == OK) printf("%.*s\n", (int)json.len, json.at);
  buffer_free(&json);
  return rc;
}

static enum exit_status show(struct cli *c) {
  char domain[DOMAIN_MAX + 1], text[TLS_DAY_TEXT];
  int64_t day;
  struct reader *r;
  if (read_day(c, tls_day(clock_now_us()), &day) != EXIT_DONE || read_domain(c, domain) != EXIT_DONE) return EXIT_USAGE;
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = print_report(r, c->config, domain, day, c->json);
  reader_close(&r);
  tls_day_text(day, text);
  if (rc == E_NOT_FOUND)
    return cli_fail(EXIT_NO, "no session with %s was counted on %s; see: sendoff tls-report list", domain, text);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the report cannot be made: %s", result_text(rc));
}

/* --- send --- */

struct dry_run {
  struct cli *c;
  struct reader *rows, *reports;
  int rc;
};

static bool print_due(void *arg, const struct tls_report_status *s) {
  struct dry_run *d = arg;
  d->rc = print_report(d->reports, d->c->config, s->domain, s->day, d->c->json);
  return d->rc == OK;
}

/* Who asks for them is looked up when they are sent. */
static enum exit_status print_what_is_due(struct cli *c, int64_t day) {
  struct dry_run d = {.c = c};
  if (cli_reader(c, &d.rows) != EXIT_DONE) return EXIT_NO;
  if (cli_reader(c, &d.reports) != EXIT_DONE) {
    reader_close(&d.rows);
    return EXIT_NO;
  }
  int rc = reader_tls_due(d.rows, day, day, INT64_MAX, SIZE_MAX / 2, print_due, &d);
  reader_close(&d.reports);
  reader_close(&d.rows);
  if (rc == OK) rc = d.rc;
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the reports cannot be made: %s", result_text(rc));
}

static void print_sending(const char *day) {
  char text[160];
  snprintf(text, sizeof text, "the reports of %s are sent; what becomes of them: sendoff tls-report list --day %s", day,
           day);
  print_fitted(text, 0, 0);
}

static enum exit_status send_now(struct cli *c, int64_t day) {
  char request[40], text[TLS_DAY_TEXT];
  struct buffer answer;
  tls_day_text(day, text);
  snprintf(request, sizeof request, "tls-reports %s", text);
  buffer_init(&answer, 1024);
  int rc = control_ask(c->config->data_dir, request, &answer);
  enum exit_status s = EXIT_DONE;
  if (rc == E_NOT_FOUND)
    s = machine_not_running();
  else if (rc == E_DENIED)
    s = cli_fail(EXIT_NO, "%.*s", (int)answer.len, answer.at);
  else if (rc != OK)
    s = machine_no_answer(c->config);
  else if (c->json)
    print_json(json_pack("{s:s}", "day", text));
  else
    print_sending(text);
  buffer_free(&answer);
  return s;
}

static enum exit_status send_reports(struct cli *c) {
  int64_t day, today = tls_day(clock_now_us());
  if (read_day(c, today - 1, &day) != EXIT_DONE) return EXIT_USAGE;
  if (day >= today) return cli_fail(EXIT_USAGE, "a report is of a whole day, which ends at 00:00 UTC");
  if (cli_config(c) != EXIT_DONE) return EXIT_NO;
  return cli_switch(c, "dry-run") ? print_what_is_due(c, day) : send_now(c, day);
}

const struct verb tls_report_verbs[] = {
    {"tls-report", "list", "[DOMAIN] [--day DATE] [--limit N]",
     "Sessions with and without TLS, by day (UTC) and domain, and what became of the day's report (RFC 8460).",
     "sendoff tls-report list\nsendoff tls-report list example.net --day yesterday", 0, 1, list},
    {"tls-report", "show", "DOMAIN [--day DATE]", "A domain's report, as JSON: of today so far, or of that day.",
     "sendoff tls-report show example.net --day yesterday", 1, 1, show},
    {"tls-report", "send", "[--day DATE] [--dry-run]",
     "Sends the reports of that day, by default yesterday, that were not sent yet, now; --dry-run prints them.",
     "sendoff tls-report send --dry-run", 0, 0, send_reports},
    {0}};
