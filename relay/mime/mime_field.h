/* The header fields that say what a MIME entity is: Content-Type and Content-Transfer-Encoding (RFC 2045 5 and 6).
 * Lenient where mail in use is: parameters that cannot be read are passed over. Pure; any thread. */
#ifndef SENDOFF_RELAY_MIME_MIME_FIELD_H
#define SENDOFF_RELAY_MIME_MIME_FIELD_H

#include "base/bytes.h"

#define MIME_BOUNDARY_MAX 250 /* RFC 2046 5.1.1 says 70, and programs that send more are known */

struct mime_type {
  struct bytes type, subtype; /* as written; empty where there is none to read */
  char boundary[MIME_BOUNDARY_MAX];
  size_t boundary_len; /* 0: none, several, or none that can stand in a line */
};

/* `value` is what stands after the colon, with its folds. */
void mime_type_read(struct bytes value, struct mime_type *out);

/* The parameter so named of Content-Type or Content-Disposition, without its quotes; false: there is none, or it is too
 * long for `out`. */
bool mime_parameter_read(struct bytes value, const char *name, char *out, size_t size);

enum mime_encoding {
  ENCODING_7BIT, /* also for an empty value: it is the default */
  ENCODING_8BIT,
  ENCODING_BINARY,
  ENCODING_QUOTED_PRINTABLE,
  ENCODING_BASE64,
  ENCODING_OTHER
};
enum mime_encoding mime_encoding_read(struct bytes value);

#endif
