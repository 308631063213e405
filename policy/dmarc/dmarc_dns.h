/* The questions of one DMARC prediction: bounded in number and time, each name asked once. Blocking: libuv's pool only.
 * One thread at a time. */
#ifndef SENDOFF_POLICY_DMARC_DMARC_DNS_H
#define SENDOFF_POLICY_DMARC_DMARC_DNS_H

#include "base/address/address.h"
#include "base/address/dns_answer.h"
#include "base/result.h"
#include "policy/dmarc/dmarc_record.h"

#define DMARC_TTL_MIN 5
#define DMARC_TTL_MAX 86400
/* Three walks of eight names (author, SPF, DKIM), the suffix list's names for the author, and whether it exists. */
#define DMARC_QUESTIONS_MAX 26
#define DMARC_TEXT 200 /* of a record, for people; cut */

enum dmarc_at { DMARC_AT_NONE, DMARC_AT_ONE, DMARC_AT_SEVERAL, DMARC_AT_FAILED /* DNS did not answer */ };

/* What _dmarc.DOMAIN has. */
struct dmarc_place {
  char domain[DOMAIN_MAX + 1];
  enum dmarc_at at;
  bool exists;                /* the answer shows that the domain exists (RFC 8020) */
  struct dmarc_record record; /* of DMARC_AT_ONE */
  char text[DMARC_TEXT];
};

struct dmarc_dns {
  const struct dns_source *source;
  uint64_t deadline_ms; /* clock_monotonic_ms: nothing is asked from then on */
  uint32_t ttl;         /* the least so far */
  size_t asked, count;
  char failed[DOMAIN_MAX + 16]; /* the first name that DNS did not answer for; empty: none */
  bool failed_bogus;            /* it did, and DNSSEC does not confirm it */
  struct dmarc_place places[DMARC_QUESTIONS_MAX];
};

void dmarc_dns_init(struct dmarc_dns *d, const struct dns_source *source, uint64_t deadline_ms);
/* What is at _dmarc.DOMAIN; lives as long as `d`. NULL when no more may be asked, as DMARC_AT_FAILED. */
const struct dmarc_place *dmarc_place(struct dmarc_dns *d, const char *domain);
/* OK: the domain exists. E_NOT_FOUND: it does not (NXDOMAIN). E_TEMPORARY: unknown. */
int dmarc_exists(struct dmarc_dns *d, const char *domain);
/* One question; the answer is given back with dmarc_done. Names that DNS cannot have are not found. */
void dmarc_ask(struct dmarc_dns *d, const char *name, int type, struct dns_answer *out);
void dmarc_done(struct dmarc_dns *d, struct dns_answer *answer);
/* Seconds for which all that was learnt may be kept. */
uint32_t dmarc_ttl(const struct dmarc_dns *d);

#endif
