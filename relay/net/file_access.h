/* Whether this process, as the user that it is now, may read a file; and if not, what is in its way. Any thread. */
#ifndef SENDOFF_RELAY_NET_FILE_ACCESS_H
#define SENDOFF_RELAY_NET_FILE_ACCESS_H

#include "base/result.h"

/* OK; E_DENIED with the reason: which folder is closed or which file, to whom, and what to do for this user; E_IO. */
int file_check_readable(const char *path, struct reason *why);

#endif
