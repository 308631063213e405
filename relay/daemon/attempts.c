#include "relay/daemon/attempts.h"

#include "relay/daemon/loop_lines.h"
#include "relay/delivery/delivery.h"

#include <inttypes.h>

static void add_line(void *arg, const struct delivery_attempt *a) {
  struct loop_lines *r = arg;
  if (r->result == OK)
    r->result = buffer_addf(&r->text, "%" PRId64 " %" PRId64 " %s %s %" PRId64 "\n", a->recipient_id, a->since_us,
                            a->stage, a->host && *a->host ? a->host : "-", a->until_us);
}

static void read_loop(const struct loop *on, struct loop_lines *out) {
  delivery_attempts(on, add_line, out);
}

void attempts_ask(struct loop *supervisor, struct control_request *r) {
  loop_lines_ask(supervisor, r, read_loop, ATTEMPTS_ANSWER_MAX);
}
