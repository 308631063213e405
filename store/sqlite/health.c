#include "store/sqlite/health.h"

#include "base/clock.h"
#include "base/log.h"

#define TOLD_CHANGED_MS 1000
#define TOLD_AGAIN_MS 60000

void health_init(struct health *h) {
  atomic_init(&h->state, STORE_GOOD);
  pthread_mutex_init(&h->lock, NULL);
  h->since_ms = clock_monotonic_ms();
  h->told_ms = 0;
  h->told = false;
  h->why.text[0] = '\0';
}

void health_destroy(struct health *h) {
  pthread_mutex_destroy(&h->lock);
}

enum store_state health_state(const struct health *h) {
  return atomic_load_explicit(&h->state, memory_order_relaxed);
}

/* With the lock held. A trouble that comes and goes is told once a second, one that stays once a minute; that it is
 * over is told when it was. */
static bool is_to_be_told(struct health *h, bool good, bool changed, uint64_t now) {
  if (good) {
    bool told = h->told;
    h->told = false;
    return told;
  }
  if (now - h->told_ms < (changed ? TOLD_CHANGED_MS : TOLD_AGAIN_MS)) return false;
  h->told_ms = now;
  return h->told = true;
}

void health_set(struct health *h, enum store_state state, const struct reason *why) {
  enum store_state before = health_state(h);
  bool good = state == STORE_GOOD;
  if (good && before == STORE_GOOD) return;
  uint64_t now = clock_monotonic_ms();
  pthread_mutex_lock(&h->lock);
  if (good || before == STORE_GOOD) h->since_ms = now;
  if (!good) h->why = *why;
  bool tell = is_to_be_told(h, good, state != before, now);
  atomic_store_explicit(&h->state, state, memory_order_relaxed);
  pthread_mutex_unlock(&h->lock);
  if (tell && good) log_event(LOG_INFO_, NULL, "the store commits again", NULL);
  if (tell && !good) log_event(LOG_ERROR_, NULL, "the store cannot commit", "reason", why->text, NULL);
}

void health_read(struct health *h, struct store_condition *out) {
  pthread_mutex_lock(&h->lock);
  out->state = health_state(h);
  out->for_ms = clock_monotonic_ms() - h->since_ms;
  out->why = h->why;
  pthread_mutex_unlock(&h->lock);
  if (out->state == STORE_GOOD) out->why.text[0] = '\0';
}
