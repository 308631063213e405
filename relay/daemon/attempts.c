#include "relay/daemon/attempts.h"

#include "relay/daemon/loop_lines.h"
#include "relay/delivery/delivery.h"

#include <inttypes.h>

static int add_turn(struct buffer *out, const struct delivery_attempt *a) {
  return buffer_addf(out, " %zu %zu %zu %s %" PRId64, a->ahead, a->ahead_own, a->ahead_of_other,
                     a->ahead_other && *a->ahead_other ? a->ahead_other : "-", a->expected_us);
}

static void add_line(void *arg, const struct delivery_attempt *a) {
  struct loop_lines *r = arg;
  if (r->result == OK)
    r->result = buffer_addf(&r->text, "%" PRId64 " %" PRId64 " %s %s %" PRId64 " %" PRId64, a->recipient_id,
                            a->since_us, a->stage, a->host && *a->host ? a->host : "-", a->until_us, a->delivered_us);
  if (r->result == OK && a->lane) r->result = buffer_addf(&r->text, " %s", *a->lane ? a->lane : "-");
  if (r->result == OK && a->waits) r->result = add_turn(&r->text, a);
  if (r->result == OK) r->result = buffer_add(&r->text, "\n", 1);
}

static void read_loop(const struct loop *on, const void *arg, struct loop_lines *out) {
  (void)arg;
  delivery_attempts(on, add_line, out);
}

void attempts_ask(struct loop *supervisor, struct control_request *r) {
  loop_lines_ask(supervisor, r, read_loop, NULL, ATTEMPTS_ANSWER_MAX);
}

static void add_lane(void *arg, const struct delivery_lane *l) {
  static const char *const whys[] = {
      [DELIVERY_WAITS_PAUSE] = "pause", [DELIVERY_WAITS_ROOM] = "room", [DELIVERY_WAITS_READ] = "read"};
  struct loop_lines *r = arg;
  if (r->result == OK)
    r->result = buffer_addf(&r->text, "%s %s %s %" PRId64 " %zu\n", l->domain, *l->lane ? l->lane : "-", whys[l->why],
                            l->until_us, l->in_flight);
}

static void read_lanes(const struct loop *on, const void *arg, struct loop_lines *out) {
  static const char *const states[] = {
      [DELIVERY_RUNS] = "runs\n", [DELIVERY_OVERFLOWS] = "overflows\n", [DELIVERY_STOPS] = "stops\n"};
  (void)arg;
  if (on->index != 0) return;
  out->result = buffer_addf(&out->text, "%s", states[delivery_state(on)]);
  delivery_lanes(on, add_lane, out);
}

void lanes_ask(struct loop *supervisor, struct control_request *r) {
  loop_lines_ask(supervisor, r, read_lanes, NULL, LANES_ANSWER_MAX);
}
