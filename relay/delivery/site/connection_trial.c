/* MTA-STS policies in testing (RFC 8461 5): mail goes as without them, and what they would have refused is logged. */
#include "base/log.h"
#include "relay/delivery/site/connection_parts.h"

#define TRIAL_UNNAMED "the policy does not name the host"

static const struct tls_demand *trial_of(const struct connection *c) {
  const struct tls_demand *t = &connection_host_at(c)->tls;
  return t->sts_testing && !c->destination->tls_optional ? t : NULL;
}

static void report(const struct connection *c, const char *reason, const char *next) {
  log_event(LOG_WARN_, NULL, "mta-sts would refuse", "domain", c->route->sts.domain, "host", c->target, "reason",
            reason, "next", next, NULL);
}

void connection_trial_ends(const struct connection *c) {
  static const char goes[] = "mail goes there, since the policy is in testing";
  const struct tls_demand *t = trial_of(c);
  if (!t) return;
  const char *fault = client_sts_fault(c->client);
  if (t->sts_unnamed)
    report(c, TRIAL_UNNAMED, goes);
  else if (!c->tls_facts.version)
    report(c, "there is no TLS", goes);
  else if (fault[0])
    report(c, fault, goes);
}

void connection_trial_failed(const struct connection *c) {
  const struct incident *i = &c->incident;
  if (i->trouble == TROUBLE_TLS && trial_of(c)) report(c, i->text, "as with any host whose TLS does not work");
}
