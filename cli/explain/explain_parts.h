/* What the files of `sendoff explain` share: explain.c (the command), explain_history.c, explain_checks.c (what they
 * say), explain_json.c, explain_print.c. For those, and send_test_checks.c. */
#ifndef SENDOFF_CLI_EXPLAIN_EXPLAIN_PARTS_H
#define SENDOFF_CLI_EXPLAIN_EXPLAIN_PARTS_H

#include "cli/explain/explain_expected.h"
#include "cli/explain/explain_facts.h"
#include "cli/explain/explain_tls.h"
#include "cli/explain/explain_warmup.h"
#include "cli/output/output.h"

#define DETAIL_TEXT 1024
#define DELAYS_MAX 1000

/* What became of mail to that domain lately. */
struct explain_history {
  size_t delivered, deferred, bounced, delay_count;
  int64_t delays_us[DELAYS_MAX];
};
/* EXIT_NO: a message has been printed. */
enum exit_status explain_read_history(struct cli *c, const char *domain, struct explain_history *h);
int64_t explain_usual_delay_us(struct explain_history *h); /* the median; 0: nothing was delivered */

/* The first check that refuses, in order; NULL: the mail is taken. */
const struct finding *explain_cause(const struct finding *found);
const char *explain_outcome(const struct finding *found); /* "pass", "would refuse" ... */
const char *explain_mode(const struct finding *found);    /* "enforce", "always" ... */
/* What a check has to say, also when it passes: its numbers, what it rests on. */
void explain_detail(const struct explained *e, const struct finding *found, char out[DETAIL_TEXT]);
/* When a check lets it leave: of a smoothed limit and of the brake. 0: as far as they are concerned, at once. */
int64_t explain_leaves_us(const struct explained *e, const struct finding *found);
/* By the domain's MTA-STS policy, as far as it says anything. */
bool explain_names_host(const struct explained *e, const char *host);

void explain_print_json(const struct explained *e, const struct finding *found, struct explain_history *h,
                        const struct expected *x, const json_t *warmups);
void explain_print(const struct explained *e, const struct finding *found, struct explain_history *h,
                   const struct expected *x, const json_t *warmups);

#endif
