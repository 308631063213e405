#include "relay/net/sts_fetch.h"

#include <stdio.h>
#include <string.h>

const char *sts_failure_name(enum sts_failure f) {
  static const char *const names[] = {[STS_FAILURE_NONE] = "",
                                      [STS_FETCH_ERROR] = "sts-policy-fetch-error",
                                      [STS_POLICY_INVALID] = "sts-policy-invalid",
                                      [STS_WEBPKI_INVALID] = "sts-webpki-invalid"};
  return names[f];
}

bool sts_is_plain_text(const char *content_type) {
  struct bytes type = {content_type, strcspn(content_type, ";")};
  return bytes_equal_nocase(bytes_trim(type), BYTES("text/plain"));
}

/* RFC 8461 3.3: nothing but 200 counts, and no other type. */
static int check_answer(const struct https_answer *a, enum sts_failure *failure, struct reason *why) {
  *failure = STS_FETCH_ERROR;
  if (a->status != 200) return fail(why, E_TEMPORARY, "its web server answers %ld", a->status);
  if (!sts_is_plain_text(a->type))
    return fail(why, E_TEMPORARY, "its web server's answer is not text/plain (%.60s)",
                a->type[0] ? a->type : "no type");
  *failure = STS_FAILURE_NONE;
  return OK;
}

static int get(const struct https *h, const char *url, struct https_answer *a, enum sts_failure *failure,
               struct reason *why) {
  int rc = https_get(h, url, a, why);
  if (rc == OK) return check_answer(a, failure, why);
  if (rc == E_MEMORY) return rc;
  *failure = a->untrusted ? STS_WEBPKI_INVALID : rc == E_TOO_BIG ? STS_POLICY_INVALID : STS_FETCH_ERROR;
  return E_TEMPORARY;
}

static int read_policy(struct bytes text, struct sts_policy **out, enum sts_failure *failure, struct reason *why) {
  struct reason what;
  int rc = sts_policy_read(text, out, &what);
  if (rc == OK || rc == E_MEMORY) return rc;
  *failure = STS_POLICY_INVALID;
  return fail(why, E_TEMPORARY, "the policy cannot be read: %.200s", what.text);
}

int sts_fetch(const struct https *h, const char *domain, struct sts_policy **out, enum sts_failure *failure,
              struct reason *why) {
  char url[300];
  struct https_answer answer = {.status = 0};
  *out = NULL;
  *failure = STS_FAILURE_NONE;
  snprintf(url, sizeof url, "https://mta-sts.%.255s/.well-known/mta-sts.txt", domain);
  buffer_init(&answer.body, STS_POLICY_MAX);
  int rc = get(h, url, &answer, failure, why);
  if (rc == OK) rc = read_policy(buffer_bytes(&answer.body), out, failure, why);
  buffer_free(&answer.body);
  return rc;
}
