#include "relay/delivery/queue/outages.h"

#include "base/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* FNV-1a, 64 bits. */
uint64_t outage_key(const char *source, const char *site) {
  uint64_t h = UINT64_C(14695981039346656037);
  for (const char *c = source; *c; c++) h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211);
  h = (h ^ 0xff) * UINT64_C(1099511628211);
  for (const char *c = site; *c; c++) h = (h ^ (unsigned char)*c) * UINT64_C(1099511628211);
  return h;
}

static struct outage_site *find_site(const struct outages *o, const char *name) {
  struct outage_site *s = NULL;
  HASH_FIND_STR(o->table, name, s);
  return s;
}

static struct outage_site *get_site(struct outages *o, const char *name) {
  struct outage_site *s = find_site(o, name);
  size_t len = strlen(name);
  if (s || !(s = calloc(1, sizeof *s + len + 1))) return s;
  memcpy(s->name, name, len);
  HASH_ADD_STR(o->table, name, s);
  if (s->hh.tbl) return s;
  free(s);
  return NULL;
}

static void remove_one(struct outages *o, struct outage_site *s, struct outage *a) {
  LL_DELETE(s->list, a);
  free(a);
  o->count--;
  if (s->list) return;
  HASH_DEL(o->table, s);
  free(s);
}

/* Its mail has gone, mostly. */
static void forget_old(struct outages *o, int64_t now_us) {
  struct outage_site *s, *next;
  struct outage *a, *other;
  for (s = o->table; s; s = next) {
    next = s->hh.next;
    for (a = s->list; a; a = other) {
      other = a->next; /* NULL with the last one, with which the site goes */
      if (now_us - a->until_us > OUTAGE_OLD_US) remove_one(o, s, a);
    }
  }
}

static struct outage *find_source(const struct outage_site *s, const char *source) {
  struct outage *a = s ? s->list : NULL;
  while (a && strcmp(a->source, source) != 0) a = a->next;
  return a;
}

struct outage *outages_find(const struct outages *o, const char *source, const char *site) {
  return find_source(find_site(o, site), source);
}

static struct outage *add(struct outages *o, const char *source, const char *site, int64_t now_us) {
  struct sockaddr_storage address;
  if (o->count >= OUTAGES_MAX) forget_old(o, now_us);
  struct outage_site *s = o->count < OUTAGES_MAX ? get_site(o, site) : NULL;
  struct outage *a = s ? calloc(1, sizeof *a) : NULL;
  if (!a) {
    if (s && !s->list) {
      HASH_DEL(o->table, s);
      free(s);
    }
    return NULL;
  }
  snprintf(a->source, sizeof a->source, "%s", source);
  if (*source && ip_parse(source, 0, &address) == OK) a->family = address.ss_family;
  a->serial = ++o->serial;
  a->key = outage_key(source, site);
  LL_PREPEND(s->list, a);
  o->count++;
  return a;
}

struct outage *outages_failed(struct outages *o, const struct outage_report *r, int64_t now_us) {
  struct outage *a = outages_find(o, r->source, r->site);
  if (!a) a = add(o, r->source, r->site, now_us);
  if (!a) return NULL;
  snprintf(a->host, sizeof a->host, "%s", r->host);
  snprintf(a->reason, sizeof a->reason, "%s", r->reason);
  a->until_us = r->until_us;
  if (a->rows_us < r->until_us) a->rows_us = r->until_us;
  a->probing = false;
  return a;
}

bool outages_answered(struct outages *o, const char *source, const char *site, struct outage *old) {
  struct outage_site *s = find_site(o, site);
  struct outage *a = find_source(s, source);
  if (!a) return false;
  *old = *a;
  old->next = NULL;
  remove_one(o, s, a);
  return true;
}

bool outages_probe_ended(struct outages *o, uint64_t serial, struct outage *old) {
  for (struct outage_site *s = o->table; s; s = s->hh.next)
    for (struct outage *a = s->list; a; a = a->next)
      if (a->serial == serial) return a->probing && outages_answered(o, a->source, s->name, old);
  return false;
}

bool outage_may_probe(const struct outage *a, int64_t now_us) {
  return a->until_us <= now_us;
}

void outage_probe_begins(struct outage *a, int64_t now_us) {
  a->probing = true;
  a->until_us = now_us + OUTAGE_PROBE_US;
}

bool outages_family_waits(const struct outages *o, const char *site, int family, int64_t now_us) {
  const struct outage_site *s = find_site(o, site);
  for (const struct outage *a = s ? s->list : NULL; a; a = a->next)
    if (a->family == family && !outage_may_probe(a, now_us)) return true;
  return false;
}

void outages_hurry(struct outages *o, int64_t now_us) {
  for (struct outage_site *s = o->table; s; s = s->hh.next)
    for (struct outage *a = s->list; a; a = a->next)
      if (!a->probing && a->until_us > now_us) a->until_us = now_us;
}

void outages_shift(struct outages *o, int64_t by_us) {
  for (struct outage_site *s = o->table; s; s = s->hh.next)
    for (struct outage *a = s->list; a; a = a->next) {
      a->until_us += by_us;
      a->rows_us += by_us;
    }
}

void outages_free(struct outages *o) {
  while (o->table) remove_one(o, o->table, o->table->list);
}
