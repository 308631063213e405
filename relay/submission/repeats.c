#include "relay/submission/repeats.h"

#include <gnutls/crypto.h>
#include <stdlib.h>
#include <string.h>

#define HASH GNUTLS_DIG_SHA256
#define HASH_OCTETS 32

struct repeats {
  gnutls_hash_hd_t content;
};

struct repeats *repeats_new(void) {
  struct repeats *r = calloc(1, sizeof *r);
  if (!r || gnutls_hash_init(&r->content, HASH) == 0) return r;
  free(r);
  return NULL;
}

void repeats_free(struct repeats **at) {
  struct repeats *r = *at;
  *at = NULL;
  if (!r) return;
  if (r->content) gnutls_hash_deinit(r->content, NULL);
  free(r);
}

void repeats_content(struct repeats *r, struct bytes run) {
  gnutls_hash(r->content, run.at, run.len);
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

int repeats_digest(struct repeats *r, const struct submission *what, struct submission_digest *out) {
  unsigned char content[HASH_OCTETS], all[HASH_OCTETS];
  gnutls_hash_hd_t h;
  const struct recipient **sorted = calloc(what->recipient_count, sizeof *sorted);
  if (!sorted || gnutls_hash_init(&h, HASH) != 0) {
    free(sorted);
    return E_MEMORY;
  }
  gnutls_hash_deinit(r->content, content);
  r->content = NULL;
  for (size_t i = 0; i < what->recipient_count; i++) sorted[i] = &what->recipients[i];
  qsort(sorted, what->recipient_count, sizeof *sorted, by_address);
  gnutls_hash(h, &what->account_id, sizeof what->account_id);
  add_text(h, what->reverse_path);
  add_text(h, what->parameters);
  add_text(h, what->message_id);
  for (size_t i = 0; i < what->recipient_count; i++) add_recipient(h, sorted[i]);
  gnutls_hash(h, content, sizeof content);
  gnutls_hash_deinit(h, all);
  memcpy(out->octets, all, sizeof out->octets);
  free(sorted);
  return OK;
}
