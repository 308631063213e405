/* How many sessions may be open: in all, and for each client: an address, or a user of this machine. Shared by the
 * loops behind one lock: a limit per address must hold whichever loop the kernel gave the connection to. Any thread;
 * nothing blocks while it is held. */
#ifndef SENDOFF_RELAY_SUBMISSION_SESSION_LIMITS_H
#define SENDOFF_RELAY_SUBMISSION_SESSION_LIMITS_H

#include <stdbool.h>

#define SESSION_CLIENT_TEXT 64

struct session_limits;
enum session_room { ROOM, NO_ROOM, NO_ROOM_FOR_ADDRESS };

struct session_limits *session_limits_new(unsigned max_sessions, unsigned max_per_address); /* NULL without memory */
void session_limits_free(struct session_limits **l);
/* Counts one more, unless there is no room. `client` is a text of less than
 * SESSION_CLIENT_TEXT octets that is the same for all of one; NULL: whose connection it is, is not known yet (the PROXY
 * header is awaited); counted in all. Without memory there is no room. */
enum session_room session_limits_enter(struct session_limits *l, const char *client);
void session_limits_leave(struct session_limits *l, const char *client); /* once for each ROOM */

#endif
