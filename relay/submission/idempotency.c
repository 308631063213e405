#include "relay/submission/idempotency.h"

#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#define HASH GNUTLS_DIG_SHA256
#define HASH_OCTETS 32

struct idempotency {
  gnutls_hash_hd_t content;
};

struct idempotency *idempotency_new(void) {
  struct idempotency *d = calloc(1, sizeof *d);
  if (!d || gnutls_hash_init(&d->content, HASH) == 0) return d;
  free(d);
  return NULL;
}

void idempotency_free(struct idempotency **at) {
  struct idempotency *d = *at;
  *at = NULL;
  if (!d) return;
  if (d->content) gnutls_hash_deinit(d->content, NULL);
  free(d);
}

void idempotency_content(struct idempotency *d, struct bytes run) {
  gnutls_hash(d->content, run.at, run.len);
}

static int by_address(const void *a, const void *b) {
  const struct recipient *const *x = a, *const *y = b;
  int order = strcmp((*x)->address, (*y)->address);
  if (!order) order = ((*x)->notify > (*y)->notify) - ((*x)->notify < (*y)->notify);
  return order ? order : strcmp((*x)->orcpt, (*y)->orcpt);
}

/* With the NUL, so that where one text ends and the next begins is part of it. */
static void add_text(gnutls_hash_hd_t h, const char *text) {
  gnutls_hash(h, text, strlen(text) + 1);
}

static void add_recipient(gnutls_hash_hd_t h, const struct recipient *r) {
  add_text(h, r->address);
  add_text(h, r->orcpt);
  gnutls_hash(h, &r->notify, sizeof r->notify);
}

int idempotency_finish(struct idempotency *d, const struct idempotency_parts *parts, struct idempotency_key *out) {
  unsigned char content[HASH_OCTETS], all[HASH_OCTETS];
  gnutls_hash_hd_t h;
  const struct recipient **sorted = calloc(parts->recipient_count, sizeof *sorted);
  if (!sorted || gnutls_hash_init(&h, HASH) != 0) {
    free(sorted);
    return E_MEMORY;
  }
  gnutls_hash_deinit(d->content, content);
  d->content = NULL;
  for (size_t i = 0; i < parts->recipient_count; i++) sorted[i] = &parts->recipients[i];
  qsort(sorted, parts->recipient_count, sizeof *sorted, by_address);
  gnutls_hash(h, &parts->account_id, sizeof parts->account_id);
  add_text(h, parts->reverse_path);
  add_text(h, parts->parameters);
  add_text(h, parts->message_id);
  for (size_t i = 0; i < parts->recipient_count; i++) add_recipient(h, sorted[i]);
  gnutls_hash(h, content, sizeof content);
  if (parts->sandbox) add_text(h, "sandbox");
  gnutls_hash_deinit(h, all);
  memcpy(out->octets, all, sizeof out->octets);
  free(sorted);
  return OK;
}
