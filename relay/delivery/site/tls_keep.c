/* What became of TLS, from this loop's tally into the store, in batches. */
#include "base/log.h"
#include "relay/delivery/site/delivery_parts.h"
#include "store/write.h"

#include <stdlib.h>

/* One on its way. */
struct batch {
  struct store_tls_counts op; /* first */
  struct delivery *delivery;
  struct tls_count *counts;
};

void delivery_count_tls(struct loop *on, const struct tls_outcome *o) {
  struct delivery *d = on->delivery;
  const struct tls_count c = {tls_day(clock_now_us()), *o, 1};
  if (!tls_tally_add(d->tls, &c)) d->tls_left_out++;
}

static void note_left_out(uint64_t sessions, const char *reason) {
  struct log_line l;
  if (!sessions) return;
  log_begin(&l, LOG_WARN_, NULL, "tls results not counted");
  log_int(&l, "sessions", (long long)sessions);
  log_str(&l, "reason", reason);
  log_end(&l);
}

/* It counts with the next batch. */
static void put_back(struct delivery *d, const struct batch *b) {
  for (size_t i = 0; i < b->op.count; i++)
    if (!tls_tally_add(d->tls, &b->counts[i])) d->tls_left_out += b->counts[i].sessions;
}

static void on_kept(struct store_op *op) {
  struct batch *b = (struct batch *)op;
  struct delivery *d = b->delivery;
  if (op->result == OK)
    note_left_out(b->op.left_out, "the day has too many domains");
  else if (!d->stopping)
    put_back(d, b);
  free(b->counts);
  free(b);
  d->notes--;
  delivery_check_stopped(d);
}

static bool post(struct delivery *d) {
  struct batch *b = calloc(1, sizeof *b);
  if (b) b->counts = tls_tally_take(d->tls, &b->op.count);
  if (!b || !b->counts) {
    free(b);
    return false;
  }
  store_tls_counts_init(&b->op);
  b->op.counts = b->counts;
  b->delivery = d;
  d->notes++;
  loop_store_post(d->loop, &b->op.op, on_kept);
  return true;
}

bool tls_keep(struct delivery *d, bool all) {
  uint64_t now = clock_monotonic_ms();
  if (!all && now - d->tls_kept_ms < TLS_KEEP_MS && !tls_tally_is_half_full(d->tls)) return false;
  d->tls_kept_ms = now;
  note_left_out(d->tls_left_out, "too many at once");
  d->tls_left_out = 0;
  return tls_tally_size(d->tls) && post(d);
}
