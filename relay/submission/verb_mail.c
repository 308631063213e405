/* MAIL: RFC 5321 4.1.1.2. What its parameters mean is in relay/smtp/parameters.c. */
#include "base/log.h"
#include "base/text/header.h"
#include "relay/smtp/command.h"
#include "relay/submission/auth/login.h"
#include "relay/submission/decision.h"
#include "relay/submission/facts.h"
#include "relay/submission/reply.h"
#include "relay/submission/session_parameters.h"
#include "relay/submission/verbs.h"

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

static void refuse_user(struct session *s) {
  if (s->identity == CLIENT_KNOWN)
    reply_refused(s, 550, "5.7.1", RULE_LOCAL_USER,
                  "%s has no account here; give it one: sendoff account set ACCOUNT --local-user %s", s->peer,
                  s->peer + strlen("local user "));
  else
    reply_refused(s, 550, "5.7.1", RULE_LOCAL_USER,
                  "the gateway runs in a user namespace and cannot see which user this is; run it where it can "
                  "(systemd: PrivateUsers=no)");
}

bool may_send_mail(struct session *s) {
  struct refusal why = {0};
  if (s->submission->draining && !s->tx)
    refuse_draining(s);
  else if (s->state == SESSION_START)
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "say EHLO first");
  else if (s->listener->tls == LISTEN_STARTTLS && !stream_is_tls(s->stream))
    reply_refused(s, 530, "5.7.0", RULE_AUTHENTICATION, "say STARTTLS first"); /* RFC 3207 4 */
  else if (!s->account_id && session_is_local(s) && !login_by_user(s))         /* he may have got one meanwhile */
    refuse_user(s);
  else if (!s->account_id) /* RFC 4954 6 */
    reply_refused(s, 530, "5.7.0", RULE_AUTHENTICATION,
                  "authentication is required; set user name and password in your application");
  else if (decide_now(s, STAGE_SESSION, &why) != OK)
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

/* For devices and sites that cannot set their own sender. The null reverse-path stays: it asks for no bounce. */
static void rewrite_sender(struct transaction *tx, struct address *from) {
  struct bytes own = bytes_of(tx->account->rewrite_from);
  tx->path_rewritten = own.len && !from->is_null && !bytes_equal_nocase(from->whole, own);
  if (!tx->path_rewritten) return;
  bytes_copy(own, tx->reverse_path, sizeof tx->reverse_path);
  *from = (struct address){.is_null = true};
  address_parse(bytes_of(tx->reverse_path), from);
}

static void decided(struct session *s, const struct verdict *v) {
  if (v->action == ACTION_REFUSE) {
    reply_refusal(s, &v->refusal, NULL, "");
    give_up(s);
    return;
  }
  session_set_state(s, SESSION_MAIL);
  reply(s, 250, "2.1.0", "sender ok");
}

void do_mail(struct session *s, struct bytes rest) {
  struct refusal syntax = {0};
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
  if (read_parameters(s, rest, at, &from, &syntax) != OK) {
    reply_refusal(s, &syntax, NULL, "");
    give_up(s);
    return;
  }
  rewrite_sender(tx, &from);
  facts_of_envelope(s, &from);
  decide(s, STAGE_MAIL, decided);
}
