/* DNS through libunbound: the one user of it. A context with its own cache, shared by the daemon, with two threads:
 * libunbound's own, and one of ours that waits for its answers (docs/flow.md, "Threads"). resolver_lookup blocks
 * (libuv's pool, the command line); resolver_ask answers on the loop that it was made for (loops[0]). Both are bounded:
 * RESOLVER_OPEN_MAX questions at once, RESOLVER_TIMEOUT_MS for each.
 *
 * DNSSEC: answers are validated with the configured trust anchor, else with the distribution's (package
 * dns-root-data) when that file is there. Where servers are configured without a trust anchor, nothing is validated:
 * such servers may serve zones that the public root knows nothing of. */
#ifndef SENDOFF_RELAY_NET_RESOLVER_H
#define SENDOFF_RELAY_NET_RESOLVER_H

#include "base/config.h"
#include "base/dns_answer.h"
#include "base/result.h"

#include <uv.h>

#define RESOLVER_TIMEOUT_MS 10000
#define RESOLVER_OPEN_MAX 4096

struct resolver;
int resolver_new(const struct config *config, struct resolver **out, struct reason *why);
int resolver_attach(struct resolver *r, uv_loop_t *loop); /* once, before resolver_ask; that loop's thread */
/* Cancels what is open; its callbacks come with DNS_FAILED before this returns. The loop must run until its handles are
 * closed; the resolver may be freed before that. */
void resolver_detach(struct resolver *r);
/* No resolver_lookup may be running. */
void resolver_free(struct resolver **r);

/* Blocking; any thread of the pool. Always fills `out`; resolver_release afterwards. A question is given up after 10 s
 * (DNS_FAILED). */
void resolver_lookup(void *resolver, const char *name, int type, struct dns_answer *out);
void resolver_release(void *resolver, struct dns_answer *answer);

/* The callback runs later on the attached loop, always exactly once; the answer lives until it returns. E_BUSY with too
 * many open questions, E_MEMORY, E_DENIED when not attached: then there is no callback. */
int resolver_ask(struct resolver *r, const char *name, int type,
                 void (*done)(void *arg, const struct dns_answer *answer), void *arg);

#endif
