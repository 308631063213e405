#include "relay/submission/refusal_log.h"

#include "base/clock.h"
#include "base/hash.h"
#include "base/log.h"
#include "store/write.h"

#include <stdlib.h>
#include <string.h>

#define REMEMBERED_MS 60000
#define WRITE_MS 1000
#define ENTRIES_MAX 1024
/* Lines of their own. Those of messages are few enough that a minute of them leaves others their entries. */
#define STRANGERS_A_SECOND 20
#define MESSAGES_A_SECOND 10

struct remembered {
  char *key;
  char ref[REF_LENGTH + 1];
  uint64_t since_ms, written_ms, unwritten;
  int64_t first_us;        /* the time of day at since_ms */
  struct store_note *last; /* a copy to write again with the new count */
  UT_hash_handle hh;
};

struct refusal_log {
  struct loop *loop;
  struct remembered *entries;
  uint64_t second;              /* of the monotonic clock */
  unsigned strangers, messages; /* lines made in it for clients without a login, and for messages */
};

int refusal_log_new(struct loop *loop, struct refusal_log **out) {
  struct refusal_log *l = *out = calloc(1, sizeof *l);
  if (!l) return E_MEMORY;
  l->loop = loop;
  return OK;
}

/* --- a note owns copies of its strings in one block --- */

static const char *keep(char **at, const char *text) {
  size_t n = strlen(text ? text : "") + 1;
  char *copy = memcpy(*at, text ? text : "", n);
  *at += n;
  return copy;
}

static size_t room(const char *text) {
  return strlen(text ? text : "") + 1;
}

static struct store_note *note_copy(const struct event *e, uint64_t count) {
  size_t size = room(e->account) + room(e->from) + room(e->to) + room(e->enhanced) + room(e->rule) + room(e->numbers) +
                room(e->verdict) + room(e->text) + room(e->host) + room(e->source) + room(e->ref) + room(e->subject) +
                room(e->header_id);
  struct store_note *n = calloc(1, sizeof *n + size);
  if (!n) return NULL;
  store_note_init(n);
  char *at = (char *)(n + 1);
  n->event = *e;
  n->event.kind = EVENT_REFUSED;
  n->event.count = count;
  n->event.account = keep(&at, e->account);
  n->event.from = keep(&at, e->from);
  n->event.to = keep(&at, e->to);
  n->event.enhanced = keep(&at, e->enhanced);
  n->event.rule = keep(&at, e->rule);
  n->event.numbers = keep(&at, e->numbers);
  n->event.verdict = keep(&at, e->verdict);
  n->event.text = keep(&at, e->text);
  n->event.host = keep(&at, e->host);
  n->event.source = keep(&at, e->source);
  n->event.ref = keep(&at, e->ref);
  n->event.subject = keep(&at, e->subject);
  n->event.header_id = keep(&at, e->header_id);
  return n;
}

static void noted(struct store_op *op) {
  if (op->result != OK) log_event(LOG_ERROR_, NULL, "cannot log a refusal", "reason", op->why.text, NULL);
  free(op);
}

static void write_entry(struct refusal_log *l, struct remembered *m, uint64_t now) {
  if (!m->unwritten) return;
  struct store_note *n = note_copy(&m->last->event, m->unwritten);
  if (!n) return; /* the count stays for the next try */
  n->event.first_us = m->first_us;
  m->unwritten = 0;
  m->written_ms = now;
  loop_store_post(l->loop, &n->op, noted);
}

static void drop(struct refusal_log *l, struct remembered *m) {
  HASH_DEL(l->entries, m);
  free(m->last);
  free(m->key);
  free(m);
}

void refusal_log_flush(struct refusal_log *l) {
  uint64_t now = clock_monotonic_ms();
  struct remembered *m, *next;
  HASH_ITER(hh, l->entries, m, next) {
    write_entry(l, m, now);
    if (now - m->since_ms > REMEMBERED_MS && !m->unwritten) drop(l, m);
  }
}

void refusal_log_free(struct refusal_log **at) {
  struct refusal_log *l = *at;
  *at = NULL;
  if (!l) return;
  struct remembered *m, *next;
  HASH_ITER(hh, l->entries, m, next) drop(l, m);
  free(l);
}

static struct remembered *remember(struct refusal_log *l, char *key, const struct event *e, uint64_t now) {
  struct remembered *m = calloc(1, sizeof *m);
  if (!m) return NULL;
  ref_new(m->ref);
  struct event with_ref = *e;
  with_ref.ref = m->ref;
  m->last = note_copy(&with_ref, 1);
  if (!m->last) {
    free(m);
    return NULL;
  }
  m->key = key;
  m->since_ms = now;
  m->first_us = clock_now_us();
  HASH_ADD_KEYPTR(hh, l->entries, m->key, strlen(m->key), m);
  if (m->hh.tbl) return m;
  free(m->last);
  free(m);
  return NULL;
}

/* NULL without memory. Refusals are the same when this is. */
static char *key_of(const struct refusal *r, const struct event *e) {
  char *key;
  int n = asprintf(&key, "%s\n%d\n%s\n%s\n%s\n%s\n%s\n%d\n%s\n%s", e->account, r->code, r->rule, r->about, e->from,
                   e->to, e->host, (int)e->stream, e->header_id, e->subject);
  return n < 0 ? NULL : key;
}

/* The one that was made before, if that is not too long ago. */
static struct remembered *find(struct refusal_log *l, const char *key, uint64_t now) {
  struct remembered *m;
  HASH_FIND_STR(l->entries, key, m);
  if (!m || now - m->since_ms <= REMEMBERED_MS) return m;
  write_entry(l, m, now);
  drop(l, m);
  return NULL;
}

/* A new one, for which the oldest goes when there are too many. Owns `key`, unless it returns NULL. */
static struct remembered *add(struct refusal_log *l, char *key, const struct event *e, uint64_t now) {
  if (HASH_COUNT(l->entries) >= ENTRIES_MAX) {
    write_entry(l, l->entries, now);
    drop(l, l->entries);
  }
  return remember(l, key, e, now);
}

/* It says which. */
static bool is_of_message(const struct event *e) {
  return *e->header_id || *e->subject;
}

/* False: there are too many this second, and it has to share a line. */
static bool may_have_own(struct refusal_log *l, const struct event *e, uint64_t now) {
  if (l->second != now / 1000) l->strangers = l->messages = 0;
  l->second = now / 1000;
  if (!*e->account) return l->strangers++ < STRANGERS_A_SECOND;
  return !is_of_message(e) || l->messages++ < MESSAGES_A_SECOND;
}

/* NULL without memory. */
static struct remembered *entry_of(struct refusal_log *l, const struct refusal *r, const struct event *e, uint64_t now,
                                   bool own) {
  char *key = key_of(r, e);
  struct remembered *known = key ? find(l, key, now) : NULL, *m = known;
  if (key && !m && (!own || may_have_own(l, e, now))) m = add(l, key, e, now);
  if (known || !m) free(key);
  return m;
}

void refusal_log_add(struct refusal_log *l, const struct refusal *r, const struct event *of, char ref[REF_LENGTH + 1]) {
  uint64_t now = clock_monotonic_ms();
  struct event e = *of;
  e.code = r->code;
  e.enhanced = r->enhanced;
  e.rule = r->rule;
  e.numbers = r->numbers;
  e.text = r->text;
  e.verdict = r->trace;
  if (!e.subject) e.subject = "";
  if (!e.header_id) e.header_id = "";
  struct remembered *m = entry_of(l, r, &e, now, true);
  if (!m && is_of_message(&e)) {
    e.subject = e.header_id = "";
    m = entry_of(l, r, &e, now, true);
  }
  if (!m) {
    struct refusal shared = *r;
    shared.about[0] = '\0';
    e.account = e.from = e.to = e.host = "";
    m = entry_of(l, &shared, &e, now, false);
  }
  if (!m) { /* the refusal still stands; its reference leads nowhere, and the log says why */
    ref_new(ref);
    log_event(LOG_ERROR_, NULL, "out of memory: a refusal is not logged", "ref", ref, NULL);
    return;
  }
  m->unwritten++;
  if (!m->written_ms || now - m->written_ms >= WRITE_MS) write_entry(l, m, now);
  memcpy(ref, m->ref, sizeof m->ref);
}
