#include "relay/domain/domain_watch.h"

#include "base/address/address.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "relay/domain/check.h"
#include "relay/net/dns_task.h"
#include "store/read.h"
#include "store/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCAN_US (60 * SECOND_US) /* the directory is walked as often, and when it changes */

/* A domain that has been looked at. */
struct looked {
  char domain[DOMAIN_MAX + 1];
  int64_t checked_us;
  UT_hash_handle hh;
};

struct domain_watch {
  struct loop *loop;
  struct dns_task task;
  struct reader *reader; /* the pool's thread's, while a look is under way */
  struct looked *looked;
  int64_t generation, scan_us, due_us;
  struct directory *directory; /* held while a look is under way: it has the */
  const struct domain *domain;
  struct check_report report;
  struct posted *posted; /* on its way into the store */
  bool freed;
};

/* --- when --- */

static struct looked *looked_of(struct domain_watch *w, const char *domain, bool make) {
  struct looked *k;
  HASH_FIND_STR(w->looked, domain, k);
  if (k || !make || !(k = calloc(1, sizeof *k))) return k;
  snprintf(k->domain, sizeof k->domain, "%s", domain);
  HASH_ADD_STR(w->looked, domain, k);
  if (k->hh.tbl) return k;
  free(k);
  return NULL;
}

static bool recall(void *arg, const char *domain, int64_t checked_us) {
  struct looked *k = looked_of(arg, domain, true);
  if (k) k->checked_us = checked_us;
  return k != NULL;
}

static bool is_in_alarm(const struct directory *d, const char *domain) {
  for (size_t i = 0; i < d->domain_alarm_count; i++)
    if (strcmp(d->domain_alarms[i].domain, domain) == 0) return true;
  return false;
}

static int64_t due_of(struct domain_watch *w, const struct domain *d) {
  const struct looked *k = looked_of(w, d->name, false);
  if (!k || k->checked_us < d->created_us) return d->created_us + DOMAIN_WATCH_FIRST_US;
  return k->checked_us + (is_in_alarm(w->loop->directory, d->name) ? DOMAIN_WATCH_AGAIN_US : DOMAIN_WATCH_US);
}

/* The first that is due, and has been for longest; NULL: none is. */
static const struct domain *choose(struct domain_watch *w, int64_t now_us) {
  const struct directory *all = w->loop->directory;
  const struct domain *first = NULL;
  w->due_us = INT64_MAX;
  for (size_t i = 0; i < all->domain_count; i++) {
    int64_t due_us = due_of(w, &all->domains[i]);
    if (due_us >= w->due_us) continue;
    w->due_us = due_us;
    first = &all->domains[i];
  }
  return w->due_us <= now_us ? first : NULL;
}

/* --- the end --- */

static void forget(void *owner) {
  struct domain_watch *w = owner;
  struct looked *k, *next;
  w->freed = true;
  if (w->posted) return; /* on_posted */
  HASH_ITER(hh, w->looked, k, next) {
    HASH_DEL(w->looked, k);
    free(k);
  }
  directory_release(&w->directory);
  if (w->reader) reader_close(&w->reader);
  free(w);
}

void domain_watch_stop(struct domain_watch *w) {
  dns_task_stop(&w->task);
}

void domain_watch_free(struct domain_watch **at) {
  struct domain_watch *w = *at;
  *at = NULL;
  if (w) dns_task_free(&w->task);
}

/* --- into the store --- */

struct posted {
  struct store_domain_notes op; /* first */
  struct domain_watch *owner;
  struct check_report report; /* has the texts */
  struct domain_note notes[CHECK_ENTRIES_MAX];
  enum domain_change changes[CHECK_ENTRIES_MAX];
};

static void say(const struct domain_note *n, enum domain_change change) {
  if (change == DOMAIN_SAME) return;
  log_event(change == DOMAIN_BROKEN     ? LOG_ERROR_
            : change == DOMAIN_REPAIRED ? LOG_INFO_
                                        : LOG_WARN_,
            NULL, "domain record", "domain", n->domain, "kind", n->kind, "name", n->name, "state",
            found_state_name(n->state), "reason", n->text, NULL);
}

static void on_posted(struct store_op *op) {
  struct posted *p = (struct posted *)op;
  struct domain_watch *w = p->owner;
  if (op->result != OK)
    log_event(LOG_WARN_, NULL, "domain not recorded", "domain", p->op.domain, "reason",
              *op->why.text ? op->why.text : result_text(op->result), NULL);
  for (size_t i = 0; op->result == OK && i < p->op.count; i++) say(&p->notes[i], p->changes[i]);
  free(p);
  w->posted = NULL;
  if (w->freed) forget(w);
}

static void post(struct domain_watch *w, int64_t now_us) {
  struct posted *p = calloc(1, sizeof *p);
  if (!p) return; /* a day on */
  p->owner = w;
  p->report = w->report;
  store_domain_notes_init(&p->op);
  p->op.domain = p->report.domain;
  p->op.notes = p->notes;
  p->op.changes = p->changes;
  p->op.count = p->report.count;
  p->op.now_us = now_us;
  for (size_t i = 0; i < p->report.count; i++) {
    const struct check_entry *e = &p->report.entries[i];
    p->notes[i] = (struct domain_note){.domain = p->report.domain,
                                       .kind = record_kind_name(e->kind),
                                       .name = e->name,
                                       .state = e->state,
                                       .text = e->text};
  }
  w->posted = p;
  loop_store_post(w->loop, &p->op.op, on_posted);
}

/* --- the look --- */

static int private_key(void *arg, int64_t key_id, struct buffer *pem, struct reason *why) {
  return reader_private_key(arg, key_id, pem, why);
}

static void run(void *owner, const struct dns_source *dns) {
  struct domain_watch *w = owner;
  const struct config *c = w->loop->gateway->config;
  const struct https https = {.dns = dns,
                              .trust = c->https_trust,
                              .until_ms = &w->task.until_ms,
                              .may_connect = c->local_next_hops ? NULL : https_global_only};
  const struct check_plan plan = {.directory = w->directory,
                                  .domain = w->domain,
                                  .authority = {.dns = dns, .local = c->local_next_hops},
                                  .https = &https,
                                  .private_key = private_key,
                                  .arg = w->reader};
  if (check_domain(&plan, clock_monotonic_ms() + CHECK_MS, &w->report) != OK) w->report.count = 0;
}

static void done(void *owner) {
  struct domain_watch *w = owner;
  int64_t now_us = clock_now_us();
  struct looked *k = looked_of(w, w->domain->name, true);
  if (k) k->checked_us = now_us;
  if (w->report.count) post(w, now_us);
  directory_release(&w->directory);
  w->due_us = 0;
}

int domain_watch_new(struct loop *loop, const struct dns_source *dns, struct domain_watch **out, struct reason *why) {
  struct domain_watch *w = *out = calloc(1, sizeof *w);
  if (!w) return fail(why, E_MEMORY, "out of memory");
  w->loop = loop;
  w->task = (struct dns_task){.loop = loop, .dns = *dns, .run = run, .done = done, .forget = forget, .owner = w};
  int rc = reader_open(loop->gateway->config->data_dir, &w->reader, why);
  if (rc == OK && (rc = reader_domain_checks(w->reader, recall, w)) != OK)
    fail(why, rc, "what is known of domains cannot be read: %s", result_text(rc));
  if (rc != OK) {
    *out = NULL;
    forget(w);
  }
  return rc;
}

void domain_watch_tick(struct domain_watch *w, int64_t now_us) {
  struct directory *all = w->loop->directory;
  if (w->posted || !dns_task_ready(&w->task)) return;
  bool new = all->generation != w->generation || now_us - w->scan_us >= SCAN_US || now_us < w->scan_us;
  if (!new &&now_us < w->due_us) return;
  w->generation = all->generation;
  w->scan_us = now_us;
  w->domain = choose(w, now_us);
  if (!w->domain) return;
  w->directory = directory_hold(all);
  if (!dns_task_start(&w->task)) directory_release(&w->directory);
}
