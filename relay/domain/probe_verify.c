/* RFC 6376 6.1 for messages of our own making: one signature, relaxed/relaxed. */
#include "dkim/verify.h"
#include "policy/dmarc/key_record.h"
#include "policy/tag_list.h"
#include "relay/domain/probe.h"

#include <string.h>
#include <strings.h>

#define FIELDS_MAX 64
#define CANONICAL_MAX (256 * 1024)
#define NAME_OF_FIELD BYTES("dkim-signature")

struct fields {
  struct bytes list[FIELDS_MAX]; /* each with its last CRLF */
  bool used[FIELDS_MAX];
  size_t count;
  struct bytes body;
};

/* What a signature says. Views into its canonical field. */
struct signature {
  struct bytes a, b, bh, h, c;
  size_t value_at, value_end; /* where the value of b= is, with the white space around it */
};

static bool is_wsp(char c) {
  return c == ' ' || c == '\t';
}

/* --- canonicalization --- */

/* 3.4.2: the name in lower case, no folding, one space for each run of white space, none at the ends. */
static int relax_field(struct bytes field, struct buffer *out) {
  size_t colon = bytes_find(field, ':', 0);
  struct bytes name = bytes_trim((struct bytes){field.at, colon}), value = bytes_trim(bytes_from(field, colon + 1));
  int rc = OK;
  bool space = false;
  for (size_t i = 0; rc == OK && i < name.len; i++) {
    char c = name.at[i] >= 'A' && name.at[i] <= 'Z' ? (char)(name.at[i] - 'A' + 'a') : name.at[i];
    rc = buffer_add(out, &c, 1);
  }
  if (rc == OK) rc = buffer_add(out, ":", 1);
  for (size_t i = 0; rc == OK && i < value.len; i++) {
    char c = value.at[i];
    if (c == '\r' || c == '\n') continue;
    if (is_wsp(c)) {
      space = true;
      continue;
    }
    if (space) rc = buffer_add(out, " ", 1);
    space = false;
    if (rc == OK) rc = buffer_add(out, &c, 1);
  }
  return rc;
}

static int relax_line(struct bytes line, struct buffer *out) {
  bool space = false;
  int rc = OK;
  for (size_t i = 0; rc == OK && i < line.len; i++) {
    if (is_wsp(line.at[i])) {
      space = true;
      continue;
    }
    if (space) rc = buffer_add(out, " ", 1);
    space = false;
    if (rc == OK) rc = buffer_add(out, line.at + i, 1);
  }
  return rc;
}

/* 3.4.4: the same in each line, no white space at its end, no empty lines at the end. */
static int relax_body(struct bytes body, struct buffer *out) {
  size_t empty = 0;
  int rc = OK;
  for (size_t at = 0, end; rc == OK && at < body.len; at = end + 1) {
    end = bytes_find(body, '\n', at);
    size_t len = end - at;
    if (len && body.at[at + len - 1] == '\r') len--;
    for (; empty && rc == OK && bytes_trim((struct bytes){body.at + at, len}).len; empty--)
      rc = buffer_add(out, "\r\n", 2);
    size_t before = out->len;
    if (rc == OK) rc = relax_line((struct bytes){body.at + at, len}, out);
    if (rc == OK && out->len == before)
      empty++;
    else if (rc == OK)
      rc = buffer_add(out, "\r\n", 2);
  }
  return rc;
}

/* --- taking the message apart --- */

static int split(struct bytes message, struct fields *out) {
  size_t at = 0;
  out->count = 0;
  while (at < message.len && message.at[at] != '\r') {
    size_t end = at;
    do end = bytes_find(message, '\n', end) + 1;
    while (end < message.len && is_wsp(message.at[end]));
    if (end > message.len || out->count == FIELDS_MAX) return E_SYNTAX;
    out->used[out->count] = false;
    out->list[out->count++] = (struct bytes){message.at + at, end - at};
    at = end;
  }
  out->body = bytes_from(message, at + 2);
  return OK;
}

static bool is_named(struct bytes field, struct bytes name) {
  return bytes_equal_nocase(bytes_trim((struct bytes){field.at, bytes_find(field, ':', 0)}), name);
}

static struct bytes *value_of(struct signature *s, struct bytes name) {
  static const char letters[][3] = {"a", "b", "bh", "h", "c"};
  struct bytes *const values[] = {&s->a, &s->b, &s->bh, &s->h, &s->c};
  for (size_t i = 0; i < sizeof letters / sizeof *letters; i++)
    if (bytes_equal(name, bytes_of(letters[i]))) return values[i];
  return NULL;
}

/* `field` canonical. */
static int read_signature(struct bytes field, struct signature *out, struct reason *why) {
  struct bytes value = bytes_from(field, NAME_OF_FIELD.len + 1);
  struct tag tag;
  size_t at = 0;
  int rc;
  memset(out, 0, sizeof *out);
  while ((rc = tag_next(value, &at, &tag)) == 1) {
    struct bytes *to = value_of(out, tag.name);
    if (to) *to = tag.value;
    if (to != &out->b) continue;
    out->value_at = bytes_find(field, '=', (size_t)(tag.name.at - field.at)) + 1;
    out->value_end = bytes_find(field, ';', out->value_at);
  }
  if (rc != 0 || !out->a.len || !out->b.len || !out->bh.len || !out->h.len)
    return fail(why, E_SYNTAX, "the signature cannot be read");
  if (!bytes_equal_nocase(out->c, BYTES("relaxed/relaxed")))
    return fail(why, E_SYNTAX, "the signature is not relaxed/relaxed");
  return OK;
}

/* --- what is hashed --- */

/* 5.4.2: of several fields of one name, the last that is not yet taken; what is not there is nothing. */
static int add_named(struct fields *f, struct bytes name, struct buffer *out) {
  for (size_t i = f->count; i-- > 0;) {
    if (f->used[i] || !is_named(f->list[i], name)) continue;
    f->used[i] = true;
    int rc = relax_field(f->list[i], out);
    return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
  }
  return OK;
}

/* 3.7: the fields of h=, and the signature's own without its value and without a CRLF. */
static int gather(struct fields *f, const struct signature *s, struct bytes own, struct buffer *out) {
  int rc = OK;
  for (size_t at = 0, end; rc == OK && at < s->h.len; at = end + 1) {
    end = bytes_find(s->h, ':', at);
    rc = add_named(f, bytes_trim((struct bytes){s->h.at + at, end - at}), out);
  }
  if (rc == OK) rc = buffer_add(out, own.at, s->value_at);
  if (rc == OK && s->value_end < own.len) rc = buffer_add_bytes(out, bytes_from(own, s->value_end));
  return rc;
}

static int check_body(const struct fields *f, const struct signature *s, struct reason *why) {
  struct buffer canonical;
  char hash[DKIM_HASH_TEXT];
  buffer_init(&canonical, CANONICAL_MAX);
  int rc = relax_body(f->body, &canonical);
  if (rc == OK) rc = dkim_body_hash(buffer_bytes(&canonical), hash);
  if (rc == OK && !bytes_equal(s->bh, bytes_of(hash)))
    rc = fail(why, E_DENIED, "the hash of the body is not what the signature has");
  buffer_free(&canonical);
  return rc;
}

static int verify(struct fields *f, struct bytes own, struct bytes record, struct reason *why) {
  struct key_record key;
  struct signature s;
  struct buffer octets;
  int rc = key_record_read(record, &key, why);
  if (rc == OK) rc = read_signature(own, &s, why);
  if (rc == OK) rc = check_body(f, &s, why);
  bool ed25519 = rc == OK && bytes_equal_nocase(s.a, BYTES("ed25519-sha256"));
  if (rc == OK && !bytes_equal_nocase(key.k, ed25519 ? BYTES("ed25519") : BYTES("rsa")))
    rc = fail(why, E_DENIED, "the published key is not of the signature's algorithm");
  buffer_init(&octets, CANONICAL_MAX);
  if (rc == OK) rc = gather(f, &s, own, &octets);
  if (rc == OK) rc = dkim_signature_verify(ed25519 ? KEY_ED25519 : KEY_RSA, key.p, buffer_bytes(&octets), s.b, why);
  buffer_free(&octets);
  return rc;
}

int probe_verify(struct bytes message, struct bytes key_record, struct reason *why) {
  struct fields f;
  struct buffer own;
  size_t i = 0;
  if (split(message, &f) != OK) return fail(why, E_SYNTAX, "the message cannot be read");
  while (i < f.count && !is_named(f.list[i], NAME_OF_FIELD)) i++;
  if (i == f.count) return fail(why, E_SYNTAX, "the message has no signature");
  f.used[i] = true;
  buffer_init(&own, CANONICAL_MAX);
  int rc = relax_field(f.list[i], &own);
  if (rc == OK) rc = verify(&f, buffer_bytes(&own), key_record, why);
  buffer_free(&own);
  return rc;
}
