/* What warm-up says of mail from each source of the pool to the recipient's site: for `sendoff explain`. One thread. */
#ifndef SENDOFF_CLI_EXPLAIN_EXPLAIN_WARMUP_H
#define SENDOFF_CLI_EXPLAIN_EXPLAIN_WARMUP_H

#include "cli/explain/explain_expected.h"
#include "cli/explain/explain_facts.h"

/* By address; NULL before and after. EXIT_DONE, or a message has been printed; json_decref in any case. */
enum exit_status explain_warmup_read(struct cli *c, const struct explained *e, const struct expected *x, json_t **out);
/* A line, where the source has a plan. */
void explain_warmup_print(const json_t *all, const struct source *s);
/* A new reference; null where it has no plan, or the plan does not count there. */
json_t *explain_warmup_json(const json_t *all, const struct source *s);

#endif
