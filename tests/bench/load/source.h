/* The generator: many SMTP clients on one thread. source.c has the schedule and the report, source_smtp.c what is said,
 * source_stream.c connections and TLS, source_content.c the messages. */
#ifndef SENDOFF_BENCH_SOURCE_H
#define SENDOFF_BENCH_SOURCE_H

#include "tests/bench/load/board.h"

#include <gnutls/gnutls.h>
#include <netinet/in.h>

#define INPUT 4096
#define DOMAIN_SIZE 256
#define OUTPUT 20480 /* a whole message of 16 KB is one write */

struct plan {
  struct sockaddr_in to;
  uint64_t first, messages;
  size_t length;            /* of a message's content, header included */
  size_t recipients;        /* of each message */
  size_t sessions, opening; /* open at once; and how many of them may be between connect and ready */
  unsigned addresses;       /* client addresses, from 127.64.0.1 on; 0: the kernel's choice */
  unsigned domains;         /* below to_domain, which messages are for in turn; 0: for to_domain itself */
  double rate;              /* messages a second that are due; 0: as fast as they go */
  bool keep, tls, resume, idle;
  const char *from, *to_domain, *auth; /* auth: the initial response of AUTH PLAIN, in base64; NULL: none */
};

enum session_state {
  CLOSED,
  CONNECTING,
  GREETING,
  EHLO,
  STARTTLS,
  HANDSHAKE,
  AUTH,
  READY, /* for a message */
  MAIL,
  RCPT,
  DATA,
  CONTENT,
  QUIT
};

struct session {
  int fd;
  enum session_state state;
  bool secure, watches_write, has_message;
  size_t index;
  gnutls_session_t tls;
  gnutls_datum_t ticket; /* of the connection before; data NULL: none */
  uint64_t number;       /* the message's */
  size_t recipient;      /* whose RCPT is awaited */
  size_t content_left;   /* octets of the content that are not in `out` yet */
  bool content_begun;
  size_t in_len, out_at, out_len;
  char in[INPUT];
  char *out; /* there only while something is to be sent: ten thousand idle sessions are not to cost 200 MB here */
};

extern struct plan plan;
extern struct board *board;

/* source.c: what happens to sessions and messages. */
bool next_message(uint64_t *number); /* false: none is due now, or none is left */
bool all_given_out(void);
void message_accepted(struct session *s);
void message_refused(struct session *s, const char *reply);
void session_ready(struct session *s);  /* it can take a message */
void session_opened(struct session *s); /* once a connection, when it is past greeting, TLS and AUTH */
void session_ended(struct session *s, const char *why);
void handshake_done(bool resumed);

/* source_smtp.c */
void smtp_begin(struct session *s);                   /* the connection is there */
void smtp_reply(struct session *s, const char *line); /* the last line of a reply */
void smtp_message(struct session *s);                 /* in READY, with a number */
void smtp_quit(struct session *s);
void recipient_domain(uint64_t number, char out[DOMAIN_SIZE]); /* of that message */

/* source_stream.c */
void stream_init(int epoll);
void stream_open(struct session *s);
void stream_close(struct session *s);
void stream_say(struct session *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
void stream_secure(struct session *s); /* begins the handshake */
void stream_event(struct session *s, uint32_t events);
void stream_flush(struct session *s);
char *stream_room(struct session *s, size_t *room); /* to append to what is to be sent */

/* source_content.c */
void content_init(size_t length);
void content_fill(struct session *s); /* as much of it as there is room for */

#endif
