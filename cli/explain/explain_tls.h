/* Which rules of TLS mail to a recipient would be held to at each next hop now: for `sendoff explain`. As
 * relay/delivery/route/route_policy.c has it, by the same functions. One thread. */
#ifndef SENDOFF_CLI_EXPLAIN_EXPLAIN_TLS_H
#define SENDOFF_CLI_EXPLAIN_EXPLAIN_TLS_H

#include "cli/explain/explain_facts.h"
#include "cli/output/output.h"

/* Blocks on DNS, until `deadline_ms` at most: what was not asked by then is as if DNS had not answered. */
void explain_tls_gather(struct explained *e, const struct config *config, const struct dns_source *dns,
                        uint64_t deadline_ms);

/* `table`: the provider's entry of shaping.conf asks for TLS. */
void explain_tls_print_policy(const struct explained *e);
void explain_tls_print(const struct explained *e, size_t hop, bool table);
json_t *explain_tls_policy_json(const struct explained *e);
json_t *explain_tls_json(const struct explained *e, size_t hop, bool table);
/* Of a message with REQUIRETLS, if that was asked about. */
void explain_tls_print_required(const struct explained *e);
json_t *explain_tls_required_json(const struct explained *e);

#endif
