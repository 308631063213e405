#include "relay/domain/report_parts.h"
#include "relay/domain/txt.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>

static void predict(struct checking *c) {
  struct dmarc_signature signatures[SIGNER_KEYS_MAX];
  size_t count = 0;
  for (size_t i = 0; i < c->plan->domain->key_count && count < c->out->key_count; i++) {
    const struct signing_key *k = &c->plan->domain->keys[i];
    if (k->state != KEY_ACTIVE) continue;
    signatures[count] = (struct dmarc_signature){c->domain, k->selector, k->algorithm, k->public_base64,
                                                 &c->out->keys[count].published};
    count++;
  }
  const struct dmarc_facts facts = {
      .author = c->domain, .spf = &c->out->best, .signatures = signatures, .signature_count = count};
  dmarc_predict_until(c->dns, &facts, c->deadline_ms, &c->out->dmarc);
}

static bool is_dmarc(struct bytes text) {
  return dmarc_is_record(text);
}

/* Whatever one record says is the owner's to decide; but all say the same. `arg`: what the first of them said. */
static enum match match_dmarc(void *arg, const struct dns_answer *answer, char found[CHECK_VALUE]) {
  char *first = arg;
  struct txt_list list;
  txt_read(answer, is_dmarc, &list);
  txt_show(&list, found, CHECK_VALUE);
  if (list.count == 1 && !*first) snprintf(first, TXT_TEXT_MAX, "%s", list.texts[0]);
  enum match m = !list.count                                            ? MATCH_ABSENT
                 : list.count == 1 && strcmp(list.texts[0], first) == 0 ? MATCH_RIGHT
                                                                        : MATCH_WRONG;
  txt_free(&list);
  return m;
}

static const struct domain_record *expected_record(const struct checking *c) {
  for (size_t i = 0; i < c->records.count; i++)
    if (c->records.list[i].kind == RECORD_DMARC) return &c->records.list[i];
  return NULL;
}

static bool passes(const struct dmarc_prediction *p) {
  return p->now.result == DMARC_PASS && p->old.result == DMARC_PASS;
}

/* The record is there, or a parent's applies: what becomes of mail. */
static void say_prediction(struct checking *c, struct check_entry *e) {
  const struct dmarc_prediction *p = &c->out->dmarc;
  bool unknown = p->now.result == DMARC_TEMPERROR || p->old.result == DMARC_TEMPERROR;
  if (passes(p))
    report_say(e, e->state, e->hurts, "%.500s", p->why);
  else
    report_say(e, unknown ? FOUND_UNKNOWN : FOUND_WRONG, !unknown, "%.500s", p->why);
}

void report_dmarc(struct checking *c) {
  const struct domain_record *r = expected_record(c);
  char name[RECORD_NAME], first[TXT_TEXT_MAX] = "";
  predict(c);
  snprintf(name, sizeof name, "_dmarc.%s", c->domain);
  struct check_entry *e = report_add(c, RECORD_DMARC, name, "TXT");
  if (r) {
    snprintf(e->expected, sizeof e->expected, "%s", r->value);
    report_published(c, e, ns_t_txt, match_dmarc, first);
    if (e->state == FOUND_OLD) e->hurts = !passes(&c->out->dmarc);
  }
  if (e->state == FOUND_RIGHT) say_prediction(c, e);
  if (e->state == FOUND_MISSING) report_say(e, FOUND_MISSING, true, "%.500s", c->out->dmarc.why);
}
