#include "relay/submission/admission.h"

#include "base/clock.h"
#include "base/hash.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* An address with open sessions; so there are never more than sessions. */
struct client {
  char address[IP_TEXT];
  unsigned sessions;
  UT_hash_handle hh;
};

struct admission {
  pthread_mutex_t lock;
  unsigned max_sessions, max_per_address, sessions;
  struct client *clients;
  struct bans *bans;
};

struct admission *admission_new(unsigned max_sessions, unsigned max_per_address, const struct ban_rules *rules) {
  struct admission *a = calloc(1, sizeof *a);
  if (!a) return NULL;
  a->max_sessions = max_sessions;
  a->max_per_address = max_per_address;
  a->bans = bans_new(rules);
  if (!a->bans) {
    free(a);
    return NULL;
  }
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
  bans_free(&a->bans);
  pthread_mutex_destroy(&a->lock);
  free(a);
}

/* --- sessions; with the lock held --- */

static struct client *find(struct admission *a, const struct sockaddr *address) {
  char text[IP_TEXT];
  struct client *c;
  ip_format(address, text);
  HASH_FIND_STR(a->clients, text, c);
  return c;
}

/* NULL without memory. */
static struct client *make(struct admission *a, const struct sockaddr *address) {
  struct client *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  ip_format(address, c->address);
  HASH_ADD_STR(a->clients, address, c);
  if (c->hh.tbl) return c;
  free(c);
  return NULL;
}

static enum admitted enter(struct admission *a, const struct sockaddr *client) {
  if (a->sessions >= a->max_sessions) return FULL_HERE;
  struct client *c = client ? find(a, client) : NULL;
  if (c && c->sessions >= a->max_per_address) return FULL_FOR_ADDRESS;
  if (client && !c) c = make(a, client);
  if (client && !c) return FULL_HERE;
  if (c) c->sessions++;
  a->sessions++;
  return ADMITTED;
}

enum admitted admission_enter(struct admission *a, const struct sockaddr *client) {
  pthread_mutex_lock(&a->lock);
  enum admitted answer = enter(a, client);
  pthread_mutex_unlock(&a->lock);
  return answer;
}

void admission_leave(struct admission *a, const struct sockaddr *client) {
  pthread_mutex_lock(&a->lock);
  struct client *c = client ? find(a, client) : NULL;
  a->sessions--;
  if (c && --c->sessions == 0) {
    HASH_DEL(a->clients, c);
    free(c);
  }
  pthread_mutex_unlock(&a->lock);
}

unsigned admission_sessions(struct admission *a) {
  pthread_mutex_lock(&a->lock);
  unsigned n = a->sessions;
  pthread_mutex_unlock(&a->lock);
  return n;
}

/* --- logins --- */

void admission_login_failed(struct admission *a, const struct sockaddr *client, const char *name, bool is_account,
                            struct login_failure *out) {
  pthread_mutex_lock(&a->lock);
  bans_failed(a->bans, client, name, is_account, clock_monotonic_ms(), out);
  pthread_mutex_unlock(&a->lock);
}

void admission_login_right(struct admission *a, const struct sockaddr *client, const char *account) {
  pthread_mutex_lock(&a->lock);
  bans_right(a->bans, client, account, clock_monotonic_ms());
  pthread_mutex_unlock(&a->lock);
}

uint64_t admission_banned(struct admission *a, const struct sockaddr *client) {
  pthread_mutex_lock(&a->lock);
  uint64_t ms = bans_banned(a->bans, client, clock_monotonic_ms());
  pthread_mutex_unlock(&a->lock);
  return ms;
}

uint64_t admission_guarded(struct admission *a, const struct sockaddr *client, const char *name) {
  pthread_mutex_lock(&a->lock);
  uint64_t ms = bans_guarded(a->bans, client, name, clock_monotonic_ms());
  pthread_mutex_unlock(&a->lock);
  return ms;
}

size_t admission_bans(struct admission *a, struct ban *out, size_t max) {
  pthread_mutex_lock(&a->lock);
  size_t n = bans_list(a->bans, clock_monotonic_ms(), out, max);
  pthread_mutex_unlock(&a->lock);
  return n;
}

size_t admission_unban(struct admission *a, const char *what) {
  pthread_mutex_lock(&a->lock);
  size_t n = bans_lift(a->bans, what, clock_monotonic_ms());
  pthread_mutex_unlock(&a->lock);
  return n;
}
