#include "store/sqlite/table/learning_text.h"

#include "base/result.h"

/* Each is nothing but counters. */
struct list {
  uint16_t *counters;
  size_t count;
};
#define LIST(of) ((struct list){(uint16_t *)(of), sizeof *(of) / (sizeof(uint16_t))})

static void lists_of(struct site_learning *l, struct list out[LEARNING_LISTS]) {
  out[0] = LIST(&l->greylist);
  out[1] = LIST(&l->delivery);
  out[2] = LIST(&l->transaction);
  out[3] = LIST(&l->hours);
  out[4] = LIST(&l->sizes);
}

void learning_write(const struct site_learning *l, char out[LEARNING_LISTS][LEARNING_TEXT]) {
  struct site_learning copy = *l;
  struct list lists[LEARNING_LISTS];
  lists_of(&copy, lists);
  for (size_t i = 0; i < LEARNING_LISTS; i++) {
    char *at = out[i];
    for (size_t k = 0; k < lists[i].count; k++) at = number_put(at, lists[i].counters[k]);
    *at = '\0';
  }
}

static bool read_list(const char *text, const struct list *to) {
  for (size_t i = 0; i < to->count; i++) {
    uint64_t n;
    if (!number_get(&text, &n) || n > UINT16_MAX) return false;
    to->counters[i] = (uint16_t)n;
  }
  return !*text;
}

/* No more hits than there were tries. */
static bool is_sound(const struct learnt_share *s, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (s[i].hits > s[i].all) return false;
  return true;
}

int learning_read(const char *const texts[LEARNING_LISTS], struct site_learning *l) {
  struct site_learning copy = *l;
  struct list lists[LEARNING_LISTS];
  lists_of(&copy, lists);
  for (size_t i = 0; i < LEARNING_LISTS; i++)
    if (!read_list(texts[i], &lists[i])) return E_SYNTAX;
  if (!is_sound(copy.hours, LEARNING_HOURS) || !is_sound(copy.sizes, LEARNING_SIZES)) return E_SYNTAX;
  *l = copy;
  return OK;
}
