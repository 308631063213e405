#include "relay/tls_report/tls_reporter.h"

#include "base/address/address.h"
#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "relay/delivery/delivery.h"
#include "relay/message/signing.h"
#include "relay/net/dns_until.h"
#include "relay/tls_report/tls_report_task.h"
#include "relay/tls_report/tls_report_times.h"
#include "store/read.h"
#include "store/write.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define POLL_MS 60000                    /* while nothing is due */
#define STOP_MS 2000                     /* that a request may take once the gateway stops */
#define MAIL_LIFE_US (86400 * SECOND_US) /* RFC 8460 5.5: delivery is tried for 24 hours */
#define SIGNATURES_MAX (16 * 1024)

struct tls_reporter {
  struct loop *loop;
  struct dns_source dns;
  struct reader *reader;
  uv_work_t work;
  struct tls_report_sender by;
  struct tls_report_task *task; /* while one is worked on, on the pool or here */
  struct store_tls_report op;   /* what becomes of it */
  struct tls_report_copy copies[TLS_RUA_MAX];
  atomic_uint_least64_t until_ms; /* not 0: it stops */
  size_t mails;                   /* on their way into the queue */
  int64_t asked_day;              /* by command, this one is first, and does not wait for its moment; -1 */
  uint64_t poll_ms;               /* nothing is due before */
  bool no_key;                    /* that was logged */
  void (*stopped)(void *arg);
  void *arg;
};

/* One report's mail on its way into the store. */
struct mail {
  struct store_accept op; /* first */
  struct tls_reporter *owner;
  struct tls_report_delivery *of;
  struct recipient recipient;
  char domain[DOMAIN_MAX + 1], text[400];
  struct buffer prefix, body;
};

static void begin(struct tls_reporter *t);

/* --- the end of a task --- */

static void end(struct tls_reporter *t) {
  tls_report_task_clear(t->task);
  free(t->task);
  t->task = NULL;
  if (atomic_load(&t->until_ms)) {
    void (*stopped)(void *arg) = t->stopped;
    t->stopped = NULL;
    if (stopped) stopped(t->arg);
    return;
  }
  begin(t); /* the next */
}

/* What the store does not take now is made again: then an address gets a report twice, with the same id. */
static void on_recorded(struct store_op *op) {
  struct tls_reporter *t = (struct tls_reporter *)((char *)op - offsetof(struct tls_reporter, op));
  if (op->result != OK) {
    log_event(LOG_WARN_, NULL, "tls report not recorded", "domain", t->task->domain, "reason", op->why.text, NULL);
    t->poll_ms = clock_monotonic_ms() + POLL_MS;
  }
  end(t);
}

static void log_copy(const struct tls_report_task *task, const struct tls_report_delivery *d) {
  char day[TLS_DAY_TEXT];
  tls_day_text(task->day, day);
  if (d->state == TLS_REPORT_SENT)
    log_event(LOG_INFO_, NULL, "tls report sent", "domain", task->domain, "day", day, "to", d->rua.target, NULL);
  else
    log_event(LOG_WARN_, NULL, "tls report not sent", "domain", task->domain, "day", day, "to", d->rua.target, "reason",
              d->reason, "next", d->state == TLS_REPORT_OPEN ? "again later" : "given up", NULL);
}

static void record(struct tls_reporter *t) {
  struct tls_report_task *task = t->task;
  tls_report_task_settle(task);
  for (size_t i = 0; i < task->count; i++) {
    const struct tls_report_delivery *d = &task->deliveries[i];
    t->copies[i] = (struct tls_report_copy){d->rua.uri, d->state, d->reason, task->now_us};
    if (d->tried) log_copy(task, d);
  }
  memset(&t->op, 0, sizeof t->op);
  store_tls_report_init(&t->op);
  t->op.status = (struct tls_report_status){.day = task->day,
                                            .domain = task->domain,
                                            .state = task->state,
                                            .first_us = task->first_us,
                                            .next_us = task->next_us,
                                            .attempts = task->attempts,
                                            .reason = task->reason};
  t->op.copies = t->copies;
  t->op.copy_count = task->count;
  loop_store_post(t->loop, &t->op.op, on_recorded);
}

/* --- its mail --- */

static void mail_free(struct mail *m) {
  buffer_free(&m->prefix);
  buffer_free(&m->body);
  free(m);
}

static void fail_mail(struct tls_report_delivery *d, const char *reason) {
  d->state = TLS_REPORT_OPEN;
  snprintf(d->reason, sizeof d->reason, "%.190s", reason);
}

static void on_accepted(struct store_op *op) {
  struct mail *m = (struct mail *)op;
  struct tls_reporter *t = m->owner;
  const struct new_message *message = &m->op.message;
  if (op->result == OK) {
    m->of->state = TLS_REPORT_SENT;
    m->of->reason[0] = '\0';
    struct content *content = content_new(&m->prefix, &m->body); /* NULL: it is read from the store */
    delivery_accept(t->loop->gateway, &message->envelope, message->recipients, 1, content, 0);
    if (content) content_release(&content);
  } else {
    fail_mail(m->of, *op->why.text ? op->why.text : result_text(op->result));
  }
  mail_free(m);
  if (!--t->mails) record(t);
}

/* RFC 8460 3: without a good signature of the reporter's domain a report is ignored. */
static int sign(const struct tls_reporter *t, struct mail *m) {
  char domain[DOMAIN_MAX + 1];
  int rc = signing_domain(bytes_of(t->by.from), domain);
  if (rc == OK) rc = signing_sign_whole(t->loop, domain, buffer_bytes(&m->body), &m->prefix);
  return rc == OK && !m->prefix.len ? E_NOT_FOUND : rc;
}

/* From the null reverse-path, so that nothing comes back: RFC 5321 4.5.5. */
static void fill(struct mail *m, const struct tls_report_task *task) {
  char day[TLS_DAY_TEXT];
  struct new_message *message = &m->op.message;
  int64_t now = clock_now_us();
  tls_day_text(task->day, day);
  snprintf(m->text, sizeof m->text, "TLS report for %s of %s", task->domain, day);
  m->recipient =
      (struct recipient){.id = id_new(), .address = m->of->rua.target, .domain = m->domain, .notify = NOTIFY_NEVER};
  message->envelope = (struct envelope){.id = m->of->mail_id,
                                        .account = "",
                                        .pool = "default",
                                        .reverse_path = "",
                                        .flags = MESSAGE_IS_DSN | MESSAGE_TLS_OPTIONAL,
                                        .size = m->prefix.len + m->body.len,
                                        .created_us = now,
                                        .expires_us = now + MAIL_LIFE_US};
  message->recipients = &m->recipient;
  message->recipient_count = 1;
  message->prefix = buffer_bytes(&m->prefix);
  message->content = buffer_bytes(&m->body);
  message->first_attempt_us = now + DELIVERY_GRACE_US;
  m->op.accepted = (struct event){.account = "", .from = "", .to = m->of->rua.target, .text = m->text, .count = 1};
}

static int prepare(struct mail *m, const struct tls_reporter *t) {
  struct address a;
  buffer_init(&m->prefix, SIGNATURES_MAX);
  m->body = m->of->mail;
  m->of->mail = (struct buffer){0};
  if (address_parse(bytes_of(m->of->rua.target), &a) != OK || domain_normalize(a.domain, m->domain) != OK)
    return E_SYNTAX;
  int rc = sign(t, m);
  if (rc == OK) fill(m, t->task);
  return rc;
}

static void post_mail(struct tls_reporter *t, struct tls_report_delivery *d) {
  struct mail *m = calloc(1, sizeof *m);
  int rc = E_MEMORY;
  if (m) {
    store_accept_init(&m->op);
    m->owner = t;
    m->of = d;
    rc = prepare(m, t);
  }
  if (rc == OK) {
    t->mails++;
    loop_store_post(t->loop, &m->op.op, on_accepted);
    return;
  }
  if (m) mail_free(m);
  fail_mail(d, rc == E_NOT_FOUND ? "no key signs for its From" : result_text(rc));
}

static void post_mails(struct tls_reporter *t) {
  t->mails = 1; /* until all are posted */
  for (size_t i = 0; i < t->task->count; i++)
    if (t->task->deliveries[i].mail_id && !atomic_load(&t->until_ms)) post_mail(t, &t->task->deliveries[i]);
  if (!--t->mails) record(t);
}

/* --- the pool --- */

static void work(uv_work_t *req) {
  struct tls_reporter *t = req->data;
  const struct config *c = t->loop->gateway->config;
  struct dns_until until = {t->dns, &t->until_ms};
  const struct dns_source dns = dns_until(&until);
  const struct https https = {.dns = &dns,
                              .trust = c->https_trust,
                              .until_ms = &t->until_ms,
                              .may_connect = c->local_next_hops ? NULL : https_global_only};
  t->task->https = &https;
  if (tls_report_task_run(t->task) != OK) t->task->found = false;
  t->task->https = NULL;
}

static void worked(uv_work_t *req, int status) {
  struct tls_reporter *t = req->data;
  bool stops = atomic_load(&t->until_ms); /* what was cut short by us is no failure of theirs */
  if (status == 0 && t->task->found && (!stops || t->task->count)) {
    post_mails(t);
    return;
  }
  if (t->asked_day < 0 || status != 0) t->poll_ms = clock_monotonic_ms() + POLL_MS;
  if (t->asked_day == t->task->first_day) t->asked_day = -1; /* another may have been asked for meanwhile */
  end(t);
}

/* --- when --- */

/* The day before, once its moment has come, and one more, whose reports may still be tried again. What is older, for
 * reports were not sent then, nobody expects any more. */
static void choose_days(const struct tls_reporter *t, struct tls_report_task *task) {
  int64_t day = tls_day(task->now_us) - 1;
  bool come = tls_report_moment(day, t->by.hostname) <= task->now_us;
  task->first_day = t->asked_day >= 0 ? t->asked_day : day - 1;
  task->last_day = t->asked_day >= 0 ? t->asked_day : come ? day : day - 1;
}

/* Reports that nobody would take are not made. */
static bool can_sign(struct tls_reporter *t) {
  char domain[DOMAIN_MAX + 1];
  const struct domain *found;
  const struct signing_key *keys[SIGNER_KEYS_MAX];
  bool can = signing_domain(bytes_of(t->by.from), domain) == OK &&
             signing_keys(t->loop->directory, domain, STREAM_TRANSACTIONAL, &found, keys) > 0;
  if (!can && !t->no_key)
    log_event(LOG_WARN_, NULL, "tls reports are not sent", "from", t->by.from, "reason",
              "no key signs for its domain (sendoff domain add)", NULL);
  t->no_key = !can;
  return can;
}

static void begin(struct tls_reporter *t) {
  if (t->task || atomic_load(&t->until_ms) || clock_monotonic_ms() < t->poll_ms) return;
  if (!*t->by.from || !can_sign(t)) return;
  t->task = calloc(1, sizeof *t->task);
  if (!t->task) return;
  t->task->reader = t->reader;
  t->task->by = &t->by;
  t->task->now_us = clock_now_us();
  choose_days(t, t->task);
  if (uv_queue_work(&t->loop->uv, &t->work, work, worked) == 0) return;
  free(t->task);
  t->task = NULL;
}

void tls_reporter_tick(struct tls_reporter *t) {
  begin(t);
}

void tls_reporter_send(struct tls_reporter *t, int64_t day) {
  if (day >= tls_day(clock_now_us())) return;
  t->asked_day = day;
  t->poll_ms = 0;
  begin(t);
}

/* --- life --- */

int tls_reporter_new(struct loop *loop, const struct dns_source *dns, struct tls_reporter **out, struct reason *why) {
  struct tls_reporter *t = *out = calloc(1, sizeof *t);
  if (!t) return fail(why, E_MEMORY, "out of memory");
  t->loop = loop;
  t->dns = *dns;
  t->work.data = t;
  t->asked_day = -1;
  tls_report_sender_of(loop->gateway->config, &t->by);
  int rc = reader_open(loop->gateway->config->data_dir, &t->reader, why);
  if (rc != OK) tls_reporter_free(out);
  return rc;
}

void tls_reporter_stop(struct tls_reporter *t, void (*stopped)(void *arg), void *arg) {
  t->stopped = stopped;
  t->arg = arg;
  atomic_store(&t->until_ms, clock_monotonic_ms() + STOP_MS);
  if (t->task) return; /* end() says so */
  t->stopped = NULL;
  stopped(arg);
}

void tls_reporter_free(struct tls_reporter **at) {
  struct tls_reporter *t = *at;
  *at = NULL;
  if (!t) return;
  if (t->task) tls_report_task_clear(t->task);
  free(t->task);
  if (t->reader) reader_close(&t->reader);
  free(t);
}
