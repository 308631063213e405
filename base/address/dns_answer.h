/* What a DNS lookup gave, and how one is made: the types that the resolver and all who ask it share. Plain data; any
 * thread. */
#ifndef SENDOFF_BASE_DNS_ANSWER_H
#define SENDOFF_BASE_DNS_ANSWER_H

#include "base/bytes.h"

enum dns_status { DNS_FOUND, DNS_NXDOMAIN, DNS_NODATA, DNS_FAILED /* SERVFAIL, timeout, bogus */ };

struct dns_record {
  struct bytes data; /* RDATA in wire form, names uncompressed; for TXT the length-prefixed strings */
};
struct dns_answer {
  enum dns_status status;
  bool secure;         /* validated by DNSSEC (RFC 4035 4.3) */
  bool bogus;          /* DNS_FAILED: there is an answer, and DNSSEC does not confirm it (RFC 4035 4.3) */
  uint32_t ttl;        /* seconds; also of negative answers */
  char canonical[256]; /* where CNAME records led from the name that was asked for, without the final dot; "": none */
  size_t count;
  struct dns_record *records;
  void *owner; /* for dns_release */
};
/* "DNS did not answer", for texts: what there is instead of an answer that counts. A person looks elsewhere for the one
 * than for the other. */
static inline const char *dns_failure(bool bogus) {
  return bogus ? "DNSSEC does not confirm the answer" : "DNS did not answer";
}
/* Blocking lookups, answered by the resolver. `release` frees what `lookup` gave. */
struct dns_source {
  void *arg;
  void (*lookup)(void *arg, const char *name, int type, struct dns_answer *out);
  void (*release)(void *arg, struct dns_answer *answer);
};

#endif
