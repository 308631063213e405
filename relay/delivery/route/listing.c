#include "relay/delivery/route/listing.h"

#include <stdio.h>

void listing_load(struct listing *l, const struct blocklist_note *n) {
  *l = (struct listing){
      .state = n->state, .since_us = n->since_us, .answered_us = n->answered_us, .asked_us = n->asked_us};
  snprintf(l->codes, sizeof l->codes, "%s", n->codes);
  snprintf(l->text, sizeof l->text, "%s", n->text);
  snprintf(l->trouble, sizeof l->trouble, "%s", n->trouble);
}

static void set_state(struct listing *l, enum blocklist_state state, int64_t now_us) {
  if (l->state == state) return;
  l->state = state;
  l->since_us = now_us;
  l->warned_us = 0;
}

/* Without an answer. */
static void take_silence(struct listing *l, const struct blocklist_finding *f, int64_t now_us) {
  snprintf(l->trouble, sizeof l->trouble, "%s", f->text);
  if (l->state != BLOCKLIST_LISTED || now_us - l->answered_us < LISTING_HOLD_US) return;
  set_state(l, BLOCKLIST_UNKNOWN, now_us);
  l->codes[0] = l->text[0] = '\0';
}

static void take_answer(struct listing *l, const struct blocklist_finding *f, int64_t now_us) {
  set_state(l, f->state, now_us);
  l->answered_us = now_us;
  l->trouble[0] = '\0';
  snprintf(l->codes, sizeof l->codes, "%s", f->codes);
  snprintf(l->text, sizeof l->text, "%s", f->text);
}

enum listing_change listing_take(struct listing *l, const struct blocklist_finding *f, int64_t now_us) {
  bool was = l->state == BLOCKLIST_LISTED;
  l->asked_us = now_us;
  if (f->state == BLOCKLIST_UNKNOWN)
    take_silence(l, f, now_us);
  else
    take_answer(l, f, now_us);
  bool is = l->state == BLOCKLIST_LISTED;
  return was == is ? LISTING_NOTHING : is ? LISTING_BEGAN : LISTING_ENDED;
}

static int64_t interval(const struct listing *l, int64_t every_us) {
  int64_t own = *l->trouble                      ? LISTING_SILENT_US
                : l->state == BLOCKLIST_LISTED   ? LISTING_LISTED_US
                : l->state == BLOCKLIST_UNUSABLE ? LISTING_UNUSABLE_US
                                                 : every_us;
  return own < every_us ? own : every_us;
}

int64_t listing_due_us(const struct listing *l, int64_t every_us, int64_t now_us) {
  if (!l->asked_us) return now_us;
  int64_t asked_us = l->asked_us < now_us ? l->asked_us : now_us; /* the clock was ahead when it was asked */
  return asked_us + interval(l, every_us);
}

bool listing_warn(struct listing *l, int64_t now_us) {
  if (l->state != BLOCKLIST_LISTED) return false;
  bool told = l->warned_us && l->warned_us <= now_us && now_us - l->warned_us < LISTING_REMIND_US;
  if (!told) l->warned_us = now_us;
  return !told;
}
