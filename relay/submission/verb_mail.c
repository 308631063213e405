/* MAIL: RFC 5321 4.1.1.2. What its parameters mean is in relay/smtp/parameters.c. */
#include "base/header.h"
#include "base/log.h"
#include "policy/senders.h"
#include "relay/smtp/command.h"
#include "relay/submission/auth/login.h"
#include "relay/submission/precheck.h"
#include "relay/submission/reply.h"
#include "relay/submission/verbs.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* RFC 5321 4.2.1: 421 ends the session. */
static void refuse_draining(struct session *s) {
  reply(s, 421, "4.3.2", "%s is stopping; try again in a minute", s->submission->config->hostname);
  session_close(s, true, "draining");
}

static void give_up(struct session *s) {
  session_reset(s);
  session_set_state(s, SESSION_READY);
}

/* A transaction that is open is over; a login that no longer holds, too. */
static void refuse_account(struct session *s, const struct refusal *r) {
  const struct account *a = session_account(s);
  reply_refusal(s, r, NULL, "");
  if (s->tx) give_up(s);
  if (!a || login_holds(s, a)) return;
  log_event(LOG_INFO_, s->id, "login ended", "account", s->account, NULL);
  login_end(s);
}

bool may_send_mail(struct session *s) {
  struct refusal why = {0};
  if (s->submission->draining && !s->tx)
    refuse_draining(s);
  else if (s->state == SESSION_START)
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "say EHLO first");
  else if (s->listener->tls == LISTEN_STARTTLS && !stream_is_tls(s->stream))
    reply_refused(s, 530, "5.7.0", RULE_AUTHENTICATION, "say STARTTLS first"); /* RFC 3207 4 */
  else if (!s->account_id)                                                     /* RFC 4954 6 */
    reply_refused(s, 530, "5.7.0", RULE_AUTHENTICATION,
                  "authentication is required; set user name and password in your application");
  else if (precheck_account(s, &why) != OK)
    refuse_account(s, &why);
  else
    return true;
  return false;
}

bool check_mail(struct session *s) {
  if (!may_send_mail(s)) return false;
  if (!s->tx) return true;
  reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "one transaction at a time; RSET gives the open one up");
  return false;
}

static int read_parameters(struct session *s, struct bytes rest, size_t at, const struct address *from,
                           struct refusal *why) {
  struct transaction *tx = s->tx;
  struct parameter_rules rules = session_parameter_rules(s);
  int rc = mail_parameters_read(rest, at, &rules, &tx->said, why);
  if (rc != OK) return rc;
  bytes_copy(tx->said.envid, tx->envid, sizeof tx->envid);
  return from->utf8 && !tx->said.utf8 ? refuse_utf8(why) : OK;
}

/* --- the decision --- */

static int check_sender(const struct transaction *tx, const struct address *from, struct refusal *why) {
  const struct account *a = tx->account;
  char allowed[160], meant[DOMAIN_MAX + 1];
  if (sender_allowed(a->senders, a->sender_count, from)) return OK;
  if (sender_misleads(from->whole, meant)) return refuse_misleading(why, 553, "5.1.7", RULE_SENDER, from->whole, meant);
  senders_list(a->senders, a->sender_count, allowed, sizeof allowed);
  refuse(why, 553, "5.7.1", RULE_SENDER, "%s may not send as %s; allowed: %s", a->name, tx->reverse_path, allowed);
  refusal_about(why, tx->reverse_path);
  return E_DENIED;
}

static void mail_done(struct session *s) {
  if (session_is_closed(s)) return;
  session_set_state(s, SESSION_MAIL);
  reply(s, 250, "2.1.0", "sender ok");
}

static void refuse_spf(struct session *s) {
  const struct spf_verdict *v = &s->tx->spf;
  char about[REFUSAL_ABOUT];
  struct refusal r = {0};
  refuse(&r, 550, "5.7.23", RULE_SPF, /* RFC 7372 3.2 */
         "%s; publish for %s: TXT \"v=spf1 ip%c:%s -all\", or add it to the record that is there", v->why, v->domain,
         strchr(v->source, ':') ? '6' : '4', v->source);
  snprintf(about, sizeof about, "%s %s", v->domain, v->source);
  refusal_about(&r, about);
  reply_refusal(s, &r, NULL, "");
  give_up(s);
}

static void spf_known(struct spf_wait *w, const struct spf_verdict *v) {
  struct session *s = (struct session *)((char *)w - offsetof(struct session, spf_wait));
  bool waited = s->waiting == WAIT_SPF;
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
  if (!spf_gate_ask(s->submission->spf_gate, tx->directory, tx->account->pool, tx->reverse_path, &s->spf_wait))
    session_wait(s, WAIT_SPF);
}

void do_mail(struct session *s, struct bytes rest) {
  struct refusal syntax = {0}, decision = {0};
  struct address from;
  size_t at;
  char typed[ADDRESS_MAX + 1]; /* for the log, where no reverse-path can be told */
  header_unfold(rest, typed, sizeof typed);
  int rc = path_argument_parse(rest, "FROM:", &from, &at);
  if (rc != OK || (!from.is_null && !from.domain.len)) {
    refuse(&syntax, 501, rc == E_TOO_BIG ? "5.1.7" : "5.5.4", RULE_SYNTAX, "say MAIL FROM:<address>");
    reply_refusal(s, &syntax, typed, "");
    return;
  }
  struct transaction *tx = s->tx = transaction_new(s->loop->directory, s->account_id, bytes_trim(bytes_from(rest, at)));
  if (!tx) {
    reply_refused(s, 451, "4.3.0", RULE_MEMORY, "out of memory; try again later");
    return;
  }
  bytes_copy(from.whole, tx->reverse_path, sizeof tx->reverse_path);
  if (read_parameters(s, rest, at, &from, &syntax) != OK)
    reply_refusal(s, &syntax, NULL, "");
  else if (check_sender(tx, &from, &decision) != OK || precheck_limits(s, 1, &decision) != OK ||
           precheck_room(s, tx->said.size, &decision) != OK)
    reply_refusal(s, &decision, NULL, "");
  else {
    check_spf(s, &from);
    return;
  }
  give_up(s);
}
