/* What kind of octets a text is made of, and so by which transport it can go (RFC 2045 2.7 to 2.9). Pure; any thread.
 */
#ifndef SENDOFF_RELAY_MIME_OCTETS_H
#define SENDOFF_RELAY_MIME_OCTETS_H

#include "base/bytes.h"

#define TEXT_LINE_MAX 998 /* RFC 5322 2.1.1, RFC 2045 2.7 and 2.8: octets of a line, without CRLF */

struct octets {
  size_t high;    /* octets over 127 */
  size_t escapes; /* octets that quoted-printable cannot write as themselves: over 126, control characters, "=" */
  bool nul, bare_cr, bare_lf, long_line; /* a bare LF does not end a line */
};

/* `text` begins at the beginning of a line. */
void octets_scan(struct bytes text, struct octets *out);
/* Only "binary" describes it: 7bit and 8bit have lines ended by CRLF, of bounded length, without NUL. */
bool octets_binary(const struct octets *o);
/* "7bit" describes `text`: neither binary nor octets over 127. */
bool seven_bit_safe(struct bytes text);

#endif
