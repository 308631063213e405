/* One message for the recipients of one domain, on its way to a next hop; those of other domains with the same next hop
 * may join it there (RFC 5321 3.1: a transaction is a message's, not a domain's). It belongs to whoever has it now. */
#ifndef SENDOFF_RELAY_DELIVERY_JOB_H
#define SENDOFF_RELAY_DELIVERY_JOB_H

#include "base/mail/envelope.h"
#include "base/site/warmup.h"
#include "relay/message/content.h"
#include "relay/net/loop.h"

#define JOB_RECIPIENTS_MAX 100 /* in one job, so in one transaction (RFC 5321 4.5.3.1.8); the queue splits */

struct job;

/* What came of a job, for who handed it out. */
struct job_result {
  int64_t not_before_us; /* its site cannot be reached: its domain is left alone until then; 0: no such pause */
  struct job *notice;    /* a DSN that was kept with the outcome; NULL: none */
  bool again;            /* nothing has happened to it: it is handed out again at once, maybe another way */
  bool withdrawn;        /* a command has held, dropped or returned some of it: what is left of it is read again */
  bool notice_waits;     /* one was kept, and there was no memory for its job: it waits in the store */
};

struct job {
  struct envelope envelope;            /* a copy */
  char *domain;                        /* of all its recipients, unless some have joined it */
  struct content *content;             /* one reference; NULL: read it from the store */
  struct queued_recipient *recipients; /* copies; `last` only with MESSAGE_BY_RETURN, else "" */
  size_t recipient_count, recipient_room;
  int64_t retry_us;   /* the earliest next attempt of those that were deferred, INT64_MAX: none; for its finish */
  int64_t clock_us;   /* clock_jumps_us when its times were read */
  int64_t generation; /* of the queue's commands (struct gateway) that its recipients are known to be queued after */
  int64_t queued_us;  /* job_queue.c's: since when it waits there */
  int64_t attempt_us; /* when this attempt came to its first host; 0: not yet */
  char **before;      /* of each recipient, what its earlier hosts of this attempt said (outcome/story.h), or NULL.
                         NULL: of none */
  bool put_off;       /* one of them put it off, so what another cannot take is not lost */
  bool by_command;    /* it is returned to its sender, and goes nowhere else */
  bool alone;         /* no recipients of other domains join it: there are none, or its host refuses them together */
  bool explained;     /* each recipient has a reason in the log why it waits */
  bool other_family;  /* its pool could send it by the other of IPv4 and IPv6, too */
  uint64_t probe;     /* the outage that it finds out about (queue/outages.h); 0: none */
  uint64_t site_key;  /* where it was to go (queue/outages.h); 0: it did not come so far */
  unsigned again;     /* how often it came back to who handed it out (struct job_result) */
  unsigned returned;  /* how often it came back to its destination's queue without an attempt that counts */
  int64_t warmup;     /* whose amount its recipients count towards (route/warmup_watch.h); 0: nobody's */
  struct warmup_tally came; /* what came of them, for that */
  struct job *next, *prev;  /* for whoever owns it now */
  /* Of who handed it out: called once by job_finish, on any loop; takes the job. NULL: nobody waits for it. */
  void (*finish)(struct gateway *g, struct job *j);
  struct job_result result;
  struct loop_message post; /* finish's and delivery_accept's: so that passing it on needs no memory */
  int64_t post_moment_us;
};

struct job *job_new(const struct envelope *e, const char *domain); /* copies; NULL without memory */
/* Copies. E_MEMORY; E_SYNTAX for an address with control characters, which no SMTP command can carry. */
int job_add_recipient(struct job *j, const struct queued_recipient *r);
/* Of a job that gets no more recipients: where its story is kept. NULL without memory. */
char **job_before(struct job *j, size_t index);
/* Each of its recipients was tried before. */
bool job_has_waited(const struct job *j);
/* When its sender wants it back, if it is not delivered by then (RFC 2852 by-mode R); INT64_MAX: no such time. */
int64_t job_deadline(const struct job *j);
/* The clock may have jumped since its times were read: they move with it, as those in the store do (store_clock). */
void job_follow_clock(struct job *j);
/* May the other's recipients share its transaction, as many as `most` together? */
bool job_may_join(const struct job *j, const struct job *other, size_t most);
/* They do, and the other is gone. False without memory: nothing has moved. */
bool job_join(struct job *j, struct job **other);
/* The domain of one of its recipients. */
const char *job_domain(const struct job *j, size_t index);
bool job_has_domains(const struct job *j); /* more than one */
/* Moves the recipients for which `chosen` is true into a new job of the same message, which shares the content. NULL
 * without memory (then nothing has moved). */
struct job *job_split(struct job *j, bool (*chosen)(void *arg, size_t index), void *arg);
/* These recipients are no longer worked on: delivered, deferred or bounced, and the store has committed it; or nothing
 * happened to them. Takes the job, and the result's notice. */
void job_finish(struct gateway *g, struct job *j, const struct job_result *result);
void job_free(struct job **j); /* with the notice of its result, if nobody took that */

#endif
