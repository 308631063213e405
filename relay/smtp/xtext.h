/* xtext (RFC 3461 4) and utf-8-addr-xtext (RFC 6533 3): text that travels in parameters and reports. Pure; any thread.
 */
#ifndef SENDOFF_RELAY_SMTP_XTEXT_H
#define SENDOFF_RELAY_SMTP_XTEXT_H

#include "base/bytes.h"

/* Octets from "!" to "~" without "+" and "=", or "+" and two hexadecimal digits (capitals). */
bool xtext_valid(struct bytes text);
/* Appends what it stands for; octets that no line of a report may hold become "?". `text` is valid. */
int xtext_decode(struct bytes text, struct buffer *out);
/* Appends `text` as xtext. OK, E_MEMORY, E_TOO_BIG, as all that follow. */
int xtext_encode(struct bytes text, struct buffer *out);
/* RFC 6533 3: xtext's octets, "\x{HEX}" for characters, or UTF-8 itself, as far as `raw` allows. */
bool utf8_addr_valid(struct bytes text, bool raw);
/* Appends an address in that form; with `raw`, characters beyond ASCII stay as they are. */
int utf8_addr_encode(struct bytes address, bool raw, struct buffer *out);
/* Appends what is in that form already with its characters beyond ASCII, if any, written as "\x{HEX}". */
int utf8_addr_to_ascii(struct bytes text, struct buffer *out);

#endif
