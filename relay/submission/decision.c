#include "relay/submission/decision.h"

#include "relay/submission/facts.h"
#include "relay/submission/facts_gather.h"

#include <stdio.h>
#include <string.h>

/* What a check would have refused, were it enforced, is in the log with the message: once for each check. */
static void take_notes(struct transaction *tx, const char *notes) {
  size_t at = strlen(tx->notes);
  if (!*notes) return;
  int n = snprintf(tx->notes + at, sizeof tx->notes - at, "%s%s", at ? "; " : "", notes);
  if (n < 0 || (size_t)n >= sizeof tx->notes - at) tx->notes[at] = '\0';
}

/* What was found stays with the message, when the facts have gone; not of a recipient that is not in it. */
static void take_findings(struct transaction *tx, const struct verdict *v) {
  if (v->action != ACTION_ACCEPT) return;
  policy_record_add(&tx->record, &v->record);
  take_notes(tx, v->notes);
}

/* A row of the table has a stage that cannot have, or wait for, its facts. */
static int cannot_decide(struct refusal *why) {
  *why = (struct refusal){0};
  return refuse(why, 451, "4.3.0", RULE_LOCAL, "the gateway cannot decide it; try again later");
}

/* --- at once --- */

/* Of the account alone: there may be no transaction. */
static void decide_session(const struct session *s, struct verdict *v) {
  struct facts f;
  facts_of_session(s, &f);
  policy_decide(&f, STAGE_SESSION, v);
}

static void decide_at_hand(struct session *s, enum stage stage, struct verdict *v) {
  facts_begin_stage(s->tx);
  policy_decide(&s->tx->facts, stage, v);
  while (v->action == ACTION_GATHER && facts_at_hand(v->missing)) {
    facts_gather(s, v->missing, NULL);
    policy_decide(&s->tx->facts, stage, v);
  }
}

int decide_now(struct session *s, enum stage stage, struct refusal *why) {
  struct verdict v;
  if (stage == STAGE_SESSION)
    decide_session(s, &v);
  else
    decide_at_hand(s, stage, &v);
  if (v.action == ACTION_GATHER) return cannot_decide(why);
  if (s->tx) take_findings(s->tx, &v);
  if (v.action == ACTION_REFUSE) *why = v.refusal;
  return v.action == ACTION_REFUSE ? E_DENIED : OK;
}

/* --- now or later --- */

/* As far as the facts go; when the ones that it waits for are there, again. False: nothing is decided yet. The verdict
 * may end the transaction. */
static bool run(struct session *s) {
  struct transaction *tx = s->tx;
  struct verdict v;
  policy_decide(&tx->facts, tx->stage, &v);
  while (v.action == ACTION_GATHER && facts_can_gather(v.missing)) {
    if (!facts_gather(s, v.missing, run)) return false;
    policy_decide(&tx->facts, tx->stage, &v);
  }
  if (v.action == ACTION_GATHER) {
    v.action = ACTION_REFUSE;
    cannot_decide(&v.refusal);
  }
  take_findings(tx, &v);
  tx->decided(s, &v);
  return true;
}

void decide(struct session *s, enum stage stage, void (*done)(struct session *s, const struct verdict *v)) {
  s->tx->stage = stage;
  s->tx->decided = done;
  facts_begin_stage(s->tx);
  run(s);
}
