#include "relay/submission/decision.h"

#include "base/clock.h"
#include "relay/submission/auth/login.h"
#include "store/write.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHANGES                                                                                                        \
  (FACT_USAGE | FACT_ROOM | FACT_SUPPRESSION | FACT_BRAKE) /* from one stage, or recipient, to the next                \
                                                            */
#define AT_ONCE (FACT_USAGE | FACT_ROOM | FACT_BRAKE)

void decision_facts(const struct session *s, struct facts *out) {
  const struct account *a = session_account(s);
  out->now_us = clock_now_us();
  out->directory = s->loop->directory;
  out->account = a;
  out->account_name = s->account;
  out->standing = !a ? STANDING_GONE : a->suspended ? STANDING_SUSPENDED : STANDING_GOOD;
  out->suspend_reason = a ? a->suspend_reason : "";
  out->login_holds = a && login_holds(s, a);
}

/* --- gathering --- */

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

static void run(struct session *s);

static void spf_known(struct spf_wait *w, const struct source_rank *r) {
  struct session *s = (struct session *)((char *)w - offsetof(struct session, spf_wait));
  struct transaction *tx = s->tx;
  tx->sources = *r;
  tx->facts.spf = &tx->sources.best;
  tx->facts.known |= FACT_SPF;
  if (tx->gathering) return; /* at once: whoever asked goes on */
  run(s);
  if (s->waiting == WAIT_FACTS) session_resume(s); /* else it waits for something else by now */
}

/* True: it is known now. False: it will be. */
static bool gather_spf(struct session *s) {
  struct transaction *tx = s->tx;
  s->spf_wait.done = spf_known;
  if (spf_gate_ask(s->submission->spf_gate, tx->directory, tx->pool, tx->reverse_path, &s->spf_wait)) return true;
  session_wait(s, WAIT_FACTS);
  return false;
}

static void dmarc_known(struct dmarc_wait *w, const struct dmarc_prediction *p) {
  struct session *s = (struct session *)((char *)w - offsetof(struct session, dmarc_wait));
  struct transaction *tx = s->tx;
  if (!tx->dmarc) tx->dmarc = p ? malloc(sizeof *p) : NULL;
  if (p && tx->dmarc) *tx->dmarc = *p;
  tx->facts.dmarc = p ? tx->dmarc : NULL;
  tx->facts.known |= FACT_DMARC;
  if (tx->gathering) return; /* at once: whoever asked goes on */
  run(s);
  if (s->waiting == WAIT_FACTS) session_resume(s);
}

static bool dmarc_decides(const struct facts *f) {
  return policy_enforces(f, "dmarc") || (f->stream == STREAM_BULK && policy_enforces(f, "bulk-rules"));
}

/* Where it is only observed, nobody waits for it: the next message finds it known. */
static bool gather_dmarc(struct session *s) {
  struct transaction *tx = s->tx;
  bool enforced = dmarc_decides(&tx->facts);
  const struct dmarc_question q = {tx->directory, tx->author, tx->facts.stream, &tx->sources.best, enforced};
  s->dmarc_wait.done = dmarc_known;
  if (!(tx->facts.known & FACT_SPF)) { /* SPF is off, so it was not asked before */
    if (enforced) return gather_spf(s);
    dmarc_known(&s->dmarc_wait, NULL);
    return true;
  }
  if (dmarc_gate_ask(s->submission->dmarc_gate, &q, &s->dmarc_wait)) return true;
  session_wait(s, WAIT_FACTS);
  return false;
}

/* A recipient whose entry is looked up; it holds the session. */
struct suppression_lookup {
  struct store_suppression_find find;
  struct session *session;
};

static void suppression_known(struct transaction *tx, const struct suppression *found) {
  tx->facts.suppression = found;
  tx->facts.known |= FACT_SUPPRESSION;
}

/* Where the store cannot say, nobody is refused for it: it will not take the message, either. */
static void found_suppression(struct store_op *op) {
  struct suppression_lookup *l =
      (struct suppression_lookup *)((char *)op - offsetof(struct suppression_lookup, find.op));
  struct session *s = l->session;
  bool found = op->result == OK && l->find.found;
  if (!session_is_closed(s)) {
    struct transaction *tx = s->tx;
    free(tx->suppression_text);
    tx->suppression_text = l->find.text;
    l->find.text = NULL;
    tx->suppression = l->find.entry;
    suppression_known(tx, found ? &tx->suppression : NULL);
    run(s);
    if (s->waiting == WAIT_FACTS) session_resume(s);
  }
  free(l->find.text);
  free(l);
  session_unhold(s);
}

static bool gather_suppression(struct session *s) {
  struct transaction *tx = s->tx;
  struct store *store = s->loop->gateway->store;
  const char *account = tx->account->name, *address = tx->pending.address;
  struct suppression_lookup *l = NULL;
  if (store_maybe_suppressed(store, account, address)) l = calloc(1, sizeof *l);
  if (!l || store_suppression_find_init(&l->find, account, address) != OK) {
    free(l);
    suppression_known(tx, NULL);
    return true;
  }
  l->session = s;
  session_hold(s);
  session_wait(s, WAIT_FACTS);
  loop_store_post(s->loop, &l->find.op, found_suppression);
  return false;
}

static bool gather_parts(struct session *s, unsigned missing) {
  if (missing & FACT_USAGE) gather_usage(s);
  if (missing & FACT_ROOM) gather_room(s);
  if (missing & FACT_BRAKE) gather_brake(s);
  if (missing & FACT_SPF && !gather_spf(s)) return false;
  if (missing & FACT_DMARC && !gather_dmarc(s)) return false;
  return !(missing & FACT_SUPPRESSION) || gather_suppression(s);
}

/* True: all of it is known now. False: the rest will be, and run() goes on then. */
static bool gather(struct session *s, unsigned missing) {
  s->tx->gathering = true;
  bool known = gather_parts(s, missing);
  s->tx->gathering = false;
  return known;
}

/* --- deciding --- */

/* What was found stays with the message, when the facts have gone; not of a recipient that is not in it. What a check
 * would have refused, were it enforced, is in the log with it: once for each check. */
static void take_findings(struct transaction *tx, const struct verdict *v) {
  size_t at = strlen(tx->notes);
  if (v->action != ACTION_ACCEPT) return;
  policy_record_add(&tx->record, &v->record);
  if (!*v->notes) return;
  int n = snprintf(tx->notes + at, sizeof tx->notes - at, "%s%s", at ? "; " : "", v->notes);
  if (n < 0 || (size_t)n >= sizeof tx->notes - at) tx->notes[at] = '\0';
}

static void begin(struct transaction *tx) {
  tx->facts.now_us = clock_now_us();
  tx->facts.known &= ~(unsigned)CHANGES;
}

int decide_now(struct session *s, enum stage stage, struct refusal *why) {
  struct facts of_session = {0}, *f = s->tx && stage != STAGE_SESSION ? &s->tx->facts : &of_session;
  struct verdict v;
  if (f == &of_session)
    decision_facts(s, f);
  else
    begin(s->tx);
  if (s->tx) f->before = &s->tx->record;
  for (policy_decide(f, stage, &v); v.action == ACTION_GATHER; policy_decide(f, stage, &v))
    if (v.missing & ~(unsigned)AT_ONCE) /* a row of the table has a stage that cannot wait for its facts */
      return refuse(why, 451, "4.3.0", RULE_LOCAL, "the gateway cannot decide it; try again later");
    else
      gather(s, v.missing);
  if (s->tx) take_findings(s->tx, &v);
  if (v.action == ACTION_REFUSE) *why = v.refusal;
  return v.action == ACTION_REFUSE ? E_DENIED : OK;
}

static void run(struct session *s) {
  struct transaction *tx = s->tx;
  struct verdict v;
  for (policy_decide(&tx->facts, tx->stage, &v); v.action == ACTION_GATHER; policy_decide(&tx->facts, tx->stage, &v))
    if (!gather(s, v.missing)) return;
  take_findings(tx, &v);
  tx->decided(s, &v);
}

void decide(struct session *s, enum stage stage, void (*done)(struct session *s, const struct verdict *v)) {
  s->tx->stage = stage;
  s->tx->decided = done;
  begin(s->tx);
  run(s);
}
