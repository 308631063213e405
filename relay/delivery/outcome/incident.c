#include "relay/delivery/outcome/incident.h"

#include "base/mail/rule.h"

#include <stdio.h>
#include <string.h>

const char *smtp_stage_phrase(enum smtp_stage stage) {
  switch (stage) {
  case STAGE_ROUTE: return "before connecting";
  case STAGE_CONNECT: return "while connecting";
  case STAGE_GREETING: return "while waiting for the greeting";
  case STAGE_EHLO: return "at EHLO";
  case STAGE_STARTTLS: return "at STARTTLS";
  case STAGE_HANDSHAKE: return "in the TLS handshake";
  case STAGE_AUTH: return "at AUTH";
  case STAGE_IDLE: return "between messages";
  case STAGE_MAIL: return "at MAIL";
  case STAGE_RCPT: return "at RCPT";
  case STAGE_DATA: return "at DATA";
  case STAGE_CONTENT: return "while sending the message";
  case STAGE_DOT: return "after the final dot";
  }
  return "";
}

const char *incident_rule(const struct incident *i) {
  static const char *const rules[] = {
      [TROUBLE_NONE] = "",
      [TROUBLE_SANDBOX] = RULE_SANDBOX,
      [TROUBLE_REPLY] = RULE_REMOTE_REPLY,
      [TROUBLE_NETWORK] = RULE_NETWORK,
      [TROUBLE_CLOSED] = RULE_CLOSED,
      [TROUBLE_TIMEOUT] = RULE_TIMEOUT,
      [TROUBLE_PROTOCOL] = RULE_PROTOCOL,
      [TROUBLE_TLS] = RULE_TLS,
      [TROUBLE_LOCAL] = RULE_LOCAL,
      [TROUBLE_STOPPING] = RULE_STOPPING,
      [TROUBLE_SOURCE] = RULE_SOURCE,
      [TROUBLE_TOO_LARGE] = RULE_TOO_LARGE,
      [TROUBLE_NO_8BITMIME] = RULE_NO_8BITMIME,
      [TROUBLE_NO_SMTPUTF8] = RULE_NO_SMTPUTF8,
      [TROUBLE_NO_DELIVERBY] = RULE_NO_DELIVERBY,
      [TROUBLE_DEADLINE] = RULE_DEADLINE,
      [TROUBLE_NO_TLS] = RULE_NO_TLS,
      [TROUBLE_NO_REQUIRETLS] = RULE_NO_REQUIRETLS,
      [TROUBLE_NULL_MX] = RULE_NULL_MX,
      [TROUBLE_NO_DOMAIN] = RULE_NO_DOMAIN,
      [TROUBLE_NO_ADDRESS] = RULE_NO_ADDRESS,
      [TROUBLE_LOOP] = RULE_MAIL_LOOP,
      [TROUBLE_DNS] = RULE_DNS,
      [TROUBLE_PACE] = RULE_PACE,
      [TROUBLE_PROBE] = RULE_PROBE,
      [TROUBLE_ROUTE] = RULE_ROUTE,
      [TROUBLE_TLS_ENFORCED] = RULE_TLS_ENFORCED,
      [TROUBLE_LOGIN] = RULE_NEXT_HOP_LOGIN,
      [TROUBLE_WARMUP] = RULE_WARMUP,
      [TROUBLE_DANE] = RULE_DANE,
      [TROUBLE_STS] = RULE_STS,
      [TROUBLE_RETURNED] = RULE_COMMAND,
  };
  return rules[i->trouble];
}

/* Who the operator is concerns the log, not the sender. */
void incident_of_return(const char *order, struct incident *out) {
  const char *why = strchr(order, ' ');
  bool said = why && why[1];
  *out = (struct incident){.stage = STAGE_ROUTE, .trouble = TROUBLE_RETURNED};
  snprintf(out->text, sizeof out->text, "returned by the operator of this gateway%s%s", said ? ": " : "",
           said ? why + 1 : "");
}

void incident_of_deadline(struct incident *out) {
  *out =
      (struct incident){.stage = STAGE_ROUTE, .trouble = TROUBLE_DEADLINE, .text = "the sender's deadline has passed"};
}
