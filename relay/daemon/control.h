/* The control socket, DATA_DIR/control.sock: one line in, the answer out, closed. "reload": the configuration in the
 * store, or the queue, was changed; "ok" comes when every loop has it. "status": one JSON object. "unban",
 * "unban WHAT": "ok" and how many bans were lifted. The supervisor's thread only. */
#ifndef SENDOFF_RELAY_DAEMON_CONTROL_H
#define SENDOFF_RELAY_DAEMON_CONTROL_H

#include "relay/net/loop.h"

struct control;
struct control_request;
struct control_calls {
  void (*reload)(void *arg, struct control_request *r); /* each must end in one control_answer, sooner or later */
  void (*status)(void *arg, struct control_request *r);
  void (*unban)(void *arg, const char *what, struct control_request *r); /* "": all */
  void *arg;
};
int control_start(struct loop *supervisor, const char *data_dir, const struct control_calls *calls,
                  struct control **out, struct reason *why);
void control_answer(struct control_request *r, const char *text); /* sends the text and a newline, closes */
void control_stop(struct control **c);                            /* removes the socket; open requests are closed */

#endif
