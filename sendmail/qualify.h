/* Names without a domain in an address list ("root", "Cron <root>"), as programs on one machine write them: each gets
 * the machine's. Only finds them; what an address is, base/address/mailbox.c says. Pure. */
#ifndef SENDOFF_SENDMAIL_QUALIFY_H
#define SENDOFF_SENDMAIL_QUALIFY_H

#include "base/bytes.h"

/* Appends `value` to `out`, with "@domain" behind each name that stands alone for an address, or alone between angle
 * brackets; all else as it is. OK, E_MEMORY, E_TOO_BIG. */
int qualify(struct bytes value, const char *domain, struct buffer *out);

#endif
