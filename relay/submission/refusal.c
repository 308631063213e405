#include "relay/submission/refusal.h"

#include "base/hash.h"
#include "base/log.h"
#include "store/write.h"

#include <stdlib.h>
#include <string.h>

#define REMEMBERED_MS 60000
#define WRITE_MS 1000
#define ENTRIES_MAX 1024

struct remembered {
  char *key;
  char ref[REF_LENGTH + 1];
  uint64_t since_ms, written_ms, unwritten;
  struct store_note *last; /* a copy to write again with the new count */
  UT_hash_handle hh;
};

struct refusals {
  struct loop *loop;
  struct remembered *entries;
};

int refusals_new(struct loop *loop, struct refusals **out) {
  struct refusals *r = *out = calloc(1, sizeof *r);
  if (!r) return E_MEMORY;
  r->loop = loop;
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
  size_t size = room(e->account) + room(e->from) + room(e->to) + room(e->enhanced) + room(e->text) + room(e->host) +
                room(e->source) + room(e->ref);
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
  n->event.text = keep(&at, e->text);
  n->event.host = keep(&at, e->host);
  n->event.source = keep(&at, e->source);
  n->event.ref = keep(&at, e->ref);
  return n;
}

static void noted(struct store_op *op) {
  if (op->result != OK) log_event(LOG_ERROR_, NULL, "cannot log a refusal", "reason", op->why.text, NULL);
  free(op);
}

static void write_entry(struct refusals *r, struct remembered *m, uint64_t now) {
  if (!m->unwritten) return;
  struct store_note *n = note_copy(&m->last->event, m->unwritten);
  if (!n) return; /* the count stays for the next try */
  m->unwritten = 0;
  m->written_ms = now;
  loop_store_post(r->loop, &n->op, noted);
}

static void drop(struct refusals *r, struct remembered *m) {
  HASH_DEL(r->entries, m);
  free(m->last);
  free(m->key);
  free(m);
}

void refusals_flush(struct refusals *r) {
  uint64_t now = clock_monotonic_ms();
  struct remembered *m, *next;
  HASH_ITER(hh, r->entries, m, next) {
    write_entry(r, m, now);
    if (now - m->since_ms > REMEMBERED_MS && !m->unwritten) drop(r, m);
  }
}

void refusals_free(struct refusals **at) {
  struct refusals *r = *at;
  *at = NULL;
  if (!r) return;
  struct remembered *m, *next;
  HASH_ITER(hh, r->entries, m, next) drop(r, m);
  free(r);
}

static struct remembered *remember(struct refusals *r, char *key, const struct event *e, uint64_t now) {
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
  HASH_ADD_KEYPTR(hh, r->entries, m->key, strlen(m->key), m);
  if (m->hh.tbl) return m;
  free(m->last);
  free(m);
  return NULL;
}

void refusal_note(struct refusals *r, const char *rule, const struct event *e, char ref[REF_LENGTH + 1]) {
  uint64_t now = clock_monotonic_ms();
  char *key = NULL;
  if (asprintf(&key, "%s %d %s", e->account ? e->account : "", e->code, rule) < 0) key = NULL;
  struct remembered *m = NULL;
  if (key) HASH_FIND_STR(r->entries, key, m);
  if (m && now - m->since_ms > REMEMBERED_MS) {
    write_entry(r, m, now);
    drop(r, m);
    m = NULL;
  }
  if (m) {
    free(key);
  } else {
    if (HASH_COUNT(r->entries) >= ENTRIES_MAX) {
      write_entry(r, r->entries, now);
      drop(r, r->entries);
    }
    m = key ? remember(r, key, e, now) : NULL;
    if (!m) {
      free(key);
      ref_new(ref); /* without memory the refusal still stands; its reference leads nowhere, and the log says why */
      log_event(LOG_ERROR_, NULL, "out of memory: a refusal is not logged", "ref", ref, NULL);
      return;
    }
  }
  m->unwritten++;
  if (!m->written_ms || now - m->written_ms >= WRITE_MS) write_entry(r, m, now);
  memcpy(ref, m->ref, sizeof m->ref);
}
