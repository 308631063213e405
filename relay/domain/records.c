#include "relay/domain/records.h"

#include "base/address/suffix.h"
#include "dkim/key_name.h"
#include "dkim/keys.h"
#include "relay/domain/records_parts.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *record_kind_name(enum record_kind kind) {
  static const char *const names[] = {[RECORD_DKIM] = "dkim",       [RECORD_SPF] = "spf",
                                      [RECORD_DMARC] = "dmarc",     [RECORD_RETURN_PATH] = "return-path",
                                      [RECORD_PTR] = "ptr",         [RECORD_HELO] = "helo",
                                      [RECORD_MTA_STS] = "mta-sts", [RECORD_TLS_RPT] = "tls-rpt",
                                      [RECORD_BIMI] = "bimi"};
  return names[kind];
}

/* --- the list --- */

void records_note(struct domain_records *out, const char *format, ...) {
  va_list args;
  if (out->note_count == RECORD_NOTES_MAX) return;
  va_start(args, format);
  vsnprintf(out->notes[out->note_count++], RECORD_WHY, format, args);
  va_end(args);
}

struct domain_record *records_add(struct making *m, enum record_kind kind, const char *type, const char *value,
                                  int *rc) {
  if (m->out->count == DOMAIN_RECORDS_MAX) {
    m->out->cut = true;
    return NULL;
  }
  struct domain_record *r = &m->out->list[m->out->count];
  *r = (struct domain_record){.kind = kind, .type = type, .value = strdup(value)};
  if (!r->value) {
    *rc = E_MEMORY;
    return NULL;
  }
  m->out->count++;
  snprintf(r->zone, sizeof r->zone, "%s", m->zone);
  return r;
}

/* --- zones --- */

/* A web form shows the zone that somebody registered; a zone that is a public suffix, or the root, is nobody's here. */
void records_find_zone(const struct records_plan *plan, const char *name, char out[ZONE_NAME]) {
  struct zone_of zone;
  struct reason why;
  *out = '\0';
  if (plan->dns && zone_find(plan->dns, name, plan->deadline_ms, &zone, &why) == OK && *zone.name &&
      !suffix_is_public(zone.name))
    snprintf(out, ZONE_NAME, "%s", zone.name);
}

static void find_own_zone(struct making *m) {
  char organization[DOMAIN_MAX + 1];
  records_find_zone(m->plan, m->domain, m->zone);
  if (*m->zone) return;
  suffix_organization(m->domain, organization);
  snprintf(m->zone, sizeof m->zone, "%s", organization);
}

void domain_record_relative(const struct domain_record *r, char out[RECORD_NAME]) {
  size_t len = strlen(r->name), zone = strlen(r->zone);
  if (zone && strcmp(r->name, r->zone) == 0)
    snprintf(out, RECORD_NAME, "@");
  else if (zone && zone_holds(r->zone, r->name))
    snprintf(out, RECORD_NAME, "%.*s", (int)(len - zone - 1), r->name);
  else
    snprintf(out, RECORD_NAME, "%s", r->name);
}

/* --- DKIM --- */

static int add_key(struct making *m, const struct signing_key *k) {
  char name[KEY_NAME_MAX];
  struct buffer value;
  buffer_init(&value, 16 * 1024);
  int rc = key_record(k->algorithm, k->public_base64, &value);
  if (rc == OK) rc = buffer_add(&value, "", 1);
  struct domain_record *r = rc == OK ? records_add(m, RECORD_DKIM, "TXT", value.at, &rc) : NULL;
  buffer_free(&value);
  if (!r) return rc;
  static const char *const uses[] = {[KEY_ACTIVE] = "the key that mail is signed with",
                                     [KEY_WAITING] = "the next key: mail is signed with it once DNS has it",
                                     [KEY_OLD] = "an old key, whose record must stay for the mail that it has signed"};
  r->key = k;
  rc = key_record_name(k->selector, k->domain, m->plan->domain->delegation, name);
  snprintf(r->name, sizeof r->name, "%s", name);
  snprintf(r->why, sizeof r->why, "%s (%s)", uses[k->state], k->algorithm == KEY_RSA ? "RSA" : "Ed25519");
  if (*m->plan->domain->delegation && zone_holds(m->plan->domain->delegation, name))
    snprintf(r->zone, sizeof r->zone, "%s", m->plan->domain->delegation);
  return rc;
}

static int add_alias(struct making *m, const char *selector) {
  const struct domain *d = m->plan->domain;
  char name[KEY_NAME_MAX], target[KEY_NAME_MAX];
  int rc = key_name(selector, d->name, name);
  if (rc == OK) rc = key_record_name(selector, d->name, d->delegation, target);
  struct domain_record *r = rc == OK ? records_add(m, RECORD_DKIM, "CNAME", target, &rc) : NULL;
  if (!r) return rc;
  snprintf(r->name, sizeof r->name, "%s", name);
  snprintf(r->why, sizeof r->why, "leads to the keys, which are in %s; it never changes", d->delegation);
  return rc;
}

/* Of a delegated domain, for the algorithms that it signs with. */
static int add_aliases(struct making *m) {
  static const enum key_algorithm algorithms[] = {KEY_RSA, KEY_ED25519};
  const struct domain *d = m->plan->domain;
  int rc = OK;
  for (size_t a = 0; *d->delegation && a < 2; a++) {
    bool used = false;
    for (size_t i = 0; i < d->key_count; i++) used |= d->keys[i].algorithm == algorithms[a];
    for (unsigned i = 0; rc == OK && used && i < DELEGATED_SELECTORS; i++)
      rc = add_alias(m, delegated_selector(algorithms[a], i));
  }
  return rc;
}

static int add_keys(struct making *m) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < m->plan->domain->key_count; i++)
    if (m->plan->domain->keys[i].state != KEY_RETIRED) rc = add_key(m, &m->plan->domain->keys[i]);
  return rc;
}

int domain_records_make(const struct records_plan *plan, struct domain_records *out) {
  memset(out, 0, sizeof *out);
  struct making *m = calloc(1, sizeof *m);
  if (!m) return E_MEMORY;
  m->plan = plan;
  m->domain = plan->domain->name;
  m->out = out;
  m->source_count = domain_sources(plan->directory, m->domain, m->sources);
  find_own_zone(m);
  int rc = add_aliases(m);
  if (rc == OK) rc = add_keys(m);
  if (rc == OK) rc = records_add_spf(m);
  if (rc == OK) rc = records_add_dmarc(m);
  if (rc == OK) rc = records_add_return_path(m);
  if (rc == OK) rc = records_add_names(m);
  free(m);
  return rc;
}

void domain_records_free(struct domain_records *r) {
  for (size_t i = 0; i < r->count; i++) free(r->list[i].value);
  r->count = 0;
}

void domain_records_keep(struct domain_records *r, enum key_state state) {
  size_t kept = 0;
  for (size_t i = 0; i < r->count; i++)
    if (r->list[i].key && r->list[i].key->state == state)
      r->list[kept++] = r->list[i];
    else
      free(r->list[i].value);
  r->count = kept;
  r->note_count = 0;
}
