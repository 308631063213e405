/* TLSA records of a stranger's zone: each is two octets of length and as many of RDATA. */
#include "tests/fuzz/fuzz.h"

#include "relay/net/tlsa.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct dns_record records[TLSA_RECORDS_MAX + 1];
  char *holds[TLSA_RECORDS_MAX + 1];
  size_t count = 0;
  for (size_t at = 0; size - at >= 2 && count <= TLSA_RECORDS_MAX; count++) {
    size_t len = (size_t)data[at] << 8 | data[at + 1];
    at += 2;
    if (len > size - at) len = size - at;
    records[count].data = exact((struct bytes){(const char *)data + at, len}, &holds[count]);
    at += len;
  }
  struct dns_answer answer = {.status = DNS_FOUND, .count = count, .records = records};
  struct tlsa_set *s = tlsa_set_read(&answer);
  CHECK(s && s->count + s->unusable == count &&
        s->octets <= sizeof *s + TLSA_RECORDS_MAX * sizeof s->records[0] + TLSA_OCTETS_MAX);
  for (size_t i = 0; i < count; i++) free(holds[i]);
  bool found = false;
  for (size_t i = 0; i < s->count; i++) { /* what is left is the set's own */
    const struct tlsa *t = &s->records[i];
    CHECK(t->usage == TLSA_DANE_TA || t->usage == TLSA_DANE_EE);
    CHECK(t->data.len && (t->matching == TLSA_FULL || t->data.len == (t->matching == TLSA_SHA2_256 ? 32 : 64)));
    CHECK(t->matching != TLSA_FULL || t->data.at[0] == 0x30);
    found |= bytes_equal(t->data, s->records[0].data);
  }
  CHECK(found == (s->count > 0));
  free(s);
  return 0;
}
