/* What the files of the sources that warm up share. For relay/delivery/route/warmup_*.c only. */
#ifndef SENDOFF_RELAY_DELIVERY_ROUTE_WARMUP_PARTS_H
#define SENDOFF_RELAY_DELIVERY_ROUTE_WARMUP_PARTS_H

#include "base/address/cidr.h"
#include "base/hash.h"
#include "relay/delivery/route/warmup_watch.h"

/* A source that has a plan. */
struct warming {
  char address[IP_TEXT];
  char *text; /* the plan's, which `plan` was read from */
  struct warmup_plan plan;
  int64_t since_us;
  bool seen; /* in the directory that was taken last */
  UT_hash_handle hh;
};

/* One of them at a provider. */
struct entry {
  int64_t id;
  char *key; /* "SOURCE PROVIDER" */
  const char *provider;
  struct warming *source;
  struct warmup state;
  bool changed; /* since it was posted last */
  UT_hash_handle hh, hh_id;
};

struct warmup_watch {
  struct loop *loop;
  struct warmup_owner owner;
  struct warming *sources;
  struct entry *entries, *by_id;
  int64_t generation, last_id, kept_us;
  size_t posted;  /* on their way into the store */
  bool releasing; /* a plan has ended: what waited for its source is to go */
  bool stopped, freed;
};

/* The last end of it: nothing is posted any more. */
void warmup_watch_forget(struct warmup_watch *w);

/* --- warmup_table.c: NULL when there is none, or without memory --- */

struct warming *warmup_table_source(const struct warmup_watch *w, const char *address);
struct warming *warmup_table_add_source(struct warmup_watch *w, const char *address);
void warmup_table_drop_source(struct warmup_watch *w, struct warming *s);
struct entry *warmup_table_entry(const struct warmup_watch *w, const struct warming *source, const char *provider);
struct entry *warmup_table_entry_with(const struct warmup_watch *w, int64_t id);
struct entry *warmup_table_add_entry(struct warmup_watch *w, struct warming *source, const char *provider);
void warmup_table_drop_entries(struct warmup_watch *w, const struct warming *of);

/* --- warmup_store.c --- */

/* Posts what has changed. */
void warmup_store_keep(struct warmup_watch *w);
/* After the end of a plan: lets go what waited for its source. */
void warmup_store_release(struct warmup_watch *w);

#endif
