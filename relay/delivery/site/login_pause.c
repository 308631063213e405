#include "relay/delivery/site/login_pause.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>

struct paused {
  int64_t route, until_us, length_us; /* length_us 0: it never paused */
  int64_t token_from_us;              /* of the token that was refused; 0: none */
  char reason[LOGIN_REASON_MAX];
  UT_hash_handle hh;
};
struct login_pauses {
  struct paused *table; /* in the order of their first failure */
};

struct login_pauses *login_pauses_new(void) {
  return calloc(1, sizeof(struct login_pauses));
}

static void drop(struct login_pauses *p, struct paused *s) {
  HASH_DEL(p->table, s);
  free(s);
}

void login_pauses_free(struct login_pauses **p) {
  if (!*p) return;
  while ((*p)->table) drop(*p, (*p)->table);
  free(*p);
  *p = NULL;
}

static struct paused *find(const struct login_pauses *p, int64_t route) {
  struct paused *s = NULL;
  HASH_FIND(hh, p->table, &route, sizeof route, s);
  return s;
}

static struct paused *add(struct login_pauses *p, int64_t route) {
  if (HASH_COUNT(p->table) >= LOGIN_PAUSES_MAX) drop(p, p->table);
  struct paused *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->route = route;
  HASH_ADD(hh, p->table, route, sizeof s->route, s);
  if (s->hh.tbl) return s;
  free(s);
  return NULL;
}

/* One that would be longer than any can be: the clock was set back. */
static bool is_running(const struct paused *s, int64_t now_us) {
  return s->until_us > now_us && s->until_us - now_us <= s->length_us;
}

int64_t login_pause_begin(struct login_pauses *p, int64_t route, int64_t first_us, const char *reason, int64_t now_us) {
  struct paused *s = find(p, route);
  if (s && is_running(s, now_us)) return s->until_us;
  if (!s && !(s = add(p, route))) return now_us;
  s->length_us = s->length_us ? 2 * s->length_us : first_us;
  if (s->length_us > LOGIN_PAUSE_MOST_US) s->length_us = LOGIN_PAUSE_MOST_US;
  s->until_us = now_us + s->length_us;
  snprintf(s->reason, sizeof s->reason, "%s", reason);
  return s->until_us;
}

int64_t login_pause_until(const struct login_pauses *p, int64_t route, int64_t now_us, const char **reason) {
  const struct paused *s = find(p, route);
  if (!s || !is_running(s, now_us)) return 0;
  *reason = s->reason;
  return s->until_us;
}

bool login_pause_end(struct login_pauses *p, int64_t route) {
  struct paused *s = find(p, route);
  bool refused = s && s->length_us;
  if (s) drop(p, s);
  return refused;
}

void login_pauses_keep(struct login_pauses *p, bool (*is_there)(const void *arg, int64_t route), const void *arg) {
  struct paused *s, *next;
  HASH_ITER(hh, p->table, s, next)
  if (!is_there(arg, s->route)) drop(p, s);
}

void login_token_refuse(struct login_pauses *p, int64_t route, int64_t token_from_us) {
  struct paused *s = find(p, route);
  if (!s) s = add(p, route);
  if (s) s->token_from_us = token_from_us;
}

bool login_token_is_refused(const struct login_pauses *p, int64_t route, int64_t token_from_us) {
  const struct paused *s = find(p, route);
  return s && s->token_from_us == token_from_us;
}

size_t login_pause_count(const struct login_pauses *p) {
  size_t n = 0;
  for (const struct paused *s = p->table; s; s = s->hh.next) n += s->length_us > 0;
  return n;
}
