/* The rows of the delivery log, written within the transaction of whoever has something to log. Private to store/; one
 * thread at a time. Each returns OK or an error of sql.h. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_EVENTS_H
#define SENDOFF_STORE_SQLITE_TABLE_EVENTS_H

#include "base/mail/event.h"
#include "store/sqlite/sql.h"

int event_insert(struct sql *q, const struct event *e); /* id made when 0 */
/* Raises the count of the event with this ref, and moves it on to now. E_NOT_FOUND: there is none. */
int event_repeat(struct sql *q, const struct event *e);

#endif
