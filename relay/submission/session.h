/* One submission session: private to the files of the submission side (submission.c, entrance.c, verbs_*.c, auth.c,
 * login.c, intake.c, reply.c). The loop's thread only.
 *
 * The normal path:
 *
 *   PROXY --header--> ARRIVED                  (from a load balancer; all others begin in ARRIVED)
 *   ARRIVED --TLS, if implicit; greeting--> START
 *   START --EHLO--> READY --STARTTLS--> HANDSHAKE --> START (RFC 3207 4.2: all knowledge is thrown away)
 *   READY --AUTH--> AUTH --ok or not--> READY
 *   READY --MAIL--> MAIL --RCPT--> RCPT --RCPT--> RCPT --DATA--> DATA --end of content--> READY
 *   RCPT --BDAT--> CHUNK --its end--> BDAT --BDAT--> CHUNK ... --end of the last--> READY (RFC 3030)
 *   any   --BDAT that may not come--> DISCARD --as many octets--> where it was
 *   any   --QUIT, time-out, too many errors--> CLOSED
 *
 * Forbidden: any octet before the greeting; mail before EHLO/HELO, before AUTH (unless the client's address is
 * admitted), before TLS on a "starttls" listener; AUTH inside a transaction, or twice; STARTTLS inside TLS, or with
 * octets waiting behind it. RSET and EHLO give up a transaction.
 *
 * While an answer is awaited (`waiting`: SPF, a password, a delay, the store), no further command is read; input stays
 * in `in`, and the stream pauses. */
#ifndef SENDOFF_RELAY_SESSION_H
#define SENDOFF_RELAY_SESSION_H

#include "base/address.h"
#include "base/config.h"
#include "base/envelope.h"
#include "base/id.h"
#include "base/usage.h"
#include "relay/net/loop.h"
#include "relay/net/stream.h"
#include "relay/smtp/data_sink.h"
#include "relay/smtp/parameters.h"
#include "relay/submission/patience.h"
#include "relay/submission/spf_gate.h"

#define COMMAND_LINE_MAX 512   /* RFC 5321 4.5.3.1.4, with CRLF */
#define COMMAND_LINE_LONG 1536 /* MAIL and RCPT: what the extensions' parameters add */
#define AUTH_LINE_MAX 12288    /* RFC 4954 4 */
#define SESSION_INPUT_MAX (192 * 1024)
#define REPLIES_WAITING_MAX (32 * 1024)
#define PROXY_TIMEOUT_MS 5000
#define ERRORS_MAX 30
#define AUTH_FAILURES_MAX 5

enum session_state {
  SESSION_PROXY,   /* the PROXY header is awaited */
  SESSION_ARRIVED, /* nothing is said yet */
  SESSION_START,
  SESSION_HANDSHAKE, /* 220 to STARTTLS is said */
  SESSION_READY,
  SESSION_AUTH,
  SESSION_MAIL,
  SESSION_RCPT,
  SESSION_DATA,
  SESSION_CHUNK,   /* the octets of a chunk are awaited */
  SESSION_BDAT,    /* the next chunk is awaited */
  SESSION_DISCARD, /* the octets of a chunk that was refused are read and thrown away */
  SESSION_CLOSED
};

enum login_proof { LOGIN_ADDRESS, LOGIN_PASSWORD, LOGIN_CERTIFICATE };

/* The envelope under construction (RFC 5321 4.1.1.2, 4.1.1.3). */
struct transaction {
  struct directory *directory; /* held, so that `account` stays */
  const struct account *account;
  char reverse_path[ADDRESS_MAX + 1];
  struct mail_parameters said; /* its envid is `envid` */
  char *parameters;            /* of MAIL, as they were said */
  char envid[ENVID_MAX + 1];
  struct usage usage;           /* as committed when MAIL came; the exact check is the store's */
  struct recipient *recipients; /* copies */
  size_t recipient_count, recipient_room;
  struct spf_verdict spf;
  enum check_mode spf_mode;
};

struct session {
  struct loop *loop;
  struct stream *stream; /* NULL once it has been freed */
  struct session *next, *prev;
  const struct listen_config *listener;
  enum listen_tls listen;
  struct sockaddr_storage client;  /* the connection's peer, or whom its PROXY header names */
  char id[ID_TEXT], peer[IP_TEXT]; /* peer: `client` in words */
  char proxy[IP_TEXT];             /* the connection's own peer, where that is a load balancer; else "" */
  enum session_state state;
  const char *waiting;    /* what for, or NULL */
  bool choked;            /* too many replies wait for the client to read them: nothing more is run before it has */
  bool closing, ended;    /* ended: the client has closed its side while an answer was awaited */
  bool identified;        /* `client` is known: a PROXY header, if one was awaited, was read */
  bool anonymous;         /* the load balancer did not say whose connection it is: `client` is its own address */
  bool admitted, counted; /* admitted: by client address; counted: in admission */
  unsigned holds;         /* work under way that will come back to this session: it is not freed before */
  struct buffer in;
  size_t behind;            /* octets that came behind the line that is run */
  struct patience patience; /* stands still while `waiting` */
  bool skipping_line;       /* the rest of a line that was too long */
  struct deferred turn;
  char helo[DOMAIN_MAX + 1];
  bool extended;      /* EHLO, not HELO */
  int64_t account_id; /* 0: not authenticated */
  char account[65];
  enum login_proof proof; /* what the login rests on, and must still be so at each MAIL: */
  unsigned char proven[32];
  unsigned errors, auth_failures;
  uint64_t bytes_in, accepted;
  struct auth_exchange *auth;
  struct login_delay *login_delay; /* the answer to a failed login waits */
  struct transaction *tx;
  struct data_sink sink;
  uint64_t chunk_octets, discard_octets; /* of the chunk under way; still to be thrown away */
  bool last_chunk;
  enum session_state behind_discard;
  struct intake *intake;
  struct spf_wait spf_wait;
};

/* The one place where the state changes; traces old -> new. */
void session_set_state(struct session *s, enum session_state state);
const char *session_state_name(enum session_state state);
/* Stops reading commands until session_resume. */
void session_wait(struct session *s, const char *what);
void session_resume(struct session *s);
void session_hold(struct session *s);   /* work was started that refers to the session */
void session_unhold(struct session *s); /* it came back; may free the session: touch it no more */
/* Ends it: `flush` sends what was replied first. The one close path. */
void session_close(struct session *s, bool flush, const char *why);
/* Ends it with 421 and these words, if anything may be said now. `why`: for the log. */
void session_turn_away(struct session *s, const char *enhanced, const char *words, const char *why);
/* Replies can be read: no handshake is under way. */
bool session_may_speak(const struct session *s);
/* Begins the time that the client has in this state; when a line was read, anew. */
void session_begin_patience(struct session *s);
void session_set_timeout(struct session *s); /* for what is left of it */
/* Whose session it is: for limits, bans, admission and logs. */
const struct sockaddr *session_client(const struct session *s);
/* Throws the transaction away (RSET, EHLO, the end of DATA). */
void session_reset(struct session *s);
/* The account it acts for, in the loop's current directory; NULL: none, or gone. */
const struct account *session_account(const struct session *s);

/* --- entrance.c: from the connection to the greeting --- */

void entrance_begin(struct session *s);
void entrance_header(struct session *s, struct bytes data); /* in PROXY: what came */
void entrance_arrived(struct session *s);                   /* in ARRIVED: greets, once nothing is in the way */
void entrance_spoken_early(struct session *s);              /* in ARRIVED: octets came */
void entrance_leave(struct session *s);                     /* the end: no longer counted */
int session_start_tls(struct session *s);                   /* OK, or there is no TLS: end it */

/* --- login.c: who may try, and what comes of it --- */

/* May this client try to log in as `name`? False: refused, with a reply. Asked before the password is looked at, for
 * any name: the answer must tell nothing. NULL, for a certificate, which nobody can guess: only its address matters. */
bool login_may_try(struct session *s, const char *name);
/* The reply to AUTH: at once when it is right, after a delay when it is not. `a` NULL: there is no such account. */
/* What it was proven by is still good: the password was not changed, the certificate not taken away, the address still
 * admitted. */
bool login_holds(const struct session *s, const struct account *a);
void login_decide(struct session *s, const struct account *a, bool right, const char *name, enum login_proof proof);
/* The gateway is stopping: an answer that waits is given now. */
void login_hurry(struct session *s);
void login_turn_away(struct session *s, uint64_t left_ms); /* ends it: its address is banned for so long */

/* --- reply.c --- */

/* One line: "CODE ENHANCED text". `enhanced` NULL for replies that have none. 500-504 and 530, 535 count as errors. */
void reply(struct session *s, int code, const char *enhanced, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* AUTH's 334. As long as the mechanism makes it: the bound of other replies is not its (RFC 4954 4). */
void reply_challenge(struct session *s, const char *challenge);
/* One line of a multi-line reply: "CODE-text", the last with a space. */
void reply_line(struct session *s, int code, bool last, const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A refusal that a person may ask about: logged, with a reference at the end: "... sendoff why REF". `rule`: see
 * refusal.h. */
void reply_refusal(struct session *s, int code, const char *enhanced, const char *rule, const char *to,
                   const char *text);

/* --- verbs.c: the table of verbs, each a check (may it come now? replies if not) and an action --- */
void verbs_run(struct session *s, struct bytes line);
size_t verbs_line_max(struct bytes line_so_far); /* how long a line that begins so may be, with CRLF */
bool may_start_mail(struct session *s);          /* the checks that MAIL, and all that follows from it, share */

/* --- verb_*.c --- */
bool check_hello(struct session *s);
void do_ehlo(struct session *s, struct bytes rest);
void do_helo(struct session *s, struct bytes rest);
bool check_starttls(struct session *s);
void do_starttls(struct session *s, struct bytes rest);
bool check_auth(struct session *s);
void do_auth(struct session *s, struct bytes rest);
bool check_mail(struct session *s);
void do_mail(struct session *s, struct bytes rest);
bool check_rcpt(struct session *s);
void do_rcpt(struct session *s, struct bytes rest);
bool check_data(struct session *s);
void do_data(struct session *s, struct bytes rest);
bool check_bdat(struct session *s); /* always true: what may not come is refused behind its octets' number */
void do_bdat(struct session *s, struct bytes rest);
/* In DATA, CHUNK and DISCARD: takes what it can of the octets that came; returns how many. */
size_t content_receive(struct session *s, struct bytes in);
bool content_is_awaited(const struct session *s); /* it is in one of these states */

struct limit_verdict;
void refuse_limit(struct session *s, const struct limit_verdict *v,
                  const char *to); /* policy/limits.h; "" for `to`: the message */

/* --- auth.c --- */
void auth_announce(struct session *s);                 /* the line of the EHLO reply */
bool session_can_bind(const struct session *s);        /* to its TLS session (RFC 9266) */
bool session_has_certificate(const struct session *s); /* the client has shown one */
void auth_begin(struct session *s, struct bytes mechanism, struct bytes initial, bool has_initial);
void auth_continue(struct session *s, struct bytes line);
void auth_free(struct auth_exchange **a);

/* --- auth_password.c: decides by login_decide, now or later --- */
void auth_password(struct session *s, const char *name, const char *password);

/* --- intake.c --- */

/* The message under way: content in, stored message out. */
int intake_begin(struct session *s);
void intake_write(struct session *s, struct bytes run);
bool intake_is_full(const struct session *s); /* too much waits for the disk: pause */
bool intake_is_refused(const struct session *s);
uint64_t intake_octets(const struct session *s); /* of content, so far */
void intake_end(struct session *s);              /* the content has ended: replies, sooner or later */
void intake_abandon(struct session *s); /* the session ends or resets: forget it, as soon as nothing is under way */

#endif
