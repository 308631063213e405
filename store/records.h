/* What the store keeps, as plain structures. No functions, no thread rules of their own. */
#ifndef SENDOFF_STORE_RECORDS_H
#define SENDOFF_STORE_RECORDS_H

#include "base/bytes.h"
#include "base/cidr.h"
#include "base/fingerprint.h"
#include "base/limit.h"
#include "base/result.h"
#include "base/usage.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* SCRAM-SHA-256 verifier (RFC 5802 3, RFC 7677): what is kept of a password. */
struct scram_verifier {
  unsigned iterations;
  unsigned char salt[16];
  unsigned char stored_key[32], server_key[32];
};

enum check_mode { CHECK_OFF, CHECK_OBSERVE, CHECK_ENFORCE };

enum event_kind {
  EVENT_ACCEPTED,
  EVENT_REFUSED,
  EVENT_DEFERRED,
  EVENT_DELIVERED,
  EVENT_BOUNCED,
  EVENT_EXPIRED,
  EVENT_HELD,
  EVENT_RELEASED,
  EVENT_DROPPED,
  EVENT_COUNT
};

enum message_flag {
  MESSAGE_8BIT = 1,      /* 8-bit content: the next hop must offer 8BITMIME, or be given it converted (RFC 6152) */
  MESSAGE_UTF8 = 2,      /* UTF-8 in the header: needs SMTPUTF8 at the next hop (RFC 6531) */
  MESSAGE_IN_FILE = 4,   /* content is in a spool file, not in the row */
  MESSAGE_IS_DSN = 8,    /* made here; failing, it makes no further DSN */
  MESSAGE_RET_FULL = 16, /* RET=FULL, RET=HDRS; neither: the sender has no wish (RFC 3461 4.3) */
  MESSAGE_RET_HDRS = 32,
  MESSAGE_REQUIRE_TLS = 64, /* RFC 8689 */
  MESSAGE_BY_RETURN = 128,  /* RFC 2852: at most one of these two, with deliver_by_us */
  MESSAGE_BY_NOTIFY = 256,
  MESSAGE_BY_TRACE = 512,
};

/* Of a recipient: RFC 3461 4.1. 0: nothing was said, which is NOTIFY_FAILURE, and leave to tell of delay. */
enum notify_flag {
  NOTIFY_NEVER = 1,
  NOTIFY_SUCCESS = 2,
  NOTIFY_FAILURE = 4,
  NOTIFY_DELAY = 8,
  NOTIFY_DELAY_TOLD = 16, /* not the sender's: a notice of delay has been sent */
};

enum recipient_state { RECIPIENT_QUEUED, RECIPIENT_HELD };

/* A recipient of a message, in the queue. */
struct queued_recipient {
  int64_t id;
  const char *address; /* forward-path without angle brackets */
  const char *domain;  /* normalised (domain_normalize); "[127.0.0.1]" for a literal: what routing goes by */
  unsigned attempts;   /* made so far */
  int64_t next_us;     /* earliest next attempt */
  enum recipient_state state;
  const char *last;  /* the last reply or reason; may be "" */
  unsigned notify;   /* enum notify_flag */
  const char *orcpt; /* as it came, "rfc822;xtext"; "": none (RFC 3461 4.2) */
};

/* A message's envelope and where its content is. Wire content is prefix followed by content, both with CRLF lines,
 * not dot-stuffed. */
struct message {
  int64_t id;
  const char *account;      /* name; "" for mail made here without one */
  const char *pool;         /* pool of sources it leaves from */
  const char *reverse_path; /* without angle brackets; "" is the null reverse-path */
  unsigned flags;           /* enum message_flag */
  const char *envid;        /* xtext, as it came; "": none (RFC 3461 4.4) */
  int priority;             /* -9 to 9 (RFC 6710) */
  uint64_t size;            /* octets of prefix + content */
  int64_t created_us, expires_us;
  int64_t deliver_by_us; /* 0: no such wish (RFC 2852) */
};

/* One line of the delivery log. Strings may be NULL when writing (nothing to say) and are "" when read. */
struct event {
  int64_t id;         /* 0 when writing: the store makes one. id_time_us(id) is its time */
  int64_t message_id; /* 0: no message came to be */
  enum event_kind kind;
  const char *account;
  const char *from;     /* reverse-path */
  const char *to;       /* forward-path; "" for events of the whole message */
  int code;             /* reply code, 0 if none */
  const char *enhanced; /* "5.7.1" */
  const char *text;     /* the reply, or the reason, in words */
  const char *host;     /* next hop "mx.example.net[192.0.2.1]:25", or the client's address for accepted and refused */
  const char *source;   /* address it left from */
  const char *ref;      /* what `sendoff why` takes; only for refusals */
  uint64_t count;       /* how many times the same refusal was made under this ref (1 or more) */
};

const char *event_name(enum event_kind kind);                 /* "accepted" ... */
int event_kind_parse(const char *name, enum event_kind *out); /* OK or E_NOT_FOUND */
const char *check_mode_name(enum check_mode mode);
int check_mode_parse(const char *name, enum check_mode *out);

#endif
