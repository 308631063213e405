#include "relay/submission/transaction.h"

#include <stdlib.h>

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
  for (size_t i = 0; i < t->recipient_count; i++) recipient_clear(&t->recipients[i]);
  free(t->recipients);
  free(t->parameters);
  directory_release(&t->directory);
  free(t);
}

int transaction_add(struct transaction *t, const struct recipient *r) {
  if (t->recipient_count == t->recipient_room) {
    size_t room = t->recipient_room ? 2 * t->recipient_room : 4;
    struct recipient *more = realloc(t->recipients, room * sizeof *more);
    if (!more) return E_MEMORY;
    t->recipients = more;
    t->recipient_room = room;
  }
  if (recipient_copy(&t->recipients[t->recipient_count], r) != OK) return E_MEMORY;
  t->recipient_count++;
  return OK;
}
