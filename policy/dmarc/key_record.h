/* Is a DKIM selector published, and is it our key (RFC 6376 3.6)? */
#ifndef SENDOFF_POLICY_DMARC_KEY_RECORD_H
#define SENDOFF_POLICY_DMARC_KEY_RECORD_H

#include "base/address/dns_answer.h"
#include "base/bytes.h"
#include "base/directory/key_algorithm.h"
#include "base/result.h"

/* --- the record: pure, any thread --- */

/* Views into the text. */
struct key_record {
  struct bytes k;       /* "rsa" when it is not there */
  struct bytes p;       /* may hold white space; empty: the key is revoked */
  bool testing, strict; /* t=y, t=s */
  bool for_mail;        /* s= has "email" or "*" */
  bool for_sha256;      /* h= is not there, or has sha256 */
};
/* OK; E_SYNTAX with the reason: verifiers ignore the record. */
int key_record_read(struct bytes text, struct key_record *out, struct reason *why);
/* The same public key, white space and padding aside? */
bool key_record_has(const struct key_record *record, const char *public_base64);

/* --- an answer: pure --- */

enum published_key {
  PUBLISHED_MATCHES,
  PUBLISHED_MISSING, /* no TXT record is there */
  PUBLISHED_REVOKED, /* one with an empty p= */
  PUBLISHED_DIFFERS, /* another key, or a record that nobody can use; also several records: RFC 6376 3.6.2.2 leaves open
                  which one counts, and libopendkim takes none of them */
  PUBLISHED_UNKNOWN, /* DNS did not answer */
};
const char *published_key_name(enum published_key s); /* "matches" ... */

struct key_verdict {
  enum published_key state;
  bool testing;   /* t=y is in it: receivers may treat the mail as unsigned (RFC 6376 3.6.1) */
  char name[512]; /* SELECTOR._domainkey.DOMAIN; cut where no DNS name could be so long */
  char why[256];  /* "there is no TXT record at s1._domainkey.example.com" */
  uint32_t ttl;   /* seconds it may be kept, 5 to 86400; 5 of PUBLISHED_UNKNOWN */
};
/* What an answer for SELECTOR._domainkey.DOMAIN, TXT, says of our key. */
void key_judge(const struct dns_answer *answer, const char *selector, const char *domain, enum key_algorithm algorithm,
               const char *public_base64, struct key_verdict *out);

/* --- the check: blocking, libuv's pool only --- */

/* One question, asked only before `deadline_ms` (clock_monotonic_ms). CNAMEs are followed by who answers. */
void key_check(const struct dns_source *dns, const char *selector, const char *domain, enum key_algorithm algorithm,
               const char *public_base64, uint64_t deadline_ms, struct key_verdict *out);

#endif
