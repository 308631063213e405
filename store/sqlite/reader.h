/* The reader's insides, shared by the files of the reading side. Private to store/. */
#ifndef SENDOFF_STORE_SQLITE_READER_H
#define SENDOFF_STORE_SQLITE_READER_H

#include "store/read.h"
#include "store/sqlite/renewable.h"

struct reader {
  struct renewable at;
};

/* Around each use; a use that fails for the database's own trouble gets a new connection the next time. */
int reader_begin(struct reader *r, struct reason *why);
int reader_end(struct reader *r, int rc); /* returns rc */

/* A pattern (read.h) as one for LIKE ... ESCAPE '\': malloc'd. NULL without memory. */
char *pattern_to_like(const char *pattern);

typedef bool queue_row(void *arg, const struct envelope *m, const struct queued_recipient *rcpt);

/* reader_queue on any connection: messages from that id on, and of them recipients up to the id `until`. `kept`: the
 * domains of f->site are those of the last queue_keep_site on this connection, and are not looked for anew, for which
 * all of the queue is read. */
int queue_rows(struct sql *q, const struct queue_filter *f, bool kept, int64_t from, int64_t until, queue_row *row,
               void *arg);
int queue_keep_site(struct sql *q, const char *site); /* of a connection that may write */

#endif
