/* The operations that change mail. Each is filled by its poster, given its kind by the init function, and posted
 * (store/store.h). Each runs whole or not at all, in one transaction with the others that were waiting. */
#ifndef SENDOFF_STORE_WRITE_H
#define SENDOFF_STORE_WRITE_H

#include "base/address/address.h"
#include "base/bytes.h"
#include "base/directory/blocklist.h"
#include "base/directory/directory.h"
#include "base/directory/domain_note.h"
#include "base/mail/envelope.h"
#include "base/mail/event.h"
#include "base/mail/suppression.h"
#include "base/mail/tls_outcome.h"
#include "base/site/site_learning.h"
#include "base/site/site_note.h"
#include "base/site/sts_note.h"
#include "base/site/warmup.h"
#include "base/usage/brake.h"
#include "base/usage/limits.h"
#include "base/usage/usage_warning.h"
#include "store/store.h"

/* A message to be kept: envelope, recipients, content. */
struct new_message {
  struct envelope envelope;
  const struct recipient *recipients; /* with ids made by the poster (id_new) */
  size_t recipient_count;
  struct bytes prefix; /* header fields put before the content */
  struct bytes
      content; /* ignored when envelope.flags has MESSAGE_IN_FILE: then the spool file is there and synced already */
  int64_t first_attempt_us; /* next_us of its recipients: later than now, so that the queue reader leaves a message that
                               was handed over in memory alone for a while (relay/delivery/delivery.h) */
  const char *hold_reason;  /* not NULL: the brake holds its recipients from the start, with an event "held" that says
                               why */
  int64_t not_before_us;    /* it may not leave before this, also when it was held and is released; 0: at any time */
};

/* Two submissions with the same key are the same: a digest of the account, the Message-ID, the recipients, the content
 * and what was said of them. */
struct idempotency_key {
  unsigned char octets[16];
};

/* A limit that is almost used up: also in the log, as the "warned" event of the same transaction. */
struct store_warning {
  const struct usage_scope *scope;
  struct usage_warning warning;
};
#define STORE_WARNINGS_MAX 4 /* more are due with the next message */

/* The brake (base/usage/brake.h), decided exactly: the message counts, takes its account's step if there is one to
 * take, and is held or put off itself by where the account is then. Of mail that does not count, nothing. */
struct store_brake {
  enum check_mode mode; /* of the check, for this message; CHECK_OFF: it is counted alone */
  uint64_t network;     /* brake_network_key's, of the client */
  /* out */
  struct brake_status status;
  bool said;               /* a step was written to the log: `text` says which and why */
  bool held;               /* message.hold_reason was set to `text` */
  int64_t slowed_until_us; /* it leaves then, and not before; 0: it was not put off by this */
  char text[BRAKE_TEXT];
};

/* Keeps a message, counts it for whom it counts, writes the "accepted" event: the 250 rests on this. */
struct store_accept {
  struct store_op op;
  struct new_message message; /* out: its flags, which get MESSAGE_SANDBOX when its account is one now */
  struct event accepted;      /* kind and message_id are filled in by the store */
  bool count_usage;           /* false for mail that is made here */
  /* The account that it must still belong to at the instant of the commit: there, not suspended, its logins what they
   * were. Otherwise nothing is written, op.result is E_DENIED and `standing` says why. account_id 0: not asked. */
  int64_t account_id, login_version;
  enum account_standing standing; /* out */
  char suspend_reason[200];       /* out */
  /* When it is the same as an earlier submission (within store_options' window) that still has its recipients in the
   * queue, or has delivered to them, nothing is kept or counted but an event of the earlier message; the result is OK
   * and `duplicate_of` its id. When the earlier one has failed for some of them (bounced, expired, dropped), it is a
   * message of its own to those alone. NULL: it is not compared. */
  const struct idempotency_key *key;
  int64_t duplicate_of; /* out; 0: it is a message of its own */
  bool nothing_kept;    /* out: all of its recipients were dropped (struct recipient): it is in the log alone */
  bool *covered;        /* out; NULL, or which recipients are left out, since an earlier one covers them: free() it */
  /* Whose mail it counts as, and the limits that it must keep to, decided exactly: with everybody's usage as it is at
   * the instant of the commit. When one says no, nothing is written or counted and op.result is E_LIMIT. A smoothed
   * message is kept, and its first attempt put off until limit.not_before_us, if message.not_before_us (RFC 4865) is
   * not later; but not beyond its deadline (RFC 2852). */
  struct usage_scope scopes[USAGE_SCOPES_MAX];
  size_t scope_count;
  struct limit_verdict limit;                        /* out; its scope and rule are of `scopes` */
  struct store_warning warnings[STORE_WARNINGS_MAX]; /* out */
  size_t warning_count;
  struct store_brake brake;
};
void store_accept_init(struct store_accept *a);

/* What became of one recipient in one attempt. */
struct recipient_outcome {
  int64_t recipient_id;
  struct event event; /* DELIVERED, BOUNCED, EXPIRED, DROPPED: the recipient leaves the queue. DEFERRED: it stays. HELD,
                         RELEASED. */
  int64_t next_us;    /* for DEFERRED and RELEASED */
  bool counts;        /* DEFERRED: an attempt was made and counts towards the retry schedule */
  int64_t once_in_us; /* DEFERRED: the recipient has at most one event of this rule in that time; 0: as many as come */
  bool quiet;         /* out: it had one */
  const char *waits_for; /* DEFERRED: the source whose warm-up it waits for; NULL: for none */
  const char *site;      /* DEFERRED: where it was to go (base/site/site_name.h); NULL or "": that was not known */
  bool delay_told;       /* DEFERRED: a notice of delay goes out with this, the only one */
  bool in_dsn;           /* the DSN is about it */
  bool dropped;          /* out: of one in the DSN, it is not in the queue any more */
  bool played;           /* inside the gateway: it says nothing of the account's mail */
  enum bounce bounce; /* what it says of the recipient; counted for the event's account, of which there must be one */
  bool suppressed;    /* out: the recipient is on that account's suppression list since this */
};
/* Writes the events, moves the recipients, and, when the last recipient of the message is gone, removes the message and
 * (after the commit) its spool file. A recipient that is no longer in the queue (dropped meanwhile) is passed over
 * without an event. A DSN, if given, is kept in the same transaction: mail cannot get lost on the bounce path. When a
 * recipient that it is about was dropped meanwhile, nothing is written (`dsn_outdated`, the result is OK): who drops
 * mail wants nobody notified of it. It is posted again with a DSN about the others, or none. */
struct store_outcome {
  struct store_op op;
  int64_t message_id;
  struct recipient_outcome *outcomes;
  size_t outcome_count;
  /* A hard bounce that is the suppress_after-th of its address for its account within a week puts it on the account's
   * suppression list for so long, with an event "suppressed". 0: bounces are counted, and nobody is put there. */
  unsigned suppress_after;
  int64_t suppress_for_us;       /* 0: for ever */
  const struct new_message *dsn; /* NULL: none. Its "accepted" event is written with dsn_event */
  const struct event *dsn_event;
  bool dsn_outdated; /* out */
  bool message_gone; /* out: the message is not in the store any more */
};
void store_outcome_init(struct store_outcome *o);

/* Writes one event that stands by itself (a refusal). An event with the same ref as an earlier one raises that one's
 * count instead of making a row, and moves it on to its own time: the log is read by when something last happened. */
struct store_note {
  struct store_op op;
  struct event event;
};
void store_note_init(struct store_note *n);

/* Whether mail of this account to this address is suppressed, by the account's list or everybody's, and why: exactly,
 * as it is at the instant that the store answers. Ask store_maybe_suppressed first. */
struct store_suppression_find {
  struct store_op op;
  char account[65];         /* copies, like the key: who asks may end before the answer comes */
  char key[ADDRESS_KEY];    /* the address, as address_key writes it */
  bool found;               /* out; the rest only then */
  struct suppression entry; /* out; its text is in `text`, and ends with this */
  struct bounce_counts bounces;
  char *text; /* free() it */
};
/* The kind, and the key of an address in any spelling. E_SYNTAX: it is no address, so it is on no list. */
int store_suppression_find_init(struct store_suppression_find *f, const char *account, const char *address);

/* Notices what the command line has added to the lists, a bounded piece of it. Posted again until there is no `more`,
 * it makes store_maybe_suppressed know all that was there when it was posted first. */
struct store_suppression_notice {
  struct store_op op;
  bool more; /* out */
};
void store_suppression_notice_init(struct store_suppression_notice *n);

/* What DNS said of a source's name. Nothing is written when the source has gone, or has another HELO name or
 * public address by now. What differs from what was known is a change of the configuration (reader_generation). */
struct store_source_check {
  struct store_op op;
  const char *address, *public_address, *helo; /* as they were checked; public_address as source_public */
  bool confirmed;
  const char *ptr, *text; /* as in struct source */
  int64_t checked_us;
  bool changed; /* out */
};
void store_source_check_init(struct store_source_check *c); /* the kind; the rest is the poster's */

/* A signing key goes on from one state to the next (dkim/rotation.h), with an event that says why; the key that it
 * replaces gets old when it gets active. */
struct store_key_step {
  struct store_op op;
  int64_t key_id;
  enum key_state from, to;
  const char *text;
  int64_t now_us;
  bool done; /* out: false, it was not in that state any more */
};
void store_key_step_init(struct store_key_step *k); /* the kind; the rest is the poster's */

/* What was seen of a key that stays in its state. */
struct store_key_note {
  struct store_op op;
  int64_t key_id;
  enum key_state state;
  int64_t checked_us, left_us; /* as in struct signing_key, */
  const char *found;           /* and this */
};
void store_key_note_init(struct store_key_note *k); /* the kind; the rest is the poster's */

/* A successor, if the key that it replaces is still active and has none. */
struct store_key_add {
  struct store_op op;
  struct signing_key key;
  struct bytes private_pem;
  const char *text; /* of the event */
  int64_t now_us;
  bool done; /* out */
};
void store_key_add_init(struct store_key_add *k); /* the kind; the rest is the poster's */

/* What a look at a domain's records has found: all of them, so others are forgotten. FOUND_UNKNOWN leaves what was
 * known. What has changed is an event, and a change of the configuration (reader_generation). */
enum domain_change {
  DOMAIN_SAME,     /* or seen for the first time, or not known now */
  DOMAIN_BROKEN,   /* it was right once, and is not any more: struct directory has it as an alarm */
  DOMAIN_REPAIRED, /* it is right */
  DOMAIN_CHANGED,  /* from one fault to another */
};
struct store_domain_notes {
  struct store_op op;
  const char *domain;
  const struct domain_note *notes; /* since_us is not looked at */
  enum domain_change *changes;     /* out, one for each */
  size_t count;
  int64_t now_us;
};
void store_domain_notes_init(struct store_domain_notes *n); /* the kind; the rest is the poster's */

/* What a site bore (base/site/site_note.h): replaces what was known. Notes of SITE_NOTE_KEEP_US ago are forgotten. */
#define SITE_NOTE_KEEP_US (INT64_C(30) * 86400 * 1000000)
struct store_site_note {
  struct store_op op;
  struct site_note note;
};
void store_site_note_init(struct store_site_note *n); /* the kind; the rest is the poster's */

/* What was learnt of a site (base/site/site_learning.h): replaces what was known. Notes of SITE_NOTE_KEEP_US ago are
 * forgotten. */
struct store_site_learning {
  struct store_op op;
  struct site_learning_note note;
};
void store_site_learning_init(struct store_site_learning *l); /* the kind; the rest is the poster's */

/* What a blocklist said of a subject: replaces what was known, or with `forget` is that no more. What differs from what
 * was known, but for when it was asked, is a change of the configuration (reader_generation). */
struct store_blocklist_note {
  struct store_op op;
  struct blocklist_note note;
  bool forget;  /* then list and subject alone count */
  bool changed; /* out */
};
void store_blocklist_note_init(struct store_blocklist_note *n); /* the kind; the rest is the poster's */

/* Adds what became of TLS in connections. Bounded: of a day so many domains; of a domain's day so many policies, beyond
 * which one of each type stands for the rest, without its text; of a policy so many failures, beyond which one of each
 * result does (TLS_OTHERS). Days that are older than is kept are forgotten, a piece at a time. */
#define TLS_DOMAINS_MOST 50000
#define TLS_POLICIES_MOST 20
#define TLS_FAILURES_MOST 100
#define TLS_KEEP_DAYS 7 /* before today */
struct store_tls_counts {
  struct store_op op;
  const struct tls_count *counts;
  size_t count;
  uint64_t left_out; /* out: sessions with more domains than that */
};
void store_tls_counts_init(struct store_tls_counts *c); /* the kind; the rest is the poster's */

/* What became of a domain's report, as a whole and at each address. Replaces what was known of those. */
struct store_tls_report {
  struct store_op op;
  struct tls_report_status status;
  const struct tls_report_copy *copies;
  size_t copy_count;
};
void store_tls_report_init(struct store_tls_report *r); /* the kind; the rest is the poster's */

/* A domain's MTA-STS policy: replaces the one that was known. Those whose time is over at `now_us` are forgotten. */
struct store_sts_note {
  struct store_op op;
  struct sts_note note; /* without a text: there is none any more */
  int64_t now_us;
};
void store_sts_note_init(struct store_sts_note *n); /* the kind; the rest is the poster's */

/* How far a source has warmed up at a provider: replaces what was known. Nothing is written when the source has gone,
 * or has no plan of that time any more. */
struct store_warmup_note {
  struct store_op op;
  struct warmup_note note;
};
void store_warmup_note_init(struct store_warmup_note *n); /* the kind; the rest is the poster's */

/* What waits for the warm-up of a source that has no plan any more may go now: WARMUP_RELEASE_PART recipients at most.
 */
#define WARMUP_RELEASE_PART 1000
struct store_warmup_release {
  struct store_op op;
  uint64_t released; /* out */
};
void store_warmup_release_init(struct store_warmup_release *r); /* the kind */

/* A route's tokens, as its endpoint gave them, or why it gave none: then what there was stays. Nothing is written when
 * the route has gone. It is a change of the configuration (reader_generation). */
struct store_route_token {
  struct store_op op;
  int64_t login;                /* of a route, or of none any more: then nothing is kept */
  struct bytes access, refresh; /* refresh empty: the one that was given before stays good (RFC 6749 6) */
  int64_t from_us;              /* when the endpoint answered: `access` is good from then on, */
  int64_t token_until_us;       /* until then */
  const char *failure;          /* "": it went well */
};
void store_route_token_init(struct store_route_token *t); /* the kind; the rest is the poster's */

/* The queue's times, after the clock was set. With `jump_us`, by how much the clock has jumped while the gateway ran:
 * the times of what was made by the old clock move with it. With 0, once after a start: time in which the gateway did
 * not run (no line in the log for `away_us` or more) is not counted towards expiry. And always: messages of a clock
 * that was ahead begin now, with what was left of their waits; and nothing waits, or lives, for longer than it can have
 * been told to: `retry_us` after an attempt, `hold_us` at all, `life_us` until it expires. */
struct store_clock {
  struct store_op op;
  int64_t now_us, jump_us, away_us, retry_us, hold_us, life_us;
  uint64_t changed; /* out: rows */
};
void store_clock_init(struct store_clock *c); /* the kind; the rest is the poster's */

#endif
