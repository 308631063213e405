/* What the files of an outcome share. For relay/delivery/outcome/outcome*.c only. */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_OUTCOME_PARTS_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_OUTCOME_PARTS_H

#include "base/site/site_name.h"
#include "relay/delivery/outcome/notice.h"
#include "relay/delivery/outcome/outcome.h"
#include "store/write.h"

struct outcomes {
  struct loop *loop;
  struct content_loader *loader;
  struct outcome *list; /* prepared, or on their way into the store */
  size_t unkept;        /* of the list: the store has refused them for trouble of its own, and has not taken them yet */
  bool abandoning;
  struct delivery_counters counters; /* its delivered, deferred, bounced, sts_refused */
  void (*empty)(void *arg);
  void *arg;
};

struct pending {
  struct outcome outcome; /* first: what the others see */
  struct recipient_outcome *outcomes;
  enum dsn_action *actions; /* what its sender is notified of, for each */
  struct store_outcome op;
  struct notice notice;
  uv_timer_t timer;
  bool timer_open, waiting; /* `waiting`: the timer runs */
  bool committed;           /* nothing more is ruled */
  bool unkept;
  uint64_t delay_ms;
  int64_t not_before_us;
  uint32_t random; /* what moves its retries; 0: not drawn yet */
  char host[340], source[IP_TEXT], site[SITE_NAME_MAX], tls[96], verified[TLS_PROOF_TEXT];
};

static inline struct loop *loop_of_outcome(const struct pending *p) {
  return p->outcome.all->loop;
}

/* outcome.c: before it is stored, when nothing more is ruled. */
void outcome_gather(struct outcome *o);
/* outcome.c: the one end, when its job has been passed on. Frees it, at once or when its timer has closed. */
void outcome_destroy(struct pending *p);

#endif
