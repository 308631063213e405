#include "dkim/key_name.h"
#include "policy/spf/rdata.h"
#include "relay/domain/probe.h"
#include "relay/domain/report_parts.h"
#include "relay/domain/txt.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* What one key is compared with. */
struct wanted_key {
  const struct signing_key *key;
  struct key_verdict verdict; /* of the last answer that was not right, else of the last */
  char record[TXT_TEXT_MAX];  /* one that matches */
};

static enum match match_key(void *arg, const struct dns_answer *answer, char found[CHECK_VALUE]) {
  struct wanted_key *w = arg;
  struct key_verdict v;
  struct txt_list list;
  key_judge(answer, w->key->selector, w->key->domain, w->key->algorithm, w->key->public_base64, &v);
  txt_read(answer, NULL, &list);
  txt_show(&list, found, CHECK_VALUE);
  if (v.state == PUBLISHED_MATCHES && list.count) snprintf(w->record, sizeof w->record, "%s", list.texts[0]);
  txt_free(&list);
  if (v.state != PUBLISHED_MATCHES || !*w->verdict.why) w->verdict = v;
  return v.state == PUBLISHED_MATCHES ? MATCH_RIGHT : v.state == PUBLISHED_MISSING ? MATCH_ABSENT : MATCH_WRONG;
}

/* A signature as mail gets it, against what DNS has. */
static void try_signature(struct checking *c, const struct wanted_key *w, struct check_entry *e) {
  struct buffer pem;
  struct reason why = {""};
  if (!c->plan->private_key) return;
  buffer_init_secret(&pem, 64 * 1024);
  int rc = c->plan->private_key(c->plan->arg, w->key->id, &pem, &why);
  if (rc == OK) rc = probe_key(c->domain, w->key->selector, buffer_bytes(&pem), w->record, &why);
  buffer_wipe_free(&pem);
  if (rc == OK)
    report_add_text(e, "a signature that was made with it verifies");
  else
    report_say(e, rc == E_DENIED || rc == E_SYNTAX ? FOUND_WRONG : e->state, true, "a signature was tried: %.300s",
               why.text);
}

/* Asked for at the name where verifiers ask. The entry has the name where it is to be published: of a delegated
 * selector, where the CNAME record leads. */
static void report_key(struct checking *c, const struct domain_record *r) {
  struct wanted_key w = {.key = r->key};
  char name[KEY_NAME_MAX];
  if (key_name(r->key->selector, r->key->domain, name) != OK) return;
  struct check_entry *e = report_add(c, RECORD_DKIM, name, r->type);
  snprintf(e->expected, sizeof e->expected, "%s", r->value);
  report_published(c, e, ns_t_txt, match_key, &w);
  if ((e->state == FOUND_WRONG || e->state == FOUND_MISSING) && *w.verdict.why && w.verdict.state != PUBLISHED_MATCHES)
    snprintf(e->text, sizeof e->text, "%s", w.verdict.why);
  if (w.verdict.testing) report_add_text(e, "with t=y, receivers may treat the mail as unsigned");
  bool signs = r->key->state == KEY_ACTIVE || r->key->state == KEY_WAITING;
  if (signs && (e->state == FOUND_RIGHT || e->state == FOUND_OLD)) try_signature(c, &w, e);
  if (r->key->state == KEY_WAITING) e->hurts = false; /* no mail is signed with it yet */
  snprintf(e->name, sizeof e->name, "%s", r->name);
}

/* --- the CNAME records of a delegated domain --- */

static enum match match_alias(void *arg, const struct dns_answer *answer, char found[CHECK_VALUE]) {
  const char *target = arg;
  char name[NAME_MAX_TEXT + 1] = "";
  if (!answer->count) return MATCH_ABSENT;
  rdata_name(answer->records[0].data, name);
  snprintf(found, CHECK_VALUE, "%s", name);
  return answer->count == 1 && strcasecmp(name, target) == 0 ? MATCH_RIGHT : MATCH_WRONG;
}

/* A key at the end of the CNAME record that verifiers do not find, and should. */
static bool key_hurts(const struct check_report *out, const char *record_name) {
  for (size_t i = 0; i < out->count; i++)
    if (out->entries[i].kind == RECORD_DKIM && strcmp(out->entries[i].name, record_name) == 0)
      return out->entries[i].hurts;
  return false;
}

/* Behind the keys. While none is where it leads, it is for a later rotation: nothing hurts. */
static void report_alias(struct checking *c, const struct domain_record *r) {
  bool hurts = key_hurts(c->out, r->value);
  struct check_entry *e = report_add(c, RECORD_DKIM, r->name, r->type);
  snprintf(e->expected, sizeof e->expected, "%s", r->value);
  report_published(c, e, ns_t_cname, match_alias, r->value);
  bool elsewhere = *e->found && strcasecmp(e->found, r->value) != 0;
  if (e->state == FOUND_RIGHT)
    report_say(e, FOUND_RIGHT, false, "it leads to %.250s", r->value);
  else if (e->state == FOUND_MISSING)
    report_say(e, FOUND_MISSING, true, "there is no CNAME record that leads to %.250s", r->value);
  else if (e->state == FOUND_WRONG && elsewhere)
    report_say(e, FOUND_WRONG, true, "it leads to %.250s instead of %.250s", e->found, r->value);
  e->hurts &= hurts;
}

/* --- all --- */

/* What mail is signed with now is what DMARC rests on. */
static void take_active(struct checking *c, const struct signing_key *k) {
  struct check_report *out = c->out;
  if (k->state != KEY_ACTIVE || out->key_count == SIGNER_KEYS_MAX) return;
  struct check_key *key = &out->keys[out->key_count++];
  snprintf(key->selector, sizeof key->selector, "%s", k->selector);
  key_check(c->dns, k->selector, c->domain, k->algorithm, k->public_base64, c->deadline_ms, &key->published);
}

void report_keys(struct checking *c) {
  for (size_t i = 0; i < c->records.count; i++)
    if (c->records.list[i].kind == RECORD_DKIM && c->records.list[i].key) report_key(c, &c->records.list[i]);
  for (size_t i = 0; i < c->records.count; i++)
    if (c->records.list[i].kind == RECORD_DKIM && !c->records.list[i].key) report_alias(c, &c->records.list[i]);
  for (size_t i = 0; i < c->plan->domain->key_count; i++) take_active(c, &c->plan->domain->keys[i]);
  if (c->out->key_count) return;
  report_say(report_add(c, RECORD_DKIM, c->domain, "TXT"), FOUND_MISSING, true,
             "the domain has no active key: its mail is not signed");
}
