/* One check under way. Private to report_*.c and check.c. */
#ifndef SENDOFF_RELAY_DOMAIN_REPORT_PARTS_H
#define SENDOFF_RELAY_DOMAIN_REPORT_PARTS_H

#include "relay/domain/check.h"
#include "relay/domain/return_path.h"

struct checking {
  const struct check_plan *plan;
  const struct dns_source *dns;
  const char *domain;
  uint64_t deadline_ms;
  struct authority_plan authority; /* the plan's, with `memory` */
  struct authority_memory memory;
  struct domain_records records; /* what should be there */
  struct return_path_finding back;
  struct check_report *out;
};

/* A new entry; never NULL: one that is not kept when there is no room. */
struct check_entry *report_add(struct checking *c, enum record_kind kind, const char *name, const char *type);
void report_say(struct check_entry *e, enum found_state state, bool hurts, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* ", and " or so between two sentences: appends to the text. */
void report_add_text(struct check_entry *e, const char *format, ...) __attribute__((format(printf, 2, 3)));

enum match { MATCH_RIGHT, MATCH_WRONG, MATCH_ABSENT };
/* What an answer that is no failure has of a record; `found` gets what is there, for a person. */
typedef enum match match_function(void *arg, const struct dns_answer *answer, char found[CHECK_VALUE]);
/* Asks every authoritative server, then the resolver, and fills in state, found, text and hurts (anything but right).
 */
void report_published(struct checking *c, struct check_entry *e, int type, match_function *match, void *arg);

void report_keys(struct checking *c);
void report_spf(struct checking *c);
void report_dmarc(struct checking *c); /* after the two */
void report_names(struct checking *c); /* of the sources' addresses */
void report_return_path(struct checking *c);
void report_mta_sts(struct checking *c); /* after the return path */
void report_tls_rpt(struct checking *c);
void report_bimi(struct checking *c); /* after DMARC */

#endif
