#include "policy/spf/spf_explain.h"

#include <stdio.h>

const char *spf_result_name(enum spf_result r) {
  static const char *const names[] = {"pass", "fail", "softfail", "neutral", "none", "temperror", "permerror"};
  return names[r];
}

void spf_explain(struct spf_verdict *v, const struct spf_questions *asked, const char *record) {
  const char *d = v->domain, *ip = v->source;
  char *why = v->why;
  size_t size = sizeof v->why;
  switch (v->result) {
  case SPF_PASS: snprintf(why, size, "%.80s lists %s (%s)", d, ip, record); break;
  case SPF_FAIL: snprintf(why, size, "%.80s does not list %s (%s)", d, ip, record); break;
  case SPF_SOFTFAIL: snprintf(why, size, "%.80s does not list %s, as a softfail (%s)", d, ip, record); break;
  case SPF_NEUTRAL: snprintf(why, size, "%.80s says nothing about %s (%s)", d, ip, record); break;
  case SPF_NONE: snprintf(why, size, "%.80s publishes no SPF record that could list %s", d, ip); break;
  case SPF_TEMPERROR:
    snprintf(why, size, "%s for %.60s: whether %.60s lists %s is not known", dns_failure(asked->failed_bogus),
             asked->failed_name[0] ? asked->failed_name : d, d, ip);
    break;
  case SPF_PERMERROR:
    snprintf(why, size, "the SPF record of %.60s cannot be used for %s: %.90s", d, ip, asked->broken.text);
    break;
  }
  for (char *c = why; *c; c++)
    if ((unsigned char)*c < 32 || (unsigned char)*c > 126) *c = '?'; /* a stranger's record is in it */
}
