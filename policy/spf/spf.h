/* Would SPF (RFC 7208) pass for this reverse-path from this source address? Blocking: libuv's pool only. The library
 * asks its questions through `lookup`, so policy knows no resolver. Thread-safe: many checks may run at once. */
#ifndef SENDOFF_POLICY_SPF_SPF_H
#define SENDOFF_POLICY_SPF_SPF_H

#include "base/address/cidr.h"
#include "base/address/dns_answer.h"
#include "base/bytes.h"
#include "base/result.h"

#include <stdbool.h>
#include <stdint.h>

enum spf_result { SPF_PASS, SPF_FAIL, SPF_SOFTFAIL, SPF_NEUTRAL, SPF_NONE, SPF_TEMPERROR, SPF_PERMERROR };
const char *spf_result_name(enum spf_result r); /* "pass" ... as in RFC 8601 2.7.2 */

struct spf_verdict {
  enum spf_result result;
  char source[IP_TEXT]; /* the address it was checked for */
  char domain[256];     /* whose record decided */
  char why[256];        /* "example.com does not list 127.0.0.2 (v=spf1 -all)" */
  uint32_t ttl; /* seconds this verdict may be kept: the least TTL of the answers it rests on, between 5 and 86400; 5
                   for a temperror */
  bool depends_on_local_part; /* a macro used the local part: the verdict holds for this reverse-path only, not for its
                                 domain */
};

/* `reverse_path` without brackets; for the null reverse-path give "" and the check is made for postmaster@helo (RFC
 * 7208 2.4). */
void spf_check(const struct dns_source *dns, const char *source_ip, const char *reverse_path, const char *helo,
               struct spf_verdict *out);
/* A check asks at most 111 questions: ten terms of eleven names each, and the record itself (RFC 7208 4.6.4). It asks
 * none after SPF_CHECK_MS, or after `deadline_ms` (clock_monotonic_ms); the result is then temperror. */
#define SPF_CHECK_MS 20000
void spf_check_until(const struct dns_source *dns, const char *source_ip, const char *reverse_path, const char *helo,
                     uint64_t deadline_ms, struct spf_verdict *out);

#endif
