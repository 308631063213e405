#include "relay/submission/session_parameters.h"

#include "base/clock.h"
#include "relay/submission/offers.h"

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
