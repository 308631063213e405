/* Base64 (RFC 4648 4), by nettle. Pure; any thread. */
#ifndef SENDOFF_RELAY_MIME_BASE64_H
#define SENDOFF_RELAY_MIME_BASE64_H

#include "base/bytes.h"

#define BASE64_LENGTH(octets) (((octets) + 2) / 3 * 4)

/* Writes BASE64_LENGTH(data.len) octets, without a NUL. */
void base64_write(struct bytes data, char *out);

#endif
