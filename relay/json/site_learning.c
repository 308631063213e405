#include "relay/json/json.h"

#include "base/clock.h"

#define HALF 50
#define MOST 90

static json_t *number_or_null(int64_t n) {
  return n ? json_integer((json_int_t)n) : json_null();
}

static json_t *times_json(const struct learnt_times *t) {
  return json_pack("{s:I, s:o, s:o}", "messages", (json_int_t)learnt_times_total(t), "half_within_ms",
                   number_or_null(learnt_times_within(t, HALF) / 1000), "most_within_ms",
                   number_or_null(learnt_times_within(t, MOST) / 1000));
}

static json_t *later_attempts(const struct learnt_greylist *g) {
  json_t *list = json_array();
  for (unsigned i = 0; i < GREYLIST_SLOTS; i++)
    if (g->taken[i] + g->refused[i])
      json_array_append_new(list,
                            json_pack("{s:I, s:i, s:i}", "after_seconds", (json_int_t)(greylist_slot_us(i) / SECOND_US),
                                      "taken", (int)g->taken[i], "put_off", (int)g->refused[i]));
  return list;
}

static json_t *greylisting_json(const struct learnt_greylist *g) {
  return json_pack("{s:i, s:i, s:o, s:o}", "first_attempts", (int)g->firsts, "put_off", (int)g->put_off,
                   "taken_after_seconds", number_or_null(greylist_known(g) / SECOND_US), "later_attempts",
                   later_attempts(g));
}

static json_t *hours_json(const struct learnt_share *hours) {
  json_t *list = json_array();
  for (int i = 0; i < LEARNING_HOURS; i++)
    if (hours[i].all)
      json_array_append_new(
          list, json_pack("{s:i, s:i, s:i}", "hour", i, "answers", (int)hours[i].all, "put_off", (int)hours[i].hits));
  return list;
}

static json_t *sizes_json(const struct learnt_share *sizes) {
  json_t *list = json_array();
  for (unsigned i = 0; i < LEARNING_SIZES; i++)
    if (sizes[i].all)
      json_array_append_new(
          list,
          json_pack("{s:o, s:i, s:i}", "up_to_octets",
                    learning_size_most(i) == UINT64_MAX ? json_null() : json_integer((json_int_t)learning_size_most(i)),
                    "answers", (int)sizes[i].all, "put_off", (int)sizes[i].hits));
  return list;
}

json_t *site_learning_json(const struct site_learning_note *n) {
  const struct site_learning *l = &n->learnt;
  return json_pack("{s:o, s:o, s:o, s:o, s:o, s:{s:i, s:i}, s:o, s:o, s:o}", "site", json_text(n->site), "source",
                   *n->source ? json_text(n->source) : json_null(), "greylisting", greylisting_json(&l->greylist),
                   "delivery", times_json(&l->delivery), "transaction", times_json(&l->transaction), "this_source",
                   "messages", (int)l->source.all, "taken", (int)l->source.hits, "hours", hours_json(l->hours), "sizes",
                   sizes_json(l->sizes), "as_of", json_time(n->updated_us));
}
