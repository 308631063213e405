/* RDATA and the names of questions, as SPF and DMARC read them: libspf2 trusts what it is given. Pure; any thread. */
#ifndef SENDOFF_POLICY_SPF_RDATA_H
#define SENDOFF_POLICY_SPF_RDATA_H

#include "base/bytes.h"

#define NAME_MAX_TEXT 253 /* RFC 1035 2.3.4, as text without the final dot */

/* The character-strings of a TXT record, put together without spaces between them (RFC 7208 3.3); may hold any octet.
 * OK; E_SYNTAX for RDATA that ends within a string, E_TOO_BIG for more than `size` octets: `*out` is then what could be
 * read. */
int rdata_text(struct bytes rdata, char *room, size_t size, struct bytes *out);
/* A name in wire form, uncompressed; "." for the root. False when it is not well-formed, or no host could have it: a
 * dot, a backslash or an octet that is not printable in a label. */
bool rdata_name(struct bytes rdata, char out[NAME_MAX_TEXT + 1]);
/* The name to ask for: without its final dot, labels dropped from the left until it is short enough (RFC 7208 7.3).
 * A macro may have put spaces into it. False when no DNS name is left of it, so that nothing can be found under it. */
bool question_name(const char *text, char out[NAME_MAX_TEXT + 1]);

#endif
