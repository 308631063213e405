#include "relay/delivery/route/blocklist_watch.h"

#include "base/address/global_address.h"
#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "relay/delivery/route/listing.h"
#include "relay/net/dns_task.h"
#include "store/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a list's answers are of; it may be believed for the one and not for the other. */
enum sort { SORT_IPV4, SORT_IPV6, SORT_DOMAIN, SORT_COUNT };

struct list {
  const struct blocklist_config *config;
  char trouble[SORT_COUNT][BLOCKLIST_TEXT]; /* why it says nothing; "": it does */
};

struct subject_key {
  size_t list; /* of the configured ones */
  char subject[DOMAIN_MAX + 1];
};

/* A subject at a list. */
struct entry {
  struct subject_key key;
  enum sort sort;
  struct listing listing;
  int64_t due_us;
  bool seen; /* in the directory that was taken last */
  UT_hash_handle hh;
};

struct blocklist_watch {
  struct loop *loop;
  struct list lists[BLOCKLISTS_MAX];
  size_t list_count;
  struct entry *table;
  size_t listed; /* entries of the table that are */
  int64_t generation, now_us;
  bool full_said;
  struct dns_task task;
  /* the question that is under way: the pool's thread has these */
  struct subject_key asked;
  struct blocklist_finding found;
};

/* --- entries --- */

static struct subject_key key_of(size_t list, const char *subject) {
  struct subject_key k;
  memset(&k, 0, sizeof k); /* the table compares all of its octets */
  k.list = list;
  snprintf(k.subject, sizeof k.subject, "%s", subject);
  return k;
}

static struct entry *find(const struct blocklist_watch *w, const struct subject_key *key) {
  struct entry *e = NULL;
  HASH_FIND(hh, w->table, key, sizeof *key, e);
  return e;
}

static void drop(struct blocklist_watch *w, struct entry *e) {
  if (e->listing.state == BLOCKLIST_LISTED) w->listed--;
  HASH_DEL(w->table, e);
  free(e);
}

static void forget(void *owner) {
  struct blocklist_watch *w = owner;
  while (w->table) drop(w, w->table);
  free(w);
}

void blocklist_watch_stop(struct blocklist_watch *w) {
  dns_task_stop(&w->task);
}

void blocklist_watch_free(struct blocklist_watch **at) {
  struct blocklist_watch *w = *at;
  *at = NULL;
  if (w) dns_task_free(&w->task);
}

static bool has_room(struct blocklist_watch *w) {
  if (HASH_COUNT(w->table) < BLOCKLIST_QUESTIONS_MAX) return true;
  if (!w->full_said)
    log_event(LOG_WARN_, NULL, "too many sources for the blocklists", "next",
              "those beyond the first are not looked up: use fewer lists", NULL);
  w->full_said = true;
  return false;
}

static struct entry *add(struct blocklist_watch *w, const struct subject_key *key, enum sort sort) {
  struct entry *e = has_room(w) ? calloc(1, sizeof *e) : NULL;
  if (!e) return NULL;
  e->key = *key;
  e->sort = sort;
  e->due_us = w->now_us;
  HASH_ADD(hh, w->table, key, sizeof e->key, e);
  if (e->hh.tbl) return e;
  free(e);
  return NULL;
}

/* --- the store --- */

struct kept {
  struct store_blocklist_note op; /* first */
  char list[BLOCKLIST_ZONE_MAX + 1], subject[DOMAIN_MAX + 1];
  struct listing listing;
};

static void on_kept(struct store_op *op) {
  if (op->result != OK)
    log_event(LOG_WARN_, NULL, "blocklist's answer not kept", "list", ((struct kept *)op)->list, "reason",
              *op->why.text ? op->why.text : result_text(op->result), NULL);
  free(op);
}

static struct blocklist_note note_of(const char *list, const char *subject, const struct listing *l) {
  return (struct blocklist_note){.list = list,
                                 .subject = subject,
                                 .state = l->state,
                                 .since_us = l->since_us,
                                 .answered_us = l->answered_us,
                                 .asked_us = l->asked_us,
                                 .codes = l->codes,
                                 .text = l->text,
                                 .trouble = l->trouble};
}

/* `l` NULL: forget it. */
static void keep(struct blocklist_watch *w, const char *list, const char *subject, const struct listing *l) {
  struct kept *k = calloc(1, sizeof *k);
  if (!k) return; /* with the next answer */
  store_blocklist_note_init(&k->op);
  snprintf(k->list, sizeof k->list, "%s", list);
  snprintf(k->subject, sizeof k->subject, "%s", subject);
  if (l) k->listing = *l;
  k->op.forget = !l;
  k->op.note = note_of(k->list, k->subject, &k->listing);
  loop_store_post(w->loop, &k->op.op, on_kept);
}

/* --- the sources that there are --- */

static void take_subject(struct blocklist_watch *w, size_t list, const char *subject, enum sort sort) {
  const struct subject_key key = key_of(list, subject);
  struct entry *e = find(w, &key);
  if (!e) e = add(w, &key, sort);
  if (e) e->seen = true;
}

/* The world has no lists of private and loopback addresses, but HELO names are seen by it all the same (NAT). */
static void take_source(struct blocklist_watch *w, const struct source *s) {
  const char *address = source_public(s);
  enum sort sort = strchr(address, ':') ? SORT_IPV6 : SORT_IPV4;
  for (size_t i = 0; i < w->list_count; i++)
    if (w->lists[i].config->kind == BLOCKLIST_DOMAIN) {
      if (*s->helo) take_subject(w, i, s->helo, SORT_DOMAIN);
    } else if (ip_is_global(address))
      take_subject(w, i, address, sort);
}

static size_t list_named(const struct blocklist_watch *w, const char *zone) {
  size_t i = 0;
  while (i < w->list_count && strcmp(w->lists[i].config->zone, zone) != 0) i++;
  return i;
}

/* Of a list, a source or a HELO name that is no more, nothing is kept. */
static void take_note(struct blocklist_watch *w, const struct blocklist_note *n) {
  const struct subject_key key = key_of(list_named(w, n->list), n->subject);
  struct entry *e = find(w, &key);
  if (!e) keep(w, n->list, n->subject, NULL);
  if (!e || e->listing.asked_us) return;
  listing_load(&e->listing, n);
  if (e->listing.state == BLOCKLIST_LISTED) w->listed++;
  e->due_us = listing_due_us(&e->listing, w->lists[key.list].config->every_us, w->now_us);
}

static void take_directory(struct blocklist_watch *w) {
  const struct directory *d = w->loop->directory;
  struct entry *e, *next;
  if (d->generation == w->generation) return;
  w->generation = d->generation;
  for (e = w->table; e; e = e->hh.next) e->seen = false;
  for (size_t i = 0; i < d->source_count; i++) take_source(w, &d->sources[i]);
  HASH_ITER(hh, w->table, e, next) {
    if (!e->seen) drop(w, e);
  }
  for (size_t i = 0; i < d->blocklist_note_count; i++) take_note(w, &d->blocklist_notes[i]);
}

/* --- what is said of it --- */

/* Some source of the subject is paused by it. */
static bool pauses(const struct blocklist_watch *w, const struct blocklist_note *n) {
  const struct directory *d = w->loop->directory;
  for (size_t i = 0; i < d->source_count; i++)
    if (d->sources[i].pause_on_listing && source_is_subject(&d->sources[i], n)) return true;
  return false;
}

static void warn(struct blocklist_watch *w, struct entry *e) {
  char advice[BLOCKLIST_NEXT], next[BLOCKLIST_NEXT + 60];
  if (!listing_warn(&e->listing, w->now_us)) return;
  const struct blocklist_note n = note_of(w->lists[e->key.list].config->zone, e->key.subject, &e->listing);
  blocklist_next(&n, advice);
  snprintf(next, sizeof next, "%s: %s", pauses(w, &n) ? "no mail leaves from it" : "mail leaves from it all the same",
           advice);
  log_event(LOG_WARN_, NULL, "source listed", "source", n.subject, "list", n.list, "codes", n.codes, "reason", n.text,
            "next", next, NULL);
}

static void report(struct blocklist_watch *w, struct entry *e, enum listing_change change) {
  const char *list = w->lists[e->key.list].config->zone;
  if (change == LISTING_BEGAN) w->listed++;
  if (change != LISTING_ENDED) return;
  w->listed--;
  const char *why = e->listing.state == BLOCKLIST_CLEAN      ? ""
                    : e->listing.state == BLOCKLIST_UNUSABLE ? "the list is not believed any more"
                                                             : "the list has not answered for a day";
  log_event(LOG_INFO_, NULL, "source delisted", "source", e->key.subject, "list", list, "reason", why, NULL);
}

/* Why a list says nothing, once; and once when it does again. */
static void take_trouble(struct list *l, enum sort sort, const struct blocklist_finding *f) {
  static const char *const sorts[] = {"IPv4 addresses", "IPv6 addresses", "domains"};
  bool bad = f->state == BLOCKLIST_UNUSABLE || f->state == BLOCKLIST_UNKNOWN;
  const char *said = f->state == BLOCKLIST_UNUSABLE ? "blocklist not believed" : "blocklist does not answer";
  if (bad && !*l->trouble[sort])
    log_event(LOG_WARN_, NULL, said, "list", l->config->zone, "of", sorts[sort], "reason", f->text, NULL);
  if (!bad && *l->trouble[sort])
    log_event(LOG_INFO_, NULL, "blocklist answers again", "list", l->config->zone, "of", sorts[sort], NULL);
  snprintf(l->trouble[sort], sizeof l->trouble[sort], "%s", bad ? f->text : "");
}

/* --- the answers --- */

static void take_finding(struct blocklist_watch *w, struct entry *e) {
  struct list *l = &w->lists[e->key.list];
  report(w, e, listing_take(&e->listing, &w->found, w->now_us));
  e->due_us = listing_due_us(&e->listing, l->config->every_us, w->now_us);
  keep(w, l->config->zone, e->key.subject, &e->listing);
}

/* What is wrong with a list is so for all that it is asked about: it is not asked again for each of them. */
static void take_all(struct blocklist_watch *w, const struct entry *like) {
  for (struct entry *e = w->table; e; e = e->hh.next)
    if (e->key.list == like->key.list && e->sort == like->sort) take_finding(w, e);
}

static void run(void *owner, const struct dns_source *dns) {
  struct blocklist_watch *w = owner;
  blocklist_check(dns, w->lists[w->asked.list].config->zone, w->asked.subject, clock_monotonic_ms() + BLOCKLIST_MS,
                  &w->found);
}

static void done(void *owner) {
  struct blocklist_watch *w = owner;
  struct entry *e = find(w, &w->asked);
  w->now_us = clock_now_us();
  if (e) {
    take_trouble(&w->lists[e->key.list], e->sort, &w->found);
    if (w->found.state == BLOCKLIST_UNUSABLE || w->found.state == BLOCKLIST_UNKNOWN)
      take_all(w, e);
    else
      take_finding(w, e);
  }
  blocklist_watch_tick(w, w->now_us);
}

struct blocklist_watch *blocklist_watch_new(struct loop *loop, const struct dns_source *dns) {
  const struct config *c = loop->gateway->config;
  struct blocklist_watch *w = calloc(1, sizeof *w);
  if (!w) return NULL;
  w->loop = loop;
  w->generation = -1;
  while (w->list_count < c->blocklist_count && w->list_count < BLOCKLISTS_MAX) {
    w->lists[w->list_count].config = &c->blocklists[w->list_count];
    w->list_count++;
  }
  w->task = (struct dns_task){.loop = loop, .dns = *dns, .run = run, .done = done, .forget = forget, .owner = w};
  return w;
}

/* The one that has been due for longest; warns of those that are listed. */
static struct entry *first_due(struct blocklist_watch *w) {
  struct entry *first = NULL;
  for (struct entry *e = w->table; e; e = e->hh.next) {
    warn(w, e);
    if (e->due_us <= w->now_us && (!first || e->due_us < first->due_us)) first = e;
  }
  return first;
}

void blocklist_watch_tick(struct blocklist_watch *w, int64_t now_us) {
  if (!dns_task_ready(&w->task)) return;
  w->now_us = now_us;
  take_directory(w);
  struct entry *e = first_due(w);
  if (!e) return;
  w->asked = e->key;
  dns_task_start(&w->task);
}

/* --- the rule --- */

/* The first list that has it; NULL: none. */
static const struct entry *listed(const struct blocklist_watch *w, const struct source *s) {
  for (size_t i = 0; i < w->list_count; i++) {
    const struct subject_key key = key_of(i, w->lists[i].config->kind == BLOCKLIST_IP ? source_public(s) : s->helo);
    const struct entry *e = find(w, &key);
    if (e && e->listing.state == BLOCKLIST_LISTED) return e;
  }
  return NULL;
}

int blocklist_watch_allows(const struct blocklist_watch *w, const struct source *s, struct reason *why) {
  const struct entry *e = w->listed && s->pause_on_listing ? listed(w, s) : NULL;
  if (!e) return OK;
  return fail(why, E_DENIED, "no mail leaves from %s while %.80s lists %.60s (%.30s)", s->address,
              w->lists[e->key.list].config->zone, e->sort == SORT_DOMAIN ? e->key.subject : "it", e->listing.codes);
}

void blocklist_watch_count(const struct blocklist_watch *w, uint64_t *listings, uint64_t *failing) {
  *listings = w->listed;
  *failing = 0;
  for (size_t i = 0; i < w->list_count; i++)
    *failing += *w->lists[i].trouble[SORT_IPV4] || *w->lists[i].trouble[SORT_IPV6] || *w->lists[i].trouble[SORT_DOMAIN];
}
