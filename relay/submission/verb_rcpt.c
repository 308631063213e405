/* RCPT: RFC 5321 4.1.1.3. What its parameters mean is in relay/smtp/parameters.c. */
#include "base/address/address.h"
#include "base/text/header.h"
#include "relay/smtp/command.h"
#include "relay/submission/decision.h"
#include "relay/submission/facts.h"
#include "relay/submission/reply.h"
#include "relay/submission/session_parameters.h"
#include "relay/submission/verbs.h"

#include <stdio.h>

bool check_rcpt(struct session *s) {
  if (!may_send_mail(s)) return false;
  if (!s->tx)
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "say MAIL first");
  else if (s->state == SESSION_BDAT) /* RFC 3030 2 */
    reply_refused(s, 503, "5.5.1", RULE_SEQUENCE, "not after BDAT; RSET gives the message up");
  else
    return true;
  return false;
}

/* What a RCPT says: its forward-path, "postmaster" completed in `whole`, and its parameters. */
struct forward_path {
  struct address to;
  char whole[ADDRESS_MAX + 16], domain[DOMAIN_MAX + 1];
  struct rcpt_parameters said;
};

/* "postmaster" without a domain is ours (RFC 5321 4.5.1); we relay, so it goes to our own domain's. */
static int complete(const struct session *s, struct forward_path *p) {
  if (p->to.domain.len) return OK;
  snprintf(p->whole, sizeof p->whole, "postmaster@%s", s->submission->config->hostname);
  return address_parse(bytes_of(p->whole), &p->to);
}

/* As the queue has it: a literal as it is, a name normalised. */
static int read_domain(struct forward_path *p, struct refusal *why) {
  if (p->to.literal)
    bytes_copy(p->to.domain, p->domain, sizeof p->domain);
  else if (domain_normalize(p->to.domain, p->domain) != OK)
    return refuse(why, 501, "5.1.2", RULE_PARAMETER, "the recipient's domain is not a domain name");
  else if (p->to.utf8 && !domain_is_plain(p->to.domain))
    return refuse_misleading(why, 553, "5.1.3", RULE_PARAMETER, p->to.whole, p->domain);
  return OK;
}

static int read_path(const struct session *s, struct bytes rest, struct forward_path *p, struct refusal *why) {
  size_t at;
  int rc = path_argument_parse(rest, "TO:", &p->to, &at);
  if (rc != OK || p->to.is_null || complete(s, p) != OK)
    return refuse(why, 501, "5.1.3", RULE_PARAMETER, "say RCPT TO:<address>");
  if (p->to.utf8 && !s->tx->said.utf8) return refuse_utf8(why);
  struct parameter_rules rules = session_parameter_rules(s);
  rc = rcpt_parameters_read(rest, at, &rules, s->tx->said.utf8, &p->said, why);
  return rc == OK ? read_domain(p, why) : rc;
}

/* The reply to a recipient that was decided about. */
static void decided(struct session *s, const struct verdict *v) {
  struct transaction *tx = s->tx;
  struct pending_recipient *p = &tx->pending;
  struct recipient r = {.address = p->address,
                        .domain = p->domain,
                        .orcpt = p->orcpt,
                        .notify = p->notify,
                        .simulated = tx->facts.simulated != SIMULATED_NOT,
                        .dropped = v->drop};
  struct refusal memory = {0};
  int rc = v->action == ACTION_REFUSE ? E_DENIED : transaction_add(tx, &r);
  facts_forget_recipient(tx);
  if (rc == E_DENIED) {
    reply_refusal(s, &v->refusal, NULL, p->address);
  } else if (rc != OK) {
    refuse(&memory, 452, "4.3.1", RULE_MEMORY, "out of memory; try again later");
    reply_refusal(s, &memory, NULL, p->address);
  } else {
    tx->facts.recipients_dropped += v->drop;
    session_set_state(s, SESSION_RCPT);
    reply(s, 250, "2.1.5", "recipient ok");
  }
}

/* What is decided about outlives the command: DNS or the store may be asked. */
static void ask(struct session *s, const struct forward_path *p) {
  struct transaction *tx = s->tx;
  struct pending_recipient *r = &tx->pending;
  bytes_copy(p->to.whole, r->address, sizeof r->address);
  bytes_copy(bytes_of(p->domain), r->domain, sizeof r->domain);
  bytes_copy(p->said.orcpt, r->orcpt, sizeof r->orcpt);
  r->notify = p->said.notify;
  struct recipient again = {.address = r->address, .domain = r->domain};
  if (transaction_has(tx, &again)) { /* not counted, or delivered to, twice */
    reply(s, 250, "2.1.5", "recipient ok");
    return;
  }
  facts_of_recipient(tx, &p->to, s->submission->config->simulator);
  decide(s, STAGE_RCPT, decided);
}

void do_rcpt(struct session *s, struct bytes rest) {
  struct forward_path p;
  struct refusal syntax = {0};
  char to[ADDRESS_MAX + 1];
  if (read_path(s, rest, &p, &syntax) == OK) {
    ask(s, &p);
    return;
  }
  header_unfold(rest, to, sizeof to); /* what was typed: there may be no address in it */
  reply_refusal(s, &syntax, NULL, to);
}
