#include "policy/dmarc/dmarc_words.h"

#include "base/text/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void __attribute__((format(printf, 2, 3))) add(struct dmarc_prediction *p, const char *format, ...) {
  size_t used = strlen(p->why);
  va_list args;
  va_start(args, format);
  vsnprintf(p->why + used, sizeof p->why - used, format, args);
  va_end(args);
}

/* --- why --- */

static void add_spf(struct dmarc_prediction *p, const struct dmarc_facts *f, const char *author) {
  if (f->spf->result == SPF_PASS)
    add(p, "SPF passes for %.80s, which is not aligned with %.80s", f->spf->domain, author);
  else
    add(p, "SPF: %.160s", f->spf->why);
}

static void add_dkim(struct dmarc_prediction *p, const struct dmarc_facts *f, const char *author) {
  if (!f->signature_count) {
    add(p, "no DKIM key for %.80s", author);
    return;
  }
  const struct dmarc_signature *s = &f->signatures[0];
  if (s->key->state == PUBLISHED_MATCHES)
    add(p, "the DKIM signature's d=%.80s is not aligned with %.80s", s->domain, author);
  else
    add(p, "DKIM: %.160s", s->key->why);
}

static void add_found(struct dmarc_prediction *p, const struct dmarc_finding *finding) {
  add(p, "%.100s publishes %s=%s%s", p->now.record, finding->tag, dmarc_policy_name(finding->published),
      finding->effective != finding->published ? " with t=y" : "");
}

/* Where no question about DMARC failed, one about SPF or a key did. */
static void add_failure(struct dmarc_prediction *p, const struct dmarc_facts *f, const struct dmarc_dns *asked) {
  if (*asked->failed) {
    add(p, "%s for %.100s", dns_failure(asked->failed_bogus), asked->failed);
    return;
  }
  if (!*f->spf->domain && *f->spf->why) { /* it was not asked */
    add(p, "SPF: %.160s", f->spf->why);
    return;
  }
  if (f->spf->result == SPF_TEMPERROR) {
    add(p, "%.160s", f->spf->why);
    return;
  }
  for (size_t i = 0; i < f->signature_count; i++)
    if (f->signatures[i].key->state == PUBLISHED_UNKNOWN) {
      add(p, "%.160s", f->signatures[i].key->why);
      return;
    }
  add(p, "%s", dns_failure(false)); /* there was no time, or no question left, to ask */
}

static void add_now(struct dmarc_prediction *p, const struct dmarc_facts *f, const char *author,
                    const struct dmarc_dns *asked, const struct dmarc_finding *finding) {
  switch (p->now.result) {
  case DMARC_PASS:
    add_found(p, finding);
    add(p, " and this mail passes it by %s",
        p->now.spf_aligned && p->now.dkim_aligned ? "SPF and DKIM"
        : p->now.dkim_aligned                     ? "DKIM"
                                                  : "SPF");
    break;
  case DMARC_FAIL:
    add_found(p, finding);
    add(p, " and this mail would fail it: ");
    add_spf(p, f, author);
    add(p, "; ");
    add_dkim(p, f, author);
    break;
  case DMARC_TEMPERROR:
    add(p, "whether this mail would pass the DMARC policy of %.100s is not known: ", author);
    add_failure(p, f, asked);
    break;
  case DMARC_NO_POLICY:
    if (finding->found == DMARC_FOUND_UNUSABLE)
      add(p, "the DMARC record of %.100s has no policy that can be read", finding->place->domain);
    else
      add(p, "no DMARC record applies to %.100s", author);
    break;
  }
}

static void add_old(struct dmarc_prediction *p) {
  const struct dmarc_outcome *o = &p->old;
  if (o->result == DMARC_FAIL)
    add(p, "; receivers that follow RFC 7489 find: fail, %.100s, disposition %s", o->record,
        dmarc_policy_name(o->disposition));
  else
    add(p, "; receivers that follow RFC 7489 find: %s", dmarc_result_name(o->result));
}

static void add_warnings(struct dmarc_prediction *p) {
  if (p->warnings & DMARC_WARN_SEVERAL) add(p, "; there are several DMARC records at the domain, so none counts");
  if (p->warnings & DMARC_WARN_OLD_DIFFERS) add_old(p);
  if (p->warnings & DMARC_WARN_SPF_ALONE)
    add(p, "; with p=reject mail must be signed with DKIM, because SPF alone fails when mail is forwarded");
  if (p->warnings & DMARC_WARN_TEST_KEY) add(p, "; the DKIM key is published with t=y: take it away");
  if (p->warnings & DMARC_WARN_ED25519) add(p, "; many receivers do not know Ed25519: sign with an RSA key, too");
}

/* --- repairs --- */

static struct dmarc_repair *next_repair(struct dmarc_prediction *p) {
  return p->repair_count < DMARC_REPAIRS_MAX ? &p->repairs[p->repair_count++] : NULL;
}

static void repair_dkim(struct dmarc_prediction *p, const struct dmarc_signature *s) {
  struct dmarc_repair *out = s ? next_repair(p) : NULL;
  if (!out) return;
  bytes_copy(bytes_of(s->key->name), out->name, sizeof out->name);
  snprintf(out->value, sizeof out->value, "v=DKIM1; k=%s; p=%s", key_algorithm_name(s->algorithm), s->public_base64);
}

static void repair_spf(struct dmarc_prediction *p, const struct spf_verdict *spf) {
  struct dmarc_repair *out = next_repair(p);
  if (!out) return;
  int family = strchr(spf->source, ':') ? 6 : 4;
  bytes_copy(bytes_of(spf->domain), out->name, sizeof out->name);
  out->add = spf->result != SPF_NONE;
  snprintf(out->value, sizeof out->value, out->add ? "ip%d:%s" : "v=spf1 ip%d:%s -all", family, spf->source);
}

static void repair_policy(struct dmarc_prediction *p, const char *domain) {
  struct dmarc_repair *out = next_repair(p);
  if (!out) return;
  snprintf(out->name, sizeof out->name, "_dmarc.%.255s", domain);
  snprintf(out->value, sizeof out->value, "v=DMARC1; p=none");
}

void dmarc_words(const struct dmarc_facts *facts, const char *author, const struct dmarc_dns *asked,
                 const struct dmarc_finding *finding, const struct dmarc_repairable *repairable,
                 struct dmarc_prediction *out) {
  add_now(out, facts, author, asked, finding);
  add_warnings(out);
  text_clean(out->why, true); /* what others publish is in it */
  if (out->now.result == DMARC_NO_POLICY) repair_policy(out, finding->place ? finding->place->domain : author);
  repair_dkim(out, repairable->signature);
  if (repairable->spf) repair_spf(out, facts->spf);
}

void dmarc_words_unread(const char *author, struct dmarc_prediction *out) {
  add(out, "DMARC of %.100s could not be looked up", author);
  text_clean(out->why, true);
}
