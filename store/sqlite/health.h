/* How the store is: set by the writer thread, in one place, and told in the log; read by any thread. Private to
 * store/; store_condition() and store_records() are the way in. */
#ifndef SENDOFF_STORE_SQLITE_HEALTH_H
#define SENDOFF_STORE_SQLITE_HEALTH_H

#include "store/store.h"

#include <pthread.h>
#include <stdatomic.h>

struct health {
  _Atomic enum store_state state;
  pthread_mutex_t lock; /* of what follows */
  uint64_t since_ms, told_ms;
  bool told; /* of what is not well now */
  struct reason why;
};

void health_init(struct health *h);
void health_destroy(struct health *h);
/* `why` is not asked for with STORE_GOOD. */
void health_set(struct health *h, enum store_state state, const struct reason *why);
enum store_state health_state(const struct health *h);
void health_read(struct health *h, struct store_condition *out);

#endif
