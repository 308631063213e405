/* The input driver of a session: the one that the stream calls. Private to relay/submission/; the loop's thread. */
#ifndef SENDOFF_RELAY_SUBMISSION_INPUT_H
#define SENDOFF_RELAY_SUBMISSION_INPUT_H

#include "relay/submission/session.h"

#define COMMAND_LINE_MAX 512   /* RFC 5321 4.5.3.1.4, with CRLF */
#define COMMAND_LINE_LONG 1536 /* MAIL and RCPT: what the extensions' parameters add */
#define AUTH_LINE_MAX 12288    /* RFC 4954 4 */

/* Accepts the connection that waits at the listener as the session's stream. OK; E_IO, E_MEMORY: there is none. */
int input_accept(struct session *s, uv_stream_t *listener);

#endif
