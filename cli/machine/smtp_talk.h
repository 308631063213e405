/* A small SMTP client for commands that try a server and show what it says: one connection, one deadline for all of it.
 * Blocks; one thread each. Mail itself goes out by relay/delivery. */
#ifndef SENDOFF_CLI_MACHINE_SMTP_TALK_H
#define SENDOFF_CLI_MACHINE_SMTP_TALK_H

#include "base/bytes.h"
#include "base/result.h"
#include "relay/smtp/reply_parser.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

struct talk;

/* Where to, from where, and until when (clock_monotonic_ms). */
struct talk_plan {
  const struct sockaddr *to, *from; /* from NULL: the system chooses */
  uint64_t deadline_ms;
  /* Called with the address and port that the connection will come from, before it is made; NULL: nobody is told. What
   * it returns other than OK ends the attempt. It needs `from`. */
  int (*announce)(void *arg, const struct sockaddr *local);
  void (*withdraw)(void *arg); /* with announce: no connection was made, and the port is about to be given up */
  void *arg;
};
/* Connects, without waiting for the greeting. E_TEMPORARY: no answer in time; E_IO: refused or unreachable, with the
 * reason; E_NOT_FOUND: `from` is no address of this machine; or what `announce` returned. `*out` only on OK. */
int talk_open(const struct talk_plan *plan, struct talk **out, struct reason *why);
void talk_close(struct talk **t);
/* The next reply, the greeting first. E_TEMPORARY: none in time; E_IO: the connection has ended, or is no SMTP. */
int talk_reply(struct talk *t, struct smtp_reply *out, struct reason *why);
/* A command, without its CRLF, and its reply. */
int talk_say(struct talk *t, struct smtp_reply *out, struct reason *why, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Octets as they are. OK, E_TEMPORARY or E_IO. */
int talk_send(struct talk *t, struct bytes data, struct reason *why);
/* EHLO; then talk_offers knows. */
int talk_hello(struct talk *t, const char *name, struct smtp_reply *out, struct reason *why);
bool talk_offers(const struct talk *t, const char *keyword); /* "STARTTLS" */
/* The handshake, with any certificate. `name`: for SNI. */
int talk_start_tls(struct talk *t, const char *name, struct reason *why);
/* After the handshake: "TLSv1.3 AES-256-GCM". */
const char *talk_tls(const struct talk *t);
/* After the handshake: would a client that verifies certificates take this one for `name`? False with the reason. */
bool talk_trusts(struct talk *t, const char *name, struct reason *why);

#endif
