#include "relay/submission/auth/login_bans.h"

#include "base/clock.h"

#include <pthread.h>
#include <stdlib.h>

struct login_bans {
  pthread_mutex_t lock;
  struct bans *bans;
};

struct login_bans *login_bans_new(const struct ban_rules *rules) {
  struct login_bans *b = calloc(1, sizeof *b);
  if (!b) return NULL;
  b->bans = bans_new(rules);
  if (b->bans && pthread_mutex_init(&b->lock, NULL) == 0) return b;
  bans_free(&b->bans);
  free(b);
  return NULL;
}

void login_bans_free(struct login_bans **at) {
  struct login_bans *b = *at;
  *at = NULL;
  if (!b) return;
  bans_free(&b->bans);
  pthread_mutex_destroy(&b->lock);
  free(b);
}

void login_bans_failed(struct login_bans *b, const struct sockaddr *client, const char *name, bool is_account,
                       struct login_failure *out) {
  pthread_mutex_lock(&b->lock);
  bans_failed(b->bans, client, name, is_account, clock_monotonic_ms(), out);
  pthread_mutex_unlock(&b->lock);
}

void login_bans_succeeded(struct login_bans *b, const struct sockaddr *client, const char *account) {
  pthread_mutex_lock(&b->lock);
  bans_succeeded(b->bans, client, account, clock_monotonic_ms());
  pthread_mutex_unlock(&b->lock);
}

uint64_t login_bans_banned(struct login_bans *b, const struct sockaddr *client) {
  pthread_mutex_lock(&b->lock);
  uint64_t ms = bans_banned(b->bans, client, clock_monotonic_ms());
  pthread_mutex_unlock(&b->lock);
  return ms;
}

uint64_t login_bans_restricted(struct login_bans *b, const struct sockaddr *client, const char *name) {
  pthread_mutex_lock(&b->lock);
  uint64_t ms = bans_restricted(b->bans, client, name, clock_monotonic_ms());
  pthread_mutex_unlock(&b->lock);
  return ms;
}

size_t login_bans_list(struct login_bans *b, struct ban *out, size_t max) {
  pthread_mutex_lock(&b->lock);
  size_t n = bans_list(b->bans, clock_monotonic_ms(), out, max);
  pthread_mutex_unlock(&b->lock);
  return n;
}

size_t login_bans_lift(struct login_bans *b, const char *what) {
  pthread_mutex_lock(&b->lock);
  size_t n = bans_lift(b->bans, what, clock_monotonic_ms());
  pthread_mutex_unlock(&b->lock);
  return n;
}
