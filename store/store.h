/* The store's life and its writer thread. All that changes mail goes through store_post(); see store/write.h for the
 * operations, store/read.h for the reading side, store/admin.h for what the command line changes, store/spool.h for
 * large content. */
#ifndef SENDOFF_STORE_STORE_H
#define SENDOFF_STORE_STORE_H

#include "base/result.h"
#include "base/usage/brake.h"
#include "base/usage/usage.h"
#include "base/usage/usage_scope.h"

#include <stdbool.h>
#include <stdint.h>

#define STORE_FILE "sendoff.db"
/* Content up to this many octets may live in the row, above it in a spool file. A file costs two syncs of its own,
 * which no other message shares. */
#define STORE_INLINE_MAX (256 * 1024)

struct store;
struct store_op;

/* Creates the database in `data_dir` (which must exist) or migrates it to this version. E_NEWER for one written by a
 * newer version, E_IO otherwise, with `why`; E_EXISTS when there is none, but something that was left of one. Sync, any
 * thread; used by `sendoff init`. */
int store_create(const char *data_dir, struct reason *why);

struct store_options {
  int64_t log_retain_us; /* delivery events older than this are purged, a bounded batch at a time; 0 keeps them */
  uint64_t log_max_size; /* octets that the log may take, with its indexes; the oldest go first; 0: no limit */
  int64_t idempotency_window_us; /* how long a submission is remembered as the first of its kind (store/write.h); 0:
                                    never */
  uint64_t disk_reserve;         /* octets kept free on the disk (docs/storage.md), or STORE_RESERVE_DEFAULT; 0: none */
};
#define STORE_RESERVE_DEFAULT UINT64_MAX /* the lesser of 512 MB and a twentieth of the disk */

/* Opens and migrates, sweeps orphaned spool files, starts the writer thread. Main thread, once. On failure *out is
 * NULL. E_NOT_FOUND: there is no store, and none is made: in the place of one that was removed, an empty one would
 * hide that its mail has gone. */
int store_open(const char *data_dir, const struct store_options *options, struct store **out, struct reason *why);
/* Runs what was posted, commits, stops the thread, closes. Every posted operation's completion is in its port before
 * this returns. No store_post may come after it. */
void store_close(struct store **store);

/* Where completions go: one port for each event loop. `wake` is called on the writer thread after completions were
 * added, with the port locked: it must only make the owner call store_port_drain soon (uv_async_send), and call nothing
 * of the store. */
struct store_port;
int store_port_new(struct store *store, void (*wake)(void *arg), void *arg, struct store_port **out);
/* Calls op->done for each finished operation, on the caller's thread: the port's owner only. */
void store_port_drain(struct store_port *port);
/* No operation may be outstanding on it. */
void store_port_free(struct store_port **port);

/* An operation in flight; the first member of each operation of store/write.h. The poster owns the memory, and must
 * keep it and all it points to unchanged until `done` runs; `done` may free it. */
struct store_op {
  int kind;                          /* set by the operation's own init function */
  bool patient;                      /* so, too: nobody waits for it, so it may wait a moment for company */
  int result;                        /* OK only when it is committed and synced */
  struct reason why;                 /* when result is not OK */
  struct store_port *port;           /* NULL: nobody waits, the store frees the op with free() after running it */
  void (*done)(struct store_op *op); /* on the port's thread */
  struct store_op *next;             /* the store's */
};
/* Any thread. Order is kept among operations of one thread. */
void store_post(struct store *store, struct store_op *op);

/* What the scope's owner has used, as far as it is committed, rolled to now in its time zone; zeroes for one that is
 * not known, or that was counted before since_us. From memory: any thread, also an event loop. The exact decision is
 * the one that store_accept makes. */
void store_usage(struct store *store, const struct usage_scope *scope, struct usage *out);

/* The step of the brake at which the account is, as far as it is committed: BRAKE_NONE for most. From memory: any
 * thread, also an event loop. The exact decision is the one that store_accept makes. */
void store_brake(struct store *store, const char *account, struct brake_status *out);

/* False: mail of this account to this address (in any spelling) is not suppressed. True: it may be;
 * store_suppression_find (store/write.h) knows. From memory: any thread, also an event loop. */
bool store_maybe_suppressed(struct store *store, const char *account, const char *address);

/* --- how it is; any thread --- */

enum store_state {
  STORE_GOOD,
  STORE_LOCKED,  /* a command has it locked for longer than the writer waits */
  STORE_FULL,    /* the disk is full, and nothing is left to give up */
  STORE_FAILING, /* the disk or the database fails, though its connections are opened anew */
  STORE_LOST     /* its files were removed or replaced under the running gateway: what is committed would be lost */
};
struct store_condition {
  enum store_state state;
  uint64_t for_ms;                  /* since when it is good, or is not */
  struct reason why;                /* "" when it is good */
  uint64_t disk_free, disk_reserve; /* octets */
  bool disk_low;                    /* no mail is taken, until there is room */
};
void store_condition(struct store *store, struct store_condition *out);
/* May a message of so many octets (0: not known) come in now? OK; E_FULL: the disk is almost full, `why` says how full;
 * E_IO: the store is lost. Cheap. */
int store_takes_mail(struct store *store, uint64_t octets, struct reason *why);
/* Are outcomes recorded? A delivery that starts while they are not may be made again after a restart. Cheap. */
bool store_records(struct store *store);

/* How long the writer has had something to do and finished nothing, in milliseconds; 0: it rests. Any thread. */
uint64_t store_stalled_ms(struct store *store);

struct store_counters {
  uint64_t operations, commits, failed_commits, waiting;
};
void store_counters(struct store *store, struct store_counters *out); /* any thread */

#endif
