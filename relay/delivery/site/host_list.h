/* Hosts whose STARTTLS does not work: for an hour they are met without TLS. Bounded; one loop's thread. */
#ifndef SENDOFF_RELAY_DELIVERY_SITE_PLAIN_HOSTS_H
#define SENDOFF_RELAY_DELIVERY_SITE_PLAIN_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#define PLAIN_HOSTS_MAX 1000 /* the oldest gives way */
#define PLAIN_HOST_US (INT64_C(3600) * 1000000)

struct plain_hosts;
struct plain_hosts *plain_hosts_new(void); /* NULL without memory */
void plain_hosts_free(struct plain_hosts **p);
/* Without memory it is simply forgotten: the next delivery finds out again. */
void plain_hosts_add(struct plain_hosts *p, const char *host, int64_t now_us);
bool plain_hosts_has(struct plain_hosts *p, const char *host, int64_t now_us);

#endif
