/* Mail addresses. Pure functions over slices; no allocation unless said; any thread.
 * RFC 5321 4.1.2 and 4.1.3 (envelope), RFC 6531 3.3 (UTF-8), RFC 5322 3.4 (headers). */
#ifndef SENDOFF_BASE_ADDRESS_H
#define SENDOFF_BASE_ADDRESS_H

#include "base/bytes.h"

#define DOMAIN_MAX 255  /* RFC 5321 4.5.3.1.2 */
#define ADDRESS_MAX 254 /* RFC 5321 4.5.3.1.3 less the angle brackets; of it a local part may be all but a domain */

struct address {
  struct bytes whole;  /* as written, without angle brackets and source route */
  struct bytes local;  /* as written, quotes included */
  struct bytes domain; /* as written; empty for the null path and for a bare "postmaster" */
  bool is_null;        /* <> */
  bool utf8;           /* holds an octet over 127 anywhere: needs SMTPUTF8 */
  bool literal;        /* domain is an address literal, RFC 5321 4.1.3 */
};

/* More lenient than the grammar where mailboxes in use are (RFC 5321 4.5.3.1 wants no arbitrary limits): a local part
 * may be longer than 64 octets, begin or end with a dot and have two side by side; a domain may end with one.
 *
 * Parses a path with its angle brackets at the start of `text`: <>, <local@domain>, <@route:local@domain>,
 * <postmaster>. On OK `*used` is the number of octets read, closing bracket included. E_SYNTAX, or E_TOO_BIG over the
 * limits above. */
int path_parse(struct bytes text, struct address *out, size_t *used);
/* The same for an address without brackets that is the whole of `text` (command line, store); always with a domain. */
int address_parse(struct bytes text, struct address *out);
/* An address without brackets at the start of `text`, ended by white space or the end. */
int bare_path_parse(struct bytes text, struct address *out, size_t *used);
bool domain_valid(struct bytes text); /* LDH labels, "_" too, or U-labels; no literal; at most DOMAIN_MAX */
/* The top label is all digits: no name that DNS could have (RFC 3696 2), but a mistyped or bare IP address. */
bool domain_ends_in_number(struct bytes text);
bool address_literal_valid(struct bytes text); /* "[127.0.0.1]", "[IPv6:::1]" */
/* Whether two local parts name the same mailbox for those who look at senders: without case and quotes. (RFC 5321 2.4
 * leaves both to the receiving host, so what is delivered to stays as it is.) */
bool local_parts_equal(struct bytes a, struct bytes b);
/* The one spelling of all that name the same mailbox in that sense: the local part in lower case, quoted only where it
 * must be, the domain as domain_normalize writes it; an address itself. E_SYNTAX, E_TOO_BIG, E_MEMORY. */
#define ADDRESS_KEY (ADDRESS_MAX + DOMAIN_MAX + 2)
int address_key(struct bytes address, char out[ADDRESS_KEY]);
/* Lower-case ASCII copy of a domain, U-labels turned into A-labels (libidn2), without a last dot; NUL-terminated.
 * E_SYNTAX, E_TOO_BIG, E_MEMORY; then `out` holds nothing of use. */
int domain_normalize(struct bytes domain, char out[DOMAIN_MAX + 1]);

/* A domain beyond ASCII is what it reads as: domain_normalize changes nothing but case in it. False of full-width
 * letters and dots, invisible characters, letters in two code points where one exists (NFC): two readers may see two
 * domains. */
bool domain_is_plain(struct bytes domain);

/* Walks the mailboxes of an RFC 5322 address-list (From, To): display names, comments, quoted strings, groups, folding,
 * obsolete routes. Start with `*at` = 0; returns 1 with the next addr-spec in `out` (views into `value`, or into
 * `scratch`, at least value.len octets, when comments or folding inside the addr-spec had to be taken out), 0 at the
 * end, E_SYNTAX when the rest cannot be read; then the whole value must be refused. What `out` points to lasts until
 * the next call. Stricter than RFC 5322 where readers differ, so that nobody can show them another author: E_SYNTAX
 * also for an "@" outside quotes in a display name (unless it repeats the address), for "=?", "<", ">" or a quoted "@"
 * in a local part, groups in groups, invalid UTF-8, control characters, CR or LF that is no fold. */
int mailbox_next(struct bytes value, size_t *at, struct address *out, char *scratch, size_t scratch_size);

#endif
