/* The access tokens of routes that log in with OAuth 2.0: fetched and renewed ahead of their end, on libuv's pool. What
 * an endpoint gives, or why it gives nothing, goes into the store, and from there to the loops with the next directory.
 * Lives on loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_TOKEN_RENEWAL_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_TOKEN_RENEWAL_H

#include "base/address/dns_answer.h"
#include "relay/delivery/route/route_secrets.h"

#define TOKEN_TASKS_MAX 4 /* requests at once */
/* A request may end so long after a stop, since its answer may hold the only token that is good; a question to DNS that
 * is out already, RESOLVER_TIMEOUT_MS. */
#define TOKEN_STOP_MS 5000

struct token_renewal;
/* `dns` is copied. `idle` is called when nothing is under way any more, on a stack of the loop's. NULL without memory.
 */
struct token_renewal *token_renewal_new(struct loop *loop, const struct dns_source *dns, void (*idle)(void *arg),
                                        void *arg);
/* Each second: renews what is due of the directory's routes. `secrets` are the directory's. */
void token_renewal_tick(struct token_renewal *t, struct route_secrets *secrets, int64_t now_us);
/* A next hop has refused the route's token of that time: another is fetched, once. */
void token_renewal_refused(struct token_renewal *t, int64_t login, int64_t token_from_us);
/* Nothing more is asked; what is under way ends soon. */
void token_renewal_stop(struct token_renewal *t);
bool token_renewal_is_idle(const struct token_renewal *t);
/* While the loop still runs: the memory goes when requests that are under way have ended. */
void token_renewal_free(struct token_renewal **t);

#endif
