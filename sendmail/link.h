/* The connection to the gateway's local socket: commands, replies, and content. Blocking, with a timeout for each wait.
 * One thread. */
#ifndef SENDOFF_SENDMAIL_LINK_H
#define SENDOFF_SENDMAIL_LINK_H

#include "base/result.h"
#include "relay/smtp/ehlo.h"
#include "relay/smtp/reply_parser.h"

#define LINK_GREETING_MS 60000
#define LINK_AGAIN_MS 10000            /* so long a gateway that restarts is waited for */
#define LINK_REPLY_MS (5 * 60 * 1000)  /* RFC 5321 4.5.3.2 */
#define LINK_FINAL_MS (10 * 60 * 1000) /* RFC 5321 4.5.3.2.6 */

struct link {
  int fd;       /* -1: closed */
  bool verbose; /* what is said goes to standard error, too */
  struct reply_parser parser;
  struct buffer in; /* behind the last reply */
  struct ehlo offers;
  char host[256]; /* what the greeting names */
};

/* Connects; waits for a socket that is not there, or that nobody listens at. E_IO with what to do. */
int link_connect(const char *path, int *fd, struct reason *why);
/* Connects, reads the greeting and says EHLO; a gateway that is stopping, or busy, is asked again. E_IO with the
 * reason; *reply: what it said, code 0: nothing. The link is closed then. */
int link_open(struct link *l, const char *path, bool verbose, const struct smtp_reply **reply, struct reason *why);
/* Says a line (CRLF is added) and reads the reply, which lasts until the next. E_IO: the connection is lost. */
int link_say(struct link *l, const struct smtp_reply **reply, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int link_send(struct link *l, struct bytes data); /* OK; E_IO */
int link_reply(struct link *l, int timeout_ms, const struct smtp_reply **reply);
void link_close(struct link *l);

#endif
