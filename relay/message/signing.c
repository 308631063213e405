#include "relay/message/signing.h"

#include "base/hash.h"
#include "base/log.h"
#include "base/mail/event_notes.h"
#include "base/text/header.h"

#include <stdlib.h>
#include <string.h>

struct parsed_key {
  int64_t id; /* of the directory's key: never used for another */
  struct signer_key *key;
  UT_hash_handle hh;
};

struct signing {
  struct signer_lib *lib;
  struct key_ring *ring;
  struct parsed_key *keys; /* parsed at their first use */
};

int signing_new(struct key_ring *ring, struct signing **out, struct reason *why) {
  struct signing *s = *out = calloc(1, sizeof *s);
  if (!s) return fail(why, E_MEMORY, "out of memory");
  s->ring = key_ring_hold(ring);
  int rc = signer_lib_new(&s->lib, why);
  if (rc != OK) signing_free(out);
  return rc;
}

static void drop_key(struct signing *s, struct parsed_key *k) {
  HASH_DEL(s->keys, k);
  signer_key_release(&k->key);
  free(k);
}

void signing_free(struct signing **at) {
  struct signing *s = *at;
  *at = NULL;
  if (!s) return;
  struct parsed_key *k, *next;
  HASH_ITER(hh, s->keys, k, next) drop_key(s, k);
  key_ring_release(&s->ring);
  signer_lib_free(&s->lib);
  free(s);
}

void signing_refresh(struct signing *s, struct key_ring *ring) {
  struct parsed_key *k, *next;
  key_ring_release(&s->ring);
  s->ring = key_ring_hold(ring);
  HASH_ITER(hh, s->keys, k, next) {
    if (!key_ring_find(ring, k->id).len) drop_key(s, k);
  }
}

static struct signer_key *parsed(struct signing *s, const struct signing_key *from, struct reason *why) {
  struct parsed_key *k;
  HASH_FIND(hh, s->keys, &from->id, sizeof from->id, k);
  if (k) return k->key;
  k = calloc(1, sizeof *k);
  if (!k || signer_key_load(key_ring_find(s->ring, from->id), &k->key, why) != OK) {
    if (!k) fail(why, E_MEMORY, "out of memory");
    free(k);
    return NULL;
  }
  k->id = from->id;
  HASH_ADD(hh, s->keys, id, sizeof k->id, k);
  if (k->hh.tbl) return k->key;
  signer_key_release(&k->key);
  free(k);
  fail(why, E_MEMORY, "out of memory");
  return NULL;
}

int signing_domain(struct bytes from, char domain[DOMAIN_MAX + 1]) {
  struct address first;
  size_t at = 0;
  char *scratch = malloc(from.len + 1);
  if (!scratch) return E_MEMORY;
  int rc = mailbox_next(from, &at, &first, scratch, from.len) == 1 ? domain_normalize(first.domain, domain) : E_SYNTAX;
  free(scratch);
  return rc;
}

/* A stream with a selector of its own is signed by that key alone, while it is active. */
static bool signs(const struct domain *d, const struct signing_key *k, enum mail_stream stream) {
  const char *own = d->stream_selector[stream];
  if (k->state != KEY_ACTIVE) return false;
  if (!*own || strcmp(own, k->selector) == 0) return true;
  for (size_t i = 0; i < d->key_count; i++)
    if (d->keys[i].state == KEY_ACTIVE && strcmp(own, d->keys[i].selector) == 0) return false;
  return true; /* it is gone or retired: better signed by another than not at all */
}

size_t signing_keys(const struct directory *d, const char *from_domain, enum mail_stream stream,
                    const struct domain **domain, const struct signing_key *out[SIGNER_KEYS_MAX]) {
  const struct domain *found = directory_domain(d, from_domain, true);
  size_t count = 0;
  *domain = found = found ? found : d->fallback;
  for (size_t i = 0; found && i < found->key_count && count < SIGNER_KEYS_MAX; i++)
    if (signs(found, &found->keys[i], stream)) out[count++] = &found->keys[i];
  return count;
}

int signing_begin(struct signing *s, const struct directory *d, const char *from_domain, enum mail_stream stream,
                  struct signer **out, char *notes, size_t notes_size, struct reason *why) {
  const struct domain *domain;
  const struct signing_key *keys[SIGNER_KEYS_MAX];
  struct signer_identity ids[SIGNER_KEYS_MAX];
  size_t count = signing_keys(d, from_domain, stream, &domain, keys);
  *out = NULL;
  for (size_t i = 0; i < count; i++) {
    struct signer_key *key = parsed(s, keys[i], why);
    if (!key) return E_IO;
    if (notes) event_notes_add_signature(notes, notes_size, domain->name, keys[i]->selector, keys[i]->algorithm);
    ids[i] = (struct signer_identity){.key = key, .domain = domain->name, .selector = keys[i]->selector};
  }
  if (notes && !count) event_notes_add(notes, notes_size, NOTE_SIGNED, NOTE_UNSIGNED);
  return count ? signer_begin(s->lib, ids, count, out, why) : OK;
}

static int feed_whole(struct signer *s, struct bytes message, struct buffer *out, struct reason *why) {
  size_t at = 0;
  struct field f;
  int rc;
  while ((rc = header_next(message, &at, &f)) == 1)
    if ((rc = signer_header(s, f.whole)) != OK) return rc;
  if (rc < 0) return rc;
  if (bytes_starts_nocase(bytes_from(message, at), BYTES("\r\n"))) at += 2;
  if ((rc = signer_headers_end(s, why)) != OK || (rc = signer_body(s, bytes_from(message, at))) != OK) return rc;
  return signer_finish(s, out, why);
}

int signing_sign_whole(struct loop *loop, const char *from_domain, struct bytes message, struct buffer *prefix) {
  struct signer *s;
  struct reason why = {0};
  int rc = signing_begin(loop->signing, loop->directory, from_domain, STREAM_TRANSACTIONAL, &s, NULL, 0, &why);
  if (rc == OK && s) rc = feed_whole(s, message, prefix, &why);
  if (rc != OK) log_event(LOG_ERROR_, NULL, "cannot sign", "domain", from_domain, "reason", why.text, NULL);
  signer_free(&s);
  return rc;
}
