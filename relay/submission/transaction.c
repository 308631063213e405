#include "relay/submission/transaction.h"

#include "base/hash.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct known_recipient {
  UT_hash_handle hh;
  char key[];
};

struct transaction *transaction_new(const struct directory *d, int64_t account_id, struct bytes parameters) {
  struct transaction *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->parameters = bytes_dup(parameters);
  if (!t->parameters) {
    free(t);
    return NULL;
  }
  t->directory = directory_hold(d);
  t->account = directory_account_by_id(t->directory, account_id);
  return t;
}

void transaction_free(struct transaction **at) {
  struct transaction *t = *at;
  *at = NULL;
  if (!t) return;
  struct known_recipient *k, *next;
  HASH_ITER(hh, t->known, k, next) {
    HASH_DEL(t->known, k);
    free(k);
  }
  for (size_t i = 0; i < t->recipient_count; i++) recipient_clear(&t->recipients[i]);
  free(t->recipients);
  free(t->parameters);
  directory_release(&t->directory);
  free(t);
}

/* local part, "@", normalised domain; `key` takes ADDRESS_MAX + DOMAIN_MAX + 2. */
static size_t key_of(const struct recipient *r, char *key) {
  const char *at = strrchr(r->address, '@');
  size_t local = at ? (size_t)(at - r->address) : strlen(r->address);
  memcpy(key, r->address, local);
  return local + (size_t)sprintf(key + local, "@%s", r->domain); /* both are bounded */
}

bool transaction_has(const struct transaction *t, const struct recipient *r) {
  char key[ADDRESS_MAX + DOMAIN_MAX + 2];
  struct known_recipient *k;
  size_t len = t->known ? key_of(r, key) : 0;
  if (!len) return false;
  HASH_FIND(hh, t->known, key, len, k);
  return k != NULL;
}

static int remember(struct transaction *t, const struct recipient *r) {
  char key[ADDRESS_MAX + DOMAIN_MAX + 2];
  size_t len = key_of(r, key);
  struct known_recipient *k = malloc(sizeof *k + len);
  if (!k) return E_MEMORY;
  memcpy(k->key, key, len);
  HASH_ADD_KEYPTR(hh, t->known, k->key, len, k);
  if (k->hh.tbl) return OK;
  free(k);
  return E_MEMORY;
}

int transaction_add(struct transaction *t, const struct recipient *r) {
  if (t->recipient_count == t->recipient_room) {
    size_t room = t->recipient_room ? 2 * t->recipient_room : 4;
    struct recipient *more = realloc(t->recipients, room * sizeof *more);
    if (!more) return E_MEMORY;
    t->recipients = more;
    t->recipient_room = room;
  }
  if (remember(t, r) != OK || recipient_copy(&t->recipients[t->recipient_count], r) != OK) return E_MEMORY;
  t->recipient_count++;
  return OK;
}
