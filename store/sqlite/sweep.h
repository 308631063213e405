/* Start-up: files whose message is not in the store (a crash between the file and its row, or between the row's end and
 * the file's) are removed. Private to store/. */
#ifndef SENDOFF_STORE_SQLITE_SWEEP_H
#define SENDOFF_STORE_SQLITE_SWEEP_H

#include "store/sqlite/sql.h"

int sweep_spool(struct sql *q, const char *data_dir, struct reason *why); /* before the writer starts */

#endif
