/* What one SPF check asks DNS, and how much of it: every question and every limit of RFC 7208 4.6.4 is here. One check,
 * one thread. */
#ifndef SENDOFF_POLICY_SPF_SPF_QUESTIONS_H
#define SENDOFF_POLICY_SPF_SPF_QUESTIONS_H

#include "base/address/dns_answer.h"
#include "base/result.h"
#include "policy/spf/rdata.h"
#include "policy/spf/spf_terms.h"

#define SPF_NAMES_MAX 10   /* RFC 7208 4.6.4: mail exchangers, and names of an address */
#define SPF_LOOKUPS_MAX 10 /* RFC 7208 4.6.4: terms that ask DNS */
#define SPF_VOIDS_MAX 2    /* RFC 7208 4.6.4: those of them that find nothing */

struct spf_questions {
  const struct dns_source *dns;
  uint64_t deadline_ms;
  uint32_t ttl; /* the least of the answers */
  unsigned lookups, voids;
  bool failed;       /* DNS did not answer, for `failed_name` */
  bool failed_bogus; /* it did, and DNSSEC does not confirm it */
  bool names_failed; /* the same, for names of the address: they are passed over (RFC 7208 5.5) */
  char failed_name[NAME_MAX_TEXT + 1];
  struct reason broken; /* why a record cannot be used */
  char expected[SPF_NAMES_MAX]
               [NAME_MAX_TEXT + 1]; /* hosts of the mx or ptr term at hand: asking for them is part of it */
  size_t expected_at, expected_count;
  bool expected_ptr; /* they are names of the address */
};

/* For one more include or redirect; false when it is one too many. */
bool spf_count_lookup(struct spf_questions *q);
/* Asks for a term. False when it may not be asked any more: a limit is reached, or there is no answer that counts.
 * `answer` is to be released in any case. */
bool spf_ask_term(struct spf_questions *q, const char *name, int type, struct dns_answer *answer);
void spf_answer_release(struct spf_questions *q, struct dns_answer *answer);
/* A host of the answer to an mx or ptr term, to be asked for in this order. */
void spf_expect(struct spf_questions *q, const char *name);
/* The one record of a domain, put together in `text`. OK, E_NOT_FOUND, E_TEMPORARY; E_SYNTAX with the reason. */
int spf_find_record(struct spf_questions *q, const char *domain, char text[SPF_RECORD_MAX], struct bytes *out,
                    struct reason *why);

#endif
