/* What protected a delivery on its way, as numbers of the delivery log (base/mail/refusal.h): "tls=13 cipher=2
 * verified=0". Plain
 * data; any thread. */
#ifndef SENDOFF_BASE_TLS_FACTS_H
#define SENDOFF_BASE_TLS_FACTS_H

#include "base/mail/refusal.h"

/* By what the host was known for sure. Logged as its number. */
enum tls_proof { TLS_UNVERIFIED, TLS_BY_CA, TLS_BY_DANE };

struct tls_facts {
  unsigned version; /* 13 is TLS 1.3; 0: in the clear */
  enum tls_proof proof;
  unsigned cipher; /* tls_cipher_of; 0: one that has no number */
  unsigned tlsa;   /* TLS_BY_DANE: the numbers of the record that it matches, 311 for "3 1 1"; 0: not known */
  bool sts;        /* TLS_BY_CA: as the domain's MTA-STS policy asks (RFC 8461) */
};

void tls_facts_add(char numbers[NUMBERS_TEXT], const struct tls_facts *f);
bool tls_facts_read(const char *numbers, struct tls_facts *out); /* false: they say nothing of it */
bool tls_facts_owns(const char *name);                           /* it is one of these numbers' names */

const char *tls_version_name(unsigned version);     /* "TLSv1.3", as registered (RFC 8314 4.3); "none" */
const char *tls_proof_name(enum tls_proof proof);   /* "no", "ca", "dane": for scripts */
const char *tls_proof_phrase(enum tls_proof proof); /* "not verified", "verified by a CA", "verified by DANE" */
/* Of the names that GnuTLS has: "AES-256-GCM". */
unsigned tls_cipher_of(const char *name);
const char *tls_cipher_name(unsigned cipher); /* "": none */
#define TLS_PROOF_TEXT 40
void tls_proof_text(const struct tls_facts *f,
                    char out[TLS_PROOF_TEXT]); /* "verified by DANE (3 1 1)", "verified by a CA (MTA-STS)" */
#define TLS_FACTS_TEXT 80
/* "TLSv1.3 AES-256-GCM, verified by DANE (3 1 1)"; "none" */
void tls_facts_text(const struct tls_facts *f, char out[TLS_FACTS_TEXT]);

#endif
