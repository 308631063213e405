/* gzip (RFC 1952), by zlib: the one user of it. Pure; any thread. */
#ifndef SENDOFF_RELAY_TLS_REPORT_GZIP_H
#define SENDOFF_RELAY_TLS_REPORT_GZIP_H

#include "base/bytes.h"
#include "base/result.h"

/* Appends. OK, E_MEMORY, E_TOO_BIG; on failure `out` is as it was. */
int gzip_add(struct bytes data, struct buffer *out);

#endif
