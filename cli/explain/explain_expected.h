/* When mail is likely to be delivered, by what the gateway has learnt of the site that it goes to: for `sendoff
 * explain`. */
#ifndef SENDOFF_CLI_EXPLAIN_EXPLAIN_EXPECTED_H
#define SENDOFF_CLI_EXPLAIN_EXPLAIN_EXPECTED_H

#include "base/site/site_name.h"
#include "cli/explain/explain_facts.h"
#include "cli/output/output.h"

struct expected {
  char site[SITE_NAME_MAX]; /* "": there is no next hop */
  bool by_host;             /* a host by command, which is a site of its own */
  bool provider_known;      /* the site is one of shaping.conf */
  bool table_tls;           /* which asks for TLS there (require_tls) */
  json_t *rows;             /* site_learning_read's, of the pool's sources */
};

/* EXIT_DONE, or a message has been printed. Then and otherwise expected_clear. */
enum exit_status expected_read(struct cli *c, const struct explained *e, struct expected *out);
void expected_clear(struct expected *x);
void expected_print(const struct expected *x);
json_t *expected_json(const struct expected *x);

#endif
