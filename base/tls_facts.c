#include "base/tls_facts.h"

#include <string.h>

#define VERSION "tls"
#define PROOF "verified"

void tls_facts_add(char numbers[NUMBERS_TEXT], const struct tls_facts *f) {
  numbers_add(numbers, VERSION, (int64_t)f->version);
  if (f->version) numbers_add(numbers, PROOF, (int64_t)f->proof);
}

bool tls_facts_owns(const char *name) {
  return strcmp(name, VERSION) == 0 || strcmp(name, PROOF) == 0;
}

bool tls_facts_read(const char *numbers, struct tls_facts *out) {
  const char *at = NULL;
  char name[32];
  int64_t value;
  bool found = false;
  *out = (struct tls_facts){0};
  while (numbers_next(numbers, &at, name, &value)) {
    if (value < 0 || value > 99) continue;
    if (strcmp(name, PROOF) == 0 && value <= TLS_BY_DANE) out->proof = (enum tls_proof)value;
    if (strcmp(name, VERSION) != 0) continue;
    out->version = (unsigned)value;
    found = true;
  }
  return found;
}

const char *tls_version_name(unsigned version) {
  switch (version) {
  case 0: return "none";
  case 13: return "TLSv1.3";
  case 12: return "TLSv1.2";
  case 11: return "TLSv1.1";
  case 10: return "TLSv1.0";
  default: return "TLS";
  }
}

const char *tls_proof_name(enum tls_proof proof) {
  static const char *const names[] = {[TLS_UNVERIFIED] = "no", [TLS_BY_CA] = "ca", [TLS_BY_DANE] = "dane"};
  return names[proof];
}

const char *tls_proof_phrase(enum tls_proof proof) {
  static const char *const phrases[] = {
      [TLS_UNVERIFIED] = "not verified", [TLS_BY_CA] = "verified by a CA", [TLS_BY_DANE] = "verified by DANE"};
  return phrases[proof];
}
