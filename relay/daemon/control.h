/* The control socket, DATA_DIR/control.sock. A client sends one line, gets the answer, and the connection closes (after
 * `expect`: when the client closes it).
 *
 *   reload           the configuration in the store, or the queue, has changed: "ok" when every loop has the new state
 *   status           the counters and bans, one JSON object
 *   sites            the pace of each source at each site, a JSON object a line
 *   resume SOURCE|* SITE   ends what the replies of a site brought upon it: "ok"
 *   learnt SITE      what was learnt of it, a JSON object a line for each source
 *   forget SITE      forgets that: an empty line
 *   attempts         a line for each recipient that is worked on (struct delivery_attempt): "RECIPIENT SINCE STAGE
 *                    HOST UNTIL DELIVERED"
 *   lanes            "runs", "overflows" or "stops" (enum delivery_state); then a line for each lane that has mail in
 *                    the store (struct delivery_lane): "DOMAIN LANE pause|room|read UNTIL IN_FLIGHT"
 *   unban [WHAT]     lifts the bans of an address or account, or all: "ok" and the number of bans lifted
 *   expect ADDRESS PORT [ACCOUNT]   the connection that comes from there acts for the account, or, without one, is a
 *                    stranger's whose refusals are not logged: "ok" (relay/submission/expected.h). It is withdrawn
 *                    when the client closes, and after 30 seconds
 *   tls-reports DAY  the TLS reports of that day, 2026-11-27, are sent now: "ok"
 *
 * "error: ..." answers what failed. The supervisor's thread only. */
#ifndef SENDOFF_RELAY_DAEMON_CONTROL_H
#define SENDOFF_RELAY_DAEMON_CONTROL_H

#include "relay/net/loop.h"

struct control;
struct control_request;
/* Each must call control_answer once for its request, at once or later. */
struct control_calls {
  void (*reload)(void *arg, struct control_request *r);
  void (*status)(void *arg, struct control_request *r);
  void (*attempts)(void *arg, struct control_request *r);
  void (*lanes)(void *arg, struct control_request *r);
  void (*sites)(void *arg, struct control_request *r);
  void (*learnt)(void *arg, const char *site, struct control_request *r);
  void (*forget_site)(void *arg, const char *site, struct control_request *r);
  void (*resume_site)(void *arg, const char *which, struct control_request *r);
  void (*tls_reports)(void *arg, const char *day, struct control_request *r);
  void (*unban)(void *arg, const char *what, struct control_request *r); /* "": all */
  void (*expect)(void *arg, const char *what, struct control_request *r);
  void *arg;
};
/* E_MEMORY, or E_IO with the reason. */
int control_start(struct loop *supervisor, const char *data_dir, const struct control_calls *calls,
                  struct control **out, struct reason *why);
/* Sends the text and a newline, then closes. Also allowed when the client has gone, and after control_stop. */
void control_answer(struct control_request *r, const char *text);
/* The same, but the connection stays open until the client closes it, or for `ms`. Then `ended` is called once, just
 * before this side closes it; with control_answer it never is. */
typedef void control_ended(void *arg, int fd);
void control_answer_and_stay(struct control_request *r, const char *text, uint64_t ms, control_ended *ended, void *arg);
int control_fd(const struct control_request *r); /* of the connection; -1: it has closed */
void control_stop(struct control **c);           /* removes the socket and closes the connections */

#endif
