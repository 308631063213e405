/* The DNS records of the domains that are sent for. */
#include "cli/doctor/checks.h"

#include <stdio.h>
#include <string.h>

/* Every domain whose mail leaves from a source has its records in its report. */
static bool is_known(const struct findings *f, const char *about) {
  for (size_t i = 0; i < f->count; i++)
    if (f->list[i].check == f->check && strcmp(f->list[i].about, about) == 0) return true;
  return false;
}

static void check_entry_of(const struct domain_facts *d, const struct check_entry *e, struct findings *f) {
  const char *quote = strcmp(e->type, "TXT") == 0 ? "\"" : "";
  const char *about = e->kind == RECORD_HELO ? e->name : d->domain->name;
  /* A PTR record is the source's, which has a check of its own. */
  if (e->kind == RECORD_PTR || !e->hurts || (e->kind == RECORD_HELO && is_known(f, about))) return;
  findings_add(f, e->state == FOUND_UNKNOWN ? SEVERITY_NOTE : SEVERITY_ERROR, about, "%s of %s: %s",
               record_kind_name(e->kind), e->name, e->text);
  if (*e->expected && strcmp(e->expected, e->found) != 0)
    findings_fix(f, "%s. %s %s%s%s", e->name, e->type, quote, e->expected, quote);
  else
    findings_fix(f, "sendoff domain check %s", d->domain->name);
  findings_see(f, "docs/domains.md");
}

/* Mail that is authenticated would still be refused. */
static void check_repairs(const struct domain_facts *d, struct findings *f) {
  const struct dmarc_prediction *p = &d->report->dmarc;
  if (p->now.result != DMARC_FAIL) return;
  findings_add(f, SEVERITY_WARNING, d->domain->name, "%s", p->why);
  findings_fix(f, "sendoff domain check %s", d->domain->name);
  findings_see(f, "docs/dmarc.md");
}

static void check_one(const struct domain_facts *d, struct findings *f) {
  size_t before = f->count;
  if (!d->checked) {
    findings_add(f, SEVERITY_NOTE, d->domain->name, "its records could not be checked in the time that there was");
    findings_fix(f, "sendoff domain check %s", d->domain->name);
    return;
  }
  for (size_t i = 0; i < d->report->count; i++) check_entry_of(d, &d->report->entries[i], f);
  if (before == f->count) check_repairs(d, f);
  if (before == f->count && d->report->right)
    findings_add(f, SEVERITY_OK, d->domain->name, "all its records are right");
  else if (before == f->count) {
    findings_add(f, SEVERITY_NOTE, d->domain->name,
                 "nothing is wrong that was found, but DNS did not answer everything");
    findings_fix(f, "sendoff domain check %s", d->domain->name);
  }
}

static bool was_asked(const struct doctor_facts *d, const char *domain) {
  for (size_t i = 0; i < d->domain_count; i++)
    if (strcmp(d->domains[i].domain->name, domain) == 0) return true;
  return false;
}

void judge_domains(const struct doctor_facts *d, struct findings *f) {
  const struct directory *all = d->directory;
  for (size_t i = 0; i < d->domain_count; i++) check_one(&d->domains[i], f);
  for (size_t i = 0; i < all->domain_alarm_count; i++) { /* as the gateway found them */
    const struct domain_note *n = &all->domain_alarms[i];
    if (was_asked(d, n->domain)) continue;
    findings_add(f, SEVERITY_ERROR, n->domain, "%s of %s: %s", n->kind, n->name, n->text);
    findings_fix(f, "sendoff domain check %s", n->domain);
    findings_see(f, "docs/domains.md");
  }
  if (all->domain_count <= d->domain_count) return;
  findings_add(f, SEVERITY_NOTE, "",
               "%zu of %zu domains were asked about; for the others, what the gateway found in its "
               "daily check counts",
               d->domain_count, all->domain_count);
  findings_fix(f, "sendoff domain check");
}
