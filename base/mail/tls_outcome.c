#include "base/mail/tls_outcome.h"

#include "base/clock.h"
#include "base/result.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_US (86400 * SECOND_US)

const char *tls_policy_type_name(enum tls_policy_type type) {
  static const char *const names[] = {
      [TLS_POLICY_NONE] = "no-policy-found", [TLS_POLICY_TLSA] = "tlsa", [TLS_POLICY_STS] = "sts"};
  return names[type];
}

const char *tls_result_name(enum tls_result result) {
  static const char *const names[TLS_RESULT_COUNT] = {
      [TLS_RESULT_SUCCESS] = "success",
      [TLS_RESULT_STARTTLS_NOT_SUPPORTED] = "starttls-not-supported",
      [TLS_RESULT_CERTIFICATE_HOST_MISMATCH] = "certificate-host-mismatch",
      [TLS_RESULT_CERTIFICATE_EXPIRED] = "certificate-expired",
      [TLS_RESULT_CERTIFICATE_NOT_TRUSTED] = "certificate-not-trusted",
      [TLS_RESULT_VALIDATION_FAILURE] = "validation-failure",
      [TLS_RESULT_TLSA_INVALID] = "tlsa-invalid",
      [TLS_RESULT_DNSSEC_INVALID] = "dnssec-invalid",
      [TLS_RESULT_DANE_REQUIRED] = "dane-required",
      [TLS_RESULT_STS_POLICY_FETCH_ERROR] = "sts-policy-fetch-error",
      [TLS_RESULT_STS_POLICY_INVALID] = "sts-policy-invalid",
      [TLS_RESULT_STS_WEBPKI_INVALID] = "sts-webpki-invalid",
  };
  return names[result];
}

const char *tls_report_state_name(enum tls_report_state state) {
  static const char *const names[] = {[TLS_REPORT_OPEN] = "open",
                                      [TLS_REPORT_SENT] = "sent",
                                      [TLS_REPORT_NONE] = "none",
                                      [TLS_REPORT_FAILED] = "failed"};
  return names[state];
}

int64_t tls_day(int64_t us) {
  return us / DAY_US - (us % DAY_US < 0);
}

int64_t tls_day_start_us(int64_t day) {
  return day * DAY_US;
}

void tls_day_text(int64_t day, char out[TLS_DAY_TEXT]) {
  time_t seconds = (time_t)(day * 86400);
  struct tm tm;
  gmtime_r(&seconds, &tm);
  if (!strftime(out, TLS_DAY_TEXT, "%Y-%m-%d", &tm)) out[0] = '\0';
}

int tls_day_parse(const char *text, int64_t *out) {
  struct tm tm = {0};
  const char *end = strlen(text) == 10 ? strptime(text, "%Y-%m-%d", &tm) : NULL;
  char again[TLS_DAY_TEXT];
  if (!end || *end) return E_SYNTAX;
  *out = (int64_t)timegm(&tm) / 86400;
  tls_day_text(*out, again);
  return strcmp(again, text) == 0 ? OK : E_SYNTAX;
}
