#include "relay/delivery/site/turn_time.h"

#define SHARE 8 /* the part of the mean that the latest one has */

void turn_time_note(struct turn_time *t, int64_t now_us, size_t more) {
  if (t->last_us) {
    int64_t took = now_us - t->last_us;
    t->mean_us += t->mean_us ? (took - t->mean_us) / SHARE : took > 0 ? took : 1;
  }
  t->last_us = more ? now_us : 0;
}

int64_t turn_time_expect(const struct turn_time *t, int64_t now_us, size_t ahead) {
  int64_t since = t->last_us ? now_us - t->last_us : 0;
  int64_t turn = since > t->mean_us ? since : t->mean_us;
  return t->mean_us ? turn * ((int64_t)ahead + 1) : 0;
}
