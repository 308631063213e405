/* Where spool files are, for the files of this folder. Private to store/. */
#ifndef SENDOFF_STORE_SQLITE_SPOOL_LAYOUT_H
#define SENDOFF_STORE_SQLITE_SPOOL_LAYOUT_H

#include "base/result.h"

#include <stdint.h>

void spool_folder(int64_t id, char out[3]); /* XX of spool.h */
int spool_sync_folder(const char *path, struct reason *why);

#endif
