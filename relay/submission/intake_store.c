/* The end of the way in: the exact decision, the commit, the reply, and the hand-over to delivery. */
#include "base/log.h"
#include "base/mail/event_notes.h"
#include "policy/source_use.h"
#include "relay/delivery/delivery.h"
#include "relay/submission/decision.h"
#include "relay/submission/facts.h"
#include "relay/submission/intake_parts.h"
#include "relay/submission/reply.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct intake *intake_of(struct store_op *op) {
  return (struct intake *)((char *)op - offsetof(struct intake, accept.op));
}

/* Puts those that were kept first; returns how many. */
static size_t keep_first(struct recipient *recipients, const bool *covered, size_t count) {
  size_t kept = 0;
  for (size_t n = 0; n < count; n++) {
    if (recipients[n].dropped || (covered && covered[n])) continue;
    struct recipient r = recipients[kept];
    recipients[kept++] = recipients[n];
    recipients[n] = r;
  }
  return kept;
}

static void hand_over(struct intake *i) {
  const struct new_message *m = &i->accept.message;
  bool in_file = m->envelope.flags & MESSAGE_IN_FILE;
  struct content *content = in_file ? NULL : content_new(&i->prefix, &i->body);
  size_t count = m->recipient_count;
  count = keep_first(i->recipients, i->accept.covered, count);
  delivery_accept(i->loop->gateway, &m->envelope, m->recipients, count, content, m->not_before_us);
  if (content) content_release(&content);
}

/* The application gets what it missed: the answer to the first. */
static void answer_duplicate(struct intake *i) {
  char first[ID_TEXT];
  id_format(i->accept.duplicate_of, first);
  log_event(LOG_INFO_, i->session->id, "duplicate", "message", first, "account", i->session->account, "from",
            i->reverse_path, "to", i->log_to, NULL);
  reply(i->session, 250, "2.0.0", "accepted as %s", first);
}

static void log_warnings(const struct intake *i) {
  for (size_t n = 0; n < i->accept.warning_count; n++) {
    const struct store_warning *w = &i->accept.warnings[n];
    char percent[16];
    snprintf(percent, sizeof percent, "%u", w->warning.percent);
    log_event(LOG_WARN_, i->session->id, "a limit is almost used up", "of", usage_scope_label(w->scope), "limit",
              w->warning.limit->text, "percent", percent, NULL);
  }
}

/* What is put off says until when, and why: when the queue has it, which is never after its own deadline (RFC 2852). */
static void reply_put_off(struct session *s, const struct intake *i, int64_t until_us, const char *why) {
  char when[40], span[40];
  clock_format_iso(until_us, when, sizeof when);
  clock_format_span(until_us - clock_now_us(), span, sizeof span);
  reply(s, 250, "2.0.0", "accepted as %s; leaves %s (in %s), %s", i->id_text, when, span, why);
}

static void reply_accepted(struct session *s, const struct intake *i) {
  const struct limit_verdict *v = &i->accept.limit;
  const struct store_brake *b = &i->accept.brake;
  int64_t until_us = i->accept.message.not_before_us; /* what it asked for itself (RFC 4865) may be later than ours */
  char at[LIMIT_TEXT + 8];
  if (b->held) {
    reply(s, 250, "2.0.0", "accepted as %s; held for the operator's review", i->id_text);
  } else if (i->accept.nothing_kept) {
    reply(s, 250, "2.0.0", "accepted as %s", i->id_text);
  } else if (b->slowed_until_us > v->not_before_us && b->slowed_until_us >= until_us) {
    reply_put_off(s, i, until_us, "slowed by the brake");
  } else if (v->not_before_us && v->rule && v->not_before_us >= until_us) {
    snprintf(at, sizeof at, "at %s", v->rule->text);
    reply_put_off(s, i, until_us, at);
  } else if (i->accept.message.envelope.flags & MESSAGE_SANDBOX) {
    reply(s, 250, "2.0.0", "accepted as %s; sandbox: it is not sent", i->id_text);
  } else {
    reply(s, 250, "2.0.0", "accepted as %s", i->id_text);
  }
}

/* A step of the brake is for the operator: also in the gateway's own log. */
static void log_brake(const struct intake *i) {
  const struct store_brake *b = &i->accept.brake;
  if (!b->said) return;
  log_event(LOG_WARN_, i->session->id, "the brake", "account", i->account, "step", brake_step_name(b->status.step),
            "reason", b->text, NULL);
}

static void answer_kept(struct intake *i) {
  struct session *s = i->session;
  s->accepted++;
  log_warnings(i);
  log_brake(i);
  log_event(LOG_INFO_, s->id, "accepted", "message", i->id_text, "account", s->account, "from", i->reverse_path, "to",
            i->log_to, *i->repairs ? "repaired" : NULL, i->repairs, NULL);
  reply_accepted(s, i);
}

/* What the store decided, or could not do. */
static void answer_refused(struct intake *i) {
  struct session *s = i->session;
  const struct store_accept *a = &i->accept;
  struct refusal why = {0};
  if (a->op.result != E_LIMIT && a->op.result != E_DENIED)
    log_event(LOG_ERROR_, s->id, "cannot store a message", "reason", a->op.why.text, NULL);
  if (session_is_closed(s)) return;
  facts_of_commit(s->tx, a);
  decide_now(s, STAGE_STORE, &why);
  intake_reply_refusal(i, s, &why);
}

static void answer_stored(struct intake *i) {
  const struct store_op *op = &i->accept.op;
  if (op->result == OK && i->accept.duplicate_of)
    answer_duplicate(i);
  else if (op->result == OK)
    answer_kept(i);
  else
    answer_refused(i);
}

static void stored(struct store_op *op) {
  struct intake *i = intake_of(op);
  struct session *s = i->session;
  answer_stored(i); /* also to a session that closed meanwhile: reply() then says nothing */
  intake_leave_session(i);
  if (op->result == OK && !i->accept.duplicate_of && !i->accept.nothing_kept && !i->accept.message.hold_reason)
    hand_over(i);
  intake_release(i);
  if (!session_is_closed(s)) session_resume(s);
  session_unhold(s);
}

/* RFC 6531 3.4: SMTPUTF8 is needed further on only where there is something beyond ASCII; an address knows it of
 * itself. */
static unsigned flags_of(const struct intake *i) {
  const struct transaction *tx = i->session->tx;
  bool optional = i->tls_optional && !(tx->said.flags & MESSAGE_REQUIRE_TLS); /* RFC 8689 3: which goes before it */
  bool only = source_use_is_bound(&tx->facts, &tx->sources);
  return tx->said.flags | (optional ? MESSAGE_TLS_OPTIONAL : 0u) | (only ? MESSAGE_SOURCES_ONLY : 0u) |
         (source_use_rests_on_spf(&tx->facts) ? MESSAGE_RESTS_ON_SPF : 0u) | (i->sandbox ? MESSAGE_SANDBOX : 0u) |
         (i->stream == STREAM_BULK ? MESSAGE_BULK : 0u) | (i->eight_bit ? MESSAGE_8BIT : 0u) |
         (i->utf8 ? MESSAGE_UTF8 : 0u) | (i->spool ? MESSAGE_IN_FILE : 0u);
}

static bool copy_envelope(struct intake *i) {
  struct transaction *tx = i->session->tx;
  struct envelope *m = &i->accept.message.envelope;
  const struct config *c = i->submission->config;
  i->reverse_path = strdup(tx->reverse_path);
  i->sources = strdup(tx->sources.preferred);
  i->recipients = calloc(tx->recipient_count, sizeof *i->recipients);
  if (!i->reverse_path || !i->sources || !i->recipients) return false;
  for (size_t n = 0; n < tx->recipient_count; n++) {
    i->recipients[n] = tx->recipients[n]; /* they are the intake's now */
    i->recipients[n].id = id_new();
  }
  i->accept.message.recipients = i->recipients;
  i->accept.message.recipient_count = tx->recipient_count;
  tx->recipient_count = 0;
  bytes_copy(bytes_of(i->owner->name), i->account, sizeof i->account);
  bytes_copy(bytes_of(account_pool(i->owner, i->stream)), i->pool, sizeof i->pool);
  bytes_copy(bytes_of(tx->envid), i->envid, sizeof i->envid);
  int64_t now = clock_now_us(), hold = i->accept.message.not_before_us = tx->said.hold_until_us; /* RFC 4865 */
  *m = (struct envelope){.id = i->id,
                         .account = i->account,
                         .pool = i->pool,
                         .sources = i->sources,
                         .reverse_path = i->reverse_path,
                         .envid = i->envid,
                         .flags = flags_of(i),
                         .priority = tx->said.priority,
                         .size = i->prefix.len + (i->spool ? spool_writer_octets(i->spool) : i->body.len),
                         .created_us = now,
                         .expires_us = (hold ? hold : now) + c->expire_us,
                         .deliver_by_us = tx->said.deliver_by_us};
  int64_t first = hold ? hold : now + DELIVERY_GRACE_US, deadline = envelope_deadline(m);
  i->accept.message.first_attempt_us = first < deadline ? first : deadline;
  return true;
}

/* What its event keeps of the decision: what checks had noted, who signed, and what SPF and DMARC said. */
static void note_decision(struct intake *i) {
  const struct transaction *tx = i->session->tx;
  const struct spf_verdict *spf = tx->facts.known & FACT_SPF ? &tx->sources.best : NULL;
  const struct dmarc_prediction *dmarc = tx->facts.known & FACT_DMARC ? tx->facts.dmarc : NULL;
  char why[161];
  snprintf(i->notes, sizeof i->notes, "%s%s%s", tx->notes, *tx->notes && *i->signatures ? "; " : "", i->signatures);
  if (spf) event_notes_add(i->notes, sizeof i->notes, NOTE_SPF, spf_result_name(spf->result));
  bytes_copy(bytes_of(spf ? spf->why : ""), why, sizeof why);
  if (*why) event_notes_add(i->notes, sizeof i->notes, NOTE_SPF_WHY, why);
  if (dmarc) event_notes_add(i->notes, sizeof i->notes, NOTE_DMARC, dmarc_result_name(dmarc->now.result));
}

static void describe(struct intake *i) {
  const struct new_message *m = &i->accept.message;
  char held[64] = "", until[40];
  if (m->not_before_us) {
    clock_format_minute(m->not_before_us, until, sizeof until);
    snprintf(held, sizeof held, ", held until %s", until);
  }
  snprintf(i->log_text, sizeof i->log_text, "%llu octets, %zu recipient%s%s%s%s%s%s",
           (unsigned long long)m->envelope.size, m->recipient_count, m->recipient_count == 1 ? "" : "s",
           i->signer ? "" : ", not signed: no key for ", i->signer ? "" : i->session->tx->author, held,
           *i->repairs ? "; repaired: " : "", i->repairs);
  note_decision(i);
  numbers_add(i->numbers, NUMBER_OCTETS, (int64_t)m->envelope.size);
  numbers_add(i->numbers, NUMBER_RECIPIENTS, (int64_t)m->recipient_count);
  struct tls_facts facts = stream_tls_facts(i->session->stream);
  tls_facts_add(i->numbers, &facts);
  i->accept.accepted = (struct event){.account = i->account,
                                      .from = i->reverse_path,
                                      .domain = i->owners.domain && !i->sandbox ? i->owners.domain->name : "",
                                      .to = i->log_to,
                                      .code = 250,
                                      .enhanced = "2.0.0",
                                      .text = i->log_text,
                                      .verdict = i->notes,
                                      .numbers = i->numbers,
                                      .stream = i->stream,
                                      .host = i->session->peer,
                                      .subject = i->subject,
                                      .header_id = i->message_id};
}

/* A message whose Message-ID is ours cannot be told from another one with the same text. */
static int make_key(struct intake *i) {
  struct store_accept *a = &i->accept;
  if (!i->idempotency || i->own_message_id) return OK;
  a->key = &i->key;
  struct idempotency_parts parts = {.account_id = i->owner->id,
                                    .reverse_path = i->reverse_path,
                                    .parameters = i->session->tx->parameters,
                                    .message_id = i->message_id,
                                    .sandbox = i->sandbox,
                                    .recipients = a->message.recipients,
                                    .recipient_count = a->message.recipient_count};
  return idempotency_finish(i->idempotency, &parts, &i->key);
}

/* Its limits, and its domain's and the gateway's, as they are now: MAIL may be long ago. */
static void take_owners(struct intake *i) {
  const struct transaction *tx = i->session->tx;
  const struct directory *now = i->current = directory_hold(i->loop->directory);
  const struct account *account = directory_account_by_id(now, i->owner->id);
  i->owners = tx->owners;
  i->owners.observe = !policy_enforces(&tx->facts, "limits");
  i->owners.sandbox = i->sandbox = i->owner->sandbox || (account && account->sandbox);
  if (!account) return; /* the store knows, too */
  i->owners.directory = now;
  i->owners.account = account;
  i->owners.domain = *tx->author ? directory_domain(now, tx->author, true) : NULL;
}

void intake_store(struct intake *i) {
  struct store_accept *a = &i->accept;
  store_accept_init(a);
  take_owners(i);
  if (!copy_envelope(i) || make_key(i) != OK) {
    intake_refuse_memory(i);
    intake_answer_refusal(i);
    return;
  }
  a->message.prefix = buffer_bytes(&i->prefix);
  a->message.content = buffer_bytes(&i->body);
  a->count_usage = true;
  a->scope_count = usage_scopes_of(&i->owners, a->scopes);
  a->brake.mode = policy_mode(&i->session->tx->facts, "brake");
  a->brake.network = brake_network_key(session_client(i->session));
  describe(i);
  i->phase = INTAKE_STORING;
  session_hold(i->session);
  session_wait(i->session, WAIT_STORE);
  loop_store_post(i->loop, &a->op, stored);
}
