/* Takes signing keys along their course (dkim/rotation.h): looks after those that wait for DNS, that are old, and that
 * are due to be replaced, one at a time, on libuv's pool. All that it knows is in the store, so it goes on behind a
 * crash in any state. loops[0]. */
#ifndef SENDOFF_RELAY_DOMAIN_KEY_WATCH_H
#define SENDOFF_RELAY_DOMAIN_KEY_WATCH_H

#include "base/address/dns_answer.h"
#include "base/result.h"
#include "relay/net/loop.h"

struct key_watch;
/* `dns` is copied. E_MEMORY, E_IO (the store) with the reason. */
int key_watch_new(struct loop *loop, const struct dns_source *dns, struct key_watch **out, struct reason *why);
/* Each second. */
void key_watch_tick(struct key_watch *w, int64_t now_us);
/* Asks nothing more. What it has posted to the store may still come back. */
void key_watch_stop(struct key_watch *w);
/* While the loop still runs, after key_watch_stop: it is freed now, or when what is under way has ended. */
void key_watch_free(struct key_watch **w);

#endif
