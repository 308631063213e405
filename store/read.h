/* The reading side: its own read-only connection, never blocks the writer. A reader belongs to one thread at a time.
 * Rows are handed to a callback; their strings live until it returns. A callback returns true to go on, false to end.
 * It may call other functions of the same reader, but not the one that called it. */
#ifndef SENDOFF_STORE_READ_H
#define SENDOFF_STORE_READ_H

#include "base/bytes.h"
#include "base/directory/directory.h"
#include "base/mail/envelope.h"
#include "base/mail/event.h"
#include "base/mail/suppression.h"
#include "base/mail/tls_outcome.h"
#include "base/site/site_learning.h"
#include "base/site/site_note.h"
#include "base/site/sts_note.h"
#include "base/site/warmup.h"
#include "base/usage/brake.h"
#include "base/usage/usage.h"
#include "base/usage/usage_scope.h"

struct reader;

/* E_NOT_FOUND when there is no store in data_dir (run `sendoff init`), E_NEWER, E_IO. */
int reader_open(const char *data_dir, struct reader **out, struct reason *why);
void reader_close(struct reader **reader);

/* Changes whenever accounts, domains, keys, sources or any other configuration was changed by anybody; cheap. -1 on
 * error. */
int64_t reader_generation(struct reader *r);
/* A value that changes whenever another process or connection changed the queue by command (hold, release, retry,
 * drop); cheap. */
int64_t reader_queue_generation(struct reader *r);
/* A fresh immutable snapshot of the configuration; the caller holds one reference. */
int reader_directory(struct reader *r, struct directory **out, struct reason *why);

/* A signing key's private half (PKCS #8 PEM), appended to `pem`, which is secret (buffer_init_secret). E_NOT_FOUND when
 * there is no such key any more. The daemon asks, and hands it to what signs, and the check of a domain, which signs a
 * probe. */
int reader_private_key(struct reader *r, int64_t key_id, struct buffer *pem, struct reason *why);

/* The domains whose records have been looked at, and when. OK, also when `row` has ended it by false; or an error. */
int reader_domain_checks(struct reader *r, bool (*row)(void *arg, const char *domain, int64_t checked_us), void *arg);
/* Is mail queued that was signed with that key, and accepted before then? Walks the queue. OK or an error. */
int reader_key_mail_waits(struct reader *r, const char *domain, const char *selector, int64_t before_us, bool *waits);

/* What is known of sites (base/site/site_note.h), the latest first, `limit` at most. */
int reader_site_notes(struct reader *r, size_t limit, bool (*row)(void *arg, const struct site_note *n), void *arg);

/* TLS results (base/mail/tls_outcome.h). The rows of a domain's day, a policy's together, those of most sessions first.
 */
int reader_tls_rows(struct reader *r, int64_t day, const char *domain,
                    bool (*row)(void *arg, const struct tls_report_row *t), void *arg);
/* The reports that are open and due: of the days from `first_day` to `last_day`, at most `limit`, the oldest first. */
int reader_tls_due(struct reader *r, int64_t first_day, int64_t last_day, int64_t now_us, size_t limit,
                   bool (*row)(void *arg, const struct tls_report_status *s), void *arg);
/* The copies of a domain's report that were made, or tried. */
int reader_tls_copies(struct reader *r, int64_t day, const char *domain,
                      bool (*row)(void *arg, const struct tls_report_copy *c), void *arg);
struct tls_filter {
  int64_t day;        /* -1: any */
  const char *domain; /* NULL: any */
};
/* The latest day first, then by domain. */
int reader_tls_domains(struct reader *r, const struct tls_filter *f,
                       bool (*row)(void *arg, const struct tls_report_status *s, uint64_t successes, uint64_t failures),
                       void *arg);
/* MTA-STS policies that are known (base/site/sts_note.h), the last used first, `limit` at most. */
int reader_sts_notes(struct reader *r, size_t limit, bool (*row)(void *arg, const struct sts_note *n), void *arg);
/* That of one domain: one row or none. */
int reader_sts_note(struct reader *r, const char *domain, bool (*row)(void *arg, const struct sts_note *n), void *arg);
/* How far the sources have warmed up, by source and provider. */
int reader_warmup_notes(struct reader *r, void (*row)(void *arg, const struct warmup_note *n), void *arg);
/* What was learnt of a site, or NULL: of all; likewise. */
int reader_site_learning(struct reader *r, const char *site, size_t limit,
                         bool (*row)(void *arg, const struct site_learning_note *n), void *arg);

/* What a route logs in with, appended to `out`, which is secret. E_NOT_FOUND when there is none (any more). As above:
 * only the daemon asks, and `route set` for what stays. */
int reader_route_secret(struct reader *r, int64_t login, enum route_secret kind, struct buffer *out,
                        struct reason *why);

/* usage */
/* What the scope's owner has used, rolled to now in its time zone. E_NOT_FOUND when an account has gone; zeroes for
 * what never was counted. */
int reader_usage(struct reader *r, const struct usage_scope *scope, struct usage *out);

/* What the brake knows of an account, rolled to now: zeroes for one that has sent nothing. *recipients: fingerprints of
 * those whom it has written to. E_NOT_FOUND when the account has gone. */
int reader_brake(struct reader *r, const char *account, struct brake *out, uint64_t *recipients);

/* --- the queue --- */

/* Each lane (envelope_lane) of each domain that has queued recipients (state QUEUED), with the earliest next_us among
 * them. O(lanes), not O(recipients). */
int reader_due_lanes(struct reader *r, bool (*row)(void *arg, const char *domain, const char *lane, int64_t next_us),
                     void *arg);
/* The queued recipients of one lane with next_us <= until, oldest next_us first, at most `limit`, each with its
 * message. */
int reader_due_recipients(struct reader *r, const char *domain, const char *lane, int64_t until_us, size_t limit,
                          bool (*row)(void *arg, const struct envelope *m, const struct queued_recipient *rcpt),
                          void *arg);
/* Are all of these recipients in the queue, and neither held nor about to be returned? */
int reader_still_queued(struct reader *r, const int64_t *recipients, size_t count, bool *all);
/* Into the buffers, within their bounds (the spool file read whole when IN_FILE); E_NOT_FOUND when the message has
 * gone, E_TOO_BIG when it does not fit, E_IO also when its file was lost. Caller frees both in any case. */
int reader_content(struct reader *r, int64_t message_id, struct buffer *prefix, struct buffer *content,
                   struct reason *why);
/* The prefix alone, and an open descriptor of the spool file for streaming; for messages with MESSAGE_IN_FILE. Caller
 * closes. */
int reader_content_file(struct reader *r, int64_t message_id, struct buffer *prefix, int *fd, struct reason *why);

/* Where a recipient is, as a bit: what queue_filter.among is made of. */
#define QUEUE_IS_QUEUED 1u
#define QUEUE_IS_RETURNING 2u
#define QUEUE_IS_HELD_FOR(hold) (16u << (hold)) /* enum recipient_hold */
#define QUEUE_IS_HELD (QUEUE_IS_HELD_FOR(HOLD_COUNT) - QUEUE_IS_HELD_FOR(0))
struct queue_filter {
  const char *account; /* NULL: any */
  const char *to;      /* NULL, or a pattern where * stands for any run of characters, without case */
  /* NULL: any. A site (base/site/site_name.h): recipients whose last attempt was for it; and those that were not tried
   * yet, where others of their domain in the queue were for it. */
  const char *site;
  const char *reply;  /* NULL: any. What the last reply or reason has in it, without case; * as above */
  int state;          /* -1: any, or enum recipient_state */
  unsigned among;     /* 0: any, or bits as above */
  int64_t message_id; /* 0: any */
  int64_t since_us;   /* messages that came then or later; 0: any */
  size_t limit;       /* 0: no limit */
};
/* By message, then by recipient. */
int reader_queue(struct reader *r, const struct queue_filter *f,
                 bool (*row)(void *arg, const struct envelope *m, const struct queued_recipient *rcpt), void *arg);
/* How much a selection is. */
struct queue_extent {
  uint64_t messages, recipients, accounts;
  uint64_t null_senders; /* recipients of mail without a sender that could be notified: the reverse-path is empty */
  int64_t oldest_us;     /* when its oldest message came; 0: it is empty */
};
int reader_queue_extent(struct reader *r, const struct queue_filter *f, struct queue_extent *out);
/* Recipients that are to be returned to their senders (RECIPIENT_RETURNING), of messages behind `after`, by message and
 * domain, `limit` at most. */
int reader_returning(struct reader *r, int64_t after, size_t limit,
                     bool (*row)(void *arg, const struct envelope *m, const struct queued_recipient *rcpt), void *arg);
/* What of the selection QUEUE_REROUTE (store/admin.h) to a pool would move, by the pools that it is in now: those in
 * that pool already are not among them. */
struct queue_pool_row {
  const char *pool;
  uint64_t messages, recipients;         /* that it would move, without despite_spf */
  uint64_t spf_messages, spf_recipients; /* that it would leave, since they rest on SPF */
};
int reader_queue_pools(struct reader *r, const struct queue_filter *f, const char *to_pool,
                       bool (*row)(void *arg, const struct queue_pool_row *p), void *arg);
struct queue_summary_row {
  const char *domain;
  uint64_t queued, held, returning;
  int64_t oldest_us; /* when its oldest message came */
  int64_t next_us;   /* the earliest next attempt among those that are not held; of the held ones when all are */
  const char *last;  /* a recent reply or reason; "" */
};
int reader_queue_summary(struct reader *r, bool (*row)(void *arg, const struct queue_summary_row *s), void *arg);

/* --- the suppression lists --- */

/* A value that changes when entries are added, by anybody; cheap. -1 on error. */
int64_t reader_suppression_generation(struct reader *r);
struct suppression_filter {
  const char *account; /* NULL: any; "": everybody's list alone */
  const char *address; /* NULL, or a pattern as above */
  size_t limit;        /* 0: no limit */
};
/* What holds now, by account and address, with the bounces of the last week. */
int reader_suppressions(struct reader *r, const struct suppression_filter *f,
                        bool (*row)(void *arg, const struct suppression *s, const struct bounce_counts *b), void *arg);
/* How many of them an account's list has; "": everybody's. */
int reader_suppression_count(struct reader *r, const char *account, uint64_t *out);
/* Addresses that had bounces in the last week, whether they are suppressed or not: of `s` only account, address and
 * added_us (the last of them) are set. */
int reader_bounces(struct reader *r, const struct suppression_filter *f,
                   bool (*row)(void *arg, const struct suppression *s, const struct bounce_counts *b), void *arg);

/* --- its health --- */

/* Reads the database's pages and indexes until `deadline_ms` (clock_monotonic_ms). `*checked`: it came to the end.
 * `damage`: what is wrong first; "": nothing that was seen. OK or an error. */
int reader_quick_check(struct reader *r, uint64_t deadline_ms, bool *checked, char *damage, size_t size);
/* When `sendoff backup` last made a copy; 0: never; -1 on error. */
int64_t reader_backup_time(struct reader *r);

/* --- the delivery log --- */

/* What of the log is asked for; all of it must hold. Patterns are as above, and without case in every script. Fast, by
 * the log's index, is what has three octets in a row of literal text, or the whole of an account, domain, source,
 * Message-ID or event; all else is read through, the newest first. */
struct log_filter {
  const char *account, *from, *to; /* NULL: any, as all that follows; patterns of the whole address */
  const char *address;             /* part of the reverse-path, or of the forward-path: a pattern */
  const char *subject;             /* words, each of them part of the message's subject, in any order */
  const char *header_id;           /* the message's Message-ID, with or without its angle brackets */
  const char *domain;              /* of the reverse-path, of the forward-path, or the one that it counts as */
  const char *host, *reply;        /* part of the host; part of "550 5.1.1 no such user": patterns */
  const char *source;              /* the address that it left from */
  const char *ref;
  int64_t since_us, until_us; /* 0: open */
  int kind;                   /* -1: any */
  int stream;                 /* 0: any; else 1 + enum mail_stream */
  int64_t message_id;         /* 0: any */
  int64_t after_id;           /* 0, or only events with a greater id (--follow) */
  size_t limit;               /* the newest `limit` events are given, oldest of them first; 0: no limit */
  bool of_message;            /* each event with its message's subject, header_id and domain, which costs a look-up */
};
int reader_log(struct reader *r, const struct log_filter *f, bool (*row)(void *arg, const struct event *e), void *arg);

/* How many events of each kind there were, since_us <= time < until_us (0: open), by what the log has of them: of mail
 * that was accepted again as a repeat, nothing; by host and source, outcomes alone. */
enum log_group { LOG_BY_ACCOUNT, LOG_BY_DOMAIN, LOG_BY_HOST, LOG_BY_SOURCE, LOG_BY_STREAM };
struct log_sum {
  const char *key; /* an account; the domain that the mail counts as, else the reverse-path's; a host as in struct
                      event; an address; a stream's name; "": none */
  enum event_kind kind;
  uint64_t count;
};
int reader_log_sums(struct reader *r, enum log_group by, int64_t since_us, int64_t until_us,
                    bool (*row)(void *arg, const struct log_sum *s), void *arg);

#endif
