#include "relay/submission/precheck.h"

#include "base/clock.h"
#include "policy/limit_text.h"
#include "relay/submission/offers.h"
#include "store/store.h"

struct parameter_rules session_parameter_rules(const struct session *s) {
  const struct config *c = s->submission->config;
  /* EHLO no longer offers AUTH to who has logged in; its parameter stays (RFC 4954 3, 5), and other servers, logged in
   * here, say AUTH=<> with each message. */
  unsigned of_auth = s->extended && s->account_id ? EXTENSION_AUTH : 0;
  return (struct parameter_rules){.offered = session_offers(s) | of_auth,
                                  .max_message_size = c->max_message_size,
                                  .now_us = clock_now_us(),
                                  .max_hold_us = c->max_hold_us};
}

int refuse_utf8(struct refusal *why) {
  return refuse(why, 553, "5.6.7", RULE_PARAMETER, "an address beyond ASCII takes SMTPUTF8 on the MAIL command");
}

int precheck_limits(const struct session *s, uint64_t recipients, struct refusal *why) {
  const struct account *a = s->tx->account;
  struct limit_request request = {.recipients = recipients, .octets = s->tx->said.size};
  struct usage usage;
  if (!a->limit_count) return OK;
  int64_t now = clock_now_us();
  store_usage(s->loop->gateway->store, a->name, a->created_us, &usage);
  usage_roll(&usage, now);
  struct limit_verdict v = limits_check(a->limits, a->limit_count, &usage, now, &request);
  return v.result == OK ? OK : refuse_limit(why, &v, a->name, now);
}
