/* How a domain's list of records is made, part by part. Private to records*.c. */
#ifndef SENDOFF_RELAY_DOMAIN_RECORDS_PARTS_H
#define SENDOFF_RELAY_DOMAIN_RECORDS_PARTS_H

#include "relay/domain/domain_sources.h"
#include "relay/domain/records.h"

struct making {
  const struct records_plan *plan;
  const char *domain;
  struct domain_records *out;
  const struct source *sources[DOMAIN_SOURCES_MAX];
  size_t source_count;
  char zone[ZONE_NAME]; /* the domain's; "": not known */
};

/* NULL: no room, or no memory (*rc). The name and the reason are the caller's to fill in. */
struct domain_record *records_add(struct making *m, enum record_kind kind, const char *type, const char *value,
                                  int *rc);
/* A TXT record at LABEL.DOMAIN that nothing fails without, unless there is one already, or DNS does not say. */
int records_add_optional(struct making *m, enum record_kind kind, const char *label, const char *value,
                         const char *why);
void records_note(struct domain_records *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The zone of a name as its owner knows it; "": not known. */
void records_find_zone(const struct records_plan *plan, const char *name, char out[ZONE_NAME]);

int records_add_spf(struct making *m);
int records_add_dmarc(struct making *m);
int records_add_return_path(struct making *m); /* and what is worth having for a domain that takes mail */
int records_add_names(struct making *m);       /* of the sources' addresses */

#endif
