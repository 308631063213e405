#include "relay/delivery/tls_tally.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS 9

/* Of sessions that are alike. Its key is all text of it, each with its NUL, and behind that what is no text. */
struct entry {
  struct tls_count count;
  size_t key_len, text_len;
  UT_hash_handle hh;
  char key[];
};

struct tls_tally {
  struct entry *entries;
  size_t octets, text_octets;
};

struct tls_tally *tls_tally_new(void) {
  return calloc(1, sizeof(struct tls_tally));
}

static void forget(struct tls_tally *t) {
  struct entry *e, *next;
  HASH_ITER(hh, t->entries, e, next) {
    HASH_DEL(t->entries, e);
    free(e);
  }
  t->octets = t->text_octets = 0;
}

void tls_tally_free(struct tls_tally **at) {
  if (*at) forget(*at);
  free(*at);
  *at = NULL;
}

/* The fields that are text, in one order. */
static void list_texts(struct tls_outcome *s, const char **texts[TEXTS]) {
  const char **const all[TEXTS] = {&s->domain,    &s->policy.domain, &s->policy.strings,
                                   &s->policy.mx, &s->sending_ip,    &s->receiving_ip,
                                   &s->mx,        &s->helo,          &s->reason};
  memcpy(texts, all, sizeof all);
}

static size_t length_of(const struct tls_outcome *s) {
  struct tls_outcome copy = *s;
  const char **texts[TEXTS];
  size_t len = 0;
  list_texts(&copy, texts);
  for (size_t i = 0; i < TEXTS; i++) len += (*texts[i] ? strlen(*texts[i]) : 0) + 1;
  return len;
}

/* Copies all text into `to`, and has `s` point there. */
static void move_texts(struct tls_outcome *s, char *to) {
  const char **texts[TEXTS];
  list_texts(s, texts);
  for (size_t i = 0; i < TEXTS; i++) {
    size_t len = *texts[i] ? strlen(*texts[i]) : 0;
    if (len) memcpy(to, *texts[i], len);
    to[len] = '\0';
    *texts[i] = to;
    to += len + 1;
  }
}

/* What a success has of the host says nothing. */
static struct tls_outcome what_counts(const struct tls_outcome *s) {
  struct tls_outcome out = *s;
  if (s->result == TLS_RESULT_SUCCESS) out.sending_ip = out.receiving_ip = out.mx = out.helo = out.reason = "";
  return out;
}

static struct entry *entry_new(const struct tls_count *c) {
  const struct tls_outcome counted = what_counts(&c->of), *s = &counted;
  const int64_t numbers[] = {c->day, (int64_t)s->policy.type, (int64_t)s->result};
  size_t len = length_of(s);
  struct entry *e = calloc(1, sizeof *e + len + sizeof numbers);
  if (!e) return NULL;
  e->count = (struct tls_count){.day = c->day, .of = *s, .sessions = c->sessions};
  e->text_len = len;
  e->key_len = len + sizeof numbers;
  move_texts(&e->count.of, e->key);
  memcpy(e->key + len, numbers, sizeof numbers);
  return e;
}

/* False: the entry is not kept. */
static bool keep(struct tls_tally *t, struct entry *e) {
  size_t octets = sizeof *e + e->key_len;
  if (t->octets + octets > TLS_TALLY_OCTETS) return false;
  HASH_ADD_KEYPTR(hh, t->entries, e->key, e->key_len, e);
  if (!e->hh.tbl) return false; /* no memory */
  t->octets += octets;
  t->text_octets += e->text_len;
  return true;
}

bool tls_tally_add(struct tls_tally *t, const struct tls_count *c) {
  struct entry *e = entry_new(c), *found = NULL;
  if (!e) return false;
  HASH_FIND(hh, t->entries, e->key, e->key_len, found);
  if (!found && keep(t, e)) return true;
  if (found) found->count.sessions += c->sessions;
  free(e);
  return found;
}

size_t tls_tally_size(const struct tls_tally *t) {
  return HASH_COUNT(t->entries);
}

bool tls_tally_is_half_full(const struct tls_tally *t) {
  return t->octets > TLS_TALLY_OCTETS / 2;
}

struct tls_count *tls_tally_take(struct tls_tally *t, size_t *count) {
  size_t n = HASH_COUNT(t->entries);
  struct tls_count *all = n ? malloc(n * sizeof *all + t->text_octets) : NULL;
  *count = 0;
  if (!all) return NULL;
  char *text = (char *)(all + n);
  for (const struct entry *e = t->entries; e; e = e->hh.next) {
    all[*count] = e->count;
    move_texts(&all[*count].of, text);
    text += e->text_len;
    ++*count;
  }
  forget(t);
  return all;
}
