/* What became of a job's recipients, on its way into the store: the events, the notice (DSN) for their sender, the log
 * lines. An outcome is not forgotten while the daemon lives: when the store fails, it is posted again with a growing
 * delay, and its recipients stay in flight. One loop's thread.
 *
 *   outcome_prepare (before a command is sent: all memory it needs)  -> fill rulings -> outcome_commit
 *                                                                            \-> outcome_cancel */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_OUTCOME_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_OUTCOME_H

#include "base/mail/tls_facts.h"
#include "relay/delivery/delivery.h"
#include "relay/delivery/job.h"
#include "relay/delivery/outcome/verdict.h"
#include "relay/message/content_loader.h"

#define OUTCOME_RETRY_LEAST_MS 1000
#define OUTCOME_RETRY_MOST_MS 60000

/* --- all of one loop --- */

struct outcomes;
/* `loader` is the caller's, and outlives it. `empty` is called whenever the last has ended. NULL without memory. */
struct outcomes *outcomes_new(struct loop *loop, struct content_loader *loader, void (*empty)(void *arg), void *arg);
void outcomes_free(struct outcomes **o); /* when it is empty */
bool outcomes_is_empty(const struct outcomes *o);
/* Some were refused by a store in trouble, and are posted until it takes them. */
bool outcomes_are_unkept(const struct outcomes *o);
/* At the end, when the time for it is up: those that the store refused are not posted again. */
void outcomes_abandon(struct outcomes *o);

/* Those that are on their way into the store, or wait to be posted again. `host` as in their place. */
void outcomes_each(const struct outcomes *o, void (*each)(void *arg, const struct job *j, const char *host), void *arg);

/* Adds the recipients delivered, deferred and bounced since the start, and those that a policy had refused. */
void outcomes_count(const struct outcomes *o, struct delivery_counters *to);

/* --- one --- */

struct outcome {
  struct job *job;        /* owned */
  struct ruling *rulings; /* one for each of the job's recipients; owned */
  /* the rest is outcome.c's */
  struct outcomes *all;
  struct outcome *next, *prev;
};
/* Where an attempt was made, for the log and the notice. Copied. */
struct outcome_place {
  const char *host;   /* "mx.example.net[192.0.2.1]:25"; "": none */
  const char *source; /* the address it left from; "": none */
  const char *site;   /* base/site/site_name.h; NULL: not known */
  const char *tls;    /* as stream_tls_text; "": none */
  const char *before; /* what happened at other hosts on the way to it (story.h); NULL: nothing */
  struct tls_facts tls_facts;
};

/* Takes the job when it returns an outcome; NULL without memory. */
struct outcome *outcome_prepare(struct outcomes *all, struct job *j);
/* Rules for one recipient, or for all that have no ruling yet. */
void outcome_rule(struct outcome *o, size_t index, const struct incident *incident);
void outcome_rule_rest(struct outcome *o, const struct incident *incident);
bool outcome_ruled(const struct outcome *o); /* every recipient has its ruling */
/* Every recipient has its ruling. The outcome sees to itself from here, and ends with job_finish, which gets
 * `not_before_us`. */
void outcome_commit(struct outcome *o, const struct outcome_place *where, int64_t not_before_us);
/* Nothing happened after all: the job is the caller's again. */
struct job *outcome_cancel(struct outcome **o);
/* Takes the recipients out that have such a ruling, or none, as a job that the caller owns; they lose it. When they are
 * all of them, the outcome has ended, and *o is NULL. NULL when there are none, or without memory: then they are still
 * in the outcome. */
struct job *outcome_take(struct outcome **o, bool (*chosen)(const struct ruling *r));
/* Before those that go on (ruling.onward) are taken: notes in their job what this host said, and what happened on the
 * way to it. Where there is no memory for that, the ruling is final. */
void outcome_note_onward(struct outcome *o, const struct outcome_place *where);
/* A job that goes on though its site could not be reached: notes what happened, as far as there is memory for it. */
void outcome_note_walk(struct job *j, const struct incident *incident, const struct outcome_place *where);

/* Of a job that only waits: is a notice due for one of its recipients, or its time over; and when is the next such
 * moment? INT64_MAX: never. */
bool outcome_is_due(const struct config *c, const struct job *j, int64_t now_us);
int64_t outcome_due_at(const struct config *c, const struct job *j, int64_t now_us);

/* The outcome of a job that no host was asked about: the same incident for each of its recipients. Takes the job;
 * without memory it finishes now, and is tried again after a pause. */
void outcome_without_attempt(struct outcomes *all, struct job *j, const struct incident *incident,
                             const struct outcome_place *where, int64_t not_before_us);
/* No memory for the next step of a job: it finishes now, and is tried again after a pause. Takes it. */
void outcome_no_memory(struct gateway *g, struct job *j);

#endif
