#include "relay/delivery/site/address_order.h"

#define HOSTS_MAX 32

/* RFC 5321 5.1: hosts of equal preference are taken in random order. */
static size_t shuffle(const struct route *r, uint32_t (*random)(void), unsigned char order[HOSTS_MAX]) {
  size_t count = r->host_count < HOSTS_MAX ? r->host_count : HOSTS_MAX;
  for (size_t i = 0; i < count; i++) {
    size_t equals = 0; /* before i, of the same preference */
    while (equals < i && r->hosts[i - equals - 1].preference == r->hosts[i].preference) equals++;
    size_t at = i - random() % (equals + 1);
    order[i] = order[at];
    order[at] = (unsigned char)i;
  }
  return count;
}

static unsigned preference_of(const struct route *r, const struct address_place *p) {
  return r->hosts[p->host].preference;
}

static bool goes_before(const struct route *r, const struct address_place *a, const struct address_place *b) {
  if (a->failed != b->failed) return b->failed;
  if (preference_of(r, a) != preference_of(r, b)) return preference_of(r, a) < preference_of(r, b);
  return a->slow < b->slow;
}

/* Behind those that it does not go before: they stay in order. */
static void insert(struct address_order *o, const struct route *r, const struct address_place *p) {
  size_t at = o->count;
  if (at == ADDRESS_ORDER_MAX) return;
  for (; at && goes_before(r, p, &o->at[at - 1]); at--) o->at[at] = o->at[at - 1];
  o->at[at] = *p;
  o->count++;
}

void address_order_make(struct address_order *o, const struct route *r, const struct address_knowledge *k) {
  unsigned char hosts[HOSTS_MAX];
  size_t count = shuffle(r, k->random, hosts);
  o->count = 0;
  for (size_t i = 0; i < count; i++) {
    const struct route_host *h = &r->hosts[hosts[i]];
    for (size_t n = 0; n < h->address_count; n++) {
      if (!k->usable(k->arg, &h->addresses[n])) continue;
      enum address_grade grade = k->grade(k->arg, &h->addresses[n]);
      const struct address_place place = {hosts[i], (unsigned char)n, grade == ADDRESS_FAILED, grade == ADDRESS_SLOW};
      insert(o, r, &place);
    }
  }
}

bool address_order_may_race(const struct route *r, const struct address_place *first,
                            const struct address_place *second) {
  return preference_of(r, second) <= preference_of(r, first);
}

uint64_t address_order_connect_ms(const struct address_order *o, const struct route *r, size_t most, uint64_t total_ms,
                                  uint64_t least_ms) {
  size_t count = o->count < most ? o->count : most, turns = 0;
  for (size_t i = 0; i < count; turns++)
    i += i + 1 < count && address_order_may_race(r, &o->at[i], &o->at[i + 1]) ? 2 : 1;
  uint64_t each_ms = turns ? total_ms / turns : total_ms;
  return each_ms > least_ms ? each_ms : least_ms;
}
