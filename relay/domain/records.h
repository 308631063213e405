/* The DNS records that a domain should have, so that mail from it is authenticated and what comes back arrives: one
 * list for the command that prints them, the check that compares them, and whoever publishes them. Blocking where DNS
 * is asked: libuv's pool, or a command. */
#ifndef SENDOFF_RELAY_DOMAIN_RECORDS_H
#define SENDOFF_RELAY_DOMAIN_RECORDS_H

#include "base/address/dns_answer.h"
#include "base/directory/directory.h"
#include "base/result.h"
#include "policy/spf/spf_merge.h"
#include "relay/domain/zone.h"

#define DOMAIN_RECORDS_MAX 96
#define RECORD_NAME 512
#define RECORD_WHY 600
#define RECORD_NOTES_MAX 8

enum record_kind {
  RECORD_DKIM,
  RECORD_SPF,
  RECORD_DMARC,
  RECORD_RETURN_PATH,
  RECORD_PTR,
  RECORD_HELO,
  RECORD_MTA_STS,
  RECORD_TLS_RPT,
  RECORD_BIMI
};
const char *record_kind_name(enum record_kind kind); /* "dkim", "return-path" ... */

struct domain_record {
  enum record_kind kind;
  char name[RECORD_NAME]; /* without a final dot */
  const char *type;       /* "TXT"; static */
  char *value;            /* as a web form takes it: of TXT the text in one piece; a host name without a final dot */
  char why[RECORD_WHY];
  bool optional;                 /* nothing fails without it */
  bool elsewhere;                /* whoever runs a source's address or host name publishes it, not the domain's zone */
  char zone[ZONE_NAME];          /* that the name is in; "": not known */
  const struct signing_key *key; /* of RECORD_DKIM, not of its aliases; lives as long as the directory */
  const struct source *source;   /* of RECORD_PTR, RECORD_HELO */
};
struct domain_records {
  size_t count;
  struct domain_record list[DOMAIN_RECORDS_MAX];
  bool cut;                       /* there would be more */
  bool merged;                    /* DNS was asked for what is there already, and answered */
  struct spf_merge spf;           /* how the value of RECORD_SPF came about; of a domain without sources, empty */
  char spf_found[SPF_RECORD_MAX]; /* the record that is there; "" */
  char notes[RECORD_NOTES_MAX][RECORD_WHY]; /* what a person should know besides */
  size_t note_count;
};

struct records_plan {
  const struct directory *directory;
  const struct domain *domain;
  const struct dns_source *dns; /* NULL: DNS is not asked, and nothing is merged */
  uint64_t deadline_ms;         /* clock_monotonic_ms: nothing is asked after it */
};
/* OK or E_MEMORY; `out` is to be freed in any case. */
int domain_records_make(const struct records_plan *plan, struct domain_records *out);
void domain_records_free(struct domain_records *r);
/* Keeps those of keys in that state alone. */
void domain_records_keep(struct domain_records *r, enum key_state state);
/* The record's name as a web form of its zone wants it: without the zone's name, "@" for the zone itself; the whole
 * name when the zone is not known. */
void domain_record_relative(const struct domain_record *r, char out[RECORD_NAME]);

#endif
