#include "relay/delivery/queue/in_flight.h"

#include "base/clock.h"

#include <stdlib.h>

static void free_one(struct schedule *s, struct in_flight *f) {
  HASH_DEL(s->recipients_in_flight, f);
  free(f);
}

void in_flight_forget_ended(struct schedule *s) {
  struct in_flight *f, *next;
  for (f = s->ended ? s->recipients_in_flight : NULL; f && s->ended; f = next) {
    next = f->hh.next;
    if (!f->ended) continue;
    s->ended--;
    free_one(s, f);
  }
}

static bool add_one(struct schedule *s, struct queue_lane *lane, int64_t id, int64_t now_us) {
  struct in_flight *f = NULL;
  HASH_FIND(hh, s->recipients_in_flight, &id, sizeof id, f);
  if (f) return false;
  f = calloc(1, sizeof *f);
  if (!f) return false;
  f->id = id;
  f->lane = lane;
  f->since_us = now_us;
  HASH_ADD(hh, s->recipients_in_flight, id, sizeof f->id, f);
  if (!f->hh.tbl) {
    free(f);
    return false;
  }
  schedule_in_flight(s, lane, 1);
  return true;
}

void in_flight_add(struct schedule *s, struct queue_lane *lane, struct job *j) {
  size_t kept = 0;
  int64_t now = clock_now_us();
  for (size_t i = 0; i < j->recipient_count; i++) {
    if (add_one(s, lane, j->recipients[i].to.id, now))
      j->recipients[kept++] = j->recipients[i];
    else
      queued_recipient_clear(&j->recipients[i]);
  }
  j->recipient_count = kept;
}

void in_flight_remove(struct schedule *s, const struct job *j) {
  for (size_t i = 0; i < j->recipient_count; i++) {
    struct in_flight *f = NULL;
    HASH_FIND(hh, s->recipients_in_flight, &j->recipients[i].to.id, sizeof f->id, f);
    if (!f || f->ended) continue;
    schedule_in_flight(s, f->lane, -1);
    if (f->lane->reading || s->reading_all) {
      f->ended = true;
      f->lane = NULL;
      s->ended++;
    } else {
      free_one(s, f);
    }
  }
}

void in_flight_free(struct schedule *s) {
  struct in_flight *f, *next;
  for (f = s->recipients_in_flight; f; f = next) {
    next = f->hh.next;
    free_one(s, f);
  }
}
