#include "relay/submission/facts_gather.h"

#include "base/clock.h"
#include "store/write.h"

#include <stddef.h>
#include <stdlib.h>

#define AT_HAND (FACT_USAGE | FACT_ROOM | FACT_BRAKE)
#define CHANGES (AT_HAND | FACT_SUPPRESSION) /* from one stage, or recipient, to the next */

void facts_begin_stage(struct transaction *tx) {
  tx->facts.now_us = clock_now_us();
  tx->facts.known &= ~(unsigned)CHANGES;
}

bool facts_at_hand(unsigned missing) {
  return !(missing & ~(unsigned)AT_HAND);
}

bool facts_can_gather(unsigned missing) {
  return !(missing & ~(unsigned)(AT_HAND | FACT_SPF | FACT_DMARC | FACT_SUPPRESSION));
}

/* --- what the store has in memory --- */

/* Of those that have no limit, nothing need be known. */
static void gather_usage(struct session *s) {
  struct transaction *tx = s->tx;
  struct usage_scope all[USAGE_SCOPES_MAX];
  size_t count = usage_scopes_of(&tx->owners, all), n = 0;
  for (size_t i = 0; i < count; i++) {
    if (!all[i].limit_count) continue;
    tx->scopes[n] = all[i];
    tx->usage[n] = &tx->usages[n];
    store_usage(s->loop->gateway->store, &all[i], tx->usage[n++]);
  }
  tx->facts.scopes = tx->scopes;
  tx->facts.usage = tx->usage;
  tx->facts.scope_count = n;
  tx->facts.known |= FACT_USAGE;
}

static void gather_room(struct session *s) {
  struct transaction *tx = s->tx;
  tx->facts.room = store_takes_mail(s->loop->gateway->store, tx->facts.room_octets, &tx->room_why);
  tx->facts.room_why = tx->room_why.text;
  tx->facts.known |= FACT_ROOM;
}

static void gather_brake(struct session *s) {
  struct transaction *tx = s->tx;
  store_brake(s->loop->gateway->store, tx->account->name, &tx->brake);
  tx->facts.brake = &tx->brake;
  tx->facts.known |= FACT_BRAKE;
}

/* --- what may have to be waited for --- */

/* What came while it was being asked for is known at once: whoever asked goes on. Else another fact may be awaited now,
 * or, with the verdict, something else; and the verdict may have ended the transaction, and the session. */
static void go_on(struct session *s) {
  if (s->tx->gathering) return;
  if (s->tx->gathered(s) && s->waiting == WAIT_FACTS && !session_is_closed(s)) session_resume(s);
}

static void spf_known(struct spf_wait *w, const struct source_rank *r) {
  struct session *s = (struct session *)((char *)w - offsetof(struct session, spf_wait));
  struct transaction *tx = s->tx;
  tx->sources = *r;
  tx->facts.spf = &tx->sources.best;
  tx->facts.known |= FACT_SPF;
  go_on(s);
}

static bool gather_spf(struct session *s) {
  struct transaction *tx = s->tx;
  const struct spf_question q = {tx->directory, tx->pool, tx->reverse_path, s->account_id};
  s->spf_wait.done = spf_known;
  return spf_gate_ask(s->submission->spf_gate, &q, &s->spf_wait);
}

static void dmarc_known(struct dmarc_wait *w, const struct dmarc_prediction *p) {
  struct session *s = (struct session *)((char *)w - offsetof(struct session, dmarc_wait));
  struct transaction *tx = s->tx;
  if (!tx->dmarc) tx->dmarc = p ? malloc(sizeof *p) : NULL;
  if (p && tx->dmarc) *tx->dmarc = *p;
  tx->facts.dmarc = p ? tx->dmarc : NULL;
  tx->facts.known |= FACT_DMARC;
  go_on(s);
}

static bool dmarc_decides(const struct facts *f) {
  return policy_enforces(f, "dmarc") || (f->stream == STREAM_BULK && policy_enforces(f, "bulk-rules"));
}

/* What DKIM alone decides is known without it. */
static const struct spf_verdict spf_unasked = {.result = SPF_TEMPERROR, .why = "it is not checked for this mail"};

/* Where it is only observed, nobody waits for it: the next message finds it known. */
static bool gather_dmarc(struct session *s) {
  struct transaction *tx = s->tx;
  bool enforced = dmarc_decides(&tx->facts);
  struct dmarc_question q = {.directory = tx->directory,
                             .account = s->account_id,
                             .author = tx->author,
                             .stream = tx->facts.stream,
                             .spf = &tx->sources.best,
                             .wait = enforced};
  s->dmarc_wait.done = dmarc_known;
  if (!(tx->facts.known & FACT_SPF)) { /* SPF is off, so it was not asked before */
    if (enforced) return gather_spf(s);
    q.spf = &spf_unasked;
  }
  return dmarc_gate_ask(s->submission->dmarc_gate, &q, &s->dmarc_wait);
}

/* A recipient whose entry is looked up; it holds the session. */
struct suppression_lookup {
  struct store_suppression_find find;
  struct session *session;
};

static void suppression_known(struct transaction *tx, int rc, const struct suppression *found) {
  tx->facts.suppression_failed = rc;
  tx->facts.suppression = found;
  tx->facts.known |= FACT_SUPPRESSION;
}

/* The entry's texts go over to the transaction. */
static void take_suppression(struct transaction *tx, struct store_suppression_find *find) {
  free(tx->suppression_text);
  tx->suppression_text = find->text;
  find->text = NULL;
  tx->suppression = find->entry;
}

/* Where the store cannot say, nobody is refused for it: it will not take the message, either. */
static void found_suppression(struct store_op *op) {
  struct suppression_lookup *l =
      (struct suppression_lookup *)((char *)op - offsetof(struct suppression_lookup, find.op));
  struct session *s = l->session;
  bool found = op->result == OK && l->find.found;
  if (!session_is_closed(s)) {
    take_suppression(s->tx, &l->find);
    suppression_known(s->tx, op->result, found ? &s->tx->suppression : NULL);
    go_on(s);
  }
  free(l->find.text);
  free(l);
  session_unhold(s);
}

static bool gather_suppression(struct session *s) {
  struct transaction *tx = s->tx;
  struct store *store = s->loop->gateway->store;
  const char *account = tx->account->name, *address = tx->pending.address;
  if (tx->facts.simulated == SIMULATED_SUPPRESSED) {
    suppression_known(tx, OK, &simulator_suppression);
    return true;
  }
  if (!store_maybe_suppressed(store, account, address)) {
    suppression_known(tx, OK, NULL);
    return true;
  }
  struct suppression_lookup *l = calloc(1, sizeof *l);
  if (!l || store_suppression_find_init(&l->find, account, address) != OK) {
    free(l);
    suppression_known(tx, E_MEMORY, NULL);
    return true;
  }
  l->session = s;
  session_hold(s);
  loop_store_post(s->loop, &l->find.op, found_suppression);
  return false;
}

/* --- all of it --- */

/* One at a time is waited for. */
static bool gather(struct session *s, unsigned missing) {
  if (missing & FACT_USAGE) gather_usage(s);
  if (missing & FACT_ROOM) gather_room(s);
  if (missing & FACT_BRAKE) gather_brake(s);
  if (missing & FACT_SPF && !gather_spf(s)) return false;
  if (missing & FACT_DMARC && !gather_dmarc(s)) return false;
  return !(missing & FACT_SUPPRESSION) || gather_suppression(s);
}

bool facts_gather(struct session *s, unsigned missing, bool (*known)(struct session *s)) {
  s->tx->gathered = known;
  s->tx->gathering = true;
  bool all = gather(s, missing);
  s->tx->gathering = false;
  if (!all) session_wait(s, WAIT_FACTS);
  return all;
}
