/* Finds what a header has of that which receivers ask bulk mail for. Pure. */
#ifndef SENDOFF_RELAY_MIME_BULK_FIELDS_H
#define SENDOFF_RELAY_MIME_BULK_FIELDS_H

#include "base/bytes.h"
#include "base/mail/bulk_fields.h"

/* `block` is the header without the empty line. */
void bulk_fields_find(struct bytes block, struct bulk_fields *out);

#endif
