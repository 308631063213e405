/* Completions on their way back to the loops. Private to store/; the public part is in store/store.h. */
#ifndef SENDOFF_STORE_SQLITE_PORT_H
#define SENDOFF_STORE_SQLITE_PORT_H

#include "store/store.h"

/* Writer thread: the operation has run. Without a port nobody waits, and it is freed. */
void port_complete(struct store_op *op);

#endif
