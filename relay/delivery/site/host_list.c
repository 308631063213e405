#include "relay/delivery/site/host_list.h"

#include "base/hash.h"

#include <stdlib.h>
#include <string.h>

struct host_entry {
  char *name;
  int64_t until_us;
  UT_hash_handle hh;
};
struct host_list {
  int64_t keep_us;
  struct host_entry *table; /* in the order of being added, so the first is the oldest */
};

struct host_list *host_list_new(int64_t keep_us) {
  struct host_list *p = calloc(1, sizeof *p);
  if (p) p->keep_us = keep_us;
  return p;
}

static void drop(struct host_list *p, struct host_entry *h) {
  HASH_DEL(p->table, h);
  free(h->name);
  free(h);
}

void host_list_free(struct host_list **p) {
  if (!*p) return;
  while ((*p)->table) drop(*p, (*p)->table);
  free(*p);
  *p = NULL;
}

void host_list_add(struct host_list *p, const char *host, int64_t now_us) {
  struct host_entry *h = NULL;
  HASH_FIND_STR(p->table, host, h);
  if (h) drop(p, h);
  if (HASH_COUNT(p->table) >= HOST_LIST_MAX) drop(p, p->table);
  h = calloc(1, sizeof *h);
  if (!h) return;
  h->name = strdup(host);
  h->until_us = now_us + p->keep_us;
  if (h->name) HASH_ADD_KEYPTR(hh, p->table, h->name, strlen(h->name), h);
  if (h->name && h->hh.tbl) return;
  free(h->name);
  free(h);
}

void host_list_forget(struct host_list *p, const char *host) {
  struct host_entry *h = NULL;
  HASH_FIND_STR(p->table, host, h);
  if (h) drop(p, h);
}

bool host_list_has(struct host_list *p, const char *host, int64_t now_us) {
  struct host_entry *h = NULL;
  HASH_FIND_STR(p->table, host, h);
  if (h && (h->until_us <= now_us || h->until_us - now_us > p->keep_us)) { /* the latter: the clock was set back */
    drop(p, h);
    h = NULL;
  }
  return h != NULL;
}
