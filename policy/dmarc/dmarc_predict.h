/* What receivers will find when they check a message of ours by DMARC, before it leaves: RFC 9989's and RFC 7489's, and
 * what must be published so that it passes. Blocking: libuv's pool only. Thread-safe: many may run at once. */
#ifndef SENDOFF_POLICY_DMARC_DMARC_PREDICT_H
#define SENDOFF_POLICY_DMARC_DMARC_PREDICT_H

#include "policy/dmarc/dmarc_discover.h"
#include "policy/dmarc/key_record.h"
#include "policy/spf/spf.h"

#define DMARC_PREDICT_MS 20000
#define DMARC_REPAIRS_MAX 2

/* A signature that the message will carry, and what key_check found out about its key. */
struct dmarc_signature {
  const char *domain, *selector; /* d=, s= */
  enum key_algorithm algorithm;
  const char *public_base64;
  const struct key_verdict *key;
};

struct dmarc_facts {
  const char *author;            /* the domain of From */
  const struct spf_verdict *spf; /* for the source that will be used */
  const struct dmarc_signature *signatures;
  size_t signature_count; /* 0: not signed */
};

enum dmarc_result {
  DMARC_PASS,
  DMARC_FAIL,
  DMARC_TEMPERROR, /* DNS did not answer for what decides: never a reason to refuse */
  DMARC_NO_POLICY, /* no record applies */
};
const char *dmarc_result_name(enum dmarc_result r); /* "pass", "fail", "temperror", "none" as in RFC 8601 2.7.3 */

/* What receivers by one of the two standards do. */
struct dmarc_outcome {
  enum dmarc_result result;
  bool spf_aligned, dkim_aligned; /* passes, and with a domain that is aligned with From */
  enum dmarc_policy published;    /* "none" without a record */
  /* What the domain asks for, of mail that fails, after t= or pct=; "none" of all other mail. By RFC 9989 7.4 "reject"
   * alone is no reason to reject: receivers that know nothing else of the mail quarantine it. */
  enum dmarc_policy disposition;
  char record[DOMAIN_MAX + 1]; /* the domain whose record applies; empty: none */
};

/* Set beside any result. */
enum {
  DMARC_WARN_SPF_ALONE = 1,    /* p=reject, and nothing but SPF passes (RFC 9989 7.4: such mail must be signed) */
  DMARC_WARN_TEST_KEY = 2,     /* only a key with t=y passes */
  DMARC_WARN_ED25519 = 4,      /* the only signature that passes is Ed25519's, which many receivers do not know */
  DMARC_WARN_SEVERAL = 8,      /* several DMARC records at the author's domain: none of them counts */
  DMARC_WARN_OLD_DIFFERS = 16, /* receivers by RFC 7489 find another result or disposition */
};

/* A TXT record to publish, or (`add`) a term to put into the record that is there. */
struct dmarc_repair {
  bool add;
  char name[512];
  char value[1400];
};

struct dmarc_prediction {
  struct dmarc_outcome now; /* by RFC 9989 */
  struct dmarc_outcome old; /* by RFC 7489 */
  unsigned warnings;
  /* "example.org publishes p=reject and this mail would fail it: ..."; printable ASCII or UTF-8 */
  char why[768];
  struct dmarc_repair repairs[DMARC_REPAIRS_MAX]; /* any one of them repairs it, the best first */
  size_t repair_count;
  uint32_t ttl; /* seconds it may be kept, 5 to 86400: of the answers here, of SPF and of the keys */
};

/* At most DMARC_QUESTIONS_MAX questions, none after `deadline_ms` (clock_monotonic_ms). */
void dmarc_predict_until(const struct dns_source *dns, const struct dmarc_facts *facts, uint64_t deadline_ms,
                         struct dmarc_prediction *out);

#endif
