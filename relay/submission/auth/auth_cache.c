#include "relay/submission/auth/auth_cache.h"

#include "base/hash.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdlib.h>
#include <string.h>

#define TAG 32

struct known {
  int64_t account_id;
  unsigned char tag[TAG];
  UT_hash_handle hh;
};

struct auth_cache {
  unsigned char key[32];
  size_t max;
  struct known *entries; /* one an account: the last password that was right */
};

struct auth_cache *auth_cache_new(size_t max_entries) {
  struct auth_cache *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->max = max_entries;
  random_bytes(c->key, sizeof c->key);
  return c;
}

static void forget(struct auth_cache *c, struct known *k) {
  HASH_DEL(c->entries, k);
  wipe(k, sizeof *k);
  free(k);
}

void auth_cache_free(struct auth_cache **at) {
  struct auth_cache *c = *at;
  *at = NULL;
  if (!c) return;
  struct known *k, *next;
  HASH_ITER(hh, c->entries, k, next) forget(c, k);
  wipe(c->key, sizeof c->key);
  free(c);
}

static bool make_tag(const struct auth_cache *c, const struct account *a, struct bytes password,
                     unsigned char tag[TAG]) {
  gnutls_hmac_hd_t mac;
  if (gnutls_hmac_init(&mac, GNUTLS_MAC_SHA256, c->key, sizeof c->key) < 0) return false;
  gnutls_hmac(mac, &a->id, sizeof a->id);
  gnutls_hmac(mac, a->verifier.salt, sizeof a->verifier.salt);
  gnutls_hmac(mac, a->verifier.stored_key, sizeof a->verifier.stored_key);
  gnutls_hmac(mac, password.at, password.len);
  gnutls_hmac_deinit(mac, tag);
  return true;
}

bool auth_cache_knows(struct auth_cache *c, const struct account *a, struct bytes password) {
  unsigned char tag[TAG];
  struct known *k;
  HASH_FIND(hh, c->entries, &a->id, sizeof a->id, k);
  return k && make_tag(c, a, password, tag) && equal_constant_time(tag, k->tag, TAG);
}

void auth_cache_learn(struct auth_cache *c, const struct account *a, struct bytes password) {
  struct known *k;
  HASH_FIND(hh, c->entries, &a->id, sizeof a->id, k);
  if (!k) {
    if (HASH_COUNT(c->entries) >= c->max) forget(c, c->entries); /* the oldest */
    k = calloc(1, sizeof *k);
    if (!k) return; /* without memory the next login derives again */
    k->account_id = a->id;
    HASH_ADD(hh, c->entries, account_id, sizeof k->account_id, k);
    if (!k->hh.tbl) {
      free(k);
      return;
    }
  }
  if (!make_tag(c, a, password, k->tag)) forget(c, k);
}
