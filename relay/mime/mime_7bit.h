/* Converts a message to what a next hop without 8BITMIME or BINARYMIME can take: 7-bit MIME (RFC 2045 to 2049; RFC 6152
 * 3 and RFC 3030 3 ask for it). Pure: octets in, octets out; any thread. The whole is walked some times over, so that a
 * large message is work for a thread that may take some tenths of a second.
 *
 * Parts with octets over 127, NUL, bare CR or LF, or lines over 998 octets become quoted-printable (text that is mostly
 * ASCII) or base64 (all else); what they decode to is the same, octet for octet. Parts that fit stay octet for octet,
 * but for a label of "8bit" or "binary" that is no longer needed. A multipart and a message/rfc822 are never encoded,
 * their parts are (RFC 2045 6.4). A preamble or an epilogue that does not fit is left out, and so is white space behind
 * a boundary (RFC 2046 5.1.1: it has no meaning).
 *
 * Raw octets over 127 in a header field are encoded (relay/mime/header_encode.h), and its lines over 998 octets folded,
 * the message's own and those of parts. All other header fields stay octet for octet, and in order.
 * Content-Transfer-Encoding is replaced where it stands, or added at the end; MIME-Version is added to a message that
 * has none and now needs it; Content-Type to a part that has none and holds octets over 127: text/plain in utf-8 if it
 * is that, else in unknown-8bit (RFC 1428 3). DKIM-Signature fields stay too, though those that cover the body are void
 * now: the caller signs anew, and takes out what it made itself. */
#ifndef SENDOFF_RELAY_MIME_MIME_7BIT_H
#define SENDOFF_RELAY_MIME_MIME_7BIT_H

#include "base/bytes.h"
#include "base/result.h"

#define MIME_DEPTH_MAX 32 /* multiparts and messages in each other */

struct mime_source {
  struct bytes prefix;  /* header fields that stand before the content's; may be empty */
  struct bytes content; /* header, empty line, body; CRLF lines, not dot-stuffed */
  bool keep_8bit;       /* octets over 127 may stay in the body: the next hop lacks BINARYMIME only */
  bool fields;          /* with keep_8bit: but not in header fields, the parts' included */
};

/* Why a message cannot be converted. */
enum mime_obstacle {
  MIME_CONVERTIBLE,
  MIME_HEADER,    /* a header field, the message's or a part's, has octets that cannot be encoded */
  MIME_SEALED,    /* multipart/signed or /encrypted: converting what is inside would break it (RFC 1847 2.1) */
  MIME_FRAGMENT,  /* message/partial or message/external-body (RFC 2046 5.2.2.1, 5.2.3) */
  MIME_UNENCODED, /* another message type, which may not be encoded (RFC 2045 6.4) */
  MIME_DEPTH,     /* over MIME_DEPTH_MAX */
  MIME_MALFORMED  /* readers would differ on what is in it */
};
const char *mime_obstacle_text(enum mime_obstacle o);     /* text for a DSN: "it has a signed part, ..." */
const char *mime_obstacle_enhanced(enum mime_obstacle o); /* "5.6.3", or "5.6.9" for a header (RFC 6531 4) */

/* Who takes the result, in this order. Anything but OK ends the conversion, and is what it returns. The views last for
 * the call only. */
struct mime_out {
  int (*field)(void *arg, struct bytes field); /* each field of the message's own header, whole, with its CRLF */
  int (*header_end)(void *arg);                /* once, behind the last of them; the empty line is not emitted */
  int (*body)(void *arg, struct bytes run);    /* what follows the empty line, in runs of any length, never empty */
  void *arg;
};

/* OK; E_DENIED with the obstacle, known before anything is given to `out`; or what `out` returned. A message that needs
 * no conversion comes out as it is. `out` NULL: says only whether it can be done. */
int mime_7bit_convert(const struct mime_source *m, const struct mime_out *out, enum mime_obstacle *why);

#endif
