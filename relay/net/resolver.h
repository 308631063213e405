/* DNS through libunbound: the one user of it. One resolver, with its own cache, for the whole daemon.
 *
 * Threads. The resolver starts one, which waits for libunbound's answers and hands each to whoever asked; libunbound
 * resolves on another that it starts itself. Neither ever runs a caller's code: resolver_lookup blocks its own thread
 * until the answer is there, and resolver_ask calls back on the one loop that the resolver is attached to (loops[0]).
 * Each function says who may call it.
 *
 * Both ways are bounded: RESOLVER_OPEN_MAX questions at once, RESOLVER_TIMEOUT_MS for each.
 *
 * DNSSEC: answers are validated with the configured trust anchor, else with the distribution's (package
 * dns-root-data) when that file is there. Where servers are configured without a trust anchor, nothing is validated:
 * such servers may serve zones that the public root knows nothing of. */
#ifndef SENDOFF_RELAY_NET_RESOLVER_H
#define SENDOFF_RELAY_NET_RESOLVER_H

#include "base/address/dns_answer.h"
#include "base/directory/config.h"
#include "base/result.h"

#include <uv.h>

#define RESOLVER_TIMEOUT_MS 10000
#define RESOLVER_OPEN_MAX 4096 /* questions, of both kinds together */

struct resolver;
/* Starts the resolver's thread. `config` is not kept. E_MEMORY, E_IO, E_SYNTAX (a server's address) with the reason. */
int resolver_new(const struct config *config, struct resolver **out, struct reason *why);
/* That loop's thread, once, before resolver_ask. E_MEMORY, E_IO. */
int resolver_attach(struct resolver *r, uv_loop_t *loop);
/* The attached loop's thread. Cancels what is open: the callbacks come with DNS_FAILED before this returns, and none
 * after it. The loop must run until the resolver's handles are closed; the resolver may be freed before that. */
void resolver_detach(struct resolver *r);
/* Any thread, after resolver_detach and once no resolver_lookup is running. Ends the resolver's thread; waits for it.
 */
void resolver_free(struct resolver **r);

/* Any thread that may block: libuv's pool, never a loop. Always fills `out`, with DNS_FAILED after RESOLVER_TIMEOUT_MS
 * or when too many questions are open; resolver_release afterwards. `resolver` is a struct resolver: the two are a
 * struct dns_source. `type` is an RR type of class IN (RFC 1035 3.2.2). */
void resolver_lookup(void *resolver, const char *name, int type, struct dns_answer *out);
/* The same for who cannot wait as long: DNS_FAILED after `deadline_ms` (clock_monotonic_ms). */
void resolver_lookup_until(struct resolver *r, const char *name, int type, uint64_t deadline_ms,
                           struct dns_answer *out);
/* Any thread. Frees what the answer points to, and leaves it DNS_FAILED. */
void resolver_release(void *resolver, struct dns_answer *answer);

/* The attached loop's thread. `done` runs there later, exactly once: at the latest after RESOLVER_TIMEOUT_MS, or within
 * resolver_detach. The answer lives until it returns. E_BUSY: too many questions are open, or no memory; E_IO;
 * E_DENIED: not attached. Then there is no callback. */
int resolver_ask(struct resolver *r, const char *name, int type,
                 void (*done)(void *arg, const struct dns_answer *answer), void *arg);

#endif
