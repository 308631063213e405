/* The domains whose policies are known, or are not there, and the room for them. */
#include "relay/delivery/route/sts_domain.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

void sts_list_add(struct sts_domain *d, bool known) {
  struct sts_policies *s = d->owner;
  d->known = known;
  if (known) {
    DL_APPEND(s->known, d);
    s->known_count++;
  } else {
    DL_APPEND(s->others, d);
    s->other_count++;
  }
}

void sts_list_remove(struct sts_domain *d) {
  struct sts_policies *s = d->owner;
  if (d->known) {
    DL_DELETE(s->known, d);
    s->known_count--;
  } else {
    DL_DELETE(s->others, d);
    s->other_count--;
  }
}

size_t sts_octets(const struct sts_domain *d) {
  return d->state.policy ? d->state.policy->octets : 0;
}

void sts_drop(struct sts_domain *d) {
  sts_list_remove(d);
  d->owner->octets -= sts_octets(d);
  HASH_DEL(d->owner->table, d);
  sts_state_clear(&d->state);
  free(d->name);
  free(d);
}

bool sts_is_busy(const struct sts_domain *d) {
  return d->asking || d->fetching || d->waiters;
}

/* The first of a list that nobody waits for; there are few others. */
static struct sts_domain *first_idle(struct sts_domain *list) {
  while (list && sts_is_busy(list)) list = list->next;
  return list;
}

void sts_make_room(struct sts_policies *s) {
  struct sts_domain *d;
  if (s->walking) return;
  while (s->other_count > STS_OTHERS_MAX && (d = first_idle(s->others))) sts_drop(d);
  while ((s->known_count > STS_POLICIES_MAX || s->octets > STS_OCTETS_MAX) && (d = first_idle(s->known))) {
    s->octets -= sts_octets(d);
    sts_state_clear(&d->state);
    sts_store_post(d);
    sts_drop(d);
  }
}

struct sts_domain *sts_domain_of(struct sts_policies *s, const char *name) {
  struct sts_domain *d;
  HASH_FIND_STR(s->table, name, d);
  if (d) return d;
  d = calloc(1, sizeof *d);
  if (!d) return NULL;
  d->owner = s;
  d->name = strdup(name);
  if (d->name) HASH_ADD_KEYPTR(hh, s->table, d->name, strlen(d->name), d);
  if (!d->name || !d->hh.tbl) {
    free(d->name);
    free(d);
    return NULL;
  }
  sts_list_add(d, false);
  return d;
}
