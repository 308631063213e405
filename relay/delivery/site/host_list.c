#include "relay/delivery/site/plain_hosts.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

struct plain_host {
  char *name;
  int64_t until_us;
  UT_hash_handle hh;
};
struct plain_hosts {
  struct plain_host *table; /* in the order of being added, so the first is the oldest */
};

struct plain_hosts *plain_hosts_new(void) {
  return calloc(1, sizeof(struct plain_hosts));
}

static void drop(struct plain_hosts *p, struct plain_host *h) {
  HASH_DEL(p->table, h);
  free(h->name);
  free(h);
}

void plain_hosts_free(struct plain_hosts **p) {
  if (!*p) return;
  while ((*p)->table) drop(*p, (*p)->table);
  free(*p);
  *p = NULL;
}

void plain_hosts_add(struct plain_hosts *p, const char *host, int64_t now_us) {
  struct plain_host *h = NULL;
  HASH_FIND_STR(p->table, host, h);
  if (h) drop(p, h);
  if (HASH_COUNT(p->table) >= PLAIN_HOSTS_MAX) drop(p, p->table);
  h = calloc(1, sizeof *h);
  if (!h) return;
  h->name = strdup(host);
  h->until_us = now_us + PLAIN_HOST_US;
  if (h->name) HASH_ADD_KEYPTR(hh, p->table, h->name, strlen(h->name), h);
  if (h->name && h->hh.tbl) return;
  free(h->name);
  free(h);
}

bool plain_hosts_has(struct plain_hosts *p, const char *host, int64_t now_us) {
  struct plain_host *h = NULL;
  HASH_FIND_STR(p->table, host, h);
  if (h && h->until_us <= now_us) {
    drop(p, h);
    h = NULL;
  }
  return h != NULL;
}
