#include "relay/submission/precheck.h"

#include "base/clock.h"
#include "policy/limit_text.h"
#include "relay/submission/auth/login.h"
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

int refuse_standing(struct refusal *why, const char *account, enum account_standing standing, const char *reason) {
  switch (standing) {
  case STANDING_GONE: return refuse(why, 550, "5.7.1", RULE_ACCOUNT_GONE, "account %s is no longer here", account);
  case STANDING_SUSPENDED: return refuse(why, 550, "5.7.1", RULE_SUSPENDED, "%s is suspended: %s", account, reason);
  case STANDING_LOGIN_CHANGED: /* whether it still holds, MAIL knows when it is sent again */
    return refuse(why, 451, "4.7.0", RULE_LOGIN_ENDED,
                  "what this session logged in with was changed while the message came; send it again");
  default: return OK;
  }
}

int precheck_account(const struct session *s, struct refusal *why) {
  const struct account *a = session_account(s);
  if (!a) return refuse_standing(why, s->account, STANDING_GONE, "");
  if (!login_holds(s, a)) /* RFC 4954 6 */
    return refuse(why, 530, "5.7.0", RULE_LOGIN_ENDED,
                  "the login of this session no longer holds: what it was made with was changed; log in again");
  return a->suspended ? refuse_standing(why, a->name, STANDING_SUSPENDED, a->suspend_reason) : OK;
}

int precheck_room(const struct session *s, uint64_t octets, struct refusal *why) {
  struct reason reason;
  int rc = store_takes_mail(s->loop->gateway->store, octets, &reason);
  if (rc == OK) return OK;
  if (rc != E_FULL) return refuse(why, 451, "4.3.0", RULE_STORE, "the store's files have gone; try again later");
  return refuse(why, 452, "4.3.1", RULE_DISK, "the disk is almost full: %.100s; try again later", /* RFC 5321 4.2.2 */
                reason.text);
}

int refuse_utf8(struct refusal *why) {
  return refuse(why, 553, "5.6.7", RULE_PARAMETER, "an address beyond ASCII takes SMTPUTF8 on the MAIL command");
}

int refuse_misleading(struct refusal *why, int code, const char *enhanced, const char *rule, struct bytes address,
                      const char *meant) {
  return refuse(why, code, enhanced, rule,
                "the domain of %.*s is not written as it is read (full-width or invisible characters, or not in NFC); "
                "write %s",
                (int)address.len, address.at, meant);
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
