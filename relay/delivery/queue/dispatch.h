/* The dispatcher: which recipients are being worked on, and which are next. It lives on loops[0] and is the only owner
 * of the set of recipients in flight, so nothing is ever tried twice at once.
 *
 *   accepted mail   --dispatch_accepted-->  dispatcher --route--> destination's loop --outcome--> store
 *   waiting mail    <--store/read.h picks, by domain, when due--/                     \--dispatch_finished-->
 * dispatcher
 *
 * Fresh mail is handed over in memory. Its rows carry next_us = now + DISPATCH_GRACE_US, so that the queue reader does
 * not see them before the dispatcher knows them; if the dispatcher is full, it drops the hand-over, and the reader
 * finds the rows later. */
#ifndef SENDOFF_RELAY_DELIVERY_QUEUE_DISPATCH_H
#define SENDOFF_RELAY_DELIVERY_QUEUE_DISPATCH_H

#include "base/clock.h"
#include "relay/message/content.h"
#include "relay/net/loop.h"
#include "store/records.h"

#define DISPATCH_GRACE_US (30 * SECOND_US)
#define DISPATCH_JOBS_MAX 20000 /* recipients in memory at once */
#define JOB_RECIPIENTS_MAX 100  /* in one job, so in one transaction (RFC 5321 4.5.3.1.8); dispatch_accepted splits */
#define DISPATCH_CONTENT_MAX                                                                                           \
  (64 * 1024 * 1024) /* octets of content kept in memory for delivery; more is read again from the store */

/* One message for the recipients of one domain. Owns everything in it. */
struct job_recipient {
  int64_t id;
  char *address, *orcpt; /* orcpt "": none */
  char *last;            /* the last reply or reason; only with MESSAGE_BY_RETURN, else NULL */
  unsigned attempts, notify;
};
struct job {
  int64_t message_id;
  char *account, *pool, *reverse_path, *envid, *domain;
  unsigned flags; /* enum message_flag */
  int priority;
  uint64_t size;
  int64_t created_us, expires_us, deliver_by_us;
  struct content *content; /* NULL: read it from the store */
  struct job_recipient *recipients;
  size_t recipient_count, recipient_room;
  int64_t retry_us;  /* the earliest next attempt of those that were deferred, INT64_MAX: none; for the dispatcher */
  int64_t queued_us; /* job_queue.c's: since when it waits there */
  unsigned returned; /* how often it came back to its destination's queue without an attempt that counts */
  struct job *next, *prev;  /* for whoever owns it now */
  struct loop_message post; /* dispatch.c: so that handing it over needs no memory */
  int64_t post_moment_us;
};
struct job *job_new(const struct message *m, const char *domain); /* copies; NULL without memory */
/* Copies what struct job_recipient has. E_MEMORY; E_SYNTAX for an address with control characters, which no
 * SMTP command can carry. */
int job_add_recipient(struct job *j, const struct queued_recipient *r);
/* When its sender wants it back, if it is not delivered by then (RFC 2852 by-mode R); INT64_MAX: that was not said. */
int64_t job_deadline(const struct job *j);
void job_recipient_clear(struct job_recipient *r); /* frees what it holds */
/* Moves the recipients for which `chosen` says so into a new job of the same message, which shares the content. NULL
 * without memory (then nothing has moved). */
struct job *job_split(struct job *j, bool (*chosen)(void *arg, size_t index), void *arg);
void job_free(struct job **j);

/* loops[0], before the threads start. */
int dispatcher_new(struct gateway *g, struct dispatcher **out, struct reason *why);
/* loops[0]: reads what waits in the store and begins. */
void dispatcher_start(struct dispatcher *d);
/* loops[0]: hands out nothing more; what is in flight goes on. Then, when nothing is in flight, `idle` is called once.
 */
void dispatcher_drain(struct dispatcher *d, void (*idle)(void *arg), void *arg);
/* loops[0], on its thread, while it still runs: the memory goes when the handles have closed. Jobs in flight are then
 * freed by dispatch_finished. Call it with &gateway->dispatcher: late messages look there, and find NULL. */
void dispatcher_free(struct dispatcher **d);

/* Any loop: a committed message's recipients of one domain, not before `not_before_us` (0: now). Takes the job. */
void dispatch_accepted(struct gateway *g, struct job *j, int64_t not_before_us);
/* Any loop: the queue was changed by command (or a DSN was kept): look at this domain again, NULL: at all. */
void dispatch_look(struct gateway *g, const char *domain);

/* Any loop: these recipients are no longer being worked on (delivered, deferred, bounced; the store has committed it).
 * A domain whose mail was deferred because its site cannot be reached is left alone until `not_before_us` (0: no such
 * pause). Frees the job. */
void dispatch_finished(struct gateway *g, struct job *j, int64_t not_before_us);

struct dispatcher_figures {
  uint64_t in_flight, domains_waiting; /* recipients; domains that are known to have mail waiting or in flight */
  uint64_t picked, accepted_direct;    /* recipients, since the start */
  uint64_t dropped;                    /* recipients handed over in memory that were left to the queue reader instead */
};
void dispatcher_figures(struct dispatcher *d, struct dispatcher_figures *out); /* loops[0] */

#endif
