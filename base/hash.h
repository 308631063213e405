/* uthash as every file of this program uses it: without memory the item stays out of the table (item->hh.tbl is NULL),
 * and the process goes on. uthash's own default is to call exit(). */
#ifndef SENDOFF_BASE_HASH_H
#define SENDOFF_BASE_HASH_H

#define HASH_NONFATAL_OOM 1
#include <uthash.h>

#endif
