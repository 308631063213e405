#include "relay/tls_report/gzip.h"

#include <limits.h>
#include <zlib.h>

#define GZIP_WINDOW (MAX_WBITS + 16) /* zlib's way to ask for gzip's header */
#define GZIP_MEMORY 8                /* zlib's default */

int gzip_add(struct bytes data, struct buffer *out) {
  z_stream z = {0};
  if (data.len > UINT_MAX / 2) return E_TOO_BIG;
  if (deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY, Z_DEFAULT_STRATEGY) != Z_OK)
    return E_MEMORY;
  uLong bound = deflateBound(&z, data.len);
  int rc = buffer_reserve(out, bound);
  if (rc == OK) {
    z.next_in = (Bytef *)(uintptr_t)data.at;
    z.avail_in = (uInt)data.len;
    z.next_out = (Bytef *)out->at + out->len;
    z.avail_out = (uInt)bound;
    rc = deflate(&z, Z_FINISH) == Z_STREAM_END ? OK : E_MEMORY;
    if (rc == OK) out->len += z.total_out;
  }
  deflateEnd(&z);
  return rc;
}
