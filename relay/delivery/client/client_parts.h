/* What the files of the SMTP client share. For relay/delivery/client/ only. */
#ifndef SENDOFF_RELAY_DELIVERY_CLIENT_CLIENT_PARTS_H
#define SENDOFF_RELAY_DELIVERY_CLIENT_CLIENT_PARTS_H

#include "relay/delivery/client/client.h"
#include "relay/delivery/job.h"
#include "relay/net/stream.h"
#include "relay/smtp/dot_stuffing.h"

/* RFC 5321 4.5.3.2, and for what it leaves open: connect, TLS, RSET, QUIT. Milliseconds. From the last command or
 * reply, whatever octets come meanwhile; `delivery { reply_timeout }` bounds all but the connect's. */
#define TIMEOUT_CONNECT 30000
#define TIMEOUT_GREETING (5 * 60000)
#define TIMEOUT_EHLO (5 * 60000)
#define TIMEOUT_HANDSHAKE 60000
#define TIMEOUT_AUTH (5 * 60000)
#define COMMAND_LINE_MAX 512 /* with CRLF (RFC 5321 4.5.3.1.4) */
#define TIMEOUT_MAIL (5 * 60000)
#define TIMEOUT_RCPT (5 * 60000)
#define TIMEOUT_DATA (2 * 60000)
#define TIMEOUT_BLOCK (3 * 60000)
#define TIMEOUT_DOT (10 * 60000)
#define TIMEOUT_RESET 30000
#define TIMEOUT_QUIT 5000

/* The order of states that have a name; client.h says how they follow each other. */
enum client_state {
  CLIENT_CONNECTING,
  CLIENT_GREETING,
  CLIENT_EHLO,
  CLIENT_HELO,
  CLIENT_STARTTLS,
  CLIENT_HANDSHAKE,
  CLIENT_AUTH,
  CLIENT_READY,
  CLIENT_ENVELOPE,
  CLIENT_CONTENT,
  CLIENT_DOT,
  CLIENT_RESET,
  CLIENT_QUIT,
  CLIENT_CLOSED,
};

enum recipient_progress { PROGRESS_NONE, PROGRESS_ACCEPTED, PROGRESS_REPORTED };

/* Commands of an envelope by number: 0 MAIL, 1..n RCPT, n+1 DATA. */
struct envelope_progress {
  const struct client_transaction *t; /* NULL outside of a transaction */
  size_t sent, answered;              /* commands */
  size_t accepted;                    /* recipients */
  bool mail_refused;
  unsigned char progress[JOB_RECIPIENTS_MAX]; /* enum recipient_progress */
};

struct smtp_client {
  struct loop *loop;
  struct stream *stream;
  const struct client_owner *calls;
  void *owner;
  enum client_state state;
  char id[16]; /* for the log */
  char host[256], helo[256];
  bool plain, lockstep, require_tls, ready_reported, ever_tls;
  bool implicit_tls, routed;
  struct tls_demand tls;
  char sts_fault[256];
  char *user; /* NULL: no login, or no more */
  bool token; /* the secret is an access token, else a password */
  unsigned port;
  struct buffer secret;         /* of `user` */
  struct login_exchange *login; /* while in AUTH */
  struct buffer initial; /* secret: an initial response that was too long for the command, until it is asked for */
  size_t transactions;   /* begun */
  struct ehlo offers;
  struct reply_parser parser;
  struct envelope_progress envelope;
  struct content_feed *feed;
  struct dot_stuffing dots;
  struct incident end; /* why it closes */
  bool tls_reported;
  char peer_name[256]; /* that it gives itself in its greeting; "" */
};

/* client.c */
void client_set_state(struct smtp_client *c, enum client_state state, uint64_t timeout_ms);
/* Ends it with this incident; stage, tls and so on are filled in from the state. */
void client_fail(struct smtp_client *c, enum trouble trouble, const struct smtp_reply *reply, const char *text);
/* It fails because the host refused. */
void client_refused(struct smtp_client *c, const struct smtp_reply *reply);
/* One command line; on failure the client has failed. */
bool client_send(struct smtp_client *c, struct bytes text);
void client_incident(const struct smtp_client *c, enum trouble trouble, const struct smtp_reply *reply,
                     const char *text, struct incident *out);
/* It is decided what becomes of TLS. What comes later changes nothing. */
void client_tls_decided(struct smtp_client *c, enum tls_result result, const char *reason);
/* What a broken handshake means. */
enum trouble client_tls_trouble(const struct smtp_client *c);
void client_transaction_over(struct smtp_client *c); /* back to READY */

/* client_opening.c: the replies up to READY */
void opening_greeting(struct smtp_client *c, const struct smtp_reply *reply);
void opening_ehlo(struct smtp_client *c, const struct smtp_reply *reply);
void opening_helo(struct smtp_client *c, const struct smtp_reply *reply);
void opening_starttls(struct smtp_client *c, const struct smtp_reply *reply);
void opening_start_tls(struct smtp_client *c);
void opening_say_ehlo(struct smtp_client *c); /* also behind STARTTLS */
/* reply_parser's: a line of the reply to EHLO. */
void opening_ehlo_line(void *arg, size_t index, struct bytes text);

/* Nothing is known of the host that could keep us from beginning. */
void client_ready(struct smtp_client *c);
/* QUIT, and on to another host. */
void client_leave(struct smtp_client *c, enum trouble trouble, const char *text);

/* client_login.c: AUTH */
void opening_login(struct smtp_client *c);
void opening_auth(struct smtp_client *c, const struct smtp_reply *reply);
int client_keep_login(struct smtp_client *c, const struct login *login); /* OK or E_MEMORY; NULL: none */
void client_forget_login(struct smtp_client *c);                         /* wipes it */

/* client_envelope.c: MAIL, RCPT, DATA */
void envelope_begin(struct smtp_client *c);
void envelope_reply(struct smtp_client *c, const struct smtp_reply *reply);
/* Reports the recipients that were not reported yet. */
void envelope_report_rest(struct smtp_client *c, const struct incident *incident);

/* client_content.c: the message and its final dot */
void content_begin(struct smtp_client *c);
void content_more(struct smtp_client *c); /* the stream has drained */

#endif
