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
    r->result = buffer_addf(&r->text, "%" PRId64 " %" PRId64 " %s %s %" PRId64, a->recipient_id, a->since_us, a->stage,
                            a->host && *a->host ? a->host : "-", a->until_us);
  if (r->result == OK && a->waits) r->result = add_turn(&r->text, a);
  if (r->result == OK) r->result = buffer_add(&r->text, "\n", 1);
}

static void read_loop(const struct loop *on, struct loop_lines *out) {
  delivery_attempts(on, add_line, out);
}

void attempts_ask(struct loop *supervisor, struct control_request *r) {
  loop_lines_ask(supervisor, r, read_loop, ATTEMPTS_ANSWER_MAX);
}
