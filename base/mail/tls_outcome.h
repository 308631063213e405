/* What became of TLS in a connection to a mail exchanger, as TLS reports count it (RFC 8460 4). Plain data; any thread.
 */
#ifndef SENDOFF_BASE_TLS_OUTCOME_H
#define SENDOFF_BASE_TLS_OUTCOME_H

#include <stddef.h>
#include <stdint.h>

/* Whose policy was applied (4.4 "policy-type"). Stored. */
enum tls_policy_type { TLS_POLICY_NONE, TLS_POLICY_TLSA, TLS_POLICY_STS };

/* 4.3, as registered at IANA ("STARTTLS Validation Result Types"). Stored. */
enum tls_result {
  TLS_RESULT_SUCCESS,
  TLS_RESULT_STARTTLS_NOT_SUPPORTED,
  TLS_RESULT_CERTIFICATE_HOST_MISMATCH,
  TLS_RESULT_CERTIFICATE_EXPIRED,
  TLS_RESULT_CERTIFICATE_NOT_TRUSTED,
  TLS_RESULT_VALIDATION_FAILURE, /* any other failure: the reason has more */
  TLS_RESULT_TLSA_INVALID,
  TLS_RESULT_DNSSEC_INVALID,
  TLS_RESULT_DANE_REQUIRED,
  TLS_RESULT_STS_POLICY_FETCH_ERROR,
  TLS_RESULT_STS_POLICY_INVALID,
  TLS_RESULT_STS_WEBPKI_INVALID,
  TLS_RESULT_COUNT
};

const char *tls_policy_type_name(enum tls_policy_type type); /* "no-policy-found", "tlsa", "sts" */
const char *tls_result_name(enum tls_result result);         /* "starttls-not-supported"; "success" */

/* Text has no control characters but the LF of lines; "" for what is not known. */
struct tls_policy {
  enum tls_policy_type type;
  /* Where it is published: the TLSA base domain (RFC 7672 2.2.3); the recipient's domain with TLS_POLICY_STS. "": the
   * session's own. */
  const char *domain;
  const char *strings; /* its lines, each ended by LF: TLSA records, "version: STSv1" */
  const char *mx;      /* the patterns of TLS_POLICY_STS for host names, each ended by LF */
};

struct tls_outcome {
  const char
      *domain; /* whose TLSRPT record asks for reports: the recipient's; a smarthost's, where a route leads there */
  struct tls_policy policy;
  enum tls_result result;
  /* The rest only where it failed. */
  const char *sending_ip, *receiving_ip, *mx, *helo, *reason;
};

/* So many alike on one day. */
struct tls_count {
  int64_t day; /* tls_day */
  struct tls_outcome of;
  uint64_t sessions;
};

/* Of a domain's report on one day, and of its copy for one address. Stored. */
enum tls_report_state {
  TLS_REPORT_OPEN,   /* it is to be made, or tried again */
  TLS_REPORT_SENT,   /* by mail: it is in the queue */
  TLS_REPORT_NONE,   /* nobody asks for it */
  TLS_REPORT_FAILED, /* given up */
};
const char *tls_report_state_name(enum tls_report_state state); /* "open", "sent", "none", "failed" */
struct tls_report_status {
  int64_t day;
  const char *domain;
  enum tls_report_state state;
  int64_t first_us, next_us; /* the first attempt, 0: there was none; not before this, while it is open */
  unsigned attempts;
  const char *reason; /* why it is open still, or was given up; "" */
};
struct tls_report_copy {
  const char *uri;
  enum tls_report_state state;
  const char *reason;
  int64_t at_us; /* since when */
};

/* A policy of a domain's day, or one of its failures. Those of a policy follow each other. */
struct tls_report_row {
  int64_t policy_id; /* tells policies apart */
  struct tls_policy policy;
  uint64_t successes, failures; /* of the policy */
  /* `sessions` that have failed alike; 0: none has. */
  enum tls_result result;
  const char *sending_ip, *receiving_ip, *mx, *helo, *reason;
  uint64_t sessions;
};

#define TLS_POLICY_STRINGS_MAX 2000 /* octets that are kept of a policy's lines, and of its patterns */
#define TLS_REASON_MAX 200          /* of a reason */
#define TLS_OTHERS "others, which are too many to be listed" /* the reason of failures beyond the bound */

/* Days are in UTC (4.1): the number of this one since 1970-01-01, and its first moment. */
int64_t tls_day(int64_t us);
int64_t tls_day_start_us(int64_t day);
#define TLS_DAY_TEXT 16
void tls_day_text(int64_t day, char out[TLS_DAY_TEXT]); /* "2026-11-27" */
int tls_day_parse(const char *text, int64_t *out);      /* E_SYNTAX */

#endif
