#include "relay/delivery/route/source_watch.h"

#include "base/address/cidr.h"
#include "base/hash.h"
#include "base/log.h"
#include "relay/net/local_address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct watched {
  char address[IP_TEXT];
  bool usable;
  bool listed; /* in the directory, at this tick */
  uint64_t checked_ms;
  UT_hash_handle hh;
};

struct source_watch {
  bool (*is_here)(const struct sockaddr *address);
  void (*gone)(void *arg, const char *address);
  void *arg;
  struct watched *table;
};

struct source_watch *source_watch_new(bool (*is_here)(const struct sockaddr *address),
                                      void (*gone)(void *arg, const char *address), void *arg) {
  struct source_watch *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->is_here = is_here;
  w->gone = gone;
  w->arg = arg;
  return w;
}

static void drop(struct source_watch *w, struct watched *s) {
  HASH_DEL(w->table, s);
  free(s);
}

void source_watch_free(struct source_watch **w) {
  if (!*w) return;
  while ((*w)->table) drop(*w, (*w)->table);
  free(*w);
  *w = NULL;
}

static bool check(const struct source_watch *w, const char *address) {
  struct sockaddr_storage a;
  return ip_parse(address, 0, &a) == OK && w->is_here((const struct sockaddr *)&a);
}

/* At every change: not for each message, and not again and again. */
static void report(const char *address, bool usable) {
  struct reason why;
  if (usable) {
    log_event(LOG_INFO_, NULL, "source usable again", "source", address, NULL);
    return;
  }
  address_away(address, &why);
  log_event(LOG_WARN_, NULL, "source unusable", "source", address, "reason", why.text, "next",
            "the other sources of its pool are used, or its mail waits, until it is back", NULL);
}

static struct watched *find(const struct source_watch *w, const char *address) {
  struct watched *s = NULL;
  HASH_FIND_STR(w->table, address, s);
  return s;
}

/* What nothing is known of counts as usable, so that its first check is a change only when it is away. */
static struct watched *add(struct source_watch *w, const char *address) {
  if (HASH_COUNT(w->table) >= SOURCES_WATCHED_MAX) return NULL;
  struct watched *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->usable = s->listed = true;
  snprintf(s->address, sizeof s->address, "%s", address);
  HASH_ADD_STR(w->table, address, s);
  if (s->hh.tbl) return s;
  free(s);
  return NULL;
}

bool source_usable(struct source_watch *w, const char *address, uint64_t now_ms) {
  struct watched *s = find(w, address);
  if (s && now_ms - s->checked_ms < SOURCE_CHECK_MS) return s->usable;
  bool usable = check(w, address);
  if (!s) s = add(w, address);
  if (!s) return usable; /* no room to remember it */
  bool changed = usable != s->usable;
  s->usable = usable;
  s->checked_ms = now_ms;
  if (changed) report(address, usable);
  if (changed && !usable) w->gone(w->arg, address);
  return usable;
}

void source_watch_tick(struct source_watch *w, const struct directory *d, uint64_t now_ms) {
  struct watched *s, *next;
  for (s = w->table; s; s = s->hh.next) s->listed = false;
  for (size_t i = 0; i < d->source_count && i < SOURCES_WATCHED_MAX; i++) {
    source_usable(w, d->sources[i].address, now_ms);
    s = find(w, d->sources[i].address);
    if (s) s->listed = true;
  }
  HASH_ITER(hh, w->table, s, next) {
    if (!s->listed) drop(w, s);
  }
}

size_t source_watch_away(const struct source_watch *w) {
  size_t n = 0;
  for (const struct watched *s = w->table; s; s = s->hh.next) n += !s->usable;
  return n;
}
