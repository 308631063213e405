#include "relay/tls_report/tls_report_task.h"

#include "base/directory/config.h"
#include "base/id.h"
#include "relay/tls_report/gzip.h"
#include "relay/tls_report/tls_report_times.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_OCTETS (64 * 1024) /* of an HTTPS answer, which nobody reads */

bool tls_report_sender_of(const struct config *c, struct tls_report_sender *out) {
  const char *from = c->tls_report_from ? c->tls_report_from : "";
  out->hostname = c->hostname;
  out->organization = c->tls_report_organization ? c->tls_report_organization : c->hostname;
  out->contact = c->tls_report_contact ? c->tls_report_contact : from;
  out->from = from;
  return *from;
}

/* --- the report --- */

struct filling {
  struct tls_report *report;
  int rc;
};

static bool add_row(void *arg, const struct tls_report_row *row) {
  struct filling *f = arg;
  f->rc = tls_report_add(f->report, row);
  return f->rc == OK;
}

int tls_report_of_day(struct reader *r, const struct tls_report_sender *by, const char *domain, int64_t day,
                      bool indented, struct buffer *out) {
  struct filling f = {.report = tls_report_new(by, domain, day), .rc = OK};
  if (!f.report) return E_MEMORY;
  int rc = reader_tls_rows(r, day, domain, add_row, &f);
  if (rc == OK) rc = f.rc;
  if (rc == OK && tls_report_is_empty(f.report)) rc = E_NOT_FOUND;
  if (rc == OK) rc = tls_report_json(f.report, indented, out);
  tls_report_free(&f.report);
  return rc;
}

static int make_gzip(struct tls_report_task *t, struct buffer *out) {
  struct buffer json;
  buffer_init(&json, TLS_REPORT_MAX);
  int rc = tls_report_of_day(t->reader, t->by, t->domain, t->day, false, &json);
  if (rc == OK) rc = gzip_add(buffer_bytes(&json), out);
  buffer_free(&json);
  return rc;
}

/* --- what is due --- */

static bool take_due(void *arg, const struct tls_report_status *s) {
  struct tls_report_task *t = arg;
  t->found = bytes_copy(bytes_of(s->domain), t->domain, sizeof t->domain);
  t->day = s->day;
  t->first_us = s->first_us ? s->first_us : t->now_us;
  t->attempts = s->attempts + 1;
  return false;
}

/* A copy that was sent, or given up, is not made again. */
static bool take_copy(void *arg, const struct tls_report_copy *c) {
  struct tls_report_task *t = arg;
  for (size_t i = 0; i < t->count; i++) {
    struct tls_report_delivery *d = &t->deliveries[i];
    if (strcmp(d->rua.uri, c->uri) != 0) continue;
    d->state = c->state;
    snprintf(d->reason, sizeof d->reason, "%.190s", c->reason);
  }
  return true;
}

/* --- who asks for it --- */

static void note(struct tls_report_task *t, const char *reason) {
  snprintf(t->reason, sizeof t->reason, "%.190s", reason);
}

/* False: nobody, or it is not known. */
static bool look_up(struct tls_report_task *t) {
  const struct dns_source *dns = t->https->dns;
  struct tls_report_record record;
  struct dns_answer answer;
  char name[256];
  t->state = TLS_REPORT_NONE;
  if (!tls_report_record_name(t->domain, name)) return false;
  dns->lookup(dns->arg, name, ns_t_txt, &answer);
  bool failed = answer.status == DNS_FAILED;
  bool asks = !failed && tls_report_record_read(&answer, &record) == OK;
  if (failed) t->state = TLS_REPORT_OPEN;
  if (failed) note(t, dns_failure(answer.bogus));
  dns->release(dns->arg, &answer);
  for (size_t i = 0; asks && i < record.count; i++) t->deliveries[t->count++].rua = record.rua[i];
  return asks;
}

/* --- the copies --- */

static void set(struct tls_report_delivery *d, enum tls_report_state state, const char *reason) {
  d->state = state;
  snprintf(d->reason, sizeof d->reason, "%.190s", reason);
}

static void make_mail(const struct tls_report_task *t, struct tls_report_delivery *d, struct bytes gzip) {
  d->mail_id = id_new();
  buffer_init(&d->mail, TLS_REPORT_MAIL_MAX);
  struct tls_report_mail m = {.by = t->by,
                              .domain = t->domain,
                              .to = d->rua.target,
                              .day = t->day,
                              .now_us = t->now_us,
                              .id = d->mail_id,
                              .gzip = gzip};
  int rc = tls_report_mail(&m, &d->mail);
  if (rc == OK) return;
  d->mail_id = 0;
  buffer_free(&d->mail);
  if (rc == E_TOO_BIG)
    set(d, TLS_REPORT_FAILED, "the report is too large for mail");
  else
    set(d, TLS_REPORT_OPEN, result_text(rc));
}

/* RFC 8460 5.4: a success is 200 or 201, or another of that kind. */
static void post(const struct tls_report_task *t, struct tls_report_delivery *d, struct bytes gzip) {
  struct https_answer answer = {0};
  struct reason why = {0};
  char text[40];
  buffer_init_secret(&answer.body, ANSWER_OCTETS);
  int rc = https_post(t->https, d->rua.target, "application/tlsrpt+gzip", gzip, &answer, &why);
  buffer_wipe_free(&answer.body);
  snprintf(text, sizeof text, "HTTP status %ld", answer.status);
  if (rc == E_TOO_BIG) rc = OK; /* what it says does not matter */
  if (rc == E_SYNTAX || rc == E_DENIED)
    set(d, TLS_REPORT_FAILED, why.text);
  else if (rc != OK)
    set(d, TLS_REPORT_OPEN, *why.text ? why.text : result_text(rc));
  else if (answer.status / 100 == 2)
    set(d, TLS_REPORT_SENT, "");
  else
    set(d, TLS_REPORT_OPEN, text);
}

static void make_copies(struct tls_report_task *t) {
  struct buffer gzip;
  buffer_init(&gzip, TLS_REPORT_MAX);
  int rc = make_gzip(t, &gzip);
  for (size_t i = 0; i < t->count; i++) {
    struct tls_report_delivery *d = &t->deliveries[i];
    d->tried = d->state == TLS_REPORT_OPEN;
    if (!d->tried) continue;
    if (rc != OK)
      set(d, TLS_REPORT_OPEN, result_text(rc));
    else if (d->rua.mail)
      make_mail(t, d, buffer_bytes(&gzip));
    else
      post(t, d, buffer_bytes(&gzip));
  }
  buffer_free(&gzip);
}

int tls_report_task_run(struct tls_report_task *t) {
  int rc = reader_tls_due(t->reader, t->first_day, t->last_day, t->now_us, 1, take_due, t);
  if (rc != OK || !t->found || !look_up(t)) return rc;
  rc = reader_tls_copies(t->reader, t->day, t->domain, take_copy, t);
  if (rc == OK) make_copies(t);
  return rc;
}

/* --- what becomes of it --- */

static size_t count_in(const struct tls_report_task *t, enum tls_report_state state) {
  size_t n = 0;
  for (size_t i = 0; i < t->count; i++) n += t->deliveries[i].state == state;
  return n;
}

static void give_up(struct tls_report_task *t) {
  for (size_t i = 0; i < t->count; i++)
    if (t->deliveries[i].state == TLS_REPORT_OPEN) t->deliveries[i].state = TLS_REPORT_FAILED;
}

static void note_trouble(struct tls_report_task *t) {
  for (size_t i = 0; i < t->count; i++)
    if (t->deliveries[i].state != TLS_REPORT_SENT) note(t, t->deliveries[i].reason);
}

void tls_report_task_settle(struct tls_report_task *t) {
  bool open = t->count ? count_in(t, TLS_REPORT_OPEN) > 0 : t->state == TLS_REPORT_OPEN;
  note_trouble(t);
  if (open && tls_report_again(t->first_us, t->attempts, t->now_us, &t->next_us)) {
    t->state = TLS_REPORT_OPEN;
    return;
  }
  if (open) give_up(t);
  if (t->count)
    t->state = count_in(t, TLS_REPORT_SENT) ? TLS_REPORT_SENT : TLS_REPORT_FAILED;
  else if (open)
    t->state = TLS_REPORT_FAILED;
}

void tls_report_task_clear(struct tls_report_task *t) {
  for (size_t i = 0; i < t->count; i++) buffer_free(&t->deliveries[i].mail);
  t->count = 0;
}
