/* One submission session: private to the files of the submission side (submission.c, verbs_*.c, auth.c, intake.c,
 * reply.c). The loop's thread only.
 *
 * The normal path:
 *
 *   START --EHLO--> READY --STARTTLS--> START (RFC 3207 4.2: all knowledge is thrown away)
 *   READY --AUTH--> AUTH --ok or not--> READY
 *   READY --MAIL--> MAIL --RCPT--> RCPT --RCPT--> RCPT --DATA--> DATA --end of content--> READY
 *   any   --QUIT, time-out, too many errors--> CLOSED
 *
 * Forbidden: mail before EHLO/HELO, before AUTH (unless the client's address is admitted), before TLS on a "starttls"
 * listener; AUTH inside a transaction, or twice; STARTTLS inside TLS, or with octets waiting behind it. RSET and EHLO
 * give up a transaction.
 *
 * While an answer is awaited (`waiting`: SPF, a password, a delay, the store), no further command is read; input stays
 * in `in`, and the stream pauses. */
#ifndef SENDOFF_RELAY_SESSION_H
#define SENDOFF_RELAY_SESSION_H

#include "base/address.h"
#include "base/id.h"
#include "relay/config.h"
#include "relay/loop.h"
#include "relay/stream.h"
#include "relay/submission/data_sink.h"
#include "relay/submission/spf_gate.h"

#define COMMAND_LINE_MAX 512   /* RFC 5321 4.5.3.1.4, with CRLF */
#define COMMAND_LINE_LONG 1536 /* MAIL and RCPT: what the extensions' parameters add */
#define AUTH_LINE_MAX 12288    /* RFC 4954 4 */
#define SESSION_INPUT_MAX (192 * 1024)
#define COMMAND_TIMEOUT_MS (5 * 60 * 1000) /* RFC 5321 4.5.3.2.7 */
#define DATA_TIMEOUT_MS (3 * 60 * 1000)    /* RFC 5321 4.5.3.2.5 */
#define ERRORS_MAX 30
#define AUTH_FAILURES_MAX 5

enum session_state {
  SESSION_START,
  SESSION_READY,
  SESSION_AUTH,
  SESSION_MAIL,
  SESSION_RCPT,
  SESSION_DATA,
  SESSION_CLOSED
};

struct tx_recipient {
  char *address, *domain;
};

/* The envelope under construction (RFC 5321 4.1.1.2, 4.1.1.3). */
struct transaction {
  struct directory *directory; /* held, so that `account` stays */
  const struct account *account;
  char reverse_path[ADDRESS_MAX + 1];
  bool announced_8bit;
  uint64_t announced_size;
  struct usage usage; /* as committed when MAIL came; the exact check is the store's */
  struct tx_recipient *recipients;
  size_t recipient_count, recipient_room;
  struct spf_verdict spf;
  enum check_mode spf_mode;
};

struct session {
  struct loop *loop;
  struct stream *stream; /* NULL once it has been freed */
  struct session *next, *prev;
  enum listen_tls listen;
  char id[ID_TEXT], peer[IP_TEXT];
  enum session_state state;
  const char *waiting;    /* what for, or NULL */
  bool closing, ended;    /* ended: the client has closed its side while an answer was awaited */
  bool starting_tls;      /* 220 to STARTTLS is said; nothing in the clear may follow */
  bool admitted, counted; /* admitted: by client address; counted: in admission */
  unsigned holds;         /* work under way that will come back to this session: it is not freed before */
  struct buffer in;
  bool skipping_line; /* the rest of a line that was too long */
  struct deferred turn;
  char helo[DOMAIN_MAX + 1];
  bool extended;      /* EHLO, not HELO */
  int64_t account_id; /* 0: not authenticated */
  char account[65];
  unsigned errors, auth_failures;
  uint64_t bytes_in, accepted;
  struct auth_exchange *auth;
  struct transaction *tx;
  struct data_sink sink;
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
/* Throws the transaction away (RSET, EHLO, the end of DATA). */
void session_reset(struct session *s);
/* The account it acts for, in the loop's current directory; NULL: none, or gone. */
const struct account *session_account(const struct session *s);

/* --- reply.c --- */

/* One line: "CODE ENHANCED text". `enhanced` NULL for replies that have none. 500-504 and 530, 535 count as errors. */
void reply(struct session *s, int code, const char *enhanced, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
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

struct limit_verdict;
void refuse_limit(struct session *s, const struct limit_verdict *v,
                  const char *to); /* policy/limits.h; "" for `to`: the message */

/* --- auth.c --- */
void auth_begin(struct session *s, struct bytes mechanism, struct bytes initial, bool has_initial);
void auth_continue(struct session *s, struct bytes line);
void auth_free(struct auth_exchange **a);

/* --- intake.c --- */

/* The message under way: content in, stored message out. */
int intake_begin(struct session *s);
void intake_write(struct session *s, struct bytes run);
bool intake_is_full(const struct session *s); /* too much waits for the disk: pause */
void intake_end(struct session *s);           /* the content has ended: replies, sooner or later */
void intake_abandon(struct session *s); /* the session ends or resets: forget it, as soon as nothing is under way */

#endif
