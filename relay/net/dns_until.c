#include "relay/net/dns_until.h"

static void lookup(void *arg, const char *name, int type, struct dns_answer *out) {
  const struct dns_until *d = arg;
  *out = (struct dns_answer){.status = DNS_FAILED};
  if (!atomic_load(d->until_ms)) d->dns.lookup(d->dns.arg, name, type, out);
}

static void release(void *arg, struct dns_answer *answer) {
  const struct dns_until *d = arg;
  if (answer->records || answer->owner) d->dns.release(d->dns.arg, answer);
}

struct dns_source dns_until(struct dns_until *d) {
  return (struct dns_source){d, lookup, release};
}
