#include "policy/dmarc/dmarc_discover.h"

#include "base/address/suffix.h"

#include <string.h>

/* --- the tree walk (RFC 9989 4.10) --- */

/* The places with exactly one record, from the longest name to the shortest. */
struct walk {
  const struct dmarc_place *with[DMARC_WALK_MAX];
  size_t count;
};

static size_t labels(const char *domain) {
  size_t n = 1;
  for (; *domain; domain++) n += *domain == '.';
  return n;
}

static const char *parent(const char *domain) {
  const char *dot = strchr(domain, '.');
  return dot ? dot + 1 : NULL;
}

/* Step 4: one label less, or the rightmost seven of eight and more. */
static const char *next_target(const char *domain) {
  size_t n = labels(domain);
  do domain = parent(domain);
  while (n-- > DMARC_WALK_MAX);
  return domain;
}

/* OK, or E_TEMPORARY when a name on the way is unknown: the record there could have been the one. */
static int walk(struct dmarc_dns *d, const char *domain, struct walk *out) {
  out->count = 0;
  for (const char *at = domain; at; at = next_target(at)) {
    const struct dmarc_place *place = dmarc_place(d, at);
    if (!place || place->at == DMARC_AT_FAILED) return E_TEMPORARY;
    if (place->at != DMARC_AT_ONE) continue;
    out->with[out->count++] = place;
    if (place->record.psd != DMARC_PSD_UNKNOWN) break;
  }
  return OK;
}

/* The part of `domain` that has one label more than `ancestor`. */
static const char *one_below(const char *domain, const char *ancestor) {
  size_t want = labels(ancestor) + 1;
  while (labels(domain) > want) domain = parent(domain);
  return domain;
}

/* RFC 9989 4.10.2: the last of the walk is the one with psd=, if any, and else the one with the fewest labels. */
static const char *select_organization(const struct walk *w, const char *domain) {
  if (!w->count) return domain;
  const struct dmarc_place *last = w->with[w->count - 1];
  bool suffix = last->record.psd == DMARC_PSD_YES && strcmp(last->domain, domain) != 0;
  return suffix ? one_below(domain, last->domain) : last->domain;
}

int dmarc_organization(struct dmarc_dns *d, enum dmarc_method method, const char *domain, char out[DOMAIN_MAX + 1]) {
  struct walk w;
  if (method == DMARC_BY_SUFFIX) {
    suffix_organization(domain, out);
    return OK;
  }
  int rc = walk(d, domain, &w);
  if (rc == OK) bytes_copy(bytes_of(select_organization(&w, domain)), out, DOMAIN_MAX + 1);
  return rc;
}

/* --- policy --- */

static enum dmarc_policy lower(enum dmarc_policy p) {
  return p == DMARC_REJECT ? DMARC_QUARANTINE : DMARC_NONE;
}

static void found(struct dmarc_finding *out, const struct dmarc_place *place, const char *tag, enum dmarc_policy p,
                  bool lowered) {
  out->found = DMARC_FOUND;
  out->place = place;
  out->tag = tag;
  out->published = p;
  out->effective = lowered ? lower(p) : p;
}

/* RFC 9989 4.10.1: p of the own record, else sp, or np when the domain does not exist. */
static void apply(struct dmarc_dns *d, const char *domain, const struct dmarc_place *place, struct dmarc_finding *out) {
  const struct dmarc_record *r = &place->record;
  out->place = place;
  if (r->unusable) {
    out->found = DMARC_FOUND_UNUSABLE;
    return;
  }
  if (strcmp(place->domain, domain) == 0) {
    found(out, place, "p", r->p, r->testing);
    return;
  }
  int exists = r->np == r->sp ? OK : dmarc_exists(d, domain);
  if (exists == E_TEMPORARY)
    out->found = DMARC_FOUND_TROUBLE;
  else if (exists == OK)
    found(out, place, "sp", r->sp, r->testing);
  else
    found(out, place, "np", r->np, r->testing);
}

static const struct dmarc_place *find_place(const struct walk *w, const char *domain) {
  for (size_t i = 0; i < w->count; i++)
    if (strcmp(w->with[i]->domain, domain) == 0) return w->with[i];
  return NULL;
}

/* RFC 9989 4.10.1: the author's own record, the organizational domain's, the public suffix's. */
static void discover_by_walk(struct dmarc_dns *d, const char *domain, struct dmarc_finding *out) {
  struct walk w;
  const struct dmarc_place *own = dmarc_place(d, domain);
  if (own && own->at == DMARC_AT_ONE) {
    apply(d, domain, own, out);
    return;
  }
  if (walk(d, domain, &w) != OK) {
    out->found = DMARC_FOUND_TROUBLE;
    return;
  }
  if (!w.count) return;
  const struct dmarc_place *place = find_place(&w, select_organization(&w, domain));
  apply(d, domain, place ? place : w.with[w.count - 1], out); /* the last is then the public suffix's */
}

/* RFC 7489 6.6.3: the own record, else the organizational domain's; several at a name end the search. */
static void discover_by_suffix(struct dmarc_dns *d, const char *domain, struct dmarc_finding *out) {
  char organization[DOMAIN_MAX + 1];
  const struct dmarc_place *place = dmarc_place(d, domain);
  suffix_organization(domain, organization);
  if (place && place->at == DMARC_AT_NONE && strcmp(organization, domain) != 0) place = dmarc_place(d, organization);
  if (!place || place->at == DMARC_AT_FAILED) {
    out->found = DMARC_FOUND_TROUBLE;
    return;
  }
  if (place->at == DMARC_AT_NONE) return;
  out->place = place;
  out->found = DMARC_FOUND_UNUSABLE;
  if (place->at == DMARC_AT_SEVERAL || place->record.old_unusable) return;
  bool own = strcmp(place->domain, domain) == 0;
  found(out, place, own ? "p" : "sp", own ? place->record.old_p : place->record.old_sp, place->record.pct == 0);
}

void dmarc_discover(struct dmarc_dns *d, enum dmarc_method method, const char *domain, struct dmarc_finding *out) {
  *out = (struct dmarc_finding){.found = DMARC_FOUND_NOTHING, .tag = ""};
  if (method == DMARC_BY_WALK)
    discover_by_walk(d, domain, out);
  else
    discover_by_suffix(d, domain, out);
}
