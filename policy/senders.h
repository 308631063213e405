/* May this account use this address as a sender? Pure; any thread. */
#ifndef SENDOFF_POLICY_SENDERS_H
#define SENDOFF_POLICY_SENDERS_H

#include "base/address/address.h"

/* Patterns: "*" anything; "a@example.com" that mailbox (without case and quotes); "example.com" every
 * mailbox of exactly that domain; "*.example.com" every subdomain. The null path <> is always allowed as a reverse-path
 * (DSNs, MDNs). */
bool sender_allowed(const char *const *patterns, size_t count, const struct address *sender);
/* Not allowed to anybody: an address whose domain is not written as it is read (domain_is_plain). Then `out` has the
 * domain that it means. */
bool sender_misleads(struct bytes address, char out[DOMAIN_MAX + 1]);
/* A pattern as an operator typed it, normalised into `out`; E_SYNTAX. */
int sender_pattern_normalize(const char *typed, char *out, size_t size);
/* The patterns as a list for a reply, "a, b"; those that find no room are "...". `size` >= 4. */
void senders_list(const char *const *patterns, size_t count, char *out, size_t size);
/* Every mailbox of a header From value. OK, E_DENIED with the first address that is not allowed in `offender`, E_SYNTAX
 * when the value cannot be read or holds no mailbox. `*mailboxes`: how many were read. */
int header_from_allowed(const char *const *patterns, size_t count, struct bytes from_value, size_t *mailboxes,
                        char *offender, size_t size);

#endif
