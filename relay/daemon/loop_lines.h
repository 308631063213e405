/* An answer to a command that every loop has a part of: lines of text, joined once all have reported. The supervisor's
 * thread, unless said. */
#ifndef SENDOFF_RELAY_DAEMON_LOOP_LINES_H
#define SENDOFF_RELAY_DAEMON_LOOP_LINES_H

#include "relay/daemon/control.h"
#include "relay/net/loop.h"

struct loop_lines { /* one loop's */
  struct buffer text;
  int result; /* of the first line that could not be added; nothing is added after it */
};
/* Adds the loop's lines to `out`; on that loop's thread. */
typedef void loop_lines_read(const struct loop *on, const void *arg, struct loop_lines *out);

/* Answers `r` once every loop has reported: with all lines, in no more than `most` octets, or "error: ...". `arg` lives
 * as long as the request. */
void loop_lines_ask(struct loop *supervisor, struct control_request *r, loop_lines_read *read, const void *arg,
                    size_t most);

#endif
