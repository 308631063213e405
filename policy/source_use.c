#include "policy/source_use.h"

static bool rests_on_spf(const struct dmarc_outcome *o) {
  return o->spf_aligned && !o->dkim_aligned && o->published != DMARC_NONE;
}

/* SPF's own check, or DMARC's where SPF alone makes it pass. */
bool source_use_is_bound(const struct facts *f, const struct source_rank *r) {
  if (!*r->preferred) return false;
  if ((r->failing || r->unasked) && policy_enforces(f, "spf")) return true;
  if (!f->dmarc || !policy_enforces(f, "dmarc")) return false;
  return rests_on_spf(&f->dmarc->now) || rests_on_spf(&f->dmarc->old);
}
