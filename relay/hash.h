/* uthash as this program uses it: running out of memory leaves the item out of the table (item->hh.tbl is NULL) instead
 * of ending the process. */
#ifndef SENDOFF_RELAY_HASH_H
#define SENDOFF_RELAY_HASH_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
