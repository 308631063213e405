/* libopendkim, and the only file that includes it. */
#include "dkim/signer.h"

#include "dkim/body_digest.h"
#include "dkim/body_feed.h"
#include "dkim/key_private.h"
#include "dkim/signed_fields.h"
#include "dkim/signer_private.h"

#include <opendkim/dkim.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define MARGIN 76 /* RFC 5322 2.1.1: lines should be 78 at most */

struct signer_lib {
  DKIM_LIB *lib;
};

/* libopendkim 2.11 loses 64 octets with every signature. It asks us for its memory, so whatever it has not given back
 * when the signature is done is freed with it. */
struct loan {
  struct loan *next, *prev;
  max_align_t data[];
};

struct signature {
  DKIM *dkim;
  struct signer_key *key;
  struct loan loans; /* a ring */
};

struct signer {
  struct signature signatures[SIGNER_KEYS_MAX];
  size_t count, fields;
  enum body_feed feed;
  struct body_digest digest; /* what the first signature's handle makes of the body */
  char last[2];              /* of the body */
  bool has_body;
};

static void *lend(void *closure, size_t size) {
  struct signature *s = closure;
  struct loan *l = malloc(sizeof *l + size);
  if (!l) return NULL;
  if (s) {
    l->next = s->loans.next;
    l->prev = &s->loans;
    l->next->prev = l->prev->next = l;
  } else {
    l->next = l->prev = l;
  }
  return l->data;
}

static void give_back(void *closure, void *at) {
  (void)closure;
  struct loan *l = (struct loan *)((char *)at - offsetof(struct loan, data));
  l->next->prev = l->prev;
  l->prev->next = l->next;
  free(l);
}

static int status(DKIM_STAT s) {
  switch (s) {
  case DKIM_STAT_OK: return OK;
  case DKIM_STAT_SYNTAX: return E_SYNTAX;
  case DKIM_STAT_NORESOURCE: return E_MEMORY;
  default: return E_IO;
  }
}

static int failed(const struct signature *s, DKIM_STAT code, struct reason *why) {
  const char *text = s->dkim ? dkim_geterror(s->dkim) : NULL;
  return fail(why, status(code), "DKIM: %s", text && *text ? text : dkim_getresultstr(code));
}

static int set_list(DKIM_LIB *lib, dkim_opts_t option, const unsigned char *const *list) {
  return status(dkim_options(lib, DKIM_OP_SETOPT, option, (void *)(uintptr_t)list, sizeof list));
}

int signer_lib_new(struct signer_lib **out, struct reason *why) {
  struct signer_lib *l = *out = calloc(1, sizeof *l);
  if (l) l->lib = dkim_init(lend, give_back);
  if (!l || !l->lib) {
    signer_lib_free(out);
    return fail(why, E_MEMORY, "libopendkim cannot be set up");
  }
  int rc = set_list(l->lib, DKIM_OPTS_SIGNHDRS, signed_fields);
  if (rc == OK) rc = set_list(l->lib, DKIM_OPTS_OVERSIGNHDRS, oversigned_fields);
  if (rc != OK) fail(why, rc, "libopendkim does not take the list of header fields");
  if (rc == OK) rc = key_references_learn(l, why);
  if (rc == OK) rc = body_feed_learn(l, why);
  if (rc != OK) signer_lib_free(out);
  return rc;
}

void signer_lib_free(struct signer_lib **at) {
  struct signer_lib *l = *at;
  *at = NULL;
  if (!l) return;
  if (l->lib) dkim_close(l->lib);
  free(l);
}

/* What libopendkim is told the key is. It reads how the text begins, asks for it to be parsed, and gets the parsed
 * key. */
static const char placeholder[] = "-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----\n";

static int begin_one(struct signer_lib *lib, const struct signer_identity *id, struct signature *out,
                     struct reason *why) {
  DKIM_STAT code;
  out->loans.next = out->loans.prev = &out->loans;
  dkim_alg_t algorithm = id->key->algorithm == KEY_RSA ? DKIM_SIGN_RSASHA256 : DKIM_SIGN_ED25519SHA256;
  out->dkim = dkim_sign(lib->lib, (const unsigned char *)"-", out, (dkim_sigkey_t)(uintptr_t)placeholder,
                        (const unsigned char *)id->selector, (const unsigned char *)id->domain, DKIM_CANON_RELAXED,
                        DKIM_CANON_RELAXED, algorithm, -1, &code);
  if (!out->dkim) return failed(out, code, why);
  out->key = signer_key_hold(id->key);
  dkim_set_margin(out->dkim, MARGIN);
  return OK;
}

int signer_begin(struct signer_lib *lib, const struct signer_identity *ids, size_t count, struct signer **out,
                 struct reason *why) {
  struct signer *s = *out = calloc(1, sizeof *s);
  if (!s) return fail(why, E_MEMORY, "out of memory");
  s->feed = body_feed();
  int rc =
      count && count <= SIGNER_KEYS_MAX ? OK : fail(why, E_TOO_BIG, "one to %d keys sign a message", SIGNER_KEYS_MAX);
  for (size_t i = 0; rc == OK && i < count; i++) {
    rc = begin_one(lib, &ids[i], &s->signatures[i], why);
    if (rc == OK) s->count++;
  }
  if (rc != OK) signer_free(out);
  return rc;
}

void signer_set_feed(struct signer *s, enum body_feed feed) {
  s->feed = feed;
}

int signer_header(struct signer *s, struct bytes field) {
  if (!field_is_signed(field)) return OK;
  if (++s->fields > SIGNER_FIELDS_MAX) return E_TOO_BIG;
  if (field.len >= 2 && memcmp(field.at + field.len - 2, "\r\n", 2) == 0) field.len -= 2;
  int rc = OK;
  for (size_t i = 0; rc == OK && i < s->count; i++)
    rc = status(dkim_header(s->signatures[i].dkim, (unsigned char *)(uintptr_t)field.at, field.len));
  return rc;
}

int signer_headers_end(struct signer *s, struct reason *why) {
  for (size_t i = 0; i < s->count; i++) {
    key_handover(s->signatures[i].key);
    DKIM_STAT code = dkim_eoh(s->signatures[i].dkim);
    key_handover(NULL);
    if (code != DKIM_STAT_OK) return failed(&s->signatures[i], code, why);
  }
  return OK;
}

int signer_body(struct signer *s, struct bytes chunk) {
  int rc = OK;
  for (size_t i = chunk.len > 2 ? chunk.len - 2 : 0; i < chunk.len; i++) {
    s->last[0] = s->last[1];
    s->last[1] = chunk.at[i];
    s->has_body = true;
  }
  size_t fed = s->feed == BODY_ONCE ? 1 : s->count;
  for (size_t i = 0; rc == OK && chunk.len && i < fed; i++)
    rc = status(dkim_body(s->signatures[i].dkim, (unsigned char *)(uintptr_t)chunk.at, chunk.len));
  return rc;
}

/* libopendkim folds with LF alone unless told otherwise: every line end is made CRLF here. */
static int add_folded(struct buffer *out, const char *value) {
  int rc = buffer_add_bytes(out, BYTES(DKIM_SIGNHEADER ": "));
  while (rc == OK && *value) {
    size_t line = strcspn(value, "\r\n");
    rc = buffer_add(out, value, line);
    value += line;
    if (rc == OK && *value == '\n') rc = buffer_add(out, "\r\n", 2);
    if (*value) value++;
  }
  return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
}

/* The value of bh=, its white space still in it; empty when there is none. Tags are parted by ";" (RFC 6376 3.2). */
static struct bytes body_hash(const char *value) {
  struct bytes all = bytes_of(value);
  for (size_t at = 0, end; at < all.len; at = end + 1) {
    end = bytes_find(all, ';', at);
    struct bytes tag = bytes_trim((struct bytes){all.at + at, end - at});
    if (bytes_starts_nocase(tag, BYTES("bh="))) return bytes_from(tag, 3);
  }
  return (struct bytes){0};
}

/* Base64 that may be folded anywhere (RFC 6376 2.10). */
static bool same_base64(struct bytes a, struct bytes b) {
  static const char space[] = " \t\r\n";
  size_t i = 0, k = 0;
  for (;; i++, k++) {
    while (i < a.len && strchr(space, a.at[i])) i++;
    while (k < b.len && strchr(space, b.at[k])) k++;
    if (i == a.len || k == b.len) return i == a.len && k == b.len;
    if (a.at[i] != b.at[k]) return false;
  }
}

static int finish_one(struct signer *s, size_t index, const char **value, struct reason *why) {
  struct signature *one = &s->signatures[index];
  unsigned char *made;
  size_t len;
  key_handover(one->key);
  if (index == 0)
    body_digest_note(&s->digest);
  else if (s->feed == BODY_ONCE && s->digest.known)
    body_digest_answer(&s->digest);
  DKIM_STAT code = dkim_eom(one->dkim, NULL);
  body_digest_end();
  key_handover(NULL);
  if (code == DKIM_STAT_OK) code = dkim_getsighdr_d(one->dkim, sizeof DKIM_SIGNHEADER + 1, &made, &len);
  *value = code == DKIM_STAT_OK ? (const char *)made : NULL;
  return code == DKIM_STAT_OK ? OK : failed(one, code, why);
}

/* A signature that fails is worse than none: RFC 6376 leaves it to receivers what they think of it. */
static int disagreement(struct signer *s, struct reason *why) {
  if (s->feed == BODY_ONCE) body_feed_distrust();
  return fail(why, E_IO, "DKIM: the signatures of one message have different body hashes");
}

int signer_finish(struct signer *s, struct buffer *out, struct reason *why) {
  int rc = OK;
  struct bytes first = {0};
  /* RFC 6376 3.4.4: a body that does not end with CRLF is hashed as if it did; libopendkim wants to be given it. */
  if (s->has_body && memcmp(s->last, "\r\n", 2) != 0) rc = signer_body(s, BYTES("\r\n"));
  for (size_t i = 0; rc == OK && i < s->count; i++) {
    const char *value;
    rc = finish_one(s, i, &value, why);
    if (rc != OK) break;
    struct bytes hash = body_hash(value);
    if (i == 0) first = hash;
    if (!hash.len || !same_base64(first, hash)) return disagreement(s, why);
    rc = add_folded(out, value);
    if (rc != OK) fail(why, rc, "the signatures are larger than their room");
  }
  return rc;
}

void signer_free(struct signer **at) {
  struct signer *s = *at;
  *at = NULL;
  if (!s) return;
  for (size_t i = 0; i < SIGNER_KEYS_MAX; i++) {
    struct signature *one = &s->signatures[i];
    if (one->dkim) dkim_free(one->dkim);
    while (one->loans.next && one->loans.next != &one->loans) give_back(one, one->loans.next->data);
    signer_key_release(&one->key);
  }
  free(s);
}
