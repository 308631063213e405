#include "relay/domain/records_parts.h"

#include "base/clock.h"
#include "relay/domain/return_path.h"
#include "relay/domain/txt.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static bool is_there(struct making *m, const char *name) {
  struct txt_list found;
  txt_lookup(m->plan->dns, name, NULL, m->plan->deadline_ms, &found);
  bool there = found.count || found.status == DNS_FAILED;
  txt_free(&found);
  return there;
}

int records_add_optional(struct making *m, enum record_kind kind, const char *label, const char *value,
                         const char *why) {
  char name[RECORD_NAME];
  int rc = OK;
  snprintf(name, sizeof name, "%s.%s", label, m->domain);
  if (is_there(m, name)) return OK;
  struct domain_record *r = records_add(m, kind, "TXT", value, &rc);
  if (!r) return rc;
  r->optional = true;
  memcpy(r->name, name, sizeof name);
  snprintf(r->why, sizeof r->why, "%s", why);
  return rc;
}

/* For a domain that takes mail itself: its senders then use TLS, or it hears that they could not. */
static int add_inbound(struct making *m) {
  char id[32], sts[64], rpt[DOMAIN_MAX + 64], why[RECORD_WHY];
  time_t now = (time_t)(clock_now_us() / SECOND_US);
  struct tm t;
  gmtime_r(&now, &t);
  strftime(id, sizeof id, "%Y%m%d%H%M%S", &t);
  snprintf(sts, sizeof sts, "v=STSv1; id=%s", id);
  snprintf(rpt, sizeof rpt, "v=TLSRPTv1; rua=mailto:postmaster@%s", m->domain);
  snprintf(why, sizeof why,
           "mail to the domain comes over TLS only (RFC 8461); first serve the policy at "
           "https://mta-sts.%.200s/.well-known/mta-sts.txt",
           m->domain);
  int rc = records_add_optional(m, RECORD_MTA_STS, "_mta-sts", sts, why);
  return rc == OK ? records_add_optional(m, RECORD_TLS_RPT, "_smtp._tls", rpt,
                                         "others report where TLS to the domain's mail servers fails (RFC 8460)")
                  : rc;
}

int records_add_return_path(struct making *m) {
  struct return_path_finding found;
  if (!m->plan->dns) return OK;
  return_path_find(m->plan->dns, m->domain, m->plan->deadline_ms, &found);
  if (found.state != RETURN_PATH_MX && found.state != RETURN_PATH_UNKNOWN)
    records_note(m->out, "return path: %s", found.text);
  return found.state == RETURN_PATH_MX ? add_inbound(m) : OK;
}
