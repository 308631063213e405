#include "relay/submission/session_limits.h"

#include "base/bytes.h"
#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>

/* An address, or a local user, with open sessions; so there are never more than sessions. */
struct address_sessions {
  char client[SESSION_CLIENT_TEXT];
  unsigned count;
  UT_hash_handle hh;
};

struct session_limits {
  pthread_mutex_t lock;
  unsigned max_sessions, max_per_address, count;
  struct address_sessions *addresses;
};

struct session_limits *session_limits_new(unsigned max_sessions, unsigned max_per_address) {
  struct session_limits *l = calloc(1, sizeof *l);
  if (!l) return NULL;
  l->max_sessions = max_sessions;
  l->max_per_address = max_per_address;
  pthread_mutex_init(&l->lock, NULL);
  return l;
}

static void drop(struct session_limits *l, struct address_sessions *a) {
  HASH_DEL(l->addresses, a);
  free(a);
}

void session_limits_free(struct session_limits **at) {
  struct session_limits *l = *at;
  *at = NULL;
  if (!l) return;
  while (l->addresses) drop(l, l->addresses);
  pthread_mutex_destroy(&l->lock);
  free(l);
}

static struct address_sessions *find(struct session_limits *l, const char *client) {
  struct address_sessions *a;
  HASH_FIND_STR(l->addresses, client, a);
  return a;
}

/* NULL without memory. */
static struct address_sessions *add(struct session_limits *l, const char *client) {
  struct address_sessions *a = calloc(1, sizeof *a);
  if (!a) return NULL;
  bytes_copy(bytes_of(client), a->client, sizeof a->client);
  HASH_ADD_STR(l->addresses, client, a);
  if (a->hh.tbl) return a;
  free(a);
  return NULL;
}

static enum session_room enter(struct session_limits *l, const char *client) {
  if (l->count >= l->max_sessions) return NO_ROOM;
  struct address_sessions *a = client ? find(l, client) : NULL;
  if (a && a->count >= l->max_per_address) return NO_ROOM_FOR_ADDRESS;
  if (client && !a) a = add(l, client);
  if (client && !a) return NO_ROOM;
  if (a) a->count++;
  l->count++;
  return ROOM;
}

enum session_room session_limits_enter(struct session_limits *l, const char *client) {
  pthread_mutex_lock(&l->lock);
  enum session_room room = enter(l, client);
  pthread_mutex_unlock(&l->lock);
  return room;
}

void session_limits_leave(struct session_limits *l, const char *client) {
  pthread_mutex_lock(&l->lock);
  struct address_sessions *a = client ? find(l, client) : NULL;
  l->count--;
  if (a && --a->count == 0) drop(l, a);
  pthread_mutex_unlock(&l->lock);
}
