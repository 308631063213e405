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

static int by_text(const void *a, const void *b) {
  return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* With the NUL, so that where one text ends and the next begins is part of it. */
static void add_text(gnutls_hash_hd_t h, const char *text) {
  gnutls_hash(h, text, strlen(text) + 1);
}

int repeats_digest(struct repeats *r, int64_t account_id, const char *reverse_path, const char *message_id,
                   const struct new_recipient *recipients, size_t count, struct submission_digest *out) {
  unsigned char content[HASH_OCTETS], all[HASH_OCTETS];
  gnutls_hash_hd_t h;
  const char **sorted = calloc(count, sizeof *sorted);
  if (!sorted || gnutls_hash_init(&h, HASH) != 0) {
    free(sorted);
    return E_MEMORY;
  }
  gnutls_hash_deinit(r->content, content);
  r->content = NULL;
  for (size_t i = 0; i < count; i++) sorted[i] = recipients[i].address;
  qsort(sorted, count, sizeof *sorted, by_text);
  gnutls_hash(h, &account_id, sizeof account_id);
  add_text(h, reverse_path);
  add_text(h, message_id);
  for (size_t i = 0; i < count; i++) add_text(h, sorted[i]);
  gnutls_hash(h, content, sizeof content);
  gnutls_hash_deinit(h, all);
  memcpy(out->octets, all, sizeof out->octets);
  free(sorted);
  return OK;
}
