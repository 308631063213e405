/* xtext (RFC 3461 4) and utf-8-addr-xtext (RFC 6533 3): text that travels in parameters and reports. Pure; any thread.
 */
#ifndef SENDOFF_RELAY_XTEXT_H
#define SENDOFF_RELAY_XTEXT_H

#include "base/bytes.h"

/* Octets from "!" to "~" without "+" and "=", or "+" and two hexadecimal digits (capitals). */
bool xtext_valid(struct bytes text);
/* Appends what it stands for; octets that no line of a report may hold become "?". `text` is valid. */
int xtext_decode(struct bytes text, struct buffer *out);
/* RFC 6533 3: xtext's octets, "\x{HEX}" for characters, or UTF-8 itself, as far as `raw` allows. */
bool utf8_addr_valid(struct bytes text, bool raw);

#endif
