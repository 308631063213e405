#include "policy/dmarc/dmarc_predict.h"

#include "policy/dmarc/dmarc_words.h"

#include <stdlib.h>
#include <string.h>

const char *dmarc_result_name(enum dmarc_result r) {
  static const char *const names[] = {"pass", "fail", "temperror", "none"};
  return names[r];
}

/* --- alignment (RFC 9989 4.10.2, RFC 7489 3.1) --- */

enum answer { NO, YES, UNKNOWN };

static bool same_top(const char *a, const char *b) {
  const char *x = strrchr(a, '.'), *y = strrchr(b, '.');
  return strcmp(x ? x + 1 : a, y ? y + 1 : b) == 0;
}

static enum answer aligned(struct dmarc_dns *d, enum dmarc_method method, const char *author, const char *typed,
                           bool strict) {
  char other[DOMAIN_MAX + 1], a[DOMAIN_MAX + 1], b[DOMAIN_MAX + 1];
  if (!typed || domain_normalize(bytes_of(typed), other) != OK) return NO;
  if (strcmp(author, other) == 0) return YES;
  if (strict || !same_top(author, other)) return NO; /* no organization spans two top-level domains */
  if (dmarc_organization(d, method, author, a) != OK || dmarc_organization(d, method, other, b) != OK) return UNKNOWN;
  return strcmp(a, b) == 0 ? YES : NO;
}

/* Passes, cannot pass, or DNS leaves it open. */
static enum answer with_alignment(enum answer passes, enum answer is_aligned) {
  if (passes == NO || is_aligned == NO) return NO;
  return passes == YES && is_aligned == YES ? YES : UNKNOWN;
}

/* A verdict without a domain is of no check: it was not made in time, or no source is known that it could be made for.
 */
static enum answer spf_answer(struct dmarc_dns *d, enum dmarc_method method, const struct dmarc_facts *f,
                              const char *author, bool strict) {
  enum spf_result r = f->spf->result;
  if (!*f->spf->domain) return UNKNOWN;
  enum answer passes = r == SPF_PASS ? YES : r == SPF_TEMPERROR ? UNKNOWN : NO;
  return passes == NO ? NO : with_alignment(passes, aligned(d, method, author, f->spf->domain, strict));
}

static enum answer key_answer(const struct dmarc_signature *s) {
  return s->key->state == PUBLISHED_MATCHES ? YES : s->key->state == PUBLISHED_UNKNOWN ? UNKNOWN : NO;
}

/* What of the signatures passes, for the warnings. */
struct signed_by {
  enum answer answer;
  bool rsa, in_earnest; /* a key that passes is RSA, is not in test mode */
};

static struct signed_by dkim_answer(struct dmarc_dns *d, enum dmarc_method method, const struct dmarc_facts *f,
                                    const char *author, bool strict) {
  struct signed_by out = {NO, false, false};
  for (size_t i = 0; i < f->signature_count; i++) {
    const struct dmarc_signature *s = &f->signatures[i];
    enum answer one = key_answer(s);
    if (one != NO) one = with_alignment(one, aligned(d, method, author, s->domain, strict));
    if (one == YES) {
      out.rsa |= s->algorithm == KEY_RSA;
      out.in_earnest |= !s->key->testing;
    }
    if (out.answer != YES && one != NO) out.answer = one;
  }
  return out;
}

/* --- the outcome --- */

static enum dmarc_result decide(const struct dmarc_finding *finding, enum answer spf, enum answer dkim) {
  if (finding->found == DMARC_FOUND_TROUBLE) return DMARC_TEMPERROR;
  if (finding->found != DMARC_FOUND) return DMARC_NO_POLICY;
  if (spf == YES || dkim == YES) return DMARC_PASS;
  return spf == UNKNOWN || dkim == UNKNOWN ? DMARC_TEMPERROR : DMARC_FAIL;
}

static struct signed_by predict(struct dmarc_dns *d, enum dmarc_method method, const struct dmarc_facts *f,
                                const char *author, struct dmarc_finding *finding, struct dmarc_outcome *out) {
  dmarc_discover(d, method, author, finding);
  bool applies = finding->found == DMARC_FOUND;
  const struct dmarc_record *record = applies ? &finding->place->record : NULL;
  struct signed_by by = {NO, false, false};
  enum answer spf = NO;
  if (applies) {
    spf = spf_answer(d, method, f, author, record->strict_spf);
    by = dkim_answer(d, method, f, author, record->strict_dkim);
    bytes_copy(bytes_of(finding->place->domain), out->record, sizeof out->record);
  }
  out->result = decide(finding, spf, by.answer);
  out->spf_aligned = spf == YES;
  out->dkim_aligned = by.answer == YES;
  out->published = finding->published;
  out->disposition = out->result == DMARC_FAIL ? finding->effective : DMARC_NONE;
  return by;
}

static unsigned warnings(struct dmarc_dns *d, const char *author, const struct dmarc_prediction *p,
                         const struct signed_by *by) {
  unsigned out = 0;
  const struct dmarc_place *own = dmarc_place(d, author);
  if (p->now.result == DMARC_PASS && p->now.published == DMARC_REJECT && by->answer == NO) out |= DMARC_WARN_SPF_ALONE;
  if (by->answer == YES && !by->in_earnest) out |= DMARC_WARN_TEST_KEY;
  if (by->answer == YES && !by->rsa) out |= DMARC_WARN_ED25519;
  if (own && own->at == DMARC_AT_SEVERAL) out |= DMARC_WARN_SEVERAL;
  if (p->now.result != p->old.result || p->now.disposition != p->old.disposition) out |= DMARC_WARN_OLD_DIFFERS;
  return out;
}

/* What could be published so that it passes by this standard. An SPF record that is broken is not repaired by one more
 * term. */
static struct dmarc_repairable repairable(struct dmarc_dns *d, enum dmarc_method method, const struct dmarc_facts *f,
                                          const char *author, const struct dmarc_record *record, bool fails) {
  struct dmarc_repairable out = {false, NULL};
  for (size_t i = 0; i < f->signature_count && !out.signature; i++)
    if (key_answer(&f->signatures[i]) == NO &&
        aligned(d, method, author, f->signatures[i].domain, record->strict_dkim) == YES)
      out.signature = &f->signatures[i];
  enum spf_result r = f->spf->result;
  out.spf = fails && (r == SPF_FAIL || r == SPF_SOFTFAIL || r == SPF_NEUTRAL || r == SPF_NONE) &&
            aligned(d, method, author, f->spf->domain, record->strict_spf) == YES;
  return out;
}

/* By RFC 9989, or by RFC 7489 where it fails by that alone. */
static struct dmarc_repairable find_repairs(struct dmarc_dns *d, const struct dmarc_facts *f, const char *author,
                                            const struct dmarc_finding *now, const struct dmarc_finding *old,
                                            const struct dmarc_prediction *p) {
  bool fails = p->now.result == DMARC_FAIL;
  if (fails || p->warnings & DMARC_WARN_SPF_ALONE)
    return repairable(d, DMARC_BY_WALK, f, author, &now->place->record, fails);
  if (p->old.result == DMARC_FAIL) return repairable(d, DMARC_BY_SUFFIX, f, author, &old->place->record, true);
  return (struct dmarc_repairable){false, NULL};
}

static uint32_t least_ttl(const struct dmarc_dns *d, const struct dmarc_facts *f) {
  uint32_t out = dmarc_ttl(d);
  if (f->spf->ttl < out) out = f->spf->ttl;
  for (size_t i = 0; i < f->signature_count; i++)
    if (f->signatures[i].key->ttl < out) out = f->signatures[i].key->ttl;
  return out < DMARC_TTL_MIN ? DMARC_TTL_MIN : out;
}

void dmarc_predict_until(const struct dns_source *dns, const struct dmarc_facts *facts, uint64_t deadline_ms,
                         struct dmarc_prediction *out) {
  char author[DOMAIN_MAX + 1];
  struct dmarc_finding now, old;
  memset(out, 0, sizeof *out);
  out->now.result = out->old.result = DMARC_TEMPERROR;
  out->ttl = DMARC_TTL_MIN;
  struct dmarc_dns *d = malloc(sizeof *d);
  if (d && domain_normalize(bytes_of(facts->author), author) == OK) {
    dmarc_dns_init(d, dns, deadline_ms);
    struct signed_by by = predict(d, DMARC_BY_WALK, facts, author, &now, &out->now);
    predict(d, DMARC_BY_SUFFIX, facts, author, &old, &out->old);
    out->warnings = warnings(d, author, out, &by);
    struct dmarc_repairable repair = find_repairs(d, facts, author, &now, &old, out);
    out->ttl = least_ttl(d, facts);
    dmarc_words(facts, author, d, &now, &repair, out);
  } else {
    dmarc_words_unread(facts->author, out);
  }
  free(d);
}
