#include "relay/domain/records_parts.h"

#include "base/address/address.h"
#include "policy/dmarc/dmarc_discover.h"
#include "policy/dmarc/dmarc_record.h"
#include "relay/domain/txt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool is_dmarc(struct bytes text) {
  return dmarc_is_record(text);
}

static int put_dmarc(struct making *m, const char *value, const char *why) {
  int rc = OK;
  struct domain_record *r = records_add(m, RECORD_DMARC, "TXT", value, &rc);
  if (!r) return rc;
  snprintf(r->name, sizeof r->name, "_dmarc.%s", m->domain);
  snprintf(r->why, sizeof r->why, "%s", why);
  return rc;
}

/* Is there a record further up that applies to the domain? Then one of its own would take its place. */
static bool inherits(struct making *m) {
  struct dmarc_dns *dns = calloc(1, sizeof *dns);
  struct dmarc_finding finding = {.found = DMARC_FOUND_NOTHING};
  if (!dns || !m->plan->dns) {
    free(dns);
    return false;
  }
  dmarc_dns_init(dns, m->plan->dns, m->plan->deadline_ms);
  dmarc_discover(dns, DMARC_BY_WALK, m->domain, &finding);
  bool does = finding.found == DMARC_FOUND && finding.place && strcmp(finding.place->domain, m->domain) != 0;
  if (does)
    records_note(m->out, "the DMARC record of %.200s applies to %.200s (%s=%s): it needs none of its own",
                 finding.place->domain, m->domain, finding.tag, dmarc_policy_name(finding.published));
  free(dns);
  return does;
}

/* BIMI is worth having only where DMARC is enforced: nobody shows a logo otherwise. */
static int add_bimi(struct making *m, const char *dmarc) {
  struct dmarc_record record;
  char value[DOMAIN_MAX + 64];
  dmarc_record_read(bytes_of(dmarc), &record);
  if (record.unusable || record.testing || record.p == DMARC_NONE) return OK;
  snprintf(value, sizeof value, "v=BIMI1; l=https://%s/bimi.svg", m->domain);
  return records_add_optional(m, RECORD_BIMI, "default._bimi", value,
                              "mail programs show this logo beside the domain's mail (BIMI); first put it there, as "
                              "SVG Tiny PS of at most 32 KB; Gmail and Apple also want a certificate (a=)");
}

int records_add_dmarc(struct making *m) {
  char name[RECORD_NAME];
  struct txt_list found = {.status = DNS_FAILED};
  snprintf(name, sizeof name, "_dmarc.%s", m->domain);
  if (m->plan->dns) txt_lookup(m->plan->dns, name, is_dmarc, m->plan->deadline_ms, &found);
  int rc = OK;
  if (found.count == 1)
    rc = put_dmarc(m, found.texts[0], "what receivers do with mail that fails; it is there");
  else if (found.count || !inherits(m))
    rc = put_dmarc(m, "v=DMARC1; p=none",
                   found.count ? "in place of the several records that are there, of which none counts"
                               : "what receivers do with mail that fails; begin with none and have reports sent "
                                 "(rua=mailto:ADDRESS); when they show for some weeks that all of the domain's mail "
                                 "passes, go on to p=quarantine, and then to p=reject");
  if (rc == OK && found.count == 1) rc = add_bimi(m, found.texts[0]);
  txt_free(&found);
  return rc;
}
