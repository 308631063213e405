#include "relay/net/tlsa.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The length that its own first octets say: X.690 8.1.3, in DER. */
static bool is_one_sequence(struct bytes der) {
  const unsigned char *o = (const unsigned char *)der.at;
  if (der.len < 2 || o[0] != 0x30) return false;
  if (o[1] < 0x80) return der.len - 2 == o[1];
  size_t octets = o[1] & 0x7fu, len = 0;
  if (octets == 0 || octets > 3 || der.len < 2 + octets) return false;
  for (size_t i = 0; i < octets; i++) len = len << 8 | o[2 + i];
  return der.len - 2 - octets == len;
}

/* RFC 7671 4: what cannot be matched, by its numbers or by its length, is as if it were not there, but that TLS is
 * announced by it. */
static bool read_record(struct bytes rdata, struct tlsa *out) {
  if (rdata.len < 4) return false;
  const unsigned char *o = (const unsigned char *)rdata.at;
  struct bytes data = bytes_from(rdata, 3);
  if ((o[0] != TLSA_DANE_TA && o[0] != TLSA_DANE_EE) || o[1] > TLSA_SPKI || o[2] > TLSA_SHA2_512) return false;
  if (o[2] == TLSA_FULL && !is_one_sequence(data)) return false;
  if (o[2] == TLSA_SHA2_256 && data.len != 32) return false;
  if (o[2] == TLSA_SHA2_512 && data.len != 64) return false;
  *out = (struct tlsa){(enum tlsa_usage)o[0], (enum tlsa_selector)o[1], (enum tlsa_matching)o[2], data};
  return true;
}

/* RFC 7671 9: a weaker digest is no way round a stronger one. */
static bool has_stronger(const struct tlsa_set *s, const struct tlsa *t) {
  for (size_t i = 0; t->matching == TLSA_SHA2_256 && i < s->count; i++) {
    const struct tlsa *other = &s->records[i];
    if (other->usage == t->usage && other->selector == t->selector && other->matching == TLSA_SHA2_512) return true;
  }
  return false;
}

static void drop_weaker(struct tlsa_set *s) {
  size_t kept = 0, all = s->count;
  bool weaker[TLSA_RECORDS_MAX];
  for (size_t i = 0; i < all; i++) weaker[i] = has_stronger(s, &s->records[i]);
  for (size_t i = 0; i < all; i++)
    if (!weaker[i]) s->records[kept++] = s->records[i];
  s->count = kept;
  s->unusable += all - kept;
}

/* Of the answer's usable records, those that are kept: how many, and with how much data. */
static size_t measure(const struct dns_answer *answer, size_t *octets, bool *cut) {
  size_t count = 0;
  struct tlsa t;
  *octets = 0;
  *cut = false;
  for (size_t i = 0; i < answer->count && !*cut; i++) {
    if (!read_record(answer->records[i].data, &t)) continue;
    *cut = count == TLSA_RECORDS_MAX || *octets + t.data.len > TLSA_OCTETS_MAX;
    if (*cut) break;
    count++;
    *octets += t.data.len;
  }
  return count;
}

struct tlsa_set *tlsa_set_read(const struct dns_answer *answer) {
  size_t octets;
  bool cut;
  size_t count = measure(answer, &octets, &cut), size = sizeof(struct tlsa_set) + count * sizeof(struct tlsa) + octets;
  struct tlsa_set *s = calloc(1, size);
  if (!s) return NULL;
  char *at = (char *)&s->records[count];
  for (size_t i = 0; i < answer->count && s->count < count; i++) {
    struct tlsa *t = &s->records[s->count], room;
    if (!read_record(answer->records[i].data, &room)) continue;
    *t = room;
    memcpy(at, t->data.at, t->data.len);
    t->data.at = at;
    at += t->data.len;
    s->count++;
  }
  s->unusable = answer->count - count;
  s->cut = cut;
  s->octets = size;
  drop_weaker(s);
  return s;
}

bool tlsa_set_has(const struct tlsa_set *s, enum tlsa_usage usage) {
  for (size_t i = 0; i < s->count; i++)
    if (s->records[i].usage == usage) return true;
  return false;
}

unsigned tlsa_number(const struct tlsa *t) {
  return (unsigned)t->usage * 100 + (unsigned)t->selector * 10 + (unsigned)t->matching;
}

bool tlsa_name(const char *base, unsigned port, char out[256]) {
  int n = snprintf(out, 256, "_%u._tcp.%s", port, base);
  return n > 0 && n < 254; /* RFC 1035 2.3.4: 255 octets on the wire */
}
