#include "relay/domain/records_parts.h"

#include "policy/spf/spf.h"
#include "policy/spf/spf_lookups.h"
#include "relay/domain/txt.h"

#include <stdio.h>
#include <string.h>

static void find_spf(struct making *m, struct txt_list *found) {
  *found = (struct txt_list){.status = DNS_FAILED};
  if (!m->plan->dns) return;
  txt_lookup(m->plan->dns, m->domain, spf_is_record, m->plan->deadline_ms, found);
  m->out->merged = found->status != DNS_FAILED;
  if (found->texts[0]) bytes_copy(bytes_of(found->texts[0]), m->out->spf_found, sizeof m->out->spf_found);
  if (!m->out->merged)
    records_note(
        m->out,
        "%s for the TXT records of %.200s: the SPF record here is made without what is there; if there is a v=spf1 "
        "record, add the ip4 and ip6 parts to it",
        dns_failure(found->bogus), m->domain);
}

static void note_lookups(struct making *m) {
  struct spf_lookups lookups;
  if (!m->out->merged) return;
  spf_lookups_count(m->plan->dns, bytes_of(m->out->spf.value), m->plan->deadline_ms, &lookups);
  if (lookups.count > 10)
    records_note(
        m->out,
        "the SPF record of %.200s takes %u DNS lookups with all that it includes, and with more than 10 it counts for "
        "nothing (RFC 7208 4.6.4): take out what is not needed any more",
        m->domain, lookups.count);
}

static void say_spf(const struct spf_merge *merge, bool merged, char out[RECORD_WHY]) {
  static const char what[] = "who may send for the domain";
  switch (merge->state) {
  case SPF_MERGE_NEW:
    snprintf(out, RECORD_WHY, "%s%s", what,
             merged ? "" : "; if a v=spf1 record is there already, add the ip parts to it");
    break;
  case SPF_MERGE_SAME: snprintf(out, RECORD_WHY, "%s; it is there, and has all of it", what); break;
  case SPF_MERGE_ADDED_TO:
    snprintf(out, RECORD_WHY, "%s: in place of the record that is there, with %.200s added", what, merge->added);
    break;
  case SPF_MERGE_SEVERAL:
  case SPF_MERGE_BROKEN: snprintf(out, RECORD_WHY, "%s, in place of what is there", what); break;
  }
  if (!*merge->note) return;
  size_t len = strlen(out);
  snprintf(out + len, RECORD_WHY - len, "; %s", merge->note);
}

/* It may be listed by what the record includes. */
static bool passes(const struct making *m, const struct source *s) {
  struct spf_verdict verdict;
  char path[DOMAIN_MAX + 16];
  snprintf(path, sizeof path, "postmaster@%s", m->domain);
  spf_check_until(m->plan->dns, source_public(s), path, s->helo, m->plan->deadline_ms, &verdict);
  return verdict.result == SPF_PASS;
}

/* The addresses that the record, if there is one that counts, does not let send. */
static size_t choose(const struct making *m, const struct txt_list *found, const char *out[DOMAIN_SOURCES_MAX]) {
  size_t count = 0;
  for (size_t i = 0; i < m->source_count; i++)
    if (found->count != 1 || !passes(m, m->sources[i])) out[count++] = source_public(m->sources[i]);
  return count;
}

int records_add_spf(struct making *m) {
  const char *addresses[DOMAIN_SOURCES_MAX];
  struct bytes records[TXT_KEPT];
  struct txt_list found;
  int rc = OK;
  if (!m->source_count) {
    records_note(
        m->out,
        "SPF: first say where mail leaves from (sendoff source add ADDRESS --helo NAME), then: sendoff domain records "
        "%s",
        m->domain);
    return OK;
  }
  find_spf(m, &found);
  size_t count = choose(m, &found, addresses);
  spf_merge(records, txt_slices(&found, records), addresses, count, &m->out->spf);
  txt_free(&found);
  struct domain_record *r = records_add(m, RECORD_SPF, "TXT", m->out->spf.value, &rc);
  if (!r) return rc;
  snprintf(r->name, sizeof r->name, "%s", m->domain);
  say_spf(&m->out->spf, m->out->merged, r->why);
  note_lookups(m);
  return rc;
}
