/* DATA: RFC 5321 4.1.1.4. */
#include "relay/submission/session.h"

bool check_data(struct session *s) {
  if (!s->tx) {
    if (may_start_mail(s)) reply(s, 503, "5.5.1", "say MAIL first");
    return false;
  }
  if (s->state == SESSION_RCPT) return true;
  /* All recipients of a pipelined transaction may have been refused: RFC 2920 3.1 has 554 for that. */
  reply(s, 554, "5.5.1", "no valid recipients");
  return false;
}

void do_data(struct session *s, struct bytes rest) {
  if (rest.len) {
    reply(s, 501, "5.5.4", "DATA takes no argument");
    return;
  }
  if (intake_begin(s) != OK) {
    reply(s, 451, "4.3.0", "out of memory; try again later");
    return;
  }
  data_sink_init(&s->sink);
  session_set_state(s, SESSION_DATA);
  reply(s, 354, NULL, "send the message; end it with a dot alone on a line");
}
