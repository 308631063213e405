#include "policy/dmarc/dmarc_dns.h"

#include "base/clock.h"
#include "policy/spf/rdata.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>

void dmarc_dns_init(struct dmarc_dns *d, const struct dns_source *source, uint64_t deadline_ms) {
  memset(d, 0, sizeof *d);
  d->source = source;
  d->deadline_ms = deadline_ms;
  d->ttl = DMARC_TTL_MAX;
}

uint32_t dmarc_ttl(const struct dmarc_dns *d) {
  return d->failed[0] || d->ttl < DMARC_TTL_MIN ? DMARC_TTL_MIN : d->ttl;
}

void dmarc_ask(struct dmarc_dns *d, const char *name, int type, struct dns_answer *out) {
  char question[NAME_MAX_TEXT + 1];
  *out = (struct dns_answer){.status = DNS_NXDOMAIN, .ttl = DMARC_TTL_MAX};
  if (strlen(name) > NAME_MAX_TEXT || !question_name(name, question)) return;
  out->status = DNS_FAILED;
  if (d->asked < DMARC_QUESTIONS_MAX && clock_monotonic_ms() < d->deadline_ms) {
    d->asked++;
    d->source->lookup(d->source->arg, question, type, out);
  }
  if (out->status != DNS_FAILED) {
    if (out->ttl < d->ttl) d->ttl = out->ttl;
  } else if (!d->failed[0]) {
    bytes_copy(bytes_of(question), d->failed, sizeof d->failed);
    d->failed_bogus = out->bogus;
  }
}

void dmarc_done(struct dmarc_dns *d, struct dns_answer *answer) {
  if (answer->records || answer->owner) d->source->release(d->source->arg, answer);
}

/* RFC 9989 4.10 steps 2 and 6: of several, none counts. A TXT record that ends within a string, or is longer
 * than anybody reads, is no record. */
static void read_answer(const struct dns_answer *answer, struct dmarc_place *out) {
  char room[DMARC_RECORD_MAX];
  unsigned found = 0;
  for (size_t i = 0; i < answer->count && found < 2; i++) {
    struct bytes text;
    if (rdata_text(answer->records[i].data, room, sizeof room, &text) != OK || !dmarc_is_record(text)) continue;
    if (found++) continue;
    dmarc_record_read(text, &out->record);
    bytes_copy(text, out->text, sizeof out->text);
  }
  out->at = found == 0 ? DMARC_AT_NONE : found == 1 ? DMARC_AT_ONE : DMARC_AT_SEVERAL;
}

const struct dmarc_place *dmarc_place(struct dmarc_dns *d, const char *domain) {
  struct dns_answer answer;
  char name[DOMAIN_MAX + 16];
  for (size_t i = 0; i < d->count; i++)
    if (strcmp(d->places[i].domain, domain) == 0) return &d->places[i];
  if (d->count == DMARC_QUESTIONS_MAX) return NULL;
  struct dmarc_place *out = &d->places[d->count++];
  bytes_copy(bytes_of(domain), out->domain, sizeof out->domain);
  snprintf(name, sizeof name, "_dmarc.%s", domain);
  dmarc_ask(d, name, ns_t_txt, &answer);
  out->exists = answer.status == DNS_FOUND || answer.status == DNS_NODATA;
  read_answer(&answer, out);
  if (answer.status == DNS_FAILED) out->at = DMARC_AT_FAILED;
  dmarc_done(d, &answer);
  return out;
}

int dmarc_exists(struct dmarc_dns *d, const char *domain) {
  struct dns_answer answer;
  for (size_t i = 0; i < d->count; i++)
    if (d->places[i].exists && strcmp(d->places[i].domain, domain) == 0) return OK;
  dmarc_ask(d, domain, ns_t_a, &answer);
  enum dns_status status = answer.status;
  dmarc_done(d, &answer);
  return status == DNS_FAILED ? E_TEMPORARY : status == DNS_NXDOMAIN ? E_NOT_FOUND : OK;
}
