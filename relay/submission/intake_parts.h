/* What the files of the intake share: a message on its way in. For relay/submission/intake*.c only; the loop's thread.
 *
 *   HEADER --empty line--> BODY --end--> STORING --committed--> gone
 *   RAW --end, converted--> HEADER ...             BODY=BINARYMIME: kept apart until it can be converted
 *   BODY --end, to be encoded anew--> RAW          lines that are too long, raw octets over 127 in a part's fields
 *   any --refuse--> DISCARD --end--> gone          the rest is read and discarded */
#ifndef SENDOFF_RELAY_SUBMISSION_INTAKE_PARTS_H
#define SENDOFF_RELAY_SUBMISSION_INTAKE_PARTS_H

#include "relay/message/spool_writer.h"
#include "relay/mime/header_fixup.h"
#include "relay/submission/idempotency.h"
#include "relay/submission/intake.h"
#include "store/write.h"

#define PREFIX_MAX (32 * 1024)
/* While messages on their way in hold less than this on a loop, each may have STORE_INLINE_MAX in memory; then only so
 * much, before it goes to a file. */
#define INTAKE_MEMORY (32 * 1024 * 1024)
#define INTAKE_SMALL (64 * 1024)

#define SIGNATURES_TEXT 512 /* who signs, as the log keeps it */

enum intake_phase { INTAKE_RAW, INTAKE_HEADER, INTAKE_BODY, INTAKE_DISCARD, INTAKE_STORING };

struct signer;
struct binary;

struct intake {
  struct session *session; /* NULL once abandoned: then what is under way only cleans up */
  struct submission *submission;
  struct loop *loop;           /* the submission's */
  struct directory *directory; /* held: the session may close while the store works on the message */
  struct directory *current;   /* held so, too: whose limits the store checks; NULL before */
  const struct account *owner;
  enum intake_phase phase;
  int64_t id;
  char id_text[ID_TEXT];
  uint64_t octets; /* of content, as decoded */
  size_t counted;  /* of `body`, in the submission's intake_octets */
  struct buffer head, added, prefix, body;
  struct signer *signer;
  bool begun;           /* what stands ahead of the header has been taken off */
  bool anew;            /* it has been encoded anew */
  size_t header_lines;  /* lines up to and with the empty one */
  bool eight_bit, utf8; /* octets over 127 in the body; UTF-8 in the header */
  bool tls_optional;    /* the header says TLS-Required: No */
  bool multipart;
  bool daemon;  /* From has MAILER-DAEMON's address here, made by us */
  bool sandbox; /* of a sandbox account: it never leaves */
  enum mail_stream stream;
  char repairs[REPAIRS_MAX];
  char signatures[SIGNATURES_TEXT], message_id[256], subject[EVENT_SUBJECT_ROOM];
  bool own_message_id;             /* the client gave none */
  struct spool_writer *spool;      /* NULL while all is in memory */
  struct binary *binary;           /* NULL without BODY=BINARYMIME */
  struct idempotency *idempotency; /* NULL when the account wants none of it */
  struct refusal refusal;          /* the first thing that is wrong */
  /* what the store is given */
  struct store_accept accept;
  struct idempotency_key key;
  struct recipient *recipients;
  struct usage_owners owners;
  char log_text[640], log_to[ADDRESS_MAX + 32], notes[NOTES_MAX + SIGNATURES_TEXT + 256], numbers[NUMBERS_TEXT],
      *reverse_path, *sources, account[65], pool[65], envid[ENVID_MAX + 1];
};

/* --- intake.c --- */

/* Refuses it, unless something was wrong before: the rest of the content is discarded. */
void intake_refuse(struct intake *i, int code, const char *enhanced, const char *rule, const char *format, ...)
    __attribute__((format(printf, 5, 6)));
void intake_discard(struct intake *i); /* i->refusal was filled otherwise */
void intake_refuse_memory(struct intake *i);
/* Asks the policy about this stage (decide_now). False: it refuses, and the rest is discarded. */
bool intake_decide(struct intake *i, enum stage stage);
/* Replies to `s`, and logs it with what the message says of itself. */
void intake_reply_refusal(const struct intake *i, struct session *s, const struct refusal *r);
/* Replies with the refusal, and ends. */
void intake_answer_refusal(struct intake *i);
/* The session's part is over: its transaction is gone, it may say the next command. */
void intake_leave_session(struct intake *i);
void intake_release(struct intake *i);                     /* frees it, and what it wrote unless that was kept */
void intake_take(struct intake *i, struct bytes run);      /* the next octets, as they are to be kept */
void intake_count_memory(struct intake *i, size_t octets); /* what it holds of content, for the submission's sum */
/* All content is there, converted if need be: signs, and hands it to the store. */
void intake_complete(struct intake *i);

/* --- intake_header.c --- */

/* `block` is the whole header, without the empty line. */
void intake_header(struct intake *i, struct bytes block);
/* Takes off what stands ahead of the header; false: it may not have come whole yet. */
bool intake_begin_header(struct intake *i, bool last);
int intake_add_received(struct intake *i); /* to the prefix */

/* --- intake_facts.c --- */

/* What the header says is known in the transaction; FACT_HEADER until the header moves. OK or E_MEMORY. */
int intake_facts(struct intake *i, const struct header_fixup *h);

/* --- intake_store.c --- */

/* Everything is in memory or synced: commits, then replies. */
void intake_store(struct intake *i);

/* --- intake_binary.c: RFC 3030 --- */

struct binary *binary_new(struct intake *i); /* NULL without memory */
void binary_write(struct intake *i, struct bytes run);
bool binary_is_full(const struct binary *b);
/* Converts what was written, and gives it to the intake as if it had come so; then intake_complete. */
void binary_end(struct intake *i);
void binary_continue(struct intake *i); /* its spool has room again */
/* The content is whole, in memory or in i->spool, and has to be encoded anew: the same way, from its beginning. False:
 * no memory. */
bool binary_anew(struct intake *i);
/* True: it is under way, and comes back by itself. */
bool binary_is_busy(const struct binary *b);
void binary_free(struct binary **b);

#endif
