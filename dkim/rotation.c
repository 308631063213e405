#include "dkim/rotation.h"

#include <string.h>

#define LEAST_US (INT64_C(10) * 1000000)
#define HOUR_US (INT64_C(3600) * 1000000)

int64_t rotation_retires_us(const struct signing_key *k) {
  int64_t from = k->left_us > k->state_us ? k->left_us : k->state_us;
  return from + ROTATION_LINGER_US;
}

enum key_state rotation_next(const struct rotation_facts *f) {
  const struct signing_key *k = f->key;
  switch (k->state) {
  case KEY_WAITING: return f->service == KEY_SERVICE_WHOLE ? KEY_ACTIVE : KEY_WAITING;
  case KEY_OLD: return !f->mail_waits && k->left_us && f->now_us >= rotation_retires_us(k) ? KEY_RETIRED : KEY_OLD;
  case KEY_RETIRED: return f->publishes ? KEY_GONE : KEY_RETIRED;
  default: return k->state;
  }
}

/* A tenth of its age: soon at first, when somebody is at the DNS form or the last mail is just leaving, and hourly for
 * a key that nobody publishes, or whose mail is long on its way. */
static int64_t patience_us(const struct signing_key *k) {
  int64_t wait = (k->checked_us - k->state_us) / 10;
  return wait < LEAST_US ? LEAST_US : wait > HOUR_US ? HOUR_US : wait;
}

int64_t rotation_due_us(const struct signing_key *k, bool publishes) {
  switch (k->state) {
  case KEY_WAITING: return k->checked_us ? k->checked_us + patience_us(k) : k->state_us;
  case KEY_OLD:
    if (k->left_us) return rotation_retires_us(k);
    return k->checked_us ? k->checked_us + patience_us(k) : k->state_us;
  case KEY_RETIRED:
    return publishes ? (k->checked_us > k->state_us ? k->checked_us + HOUR_US : k->state_us) : INT64_MAX;
  default: return INT64_MAX;
  }
}

const struct signing_key *rotation_successor(const struct domain *d, const struct signing_key *k) {
  for (size_t i = 0; i < d->key_count; i++)
    if (d->keys[i].state == KEY_WAITING && strcmp(d->keys[i].replaces, k->selector) == 0) return &d->keys[i];
  return NULL;
}

bool rotation_is_due(const struct domain *d, const struct signing_key *k, int64_t now_us) {
  return d->rotate_us && k->state == KEY_ACTIVE && now_us - k->state_us >= d->rotate_us && !rotation_successor(d, k);
}
