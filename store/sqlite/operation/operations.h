/* The operations' work inside the writer's transaction. Private to store/; the writer thread. Each returns OK, E_LIMIT
 * or E_DENIED (nothing was written), or an error: then the whole transaction is rolled back. An operation may be run
 * again after that, so what it leaves in its own structure is decided by its last run. */
#ifndef SENDOFF_STORE_SQLITE_OPERATION_OPERATIONS_H
#define SENDOFF_STORE_SQLITE_OPERATION_OPERATIONS_H

#include "store/sqlite/sql.h"
#include "store/sqlite/table/brake_table.h"
#include "store/sqlite/table/idempotency_index.h"
#include "store/sqlite/table/suppressions.h"
#include "store/sqlite/table/usage_table.h"
#include "store/write.h"

enum operation {
  OPERATION_ACCEPT = 1,
  OPERATION_OUTCOME,
  OPERATION_NOTE,
  OPERATION_CLOCK,
  OPERATION_SUPPRESSION_FIND,
  OPERATION_SUPPRESSION_NOTICE,
  OPERATION_SOURCE_CHECK,
  OPERATION_SITE_NOTE,
  OPERATION_ROUTE_TOKEN,
  OPERATION_BLOCKLIST_NOTE,
  OPERATION_TLS_COUNTS,
  OPERATION_TLS_REPORT,
  OPERATION_STS_NOTE,
  OPERATION_WARMUP_NOTE,
  OPERATION_WARMUP_RELEASE,
  OPERATION_SITE_LEARNING,
  OPERATION_KEY_STEP,
  OPERATION_KEY_NOTE,
  OPERATION_KEY_ADD,
  OPERATION_DOMAIN_NOTES
};

int operation_accept(struct sql *q, struct usage_table *usage, struct brake_table *brake,
                     struct idempotency_index *index, struct store_accept *a);
int operation_outcome(struct sql *q, struct suppression_view *view, struct brake_table *brake, struct store_outcome *o,
                      bool *remove_file);
int operation_note(struct sql *q, struct store_note *n);
int operation_clock(struct sql *q, struct store_clock *c);
int operation_source_check(struct sql *q, struct store_source_check *c);
int operation_site_note(struct sql *q, struct store_site_note *n);
int operation_site_learning(struct sql *q, struct store_site_learning *l);
int operation_domain_notes(struct sql *q, struct store_domain_notes *n);
int operation_key_step(struct sql *q, struct store_key_step *k);
int operation_key_note(struct sql *q, struct store_key_note *k);
int operation_key_add(struct sql *q, struct store_key_add *k);
int operation_blocklist_note(struct sql *q, struct store_blocklist_note *n);
int operation_tls_counts(struct sql *q, struct store_tls_counts *c);
int operation_tls_report(struct sql *q, struct store_tls_report *r);
int operation_warmup_note(struct sql *q, struct store_warmup_note *n);
int operation_warmup_release(struct sql *q, struct store_warmup_release *r);
int operation_route_token(struct sql *q, struct store_route_token *t);
int operation_sts_note(struct sql *q, struct store_sts_note *n);
int operation_suppression_find(struct sql *q, struct store_suppression_find *f);
/* `noticed`: the last id that the view has. */
int operation_suppression_notice(struct sql *q, struct suppression_view *view, int64_t *noticed,
                                 struct store_suppression_notice *n);

/* --- shared by them and by admin_queue.c --- */
/* `covered`: NULL, or which recipients are left out; not all of them. */
int message_insert(struct sql *q, const struct new_message *m, const bool *covered);
/* Removes the message when it has no recipients left. *gone: it is not in the store (any more); *in_file: it was
 * removed now, and its spool file must go after the commit. */
int message_remove_if_done(struct sql *q, int64_t id, bool *gone, bool *in_file);

#endif
