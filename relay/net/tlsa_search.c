#include "relay/net/tlsa_search.h"

#include "base/bytes.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void end(struct tlsa_search *s, enum dane_status status, struct dane_rules *rules, bool bogus) {
  s->over = true;
  s->found.status = status;
  s->found.rules = rules;
  s->found.bogus = bogus;
}

static void add_base(struct tlsa_search *s, const char *name) {
  bytes_copy(bytes_of(name), s->bases[s->count++], sizeof s->bases[0]);
}

void tlsa_search_begin(struct tlsa_search *s, const struct tlsa_subject *of) {
  bool alias = of->canonical[0] != '\0';
  *s = (struct tlsa_search){.port = of->port, .found.ttl = UINT32_MAX};
  snprintf(s->host, sizeof s->host, "%s", of->host);
  snprintf(s->next_hop, sizeof s->next_hop, "%s", of->next_hop);
  snprintf(s->expanded, sizeof s->expanded, "%s", of->expanded);
  if (of->secure && alias) add_base(s, of->canonical);
  if (of->secure) add_base(s, s->host);
  /* RFC 7672 2.2.2: where not all of the way to the addresses is signed, its beginning may be. Without an alias there
   * is no candidate, and no question: some servers do not even answer for an unsigned host (2.1.2). */
  s->alias_open = !of->secure && alias;
}

bool tlsa_search_question(struct tlsa_search *s, const char **name, int *type) {
  if (s->over) return false;
  *name = s->alias_open ? s->host : s->name;
  *type = s->alias_open ? ns_t_cname : TLSA_TYPE;
  if (s->alias_open) return true;
  while (s->at < s->count && !tlsa_name(s->bases[s->at], s->port, s->name)) s->at++; /* too long to have any */
  if (s->at == s->count) end(s, DANE_NONE, NULL, false);
  return !s->over;
}

static void take_records(struct tlsa_search *s, const struct dns_answer *answer) {
  struct tlsa_set *records = tlsa_set_read(answer);
  if (records && records->cut && !records->count) { /* whom it may be is not known, so nobody is it */
    free(records);
    records = NULL;
  }
  const struct dane_names names = {s->bases[s->at], s->next_hop, s->expanded};
  struct dane_rules *rules = records ? dane_rules_new(records, &names) : NULL;
  end(s, rules ? DANE_FOUND : DANE_FAILED, rules, false);
}

void tlsa_search_take(struct tlsa_search *s, const struct dns_answer *answer) {
  bool counts = answer->status == DNS_FOUND && answer->secure;
  if (answer->status != DNS_FAILED && answer->ttl < s->found.ttl) s->found.ttl = answer->ttl;
  if (answer->status == DNS_FAILED) {
    /* RFC 7672 2.1.2: that the question fails may be somebody's doing, who would have us do without the records. */
    end(s, DANE_FAILED, NULL, answer->bogus);
  } else if (s->alias_open) {
    s->alias_open = false;
    if (counts) add_base(s, s->host);
  } else if (counts) {
    take_records(s, answer);
  } else { /* denied; or of a zone that is not signed, which says nothing (RFC 7672 2.2) */
    s->at++;
  }
}

void tlsa_search_run(const struct dns_source *dns, const struct tlsa_subject *of, struct dane_finding *out) {
  struct tlsa_search s;
  struct dns_answer answer;
  const char *name;
  int type;
  tlsa_search_begin(&s, of);
  while (tlsa_search_question(&s, &name, &type)) {
    dns->lookup(dns->arg, name, type, &answer);
    tlsa_search_take(&s, &answer);
    dns->release(dns->arg, &answer);
  }
  *out = s.found;
}
