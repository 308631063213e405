/* A message's envelope and its recipients (RFC 5321 2.3.1), with what the extensions say of each. The one shape of
 * both, from RCPT to the DSN: a new parameter gets its field here. Plain data and copies; any thread. */
#ifndef SENDOFF_BASE_ENVELOPE_H
#define SENDOFF_BASE_ENVELOPE_H

#include "base/directory/mail_stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Stored. */
enum message_flag {
  MESSAGE_8BIT = 1,      /* 8-bit content: the next hop must offer 8BITMIME, or be given it converted (RFC 6152) */
  MESSAGE_UTF8 = 2,      /* UTF-8 in the header: needs SMTPUTF8 at the next hop (RFC 6531) */
  MESSAGE_IN_FILE = 4,   /* content is in a spool file, not in the row */
  MESSAGE_IS_DSN = 8,    /* made here; when it fails, it makes no further DSN */
  MESSAGE_RET_FULL = 16, /* RET=FULL, RET=HDRS; neither: the sender has no wish (RFC 3461 4.3) */
  MESSAGE_RET_HDRS = 32,
  MESSAGE_REQUIRE_TLS = 64, /* RFC 8689 */
  MESSAGE_BY_RETURN = 128,  /* RFC 2852: at most one of these two, with deliver_by_us */
  MESSAGE_BY_NOTIFY = 256,
  MESSAGE_BY_TRACE = 512,
  MESSAGE_BULK = 1024,         /* of the stream bulk; else transactional */
  MESSAGE_SOURCES_ONLY = 2048, /* it leaves from `sources` or not at all */
  MESSAGE_TLS_OPTIONAL = 4096, /* TLS-Required: No: what the recipient's side asks of TLS is ignored (RFC 8689 3) */
  MESSAGE_SANDBOX = 16384,     /* it is played at delivery, and never leaves; so are notices about it */
  MESSAGE_RESTS_ON_SPF = 8192, /* its DMARC result, or an enforced check, rests on SPF: not every source will do */
};

/* Of a recipient: RFC 3461 4.1. 0: no NOTIFY came, which is NOTIFY_FAILURE, and leave to report delay. Stored. */
enum notify_flag {
  NOTIFY_NEVER = 1,
  NOTIFY_SUCCESS = 2,
  NOTIFY_FAILURE = 4,
  NOTIFY_DELAY = 8,
  NOTIFY_DELAY_SENT = 16, /* not the sender's: a delay notification has been sent */
};

struct envelope {
  int64_t id;
  const char *account;      /* name; "" for mail made here without one */
  const char *pool;         /* pool of sources it leaves from */
  const char *sources;      /* of the pool, those that it leaves from first: "192.0.2.1 192.0.2.2"; "": any */
  const char *reverse_path; /* without angle brackets; "" is the null reverse-path */
  const char *envid;        /* xtext, as it came; "": none (RFC 3461 4.4) */
  unsigned flags;           /* enum message_flag */
  int priority;             /* -9 to 9 (RFC 6710) */
  uint64_t size;            /* octets of the content as it is sent */
  int64_t created_us, expires_us;
  int64_t deliver_by_us; /* 0: no BY (RFC 2852) */
};

struct recipient {
  int64_t id;          /* 0: not given yet */
  const char *address; /* forward-path without angle brackets */
  const char *domain;  /* normalised (domain_normalize); "[127.0.0.1]" for a literal: what routing goes by */
  const char *orcpt;   /* as it came, "rfc822;xtext"; "": none (RFC 3461 4.2) */
  unsigned notify;     /* enum notify_flag */
  bool simulated;      /* of the simulator: no mail to it ever leaves; not kept */
  bool dropped;        /* suppressed, and its account has mail to such dropped: not kept, only logged */
};

/* Stored. RETURNING: an operator has had it returned to its sender, and the gateway is about to (or will, when it
 * starts). */
enum recipient_state { RECIPIENT_QUEUED, RECIPIENT_HELD, RECIPIENT_RETURNING };
/* Why it is held: each is ended by its own command only, and all of them by `sendoff queue release`. Stored. */
enum recipient_hold { HOLD_COMMAND, HOLD_BRAKE, HOLD_SUSPENSION, HOLD_REMOVAL, HOLD_COUNT };

/* A recipient in the queue. */
struct queued_recipient {
  struct recipient to;
  unsigned attempts; /* made so far */
  enum recipient_state state;
  enum recipient_hold hold; /* while it is held */
  int64_t next_us;          /* earliest next attempt */
  int64_t not_before_us;    /* it may not leave before this, also when it is released; 0: at any time */
  const char *last;         /* the last reply or reason; "": none */
  const char *source;       /* the address that its last attempt left from; "": none yet */
  const char *site;         /* the site (base/site/site_name.h) that its last attempt was for; "": none yet */
  const char *returned;     /* to its sender, once it is not held: by whose command, and behind a space why; else "" */
};
const char *hold_name(enum recipient_hold hold); /* "command", "brake", "suspension", "removal" */

enum mail_stream envelope_stream(const struct envelope *e);
/* Whose mail it is among what waits for a domain or a site: "blog", "blog/bulk". A name that is too long is cut. */
#define LANE_TEXT 96
void envelope_lane(const struct envelope *e, char out[LANE_TEXT]);
/* When its sender wants it back, if it is not delivered by then (RFC 2852 by-mode R); INT64_MAX: no such time. */
int64_t envelope_deadline(const struct envelope *e);

/* Copies that own their text, in one block each; NULL text becomes "". OK or E_MEMORY (then `to` is zeroed). A copy is
 * moved by assignment. The text of other structures belongs to whoever made them. */
int envelope_copy(struct envelope *to, const struct envelope *from);
void envelope_clear(struct envelope *e); /* frees a copy, zeroes it */
int recipient_copy(struct recipient *to, const struct recipient *from);
void recipient_clear(struct recipient *r);
int queued_recipient_copy(struct queued_recipient *to, const struct queued_recipient *from);
void queued_recipient_clear(struct queued_recipient *r);

#endif
