#include "policy/source_use.h"

static bool rests_on_spf(const struct dmarc_outcome *o) {
  return o->spf_aligned && !o->dkim_aligned && o->published != DMARC_NONE;
}

static bool dmarc_rests_on_spf(const struct facts *f) {
  return f->dmarc && (rests_on_spf(&f->dmarc->now) || rests_on_spf(&f->dmarc->old));
}

bool source_use_rests_on_spf(const struct facts *f) {
  bool record = !f->spf || f->spf->result != SPF_NONE;
  return (record && policy_enforces(f, "spf")) || dmarc_rests_on_spf(f);
}

/* SPF's own check, or DMARC's where SPF alone makes it pass. */
bool source_use_is_bound(const struct facts *f, const struct source_rank *r) {
  if (!*r->preferred) return false;
  if ((r->failing || r->unasked) && policy_enforces(f, "spf")) return true;
  return policy_enforces(f, "dmarc") && dmarc_rests_on_spf(f);
}
