#include "relay/net/tls_tickets.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ticket {
  char peer[TLS_TICKET_PEER_MAX]; /* "": the place is free */
  gnutls_datum_t data;            /* none: the peer is barred */
  uint64_t number;                /* in the order in which they came */
  uint64_t until_ms;              /* barred */
};
struct tls_tickets {
  struct ticket places[TLS_TICKETS_MAX];
  uint64_t next_number;
};

struct tls_tickets *tls_tickets_new(void) {
  return calloc(1, sizeof(struct tls_tickets));
}

void tls_ticket_wipe(gnutls_datum_t *data) {
  if (data->data) gnutls_memset(data->data, 0, data->size);
  gnutls_free(data->data);
  *data = (gnutls_datum_t){0};
}

static void forget(struct ticket *t) {
  tls_ticket_wipe(&t->data);
  t->peer[0] = '\0';
}

void tls_tickets_free(struct tls_tickets **at) {
  struct tls_tickets *t = *at;
  *at = NULL;
  for (size_t i = 0; t && i < TLS_TICKETS_MAX; i++) forget(&t->places[i]);
  free(t);
}

/* What is kept of one peer. */
struct kept {
  struct ticket *oldest, *newest;
  size_t count;
};

static struct kept find(struct tls_tickets *t, const char *peer) {
  struct kept k = {0};
  for (size_t i = 0; i < TLS_TICKETS_MAX; i++) {
    struct ticket *one = &t->places[i];
    if (strcmp(one->peer, peer) != 0) continue;
    if (!k.oldest || one->number < k.oldest->number) k.oldest = one;
    if (!k.newest || one->number > k.newest->number) k.newest = one;
    k.count++;
  }
  return k;
}

/* A free one, else the oldest of all. */
static struct ticket *place(struct tls_tickets *t) {
  struct ticket *oldest = &t->places[0];
  for (size_t i = 0; i < TLS_TICKETS_MAX; i++) {
    if (!t->places[i].peer[0]) return &t->places[i];
    if (t->places[i].number < oldest->number) oldest = &t->places[i];
  }
  return oldest;
}

static struct ticket *enter(struct tls_tickets *t, struct ticket *at, const char *peer) {
  forget(at);
  snprintf(at->peer, sizeof at->peer, "%s", peer);
  at->number = t->next_number++;
  return at;
}

static bool is_barred(const struct kept *k, uint64_t now_ms) {
  return k->newest && !k->newest->data.data && now_ms < k->newest->until_ms;
}

void tls_tickets_put(struct tls_tickets *t, const char *peer, gnutls_datum_t *data, uint64_t now_ms) {
  struct kept k = find(t, peer);
  if (data->size <= TLS_TICKET_SIZE_MAX && strlen(peer) < TLS_TICKET_PEER_MAX && !is_barred(&k, now_ms)) {
    bool in_turn = k.count == TLS_TICKETS_OF_PEER || (k.oldest && !k.oldest->data.data);
    enter(t, in_turn ? k.oldest : place(t), peer)->data = *data;
    *data = (gnutls_datum_t){0};
  }
  tls_ticket_wipe(data);
}

bool tls_tickets_take(struct tls_tickets *t, const char *peer, gnutls_datum_t *data) {
  struct kept k = find(t, peer);
  if (!k.newest || !k.newest->data.data) return false;
  *data = k.newest->data;
  k.newest->data = (gnutls_datum_t){0};
  forget(k.newest);
  return true;
}

void tls_tickets_bar(struct tls_tickets *t, const char *peer, uint64_t now_ms) {
  for (struct kept k = find(t, peer); k.newest; k = find(t, peer)) forget(k.newest);
  enter(t, place(t), peer)->until_ms = now_ms + TLS_TICKETS_BARRED_MS;
}
