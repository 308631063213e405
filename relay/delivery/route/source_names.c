#include "relay/delivery/route/source_names.h"

#include "base/address/global_address.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "policy/source_name.h"
#include "relay/net/dns_task.h"
#include "store/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A source of the directory that the world sees as a global address. */
struct named {
  char address[IP_TEXT], seen[IP_TEXT], helo[DOMAIN_MAX + 1]; /* seen: source_public */
  uint64_t since_ms, checked_ms, due_ms, warned_ms;           /* checked_ms, warned_ms 0: never */
  bool listed;                                                /* in the directory, at this tick */
  UT_hash_handle hh;
};

struct source_names {
  struct loop *loop;
  struct named *table;
  uint64_t now_ms; /* of the last tick */
  struct dns_task task;
  /* the check that is under way: the pool's thread has these */
  char address[IP_TEXT], seen[IP_TEXT], helo[DOMAIN_MAX + 1];
  struct source_name_finding found;
};

static void drop(struct source_names *n, struct named *s) {
  HASH_DEL(n->table, s);
  free(s);
}

static void forget(void *owner) {
  struct source_names *n = owner;
  while (n->table) drop(n, n->table);
  free(n);
}

void source_names_stop(struct source_names *n) {
  dns_task_stop(&n->task);
}

void source_names_free(struct source_names **at) {
  struct source_names *n = *at;
  *at = NULL;
  if (n) dns_task_free(&n->task);
}

/* --- the sources that there are --- */

static struct named *add(struct source_names *n, const struct source *s, uint64_t now_ms) {
  if (HASH_COUNT(n->table) >= SOURCE_NAMES_MAX) return NULL;
  struct named *k = calloc(1, sizeof *k);
  if (!k) return NULL;
  snprintf(k->address, sizeof k->address, "%s", s->address);
  k->since_ms = k->due_ms = now_ms;
  HASH_ADD_STR(n->table, address, k);
  if (k->hh.tbl) return k;
  free(k);
  return NULL;
}

/* Another HELO name, or another public address, asks for another check, at once. */
static void take_source(struct source_names *n, const struct source *s, uint64_t now_ms) {
  struct named *k = NULL;
  const char *seen = source_public(s);
  if (!ip_is_global(seen)) return;
  HASH_FIND_STR(n->table, s->address, k);
  if (!k) k = add(n, s, now_ms);
  if (!k) return;
  k->listed = true;
  if (s->name == SOURCE_NAME_UNKNOWN && k->checked_ms && k->due_ms > k->checked_ms + SOURCE_NAME_AGAIN_MS)
    k->due_ms = k->checked_ms + SOURCE_NAME_AGAIN_MS; /* what was found was not kept, or is forgotten */
  const char *helo = *s->helo ? s->helo : n->loop->gateway->config->hostname;
  if (strcmp(k->helo, helo) == 0 && strcmp(k->seen, seen) == 0) return;
  snprintf(k->helo, sizeof k->helo, "%s", helo);
  snprintf(k->seen, sizeof k->seen, "%s", seen);
  k->since_ms = k->due_ms = now_ms;
  k->warned_ms = 0;
}

static void take_directory(struct source_names *n, uint64_t now_ms) {
  const struct directory *d = n->loop->directory;
  struct named *k, *next;
  for (k = n->table; k; k = k->hh.next) k->listed = false;
  for (size_t i = 0; i < d->source_count; i++) take_source(n, &d->sources[i], now_ms);
  HASH_ITER(hh, n->table, k, next) {
    if (!k->listed) drop(n, k);
  }
}

/* --- what was found --- */

struct kept {
  struct store_source_check op; /* first */
  char address[IP_TEXT], seen[IP_TEXT], helo[DOMAIN_MAX + 1];
  struct source_name_finding found;
};

static void on_kept(struct store_op *op) {
  if (op->result != OK)
    log_event(LOG_WARN_, NULL, "source check not kept", "source", ((struct kept *)op)->address, "reason",
              *op->why.text ? op->why.text : result_text(op->result), NULL);
  free(op);
}

static void keep(struct source_names *n, const struct named *s) {
  struct kept *k = calloc(1, sizeof *k);
  if (!k) return; /* at the next check */
  store_source_check_init(&k->op);
  snprintf(k->address, sizeof k->address, "%s", s->address);
  snprintf(k->seen, sizeof k->seen, "%s", s->seen);
  snprintf(k->helo, sizeof k->helo, "%s", s->helo);
  k->found = n->found;
  k->op.address = k->address;
  k->op.public_address = k->seen;
  k->op.helo = k->helo;
  k->op.confirmed = k->found.confirmed;
  k->op.ptr = k->found.ptr;
  k->op.text = k->found.text;
  k->op.checked_us = clock_now_us();
  loop_store_post(n->loop, &k->op.op, on_kept);
}

static void warn(struct named *s, const struct source_name_finding *found, uint64_t now_ms) {
  if (s->warned_ms && now_ms - s->warned_ms < SOURCE_NAME_EVERY_MS) return;
  const char *next = !found->known          ? "what was known of it holds"
                     : strchr(s->seen, ':') ? "no mail leaves from it"
                                            : "it is used all the same; some receivers refuse its mail";
  log_event(LOG_WARN_, NULL, found->known ? "source name not confirmed" : "source name not checked", "source",
            s->address, "helo", s->helo, "reason", found->text, "next", next, NULL);
  s->warned_ms = now_ms ? now_ms : 1;
}

static void take_finding(struct source_names *n, struct named *s, uint64_t now_ms) {
  s->checked_ms = now_ms;
  bool good = n->found.known && n->found.confirmed;
  if (good && s->warned_ms) log_event(LOG_INFO_, NULL, "source name confirmed", "source", s->address, NULL);
  if (good)
    s->warned_ms = 0;
  else
    warn(s, &n->found, now_ms);
  s->due_ms = now_ms + (good ? SOURCE_NAME_EVERY_MS : n->found.known ? SOURCE_NAME_REPAIR_MS : SOURCE_NAME_AGAIN_MS);
  if (n->found.known) keep(n, s);
}

/* --- the check --- */

static void run(void *owner, const struct dns_source *dns) {
  struct source_names *n = owner;
  source_name_check(dns, n->seen, n->helo, clock_monotonic_ms() + SOURCE_NAME_MS, &n->found);
}

static void done(void *owner) {
  struct source_names *n = owner;
  struct named *s = NULL;
  HASH_FIND_STR(n->table, n->address, s);
  if (s && strcmp(s->helo, n->helo) == 0 && strcmp(s->seen, n->seen) == 0) take_finding(n, s, n->now_ms);
  source_names_tick(n, n->now_ms);
}

struct source_names *source_names_new(struct loop *loop, const struct dns_source *dns) {
  struct source_names *n = calloc(1, sizeof *n);
  if (!n) return NULL;
  n->loop = loop;
  n->task = (struct dns_task){.loop = loop, .dns = *dns, .run = run, .done = done, .forget = forget, .owner = n};
  return n;
}

static struct named *first_due(const struct source_names *n, uint64_t now_ms) {
  struct named *first = NULL;
  for (struct named *s = n->table; s; s = s->hh.next)
    if (s->due_ms <= now_ms && (!first || s->due_ms < first->due_ms)) first = s;
  return first;
}

void source_names_tick(struct source_names *n, uint64_t now_ms) {
  if (!dns_task_ready(&n->task)) return;
  n->now_ms = now_ms;
  take_directory(n, now_ms);
  struct named *s = first_due(n, now_ms);
  if (!s) return;
  snprintf(n->address, sizeof n->address, "%s", s->address);
  snprintf(n->seen, sizeof n->seen, "%s", s->seen);
  snprintf(n->helo, sizeof n->helo, "%s", s->helo);
  dns_task_start(&n->task);
}

/* --- the rule --- */

int source_name_allows(const struct source_names *n, const struct source *s, uint64_t now_ms, struct reason *why) {
  struct named *k = NULL;
  const char *seen = source_public(s);
  if (!source_may_be_used(s)) return fail(why, E_DENIED, "no mail leaves from %s: %s", s->address, s->name_text);
  if (s->name == SOURCE_NAME_CONFIRMED || !strchr(seen, ':') || !ip_is_global(seen)) return OK;
  HASH_FIND_STR(n->table, s->address, k);
  if (k && now_ms - k->since_ms >= SOURCE_NAME_UNJUDGED_MS) return OK; /* DNS is no reason to keep mail */
  if (!k && HASH_COUNT(n->table) >= SOURCE_NAMES_MAX) return OK;       /* it will never be judged */
  return fail(why, E_DENIED, "no mail leaves from %s before its PTR record has been looked up, for %d minutes at most",
              s->address, SOURCE_NAME_UNJUDGED_MS / 60000);
}
