/* The brake's part of the operations: counts what an account sends and what becomes of it, takes its steps, and writes
 * of each an event. Private to store/; the writer thread, inside its transaction. */
#ifndef SENDOFF_STORE_SQLITE_OPERATION_OPERATION_BRAKE_H
#define SENDOFF_STORE_SQLITE_OPERATION_OPERATION_BRAKE_H

#include "store/sqlite/table/brake_table.h"
#include "store/write.h"

/* What an earlier run that was rolled back has put into the message goes. */
void brake_reset(struct store_accept *a);
/* A message that is about to be kept: counted, and then held, or put off, if its account is to be braked. */
int brake_accept(struct sql *q, struct brake_table *t, struct store_accept *a, int64_t now_us);
/* One recipient has left the queue. */
int brake_outcome(struct brake_table *t, const struct recipient_outcome *o);

#endif
