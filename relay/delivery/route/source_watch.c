#include "relay/delivery/route/source_watch.h"

#include "base/cidr.h"
#include "base/hash.h"
#include "base/log.h"
#include "relay/net/local_address.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct watched {
  char address[IP_TEXT];
  bool usable, warned;
  uint64_t checked_ms, warned_ms;
  UT_hash_handle hh;
};

struct source_watch {
  bool (*is_here)(const struct sockaddr *address);
  struct watched *table; /* first met, first in it */
};

struct source_watch *source_watch_new(bool (*is_here)(const struct sockaddr *address)) {
  struct source_watch *w = calloc(1, sizeof *w);
  if (w) w->is_here = is_here;
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

/* At every change, and then once an hour: not for each message. */
static void report(struct watched *s, bool usable, uint64_t now_ms) {
  if (usable && s->warned) log_event(LOG_INFO_, NULL, "source usable again", "source", s->address, NULL);
  if (usable) s->warned = false;
  if (usable || (s->warned && now_ms - s->warned_ms < SOURCE_WARN_MS)) return;
  struct reason why;
  address_away(s->address, &why);
  log_event(LOG_WARN_, NULL, "source unusable", "source", s->address, "reason", why.text, "next",
            "the other sources of its pool are used", NULL);
  s->warned = true;
  s->warned_ms = now_ms;
}

static struct watched *add(struct source_watch *w, const char *address) {
  if (HASH_COUNT(w->table) >= SOURCES_WATCHED_MAX) drop(w, w->table);
  struct watched *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  snprintf(s->address, sizeof s->address, "%s", address);
  HASH_ADD_STR(w->table, address, s);
  if (s->hh.tbl) return s;
  free(s);
  return NULL;
}

bool source_usable(struct source_watch *w, const char *address, uint64_t now_ms) {
  struct watched *s = NULL;
  HASH_FIND_STR(w->table, address, s);
  if (s && now_ms - s->checked_ms < SOURCE_CHECK_MS) return s->usable;
  bool usable = check(w, address);
  if (!s) s = add(w, address);
  if (!s) return usable; /* no memory to remember it */
  report(s, usable, now_ms);
  s->usable = usable;
  s->checked_ms = now_ms;
  return usable;
}
