/* The end of the way in: the exact decision, the commit, the reply, and the hand-over to delivery. */
#include "base/log.h"
#include "relay/delivery/queue/dispatch.h"
#include "relay/submission/intake_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct intake *intake_of(struct store_op *op) {
  return (struct intake *)((char *)op - offsetof(struct intake, accept.op));
}

/* With by-mode R the queue looks at it at its deadline at the latest (RFC 2852 4.1), whatever it waits for. */
static int64_t within_deadline(const struct envelope *m, int64_t moment_us) {
  return m->flags & MESSAGE_BY_RETURN && m->deliver_by_us < moment_us ? m->deliver_by_us : moment_us;
}

/* On the store's writer thread: the exact count. */
static int admit(struct store_accept *accept, struct usage *usage, int64_t now_us) {
  struct intake *i = accept->admit_arg;
  const struct account *a = i->owner;
  i->limit = limits_check(a->limits, a->limit_count, usage, now_us, accept->message.recipient_count,
                          accept->message.envelope.size, true);
  if (i->limit.result != OK) return E_LIMIT;
  int64_t hold = i->hold_until_us;
  i->not_before_us = i->limit.not_before_us > hold ? i->limit.not_before_us : hold;
  /* Then it is not handed over in memory: the queue's reader finds it when it is time. */
  if (i->not_before_us) accept->message.first_attempt_us = within_deadline(&accept->message.envelope, i->not_before_us);
  return OK;
}

static void hand_over(struct intake *i) {
  struct store_accept *a = &i->accept;
  bool in_file = a->message.envelope.flags & MESSAGE_IN_FILE;
  struct content *c = in_file ? NULL : content_new(&i->prefix, &i->body);
  for (size_t n = 0; n < a->message.recipient_count; n++) {
    if (i->recipients[n].id == 0) continue; /* went with an earlier one */
    struct job *j = job_new(&a->message.envelope, i->recipients[n].domain);
    if (!j) break; /* the reader of the queue finds the rows later */
    j->content = c ? content_hold(c) : NULL;
    bool ok = true;
    for (size_t m = n; m < a->message.recipient_count && ok; m++) {
      struct recipient *r = &i->recipients[m];
      if (r->id == 0 || strcmp(r->domain, j->domain) != 0) continue;
      struct queued_recipient one = {.to = *r};
      ok = job_add_recipient(j, &one) == OK;
      r->id = 0;
    }
    if (ok)
      dispatch_accepted(i->loop->gateway, j, i->not_before_us);
    else
      job_free(&j);
  }
  if (c) content_release(&c);
}

/* The application gets what it missed: the answer to the first. */
static void answer_repeat(struct intake *i) {
  char first[ID_TEXT];
  id_format(i->accept.repeats, first);
  log_event(LOG_INFO_, i->session->id, "repeated", "message", first, "account", i->session->account, "from",
            i->reverse_path, "to", i->log_to, NULL);
  reply(i->session, 250, "2.0.0", "accepted as %s", first);
}

static void answer_stored(struct intake *i) {
  struct session *s = i->session;
  struct store_op *op = &i->accept.op;
  if (op->result == OK && i->accept.repeats) {
    answer_repeat(i);
  } else if (op->result == OK) {
    s->accepted++;
    log_event(LOG_INFO_, s->id, "accepted", "message", i->id_text, "account", s->account, "from", i->reverse_path, "to",
              i->log_to, NULL);
    reply(s, 250, "2.0.0", "accepted as %s", i->id_text);
  } else if (op->result == E_LIMIT) {
    refuse_limit(s, &i->limit, i->log_to);
  } else {
    log_event(LOG_ERROR_, s->id, "cannot store a message", "reason", op->why.text, NULL);
    reply(s, 451, "4.3.0", "the message could not be stored; try again later");
  }
}

static void stored(struct store_op *op) {
  struct intake *i = intake_of(op);
  struct session *s = i->session;
  answer_stored(i); /* also to a session that closed meanwhile: reply() then says nothing */
  intake_leave_session(i);
  if (op->result == OK && !i->accept.repeats) hand_over(i);
  intake_release(i);
  if (!s->closing) session_resume(s);
  session_unhold(s);
}

/* RFC 6531 3.4: SMTPUTF8 is needed further on only where there is something beyond ASCII; an address knows it of
 * itself. */
static unsigned flags_of(const struct intake *i) {
  return i->session->tx->said.flags | (i->eight_bit ? MESSAGE_8BIT : 0u) | (i->utf8 ? MESSAGE_UTF8 : 0u) |
         (i->spool ? MESSAGE_IN_FILE : 0u);
}

static bool copy_envelope(struct intake *i) {
  struct transaction *tx = i->session->tx;
  struct envelope *m = &i->accept.message.envelope;
  const struct config *c = i->loop->gateway->config;
  i->reverse_path = strdup(tx->reverse_path);
  i->recipients = calloc(tx->recipient_count, sizeof *i->recipients);
  if (!i->reverse_path || !i->recipients) return false;
  for (size_t n = 0; n < tx->recipient_count; n++) {
    i->recipients[n] = tx->recipients[n]; /* they are the intake's now */
    i->recipients[n].id = id_new();
  }
  i->accept.message.recipients = i->recipients;
  i->accept.message.recipient_count = tx->recipient_count;
  tx->recipient_count = 0;
  bytes_copy(bytes_of(i->owner->name), i->account, sizeof i->account);
  bytes_copy(bytes_of(i->owner->pool), i->pool, sizeof i->pool);
  bytes_copy(bytes_of(tx->envid), i->envid, sizeof i->envid);
  int64_t now = clock_now_us(), hold = i->hold_until_us = tx->said.hold_until_us; /* RFC 4865 */
  *m = (struct envelope){.id = i->id,
                         .account = i->account,
                         .pool = i->pool,
                         .reverse_path = i->reverse_path,
                         .envid = i->envid,
                         .flags = flags_of(i),
                         .priority = tx->said.priority,
                         .size = i->prefix.len + (i->spool ? spooling_octets(i->spool) : i->body.len),
                         .created_us = now,
                         .expires_us = (hold ? hold : now) + c->expire_us,
                         .deliver_by_us = tx->said.deliver_by_us};
  i->accept.message.first_attempt_us = within_deadline(m, hold ? hold : now + DISPATCH_GRACE_US);
  return true;
}

static void describe(struct intake *i) {
  struct transaction *tx = i->session->tx;
  char held[64] = "", until[40];
  if (i->hold_until_us) {
    clock_format_minute(i->hold_until_us, until, sizeof until);
    snprintf(held, sizeof held, ", held until %s", until);
  }
  const struct new_message *m = &i->accept.message;
  snprintf(i->log_text, sizeof i->log_text,
           "%llu octets, %zu recipient%s, Message-ID %.200s, DKIM %s, SPF %s%s%.160s%s",
           (unsigned long long)m->envelope.size, m->recipient_count, m->recipient_count == 1 ? "" : "s", i->message_id,
           i->signed_by, tx->spf_mode == CHECK_OFF ? "not checked" : spf_result_name(tx->spf.result),
           tx->spf.why[0] ? ": " : "", tx->spf.why, held);
  i->accept.accepted = (struct event){.account = i->account,
                                      .from = i->reverse_path,
                                      .to = i->log_to,
                                      .code = 250,
                                      .enhanced = "2.0.0",
                                      .text = i->log_text,
                                      .host = i->session->peer};
}

/* A message whose Message-ID is ours cannot be told from another one with the same words. */
static bool compare(struct intake *i) {
  struct store_accept *a = &i->accept;
  if (!i->repeats || i->own_message_id) return true;
  a->digest = &i->digest;
  struct submission what = {.account_id = i->owner->id,
                            .reverse_path = i->reverse_path,
                            .parameters = i->session->tx->parameters,
                            .message_id = i->message_id,
                            .recipients = a->message.recipients,
                            .recipient_count = a->message.recipient_count};
  return repeats_digest(i->repeats, &what, &i->digest) == OK;
}

void intake_store(struct intake *i) {
  struct store_accept *a = &i->accept;
  store_accept_init(a);
  if (!copy_envelope(i)) {
    intake_refuse_memory(i);
    intake_answer_refusal(i);
    return;
  }
  a->message.prefix = buffer_bytes(&i->prefix);
  a->message.content = buffer_bytes(&i->body);
  a->count_usage = true;
  a->admit = admit;
  a->admit_arg = i;
  if (!compare(i)) {
    intake_refuse_memory(i);
    intake_answer_refusal(i);
    return;
  }
  describe(i);
  i->phase = INTAKE_STORING;
  session_hold(i->session);
  session_wait(i->session, "store");
  loop_store_post(i->loop, &a->op, stored);
}
