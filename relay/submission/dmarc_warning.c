#include "relay/submission/dmarc_warning.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "store/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOMAINS_MAX 2000 /* warned of today; beyond, a loop may write a domain's line again */
#define DAY_US (86400 * SECOND_US)

struct warned {
  UT_hash_handle hh;
  char domain[];
};

struct dmarc_warnings {
  int64_t day;
  struct warned *domains;
};

int dmarc_warnings_new(struct dmarc_warnings **out) {
  *out = calloc(1, sizeof **out);
  return *out ? OK : E_MEMORY;
}

static void forget(struct dmarc_warnings *w) {
  struct warned *d, *next;
  HASH_ITER(hh, w->domains, d, next) {
    HASH_DEL(w->domains, d);
    free(d);
  }
}

void dmarc_warnings_free(struct dmarc_warnings **at) {
  struct dmarc_warnings *w = *at;
  *at = NULL;
  if (w) forget(w);
  free(w);
}

/* The first time today, as far as this loop knows. */
static bool is_due(struct dmarc_warnings *w, const char *domain, int64_t day) {
  struct warned *d;
  size_t size = strlen(domain) + 1;
  if (w->day != day || HASH_COUNT(w->domains) >= DOMAINS_MAX) forget(w);
  w->day = day;
  HASH_FIND_STR(w->domains, domain, d);
  d = d ? NULL : calloc(1, sizeof *d + size);
  if (!d) return false;
  memcpy(d->domain, domain, size);
  HASH_ADD_STR(w->domains, domain, d);
  if (d->hh.tbl) return true;
  free(d);
  return false;
}

/* Its texts live in it. */
struct note {
  struct store_note store;
  char account[65], from[ADDRESS_MAX + 1], text[REFUSAL_TEXT], ref[REF_LENGTH + 1];
};

static void noted(struct store_op *op) {
  if (op->result != OK) log_event(LOG_ERROR_, NULL, "cannot log a warning", "reason", op->why.text, NULL);
  free(op);
}

/* Loops, and runs of the gateway, share a domain's line of a day: it has the same reference. */
static void post(struct session *s, const struct refusal *r, int64_t day) {
  struct note *n = calloc(1, sizeof *n);
  char of[DOMAIN_MAX + 40];
  if (!n) return;
  store_note_init(&n->store);
  snprintf(of, sizeof of, "dmarc %s %lld", s->tx->author, (long long)day);
  ref_of(of, n->ref);
  bytes_copy(bytes_of(s->account), n->account, sizeof n->account);
  bytes_copy(bytes_of(s->tx->reverse_path), n->from, sizeof n->from);
  bytes_copy(bytes_of(r->text), n->text, sizeof n->text);
  n->store.event = (struct event){.kind = EVENT_WARNED,
                                  .account = n->account,
                                  .from = n->from,
                                  .rule = RULE_DMARC,
                                  .text = n->text,
                                  .ref = n->ref,
                                  .count = 1};
  log_event(LOG_WARN_, s->id, "mail would fail DMARC", "domain", s->tx->author, "reason", r->text, NULL);
  loop_store_post(s->loop, &n->store.op, noted);
}

void dmarc_warn(struct session *s) {
  const struct facts *f = &s->tx->facts;
  const struct finding found = {.rule = RULE_DMARC};
  struct refusal r = {0};
  int64_t day = clock_now_us() / DAY_US;
  bool fails = f->dmarc && (f->dmarc->now.result == DMARC_FAIL || f->dmarc->old.result == DMARC_FAIL);
  if (!fails || policy_mode(f, "dmarc") != CHECK_OBSERVE) return;
  if (!is_due(s->submission->dmarc_warnings, s->tx->author, day)) return;
  policy_word(f, &found, &r);
  post(s, &r, day);
}
