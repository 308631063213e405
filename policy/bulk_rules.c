#include "policy/bulk_rules.h"

#include "policy/senders.h"

#include <stdio.h>
#include <string.h>

#define ALL_BUT_ORANGE (ASKED_BY_GMAIL | ASKED_BY_YAHOO | ASKED_BY_MICROSOFT)
#define GMAIL_AND_YAHOO (ASKED_BY_GMAIL | ASKED_BY_YAHOO)

/* Read in November 2026 in the documents named as the origin of the rules below. */
const struct bulk_receiver bulk_receivers[] = {
    {ASKED_BY_GMAIL, "Gmail", 5000}, /* to personal accounts, for one primary domain; from then on permanently */
    {ASKED_BY_YAHOO, "Yahoo", 0},
    {ASKED_BY_MICROSOFT, "Microsoft", 5000}, /* outlook.com, hotmail.com, live.com; for one From domain */
    {ASKED_BY_ORANGE, "Orange", 1000},
};
const size_t bulk_receiver_count = sizeof bulk_receivers / sizeof bulk_receivers[0];

static enum answer answer_of(bool yes) {
  return yes ? ANSWER_YES : ANSWER_NO;
}

/* The signer covers List-Unsubscribe and List-Unsubscribe-Post in every signature that it makes (RFC 8058 4;
 * signed_fields, dkim/signer.c), so that there is one is all that is asked here. */
static enum answer is_signed(const struct facts *f) {
  return answer_of(f->signing_domain != NULL);
}

/* All others fail DMARC (RFC 9989 4.4.1). */
enum answer bulk_from_aligned(const char *signing_domain, struct bytes header_from) {
  char below[DOMAIN_MAX + 3], offender[ADDRESS_MAX + 1];
  size_t count;
  if (!signing_domain) return ANSWER_UNKNOWN; /* said once */
  snprintf(below, sizeof below, "*.%s", signing_domain);
  const char *const domains[] = {signing_domain, below};
  return answer_of(header_from_allowed(domains, 2, header_from, &count, offender, sizeof offender) != E_DENIED);
}

static enum answer is_aligned(const struct facts *f) {
  return f->from_aligned;
}

/* Not judged where DNS was not asked (the check "dmarc" is off), or did not answer. */
static enum answer has_dmarc(const struct facts *f) {
  if (!(f->known & FACT_DMARC) || !f->dmarc || f->dmarc->now.result == DMARC_TEMPERROR) return ANSWER_UNKNOWN;
  return answer_of(f->dmarc->now.result != DMARC_NO_POLICY);
}

static enum answer has_source_name(const struct facts *f) {
  return f->source_confirmed;
}

static enum answer has_unsubscribe(const struct facts *f) {
  return answer_of(f->bulk.unsubscribe);
}

static enum answer has_one_click(const struct facts *f) {
  return answer_of(f->bulk.one_click);
}

static enum answer has_feedback_id(const struct facts *f) {
  return answer_of(f->bulk.feedback_id);
}

#define GOOGLE "Google, Email sender guidelines (support.google.com/a/answer/81126)"
#define YAHOO "Yahoo, Sender best practices (senders.yahooinc.com/best-practices)"
#define MICROSOFT "Microsoft, Outlook's requirements for high-volume senders (May 2025)"

/* Rules of the same receivers stand together: the text names them once. The codes are Gmail's, where it has one; it
 * asks for an unsubscribe without a code of its own. */
const struct bulk_rule bulk_rules[] = {
    {"a DKIM signature", ALL_BUT_ORANGE, "5.7.30", is_signed, GOOGLE "; " YAHOO "; " MICROSOFT ": 550 5.7.515"},
    {"a From that the signing domain is aligned with", ALL_BUT_ORANGE, "5.7.32", is_aligned,
     GOOGLE "; " YAHOO "; " MICROSOFT ": 550 5.7.515"},
    {"a DMARC record", ALL_BUT_ORANGE, "5.7.31", has_dmarc, GOOGLE "; " YAHOO "; " MICROSOFT ": 550 5.7.515"},
    {"a forward-confirmed name of the source", GMAIL_AND_YAHOO, "5.7.25", has_source_name, GOOGLE "; " YAHOO},
    {"List-Unsubscribe with one https URI", GMAIL_AND_YAHOO, "5.7.1", has_unsubscribe, GOOGLE "; " YAHOO "; RFC 8058"},
    {"List-Unsubscribe-Post: List-Unsubscribe=One-Click", GMAIL_AND_YAHOO, "5.7.1", has_one_click,
     GOOGLE "; " YAHOO "; RFC 8058"},
    {"Feedback-ID", ASKED_BY_ORANGE, "5.7.1", has_feedback_id, "Orange, postmaster pages: OFR004_104, OFR004_105"},
};
const size_t bulk_rule_count = sizeof bulk_rules / sizeof bulk_rules[0];

uint64_t bulk_rules_missing(const struct facts *f) {
  uint64_t missing = 0;
  for (size_t i = 0; i < bulk_rule_count; i++)
    if (bulk_rules[i].met(f) == ANSWER_NO) missing |= UINT64_C(1) << i;
  return missing;
}

/* --- in words --- */

/* " for Gmail (5000/day), Yahoo" */
static void receivers_text(unsigned asked_by, char *out, size_t size) {
  size_t at = 0;
  for (size_t i = 0; i < bulk_receiver_count; i++) {
    const struct bulk_receiver *r = &bulk_receivers[i];
    char number[24] = "";
    if (!(r->bit & asked_by)) continue;
    if (r->per_day) snprintf(number, sizeof number, " (%u/day)", r->per_day);
    int n = snprintf(out + at, size - at, "%s%s%s", at ? ", " : " for ", r->name, number);
    if (n > 0 && at + (size_t)n < size) at += (size_t)n;
  }
}

static size_t count_bits(uint64_t bits) {
  size_t n = 0;
  for (; bits; bits &= bits - 1) n++;
  return n;
}

/* The missing rules from *i on that the same receivers ask for, taken out of *missing. */
static void group_text(uint64_t *missing, size_t *i, char *out, size_t size) {
  unsigned asked_by = bulk_rules[*i].asked_by;
  char receivers[120] = "";
  size_t at = 0;
  for (; *i < bulk_rule_count && bulk_rules[*i].asked_by == asked_by; ++*i) {
    if (!(*missing >> *i & 1)) continue;
    *missing &= ~(UINT64_C(1) << *i);
    int n = snprintf(out + at, size - at, "%s%s", at ? ", " : "", bulk_rules[*i].what);
    if (n > 0 && at + (size_t)n < size) at += (size_t)n;
  }
  receivers_text(asked_by, receivers, sizeof receivers);
  if (at) snprintf(out + at, size - at, "%s", receivers);
}

void bulk_rules_text(uint64_t missing, char *out, size_t size) {
  static const size_t tail = sizeof "; and 64 more";
  size_t at = 0;
  out[0] = '\0';
  for (size_t i = 0; i < bulk_rule_count && missing;) {
    uint64_t rest = missing;
    char group[256] = "";
    group_text(&rest, &i, group, sizeof group);
    if (!*group) continue;
    if (at + strlen(group) + 2 + (rest ? tail : 0) >= size) break;
    at += (size_t)snprintf(out + at, size - at, "%s%s", at ? "; " : "", group);
    missing = rest;
  }
  if (missing) snprintf(out + at, size - at, "%s%zu more", at ? "; and " : "", count_bits(missing));
}
