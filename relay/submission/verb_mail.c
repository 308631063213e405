/* MAIL and RCPT: RFC 5321 4.1.1.2, 4.1.1.3. What their parameters mean is in parameters.c. */
#include "base/log.h"
#include "policy/limits.h"
#include "policy/senders.h"
#include "relay/smtp/command.h"
#include "relay/submission/extensions.h"
#include "relay/submission/session.h"
#include "store/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool may_start_mail(struct session *s) {
  const struct account *a = session_account(s);
  if (s->loop->draining && !s->tx) {
    reply(s, 421, "4.3.2", "%s is stopping; try again in a minute", s->loop->gateway->config->hostname);
    session_close(s, true, "draining");
  } else if (s->state == SESSION_START)
    reply(s, 503, "5.5.1", "say EHLO first");
  else if (s->listen == LISTEN_STARTTLS && !stream_is_tls(s->stream))
    reply(s, 530, "5.7.0", "say STARTTLS first"); /* RFC 3207 4 */
  else if (!s->account_id)
    reply(s, 530, "5.7.0",
          "authentication is required; set user name and password in your application"); /* RFC 4954 6 */
  else if (!a)
    reply(s, 550, "5.7.1", "account %s is no longer here", s->account);
  else if (!login_holds(s, a)) {
    log_event(LOG_INFO_, s->id, "login ended", "account", s->account, NULL);
    s->account_id = 0;
    s->account[0] = '\0';
    s->admitted = false;
    reply(s, 530, "5.7.0",
          "the login of this session no longer holds: what it was made with was changed; log in again");
  } else if (a->suspended) {
    char text[256];
    snprintf(text, sizeof text, "%s is suspended: %s", a->name, a->suspend_reason);
    reply_refusal(s, 550, "5.7.1", "suspended", "", text);
  } else
    return true;
  return false;
}

bool check_mail(struct session *s) {
  if (!may_start_mail(s)) return false;
  if (!s->tx) return true;
  reply(s, 503, "5.5.1", "one transaction at a time; RSET gives the open one up");
  return false;
}

/* --- parameters --- */

static struct parameter_rules rules_of(const struct session *s) {
  const struct config *c = s->loop->gateway->config;
  /* EHLO no longer offers AUTH to who has logged in; its parameter stays (RFC 4954 3, 5), and other servers, logged in
   * here, say AUTH=<> with each message. */
  unsigned of_auth = s->extended && s->account_id ? EXTENSION_AUTH : 0;
  return (struct parameter_rules){.offered = extensions_of(s) | of_auth,
                                  .max_message_size = c->max_message_size,
                                  .now_us = clock_now_us(),
                                  .max_hold_us = c->max_hold_us};
}

static bool refuse_utf8(struct session *s) { /* RFC 6531 3.2, 3.4 */
  reply(s, 553, "5.6.7", "an address beyond ASCII takes SMTPUTF8 on the MAIL command");
  return false;
}

static bool read_mail_parameters(struct session *s, struct bytes rest, size_t at, const struct address *from) {
  struct transaction *tx = s->tx;
  struct parameter_rules rules = rules_of(s);
  struct parameter_error why;
  if (mail_parameters_read(rest, at, &rules, &tx->said, &why) != OK) {
    reply(s, why.code, why.enhanced, "%s", why.text);
    return false;
  }
  bytes_copy(tx->said.envid, tx->envid, sizeof tx->envid);
  return !from->utf8 || tx->said.utf8 || refuse_utf8(s);
}

/* --- the decision --- */

void refuse_limit(struct session *s, const struct limit_verdict *v, const char *to) {
  char text[400];
  limit_sentence(v, s->account, clock_now_us(), text, sizeof text);
  /* A window ends, so its refusal is a transient one (RFC 5321 4.2.1), which a client may try again when the reply
   * says; what is too much for one message stays so, unless the rule says otherwise. */
  bool later = !v->rule->per_message || v->rule->action == LIMIT_DEFER;
  reply_refusal(s, later ? 452 : 550, later ? "4.7.1" : "5.7.1", v->rule->text, to, text);
}

/* Before the content is sent: what is committed so far. The store decides exactly, when the message is kept. */
static bool within_limits(struct session *s, struct transaction *tx, uint64_t recipients, const char *to) {
  const struct account *a = tx->account;
  if (!a->limit_count) return true;
  struct limit_verdict v =
      limits_check(a->limits, a->limit_count, &tx->usage, clock_now_us(), recipients, tx->said.size, false);
  if (v.result == OK) return true;
  refuse_limit(s, &v, to);
  return false;
}

static void list_senders(const struct account *a, char *out, size_t size) {
  size_t at = 0;
  out[0] = '\0';
  for (size_t i = 0; i < a->sender_count && at < size; i++)
    at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "", a->senders[i]);
}

static bool sender_ok(struct session *s, const struct address *from) {
  const struct account *a = s->tx->account;
  if (sender_allowed(a->senders, a->sender_count, from)) return true;
  char text[640], allowed[160], rule[ADDRESS_MAX + 16];
  list_senders(a, allowed, sizeof allowed);
  snprintf(text, sizeof text, "%s may not send as %s; allowed: %s", a->name, s->tx->reverse_path, allowed);
  snprintf(rule, sizeof rule, "sender %s", s->tx->reverse_path);
  reply_refusal(s, 553, "5.7.1", rule, "", text);
  return false;
}

static bool open_transaction(struct session *s, struct bytes parameters) {
  struct transaction *tx = calloc(1, sizeof *tx);
  if (tx) tx->parameters = bytes_dup(parameters);
  if (!tx || !tx->parameters) {
    free(tx);
    reply(s, 451, "4.3.0", "out of memory; try again later");
    return false;
  }
  tx->directory = directory_hold(s->loop->directory);
  tx->account = directory_account_by_id(tx->directory, s->account_id);
  s->tx = tx;
  if (tx->account->limit_count && reader_usage(s->loop->reader, tx->account->name, &tx->usage) != OK)
    memset(&tx->usage, 0,
           sizeof tx->usage); /* nothing read, nothing refused here: the store's own check is the exact one */
  usage_roll(&tx->usage, clock_now_us());
  return true;
}

static void give_up(struct session *s) {
  session_reset(s);
  if (!s->closing) session_set_state(s, SESSION_READY);
}

static void mail_done(struct session *s) {
  if (s->closing) return;
  session_set_state(s, SESSION_MAIL);
  reply(s, 250, "2.1.0", "sender ok");
}

static void refuse_spf(struct session *s) {
  const struct spf_verdict *v = &s->tx->spf;
  char text[704], rule[400];
  snprintf(text, sizeof text, "%s; publish for %s: TXT \"v=spf1 ip%c:%s -all\", or add it to the record that is there",
           v->why, v->domain, strchr(v->source, ':') ? '6' : '4', v->source);
  snprintf(rule, sizeof rule, "spf %s %s", v->domain, v->source);
  reply_refusal(s, 550, "5.7.23", rule, "", text); /* RFC 7372 3.2 */
  give_up(s);
}

static void spf_known(struct spf_wait *w, const struct spf_verdict *v) {
  struct session *s = (struct session *)((char *)w - offsetof(struct session, spf_wait));
  bool waited = s->waiting != NULL;
  s->tx->spf = *v;
  if (s->tx->spf_mode == CHECK_ENFORCE && v->result == SPF_FAIL)
    refuse_spf(s);
  else
    mail_done(s);
  if (waited) session_resume(s);
}

static void check_spf(struct session *s, const struct address *from) {
  struct transaction *tx = s->tx;
  char name[DOMAIN_MAX + 1];
  const struct domain *d = NULL;
  if (from->domain.len && domain_normalize(from->domain, name) == OK) d = directory_domain(tx->directory, name, false);
  tx->spf_mode = d ? d->spf : CHECK_OBSERVE;
  if (tx->spf_mode == CHECK_OFF) {
    mail_done(s);
    return;
  }
  s->spf_wait.done = spf_known;
  if (!spf_gate_ask(s->loop->spf_gate, tx->directory, tx->account->pool, tx->reverse_path, &s->spf_wait))
    session_wait(s, "spf");
}

void do_mail(struct session *s, struct bytes rest) {
  struct address from;
  size_t at;
  int rc = path_argument_parse(rest, "FROM:", &from, &at);
  if (rc != OK || (!from.is_null && !from.domain.len)) {
    reply(s, 501, rc == E_TOO_BIG ? "5.1.7" : "5.5.4", "say MAIL FROM:<address>");
    return;
  }
  if (!open_transaction(s, bytes_trim(bytes_from(rest, at)))) return;
  struct transaction *tx = s->tx;
  bytes_copy(from.whole, tx->reverse_path, sizeof tx->reverse_path);
  if (!read_mail_parameters(s, rest, at, &from) || !sender_ok(s, &from) || !within_limits(s, tx, 1, ""))
    give_up(s);
  else
    check_spf(s, &from);
}

/* --- RCPT --- */

bool check_rcpt(struct session *s) {
  if (s->tx && s->state != SESSION_BDAT) return true;
  if (s->tx) {
    reply(s, 503, "5.5.1", "not after BDAT; RSET gives the message up"); /* RFC 3030 2 */
    return false;
  }
  if (may_start_mail(s)) reply(s, 503, "5.5.1", "say MAIL first");
  return false;
}

static bool add_recipient(struct transaction *tx, const struct address *to, const char *domain,
                          const struct rcpt_parameters *said) {
  if (tx->recipient_count == tx->recipient_room) {
    size_t room = tx->recipient_room ? 2 * tx->recipient_room : 4;
    struct recipient *more = realloc(tx->recipients, room * sizeof *more);
    if (!more) return false;
    tx->recipients = more;
    tx->recipient_room = room;
  }
  char address[ADDRESS_MAX + 1], orcpt[ORCPT_MAX + 1];
  bytes_copy(to->whole, address, sizeof address);
  bytes_copy(said->orcpt, orcpt, sizeof orcpt);
  struct recipient r = {.address = address, .domain = domain, .orcpt = orcpt, .notify = said->notify};
  if (recipient_copy(&tx->recipients[tx->recipient_count], &r) != OK) return false;
  tx->recipient_count++;
  return true;
}

/* "postmaster" without a domain is ours (RFC 5321 4.5.1); we relay, so it goes to our own domain's. */
static bool complete(struct session *s, struct address *to, char *whole, size_t size) {
  if (to->domain.len) return true;
  const char *hostname = s->loop->gateway->config->hostname;
  snprintf(whole, size, "postmaster@%s", hostname);
  return address_parse(bytes_of(whole), to) == OK;
}

static bool read_rcpt_parameters(struct session *s, struct bytes rest, size_t at, struct rcpt_parameters *out) {
  struct parameter_rules rules = rules_of(s);
  struct parameter_error why;
  if (rcpt_parameters_read(rest, at, &rules, s->tx->said.utf8, out, &why) == OK) return true;
  reply(s, why.code, why.enhanced, "%s", why.text);
  return false;
}

static bool read_forward_path(struct session *s, struct bytes rest, struct address *to, char *whole, size_t size,
                              struct rcpt_parameters *said) {
  size_t at;
  int rc = path_argument_parse(rest, "TO:", to, &at);
  if (rc != OK || to->is_null || !complete(s, to, whole, size)) {
    reply(s, 501, "5.1.3", "say RCPT TO:<address>");
    return false;
  }
  if (to->utf8 && !s->tx->said.utf8) return refuse_utf8(s);
  return read_rcpt_parameters(s, rest, at, said);
}

void do_rcpt(struct session *s, struct bytes rest) {
  struct transaction *tx = s->tx;
  struct address to;
  char whole[ADDRESS_MAX + 16], domain[DOMAIN_MAX + 1];
  struct rcpt_parameters said;
  if (!read_forward_path(s, rest, &to, whole, sizeof whole, &said)) return;
  if (to.literal)
    bytes_copy(to.domain, domain, sizeof domain);
  else if (domain_normalize(to.domain, domain) != OK) {
    reply(s, 501, "5.1.2", "the recipient's domain is not a domain name");
    return;
  }
  unsigned max = s->loop->gateway->config->max_recipients;
  if (tx->recipient_count >= max) { /* RFC 5321 4.5.3.1.10 */
    reply(s, 452, "4.5.3", "too many recipients: %u in one message at most; send the rest in another", max);
    return;
  }
  char shown[ADDRESS_MAX + 1];
  bytes_copy(to.whole, shown, sizeof shown);
  if (!within_limits(s, tx, tx->recipient_count + 1, shown)) return;
  if (!add_recipient(tx, &to, domain, &said)) {
    reply(s, 452, "4.3.1", "out of memory; try again later");
    return;
  }
  session_set_state(s, SESSION_RCPT);
  reply(s, 250, "2.1.5", "recipient ok");
}
