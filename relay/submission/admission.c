#include "relay/submission/admission.h"

#include "base/cidr.h"
#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define FAILURES_REMEMBERED_MS (10 * 60 * 1000)
#define DELAY_MAX_MS 30000
#define CLIENTS_MAX 100000

struct client {
  char address[IP_TEXT];
  unsigned sessions, failures;
  uint64_t last_failure_ms;
  UT_hash_handle hh;
};

struct admission {
  pthread_mutex_t lock;
  unsigned max_sessions, max_per_address, sessions;
  struct client *clients;
};

struct admission *admission_new(unsigned max_sessions, unsigned max_per_address) {
  struct admission *a = calloc(1, sizeof *a);
  if (!a) return NULL;
  a->max_sessions = max_sessions;
  a->max_per_address = max_per_address;
  pthread_mutex_init(&a->lock, NULL);
  return a;
}

void admission_free(struct admission **at) {
  struct admission *a = *at;
  *at = NULL;
  if (!a) return;
  struct client *c, *next;
  HASH_ITER(hh, a->clients, c, next) {
    HASH_DEL(a->clients, c);
    free(c);
  }
  pthread_mutex_destroy(&a->lock);
  free(a);
}

static bool stale(const struct client *c, uint64_t now) {
  return !c->sessions && (!c->failures || now - c->last_failure_ms > FAILURES_REMEMBERED_MS);
}

/* Insertion order is age: the oldest stand first, so a look at the first few is enough to keep the table small. */
static void forget_some(struct admission *a, uint64_t now) {
  struct client *c, *next;
  int looked = 0;
  HASH_ITER(hh, a->clients, c, next) {
    if (looked++ == 8) break;
    bool full = HASH_COUNT(a->clients) > CLIENTS_MAX;
    if (stale(c, now) || (full && !c->sessions)) {
      HASH_DEL(a->clients, c);
      free(c);
    }
  }
}

/* With the lock held. NULL without memory, or when it is not there and not to be made. */
static struct client *find(struct admission *a, const struct sockaddr *address, bool make) {
  char text[IP_TEXT];
  ip_format(address, text);
  struct client *c;
  HASH_FIND_STR(a->clients, text, c);
  if (c || !make) return c;
  forget_some(a, clock_monotonic_ms());
  c = calloc(1, sizeof *c);
  if (!c) return NULL;
  memcpy(c->address, text, sizeof text);
  HASH_ADD_STR(a->clients, address, c);
  return c;
}

enum admitted admission_enter(struct admission *a, const struct sockaddr *client) {
  enum admitted answer = ADMITTED;
  pthread_mutex_lock(&a->lock);
  struct client *c = find(a, client, true);
  if (!c || a->sessions >= a->max_sessions)
    answer = FULL_HERE;
  else if (c->sessions >= a->max_per_address)
    answer = FULL_FOR_ADDRESS;
  else {
    c->sessions++;
    a->sessions++;
  }
  pthread_mutex_unlock(&a->lock);
  return answer;
}

void admission_leave(struct admission *a, const struct sockaddr *client) {
  pthread_mutex_lock(&a->lock);
  struct client *c = find(a, client, false);
  a->sessions--;
  if (c) c->sessions--;
  if (c && stale(c, clock_monotonic_ms())) {
    HASH_DEL(a->clients, c);
    free(c);
  }
  pthread_mutex_unlock(&a->lock);
}

uint64_t admission_login_failed(struct admission *a, const struct sockaddr *client) {
  uint64_t delay = DELAY_MAX_MS, now = clock_monotonic_ms();
  pthread_mutex_lock(&a->lock);
  struct client *c = find(a, client, true);
  if (c) {
    if (now - c->last_failure_ms > FAILURES_REMEMBERED_MS) c->failures = 0;
    c->last_failure_ms = now;
    if (c->failures < 16) c->failures++;
    delay = UINT64_C(500) << (c->failures - 1);
  }
  pthread_mutex_unlock(&a->lock);
  return delay < DELAY_MAX_MS ? delay : DELAY_MAX_MS;
}

unsigned admission_sessions(struct admission *a) {
  pthread_mutex_lock(&a->lock);
  unsigned n = a->sessions;
  pthread_mutex_unlock(&a->lock);
  return n;
}
