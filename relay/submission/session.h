/* One submission session: its state, its end, and the time that its client has. Private to relay/submission/; the
 * loop's thread.
 *
 * The normal path:
 *
 *   PROXY --header--> ARRIVED                  (from a load balancer; all others begin in ARRIVED)
 *   ARRIVED --TLS, if implicit; greeting--> START
 *   START --EHLO--> READY --STARTTLS--> HANDSHAKE --> START (RFC 3207 4.2: all knowledge is discarded)
 *   READY --AUTH--> AUTH --succeeded or not--> READY
 *   READY --MAIL--> MAIL --RCPT--> RCPT --RCPT--> RCPT --DATA--> DATA --end of content--> READY
 *   RCPT --BDAT--> CHUNK --its end--> BDAT --BDAT--> CHUNK ... --end of the last--> READY (RFC 3030)
 *   any   --BDAT that may not come--> DISCARD --as many octets--> where it was
 *   any   --QUIT, timeout, too many errors--> CLOSED
 *
 * Forbidden: any octet before the greeting; mail before EHLO/HELO, before AUTH (unless an account has the client's
 * address, or the local user), AUTH and STARTTLS by the local socket; mail before TLS on a "starttls" listener; AUTH
 * inside a transaction, or twice; STARTTLS inside TLS, or with octets waiting behind it. RSET and EHLO end a
 * transaction.
 *
 * While an answer is awaited (`waiting`), no further command is read; input stays in `in`, and the stream pauses. */
#ifndef SENDOFF_RELAY_SUBMISSION_SESSION_H
#define SENDOFF_RELAY_SUBMISSION_SESSION_H

#include "base/address/address.h"
#include "base/id.h"
#include "relay/net/stream.h"
#include "relay/smtp/data_sink.h"
#include "relay/submission/context.h"
#include "relay/submission/dmarc_gate.h"
#include "relay/submission/input_deadline.h"
#include "relay/submission/spf_gate.h"
#include "relay/submission/transaction.h"

enum session_state {
  SESSION_PROXY,   /* the PROXY header is awaited */
  SESSION_ARRIVED, /* before the greeting */
  SESSION_START,
  SESSION_HANDSHAKE, /* after the 220 to STARTTLS */
  SESSION_READY,
  SESSION_AUTH,
  SESSION_MAIL,
  SESSION_RCPT,
  SESSION_DATA,
  SESSION_CHUNK,   /* the octets of a chunk are awaited */
  SESSION_BDAT,    /* the next chunk is awaited */
  SESSION_DISCARD, /* the octets of a refused chunk are read and discarded */
  SESSION_CLOSED
};

/* What it waits for, when it is not the client. */
enum session_wait { WAIT_NONE, WAIT_PEER, WAIT_FACTS, WAIT_LOGIN, WAIT_DISK, WAIT_CONVERSION, WAIT_STORE };

/* Whose connection it is: a load balancer's PROXY header may be awaited, or may not say; so may the name of a local
 * user, whom the kernel may not be able to name. */
enum client_identity { CLIENT_AWAITED, CLIENT_KNOWN, CLIENT_ANONYMOUS };

/* What the login rests on. */
enum login_proof { LOGIN_NONE, LOGIN_ADDRESS, LOGIN_COMMAND, LOGIN_USER, LOGIN_PASSWORD, LOGIN_CERTIFICATE };

struct session {
  struct submission *submission;
  struct loop *loop;     /* the submission's */
  struct stream *stream; /* NULL once it has been freed */
  struct session *next, *prev;
  const struct listen_config *listener;
  struct sockaddr_storage client;  /* the connection's peer, or whom its PROXY header names; AF_UNIX: `uid` */
  char id[ID_TEXT], peer[IP_TEXT]; /* peer: `client` as text, or "local user www-data" */
  uid_t uid;                       /* of a session by the local socket */
  char user[LOCAL_USER_MAX + 1];   /* its login name; "": none, or not known yet */
  char ref[REF_LENGTH + 1];        /* of the latest refusal */
  char proxy[IP_TEXT];             /* the connection's own peer, where that is a load balancer; else "" */
  enum client_identity identity;
  enum session_state state;
  enum session_wait waiting;
  bool choked;     /* too many replies wait for the client to read them: nothing more is run before it has */
  bool peer_ended; /* the client has closed its side */
  bool counted;    /* in submission->limits */
  bool self_test;  /* `sendoff doctor` plays a stranger: it is never banned, and its refusals are not logged */
  unsigned holds;  /* work under way that will come back to this session: it is not freed before */
  /* input */
  struct buffer in;
  size_t behind;                  /* octets that came behind the line that is run */
  struct input_deadline deadline; /* stands still while `waiting` */
  bool skipping_line;             /* the rest of a line that was too long */
  struct deferred turn;
  /* what the client said at EHLO or HELO */
  char helo[DOMAIN_MAX + 1];
  bool extended; /* EHLO, not HELO */
  /* the login */
  int64_t account_id; /* 0: none */
  char account[65];
  enum login_proof proof;
  unsigned char proven[32]; /* the verifier's key or the certificate's fingerprint: must still be so at each MAIL */
  unsigned errors, login_failures;
  struct auth_exchange *auth;
  struct login_delay *login_delay; /* the answer to a failed login is delayed */
  /* the message */
  uint64_t accepted; /* messages so far */
  struct transaction *tx;
  struct data_sink sink;
  uint64_t chunk_octets, discard_octets; /* of the chunk under way; still to be discarded */
  bool last_chunk;
  enum session_state after_discard;
  struct intake *intake;
  struct spf_wait spf_wait;
  struct dmarc_wait dmarc_wait;
  struct dns_wait peer_wait;
  void (*peer_found)(struct session *s);
};

/* A session for a connection that was accepted: in the list, not yet in any state. NULL without memory. */
struct session *session_new(struct submission *s, const struct listen_config *listener);
/* The one place where the state changes; traces old -> new. */
void session_set_state(struct session *s, enum session_state state);
bool session_is_closed(const struct session *s);
/* Stops reading commands until session_resume. */
void session_wait(struct session *s, enum session_wait what);
void session_resume(struct session *s);
void session_hold(struct session *s);   /* work was started that refers to the session */
void session_unhold(struct session *s); /* it came back; may free the session: touch it no more */
/* Ends it: `flush` sends the replies first. The one close path. `why`: for the log. */
void session_close(struct session *s, bool flush, const char *why);
void session_stream_closed(struct session *s); /* the stream's last callback; may free the session */
/* Ends it with 421 and this text, if a reply may be sent now. `why`: for the log. */
void session_turn_away(struct session *s, const char *enhanced, const char *text, const char *why);
/* The same for a refusal, which is logged; `text` is the reason in the log, too. */
void session_refuse(struct session *s, const char *enhanced, const char *rule, const char *text);
/* A reply may be sent: no handshake is under way. */
bool session_may_reply(const struct session *s);
/* Content is awaited, not a command. */
bool session_awaits_content(const struct session *s);
/* Begins the time that the client has in this state; when a line was read, anew. */
void session_begin_deadline(struct session *s);
void session_set_timeout(struct session *s); /* for what is left of it */
/* Ends the transaction (RSET, EHLO, the end of the content). */
void session_reset(struct session *s);
/* It acts for an account without AUTH: its client's address says so, its user, or a command on this machine. */
bool session_needs_no_login(const struct session *s);
/* Whose session it is: for bans and the brake. */
const struct sockaddr *session_client(const struct session *s);
bool session_is_local(const struct session *s); /* by the local socket: the client is a user of this machine */
/* The account it acts for, in the loop's current directory; NULL: none, or gone. */
const struct account *session_account(const struct session *s);

#endif
