#include "base/mail/tls_facts.h"

#include <stdio.h>
#include <string.h>

#define VERSION "tls"
#define CIPHER "cipher"
#define PROOF "verified"
#define RECORD "tlsa"
#define POLICY "mta_sts"

/* Logged by their place, which stays theirs. */
static const char *const ciphers[] = {"",
                                      "AES-128-GCM",
                                      "AES-256-GCM",
                                      "CHACHA20-POLY1305",
                                      "AES-128-CCM",
                                      "AES-256-CCM",
                                      "AES-128-CCM-8",
                                      "AES-256-CCM-8",
                                      "AES-128-CBC",
                                      "AES-256-CBC",
                                      "CAMELLIA-128-GCM",
                                      "CAMELLIA-256-GCM",
                                      "CAMELLIA-128-CBC",
                                      "CAMELLIA-256-CBC",
                                      "3DES-CBC"};
#define CIPHERS (sizeof ciphers / sizeof *ciphers)

unsigned tls_cipher_of(const char *name) {
  for (unsigned i = 1; name && i < CIPHERS; i++)
    if (strcmp(ciphers[i], name) == 0) return i;
  return 0;
}

const char *tls_cipher_name(unsigned cipher) {
  return ciphers[cipher < CIPHERS ? cipher : 0];
}

void tls_facts_add(char numbers[NUMBERS_TEXT], const struct tls_facts *f) {
  numbers_add(numbers, VERSION, (int64_t)f->version);
  if (f->version && f->cipher) numbers_add(numbers, CIPHER, (int64_t)f->cipher);
  if (f->version) numbers_add(numbers, PROOF, (int64_t)f->proof);
  if (f->version && f->tlsa) numbers_add(numbers, RECORD, (int64_t)f->tlsa);
  if (f->version && f->sts) numbers_add(numbers, POLICY, 1);
}

bool tls_facts_owns(const char *name) {
  return strcmp(name, VERSION) == 0 || strcmp(name, CIPHER) == 0 || strcmp(name, PROOF) == 0 ||
         strcmp(name, RECORD) == 0 || strcmp(name, POLICY) == 0;
}

bool tls_facts_read(const char *numbers, struct tls_facts *out) {
  const char *at = NULL;
  char name[32];
  int64_t value;
  bool found = false;
  *out = (struct tls_facts){0};
  while (numbers_next(numbers, &at, name, &value)) {
    if (strcmp(name, RECORD) == 0 && value >= 0 && value <= 312) out->tlsa = (unsigned)value;
    if (value < 0 || value > 99) continue;
    if (strcmp(name, CIPHER) == 0 && *tls_cipher_name((unsigned)value)) out->cipher = (unsigned)value;
    if (strcmp(name, PROOF) == 0 && value <= TLS_BY_DANE) out->proof = (enum tls_proof)value;
    if (strcmp(name, POLICY) == 0) out->sts = value == 1;
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

void tls_proof_text(const struct tls_facts *f, char out[TLS_PROOF_TEXT]) {
  unsigned t = f->proof == TLS_BY_DANE ? f->tlsa : 0;
  if (t)
    snprintf(out, TLS_PROOF_TEXT, "%s (%u %u %u)", tls_proof_phrase(f->proof), t / 100 % 10, t / 10 % 10, t % 10);
  else
    snprintf(out, TLS_PROOF_TEXT, "%s%s", tls_proof_phrase(f->proof),
             f->proof == TLS_BY_CA && f->sts ? " (MTA-STS)" : "");
}

void tls_facts_text(const struct tls_facts *f, char out[TLS_FACTS_TEXT]) {
  char proof[TLS_PROOF_TEXT] = "";
  if (f->version) tls_proof_text(f, proof);
  snprintf(out, TLS_FACTS_TEXT, "%s%s%s%s%s", tls_version_name(f->version), f->cipher ? " " : "",
           tls_cipher_name(f->cipher), f->version ? ", " : "", proof);
}
