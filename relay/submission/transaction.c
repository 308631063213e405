#include "relay/submission/transaction.h"

#include "base/hash.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define FEW 8 /* so many are looked through one by one */

struct transaction *transaction_new(const struct directory *d, int64_t account_id, struct bytes parameters) {
  struct transaction *t = malloc(sizeof *t);
  if (!t) return NULL;
  memset(t, 0, offsetof(struct transaction, usages));
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
  free(t->slots);
  for (size_t i = 0; i < t->recipient_count; i++) recipient_clear(&t->recipients[i]);
  free(t->recipients);
  free(t->parameters);
  free(t->suppression_text);
  free(t->dmarc);
  directory_release(&t->directory);
  free(t);
}

static struct bytes local_part(const struct recipient *r) {
  const char *at = strrchr(r->address, '@');
  return (struct bytes){r->address, at ? (size_t)(at - r->address) : strlen(r->address)};
}

static bool same_mailbox(const struct recipient *a, const struct recipient *b) {
  return bytes_equal(local_part(a), local_part(b)) && strcmp(a->domain, b->domain) == 0;
}

/* The slot that has it, or the free one where it would go. */
static uint32_t *find(const struct transaction *t, const struct recipient *r) {
  struct bytes local = local_part(r);
  unsigned hash, of_domain;
  HASH_VALUE(local.at, local.len, hash);
  HASH_VALUE(r->domain, strlen(r->domain), of_domain);
  size_t at = (hash ^ of_domain) & (t->slot_count - 1);
  while (t->slots[at] && !same_mailbox(&t->recipients[t->slots[at] - 1], r)) at = (at + 1) & (t->slot_count - 1);
  return &t->slots[at];
}

/* Room for one more, with as many slots free as taken. */
static int reserve_slot(struct transaction *t) {
  if (t->recipient_count < FEW || 2 * (t->recipient_count + 1) <= t->slot_count) return OK;
  size_t count = t->slot_count ? 2 * t->slot_count : 4 * FEW;
  uint32_t *slots = calloc(count, sizeof *slots);
  if (!slots) return E_MEMORY;
  free(t->slots);
  t->slots = slots;
  t->slot_count = count;
  for (size_t i = 0; i < t->recipient_count; i++) *find(t, &t->recipients[i]) = (uint32_t)i + 1;
  return OK;
}

bool transaction_has(const struct transaction *t, const struct recipient *r) {
  if (t->slot_count) return *find(t, r) != 0;
  for (size_t i = 0; i < t->recipient_count; i++)
    if (same_mailbox(&t->recipients[i], r)) return true;
  return false;
}

int transaction_add(struct transaction *t, const struct recipient *r) {
  if (t->recipient_count == t->recipient_room) {
    size_t room = t->recipient_room ? 2 * t->recipient_room : 4;
    struct recipient *more = realloc(t->recipients, room * sizeof *more);
    if (!more) return E_MEMORY;
    t->recipients = more;
    t->recipient_room = room;
  }
  if (reserve_slot(t) != OK || recipient_copy(&t->recipients[t->recipient_count], r) != OK) return E_MEMORY;
  t->recipient_count++;
  if (t->slot_count) *find(t, r) = (uint32_t)t->recipient_count;
  return OK;
}
