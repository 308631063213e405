#include "relay/submission/facts.h"

#include "base/clock.h"
#include "relay/submission/auth/login.h"

void facts_of_session(const struct session *s, struct facts *out) {
  const struct account *a = session_account(s);
  *out = (struct facts){.now_us = clock_now_us(),
                        .directory = s->loop->directory,
                        .account = a,
                        .account_name = s->account,
                        .standing = !a             ? STANDING_GONE
                                    : a->suspended ? STANDING_SUSPENDED
                                                   : STANDING_GOOD,
                        .suspend_reason = a ? a->suspend_reason : "",
                        .login_holds = a && login_holds(s, a),
                        .before = s->tx ? &s->tx->record : NULL};
}

/* --- the envelope --- */

/* Its views go into `text`, which is its copy: the command is gone when the answer comes. */
static struct address moved(const struct address *from, const char *text) {
  struct address a = *from;
  if (!a.whole.len) return a;
  a.local.at = text + (from->local.at - from->whole.at);
  a.domain.at = text + (from->domain.at - from->whole.at);
  a.whole.at = text;
  return a;
}

void facts_of_envelope(struct session *s, const struct address *from) {
  struct transaction *tx = s->tx;
  struct facts *f = &tx->facts;
  char name[DOMAIN_MAX + 1];
  facts_of_session(s, f);
  f->account = tx->account;
  f->directory = tx->directory;
  f->rewritten = *tx->account->rewrite_from != '\0';
  f->reverse_path = tx->reverse_path;
  f->from = moved(from, tx->reverse_path);
  if (f->from.domain.len && domain_normalize(f->from.domain, name) == OK)
    f->envelope_domain = directory_domain(tx->directory, name, false);
  f->size = f->room_octets = tx->said.size;
  f->recipients_max = s->submission->config->max_recipients;
  f->known = FACT_ENVELOPE;
  tx->pool = account_pool(tx->account, tx->said.priority < 0 ? STREAM_BULK : tx->account->stream);
  tx->owners = (struct usage_owners){
      .directory = tx->directory, .account = tx->account, .domain = usage_certain_domain(tx->directory, tx->account)};
}

void facts_of_recipient(struct transaction *tx, const struct address *to, const char *simulator) {
  struct facts *f = &tx->facts;
  f->recipient = tx->pending.address;
  f->to = moved(to, tx->pending.address);
  f->simulated = simulated_of(simulator, tx->pending.domain, f->to.local);
  f->recipient_count = tx->recipient_count + 1;
  f->known |= FACT_RECIPIENT;
}

void facts_forget_recipient(struct transaction *tx) {
  tx->facts.known &= ~(unsigned)FACT_RECIPIENT;
  tx->facts.recipient_count = tx->recipient_count;
}

/* --- the commit --- */

void facts_of_commit(struct transaction *tx, const struct store_accept *a) {
  struct facts *f = &tx->facts;
  f->standing = a->op.result == E_DENIED ? a->standing : STANDING_GOOD; /* else the store may not have got so far */
  f->suspend_reason = a->suspend_reason;
  f->stored = a->op.result;
  f->stored_limit = &a->limit;
  f->known |= FACT_STORED;
}
