/* A file that a command takes in whole. One thread. */
#ifndef SENDOFF_CLI_INPUT_SMALL_FILE_H
#define SENDOFF_CLI_INPUT_SMALL_FILE_H

#include "base/bytes.h"
#include "base/result.h"

#include <stdbool.h>

/* A regular file of `most` octets at most, appended to `out`, whose own bound is 4096 octets above that at least. Never
 * waits, as a FIFO would have it do. `for_us_alone`: refused where others may read or write it. E_NOT_FOUND: there is
 * none; E_TOO_BIG, E_IO, E_MEMORY. The reason begins with the path. */
int small_file_read(const char *path, size_t most, bool for_us_alone, struct buffer *out, struct reason *why);

#endif
