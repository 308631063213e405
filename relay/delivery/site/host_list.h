/* Hosts that need to be treated in another way for a while, by name, or addresses. Each is forgotten after that: it may
 * have been repaired. Bounded; one loop's thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_HOST_LIST_H
#define SENDOFF_RELAY_DELIVERY_SITE_HOST_LIST_H

#include <stdbool.h>
#include <stdint.h>

#define HOST_LIST_MAX 1000 /* the oldest gives way */

struct host_list;
struct host_list *host_list_new(int64_t keep_us); /* NULL without memory */
void host_list_free(struct host_list **p);
/* Without memory it is simply forgotten: the next delivery finds out again. */
void host_list_add(struct host_list *p, const char *host, int64_t now_us);
void host_list_forget(struct host_list *p, const char *host);
bool host_list_has(struct host_list *p, const char *host, int64_t now_us);

#endif
