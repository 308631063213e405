/* Which header fields a signature covers. Private to dkim/. */
#ifndef SENDOFF_DKIM_SIGNED_FIELDS_H
#define SENDOFF_DKIM_SIGNED_FIELDS_H

#include "base/bytes.h"

/* Names in lower case, ended by NULL, as libopendkim wants them. */
extern const unsigned char *const signed_fields[];
/* Signed once more than they are there, so that nobody can add another (RFC 6376 8.15). */
extern const unsigned char *const oversigned_fields[];

/* The others never reach libopendkim: another's signature that it cannot read, or a name that it does not take, must
 * not keep a message from being signed. `field`: name, colon, value. */
bool field_is_signed(struct bytes field);

#endif
