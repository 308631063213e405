/* A listen line, tried from this machine: does it answer, as what, with which TLS, and does it relay for strangers? */
#include "base/clock.h"
#include "cli/doctor/gather.h"
#include "cli/machine/own_listener.h"

#include <stdio.h>
#include <string.h>

/* RFC 6761 6.4: nobody's, so that nothing could leave if it were taken. */
#define STRANGER "stranger@sender.invalid"
#define FOREIGNER "somebody@recipient.invalid"

/* Announced, it is a stranger whatever its address is known for, and its refusals are not logged. A gateway that cannot
 * do so is asked no more than its greeting. */
static int open_talk(struct gathering *g, const struct own_listener *at, struct own_announcement *stranger,
                     struct talk **out, bool *announced, struct reason *why) {
  struct talk_plan plan = {.to = (const struct sockaddr *)&at->to,
                           .from = (const struct sockaddr *)&at->from,
                           .deadline_ms = clock_monotonic_ms() + DOCTOR_CONNECT_MS,
                           .announce = g->facts->gateway == GATEWAY_RUNS ? own_listener_announce : NULL,
                           .withdraw = own_listener_withdraw,
                           .arg = stranger};
  int rc = plan.announce ? own_announcement_begin(stranger) : OK;
  if (rc == OK) rc = talk_open(&plan, out, why);
  bool unknown = plan.announce && (rc == E_DENIED || (rc == E_NOT_FOUND && !*why->text));
  *announced = plan.announce && !unknown;
  if (!unknown) return rc;
  plan.announce = NULL;
  return talk_open(&plan, out, why);
}

static bool start_tls(struct gathering *g, struct talk *t, struct listener_facts *l) {
  const char *hostname = g->facts->config->hostname;
  l->tls = talk_start_tls(t, hostname, &l->tls_why) == OK;
  if (!l->tls) return false;
  snprintf(l->tls_text, sizeof l->tls_text, "%s", talk_tls(t));
  l->trusted = talk_trusts(t, hostname, &l->trust_why);
  return true;
}

/* Up to EHLO, inside TLS where there is any. */
static bool say_hello(struct gathering *g, struct talk *t, struct listener_facts *l) {
  const char *hostname = g->facts->config->hostname;
  struct smtp_reply r;
  if (talk_hello(t, hostname, &r, &l->why) != OK || r.code / 100 != 2) return false;
  if (l->tls) return true;
  l->starttls = talk_offers(t, "STARTTLS");
  if (!l->starttls) return true;
  if (talk_say(t, &r, &l->tls_why, "STARTTLS") != OK || r.code / 100 != 2) return false;
  return start_tls(g, t, l) && talk_hello(t, hostname, &r, &l->why) == OK && r.code / 100 == 2;
}

static void try_relay(struct talk *t, struct listener_facts *l) {
  struct smtp_reply r = {0};
  struct reason why;
  int rc = talk_say(t, &r, &why, "MAIL FROM:<" STRANGER ">");
  if (rc == OK && r.code / 100 == 2) rc = talk_say(t, &r, &why, "RCPT TO:<" FOREIGNER ">");
  if (rc != OK) return;
  l->relay = r.code / 100 == 2 ? RELAY_OPEN : RELAY_REFUSED;
  snprintf(l->relay_reply, sizeof l->relay_reply, "%d %s %.240s", r.code, r.enhanced, r.text);
}

static void talk(struct gathering *g, struct talk *t, bool announced, struct listener_facts *l) {
  struct smtp_reply r;
  if (l->listen->tls == LISTEN_IMPLICIT && !start_tls(g, t, l)) return;
  l->rc = talk_reply(t, &l->greeting, &l->why);
  if (l->rc != OK || l->greeting.code != 220 || !say_hello(g, t, l)) return;
  if (announced) try_relay(t, l);
  talk_say(t, &r, &l->why, "QUIT");
}

void gather_listener(struct gathering *g, struct listener_facts *l) {
  struct own_listener at;
  struct own_announcement stranger = {g->facts->config->data_dir, NULL, -1};
  struct talk *t = NULL;
  bool announced;
  if (!own_listener_read(l->listen, &at)) return;
  snprintf(l->text, sizeof l->text, "%s", at.text);
  l->rc = open_talk(g, &at, &stranger, &t, &announced, &l->why);
  l->connected = l->rc == OK;
  if (l->connected) talk(g, t, announced, l);
  own_listener_withdraw(&stranger);
  if (!l->connected) return;
  talk_close(&t);
  gather_listener_owner(l);
}
