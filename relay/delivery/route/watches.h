/* What routes and sources depend on, and what must be asked again and again to know it: addresses of this machine and
 * their names, blocklists, tokens, MTA-STS policies, warm-up. One beat for all of them; loops[0]. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_WATCHES_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_WATCHES_H

#include "base/result.h"
#include "relay/net/loop.h"

#include <stdbool.h>

struct blocklist_watch;
struct route_secrets;
struct source_names;
struct source_success;
struct source_watch;
struct sts_policies;
struct token_renewal;
struct warmup_watch;

struct watches {
  struct loop *loop;
  struct source_watch *sources;
  struct source_names *names;
  struct source_success *success;
  struct blocklist_watch *blocklists;
  struct token_renewal *tokens;
  struct sts_policies *policies; /* NULL: `delivery { mta_sts = no }` */
  struct warmup_watch *warmups;
};

struct watches_owner {
  void (*idle)(void *arg);                             /* one of them has nothing under way any more */
  void (*released)(void *arg);                         /* what waited for a source may go: the queue is to be read */
  void (*source_gone)(void *arg, const char *address); /* it is not on this machine any more */
  void *arg;
};

/* E_MEMORY: nothing is left to be freed. */
int watches_init(struct watches *w, struct gateway *g, const struct watches_owner *owner, struct reason *why);
/* Each second. `secrets`: what routes log in with; NULL: it is not read yet. */
void watches_tick(struct watches *w, struct route_secrets *secrets);
/* Asks nothing more. */
void watches_stop(struct watches *w);
/* After watches_stop, once all mail is back that had left: what was counted goes into the store. False: something is
 * under way, and `idle` is called when it has ended. */
bool watches_end(struct watches *w);
void watches_free(struct watches *w);

#endif
