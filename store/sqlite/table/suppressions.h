/* The suppression lists and the bounces that lead to them, as rows. Private to store/; inside the caller's transaction.
 */
#ifndef SENDOFF_STORE_SQLITE_TABLE_SUPPRESSIONS_H
#define SENDOFF_STORE_SQLITE_TABLE_SUPPRESSIONS_H

#include "base/mail/suppression.h"
#include "store/sqlite/sql.h"
#include "store/suppression_view.h"

#define SUPPRESSION_BOUNCES_MAX 500000 /* of all accounts; beyond, the oldest is forgotten, and counts for nothing */

/* The entry that holds at `now_us` for mail of this account, of its own list or everybody's; of two the longer. 1: its
 * strings live until the statement's next use (sqlite3_reset it, `*row`); 0: none; or an error. */
int suppression_read(struct sql *q, const char *account, const char *key, int64_t now_us, struct suppression *out,
                     sqlite3_stmt **row);
/* A row of all columns in the order of SUPPRESSION_COLUMNS. */
#define SUPPRESSION_COLUMNS "account, address, origin, reason, code, enhanced, text, message_id, added_us, expires_us"
struct suppression suppression_row(sqlite3_stmt *s);

enum suppression_put {
  SUPPRESSION_ADDED,
  SUPPRESSION_KEPT,   /* what is there lasts as long */
  SUPPRESSION_NO_ROOM /* the list, or all of them, are full */
};
/* Replaces an entry that is there: always, or (`longer`) when the new one lasts longer. */
int suppression_put(struct sql *q, const struct suppression *s, bool longer, int64_t now_us,
                    enum suppression_put *done);
/* *removed: there was one. Its bounces are forgotten, too. */
int suppression_remove(struct sql *q, const char *account, const char *key, bool *removed);

/* A bounce of now. With `after` hard ones within a week its address is put on the account's list for `for_us` (0: for
 * ever), as `s` says; *added: it was not there. */
int suppression_bounce(struct sql *q, const struct suppression *s, enum bounce bounce, unsigned after, bool *added,
                       uint64_t *hard);
int suppression_counts(struct sql *q, const char *account, const char *key, int64_t now_us, struct bounce_counts *out);

/* Puts up to `most` entries with an id above *last into the view; *last moves on. *more: there may be others. */
int suppression_load(struct sql *q, struct suppression_view *view, int64_t *last, int most, bool *more);
int suppression_count(struct sql *q, uint64_t *all);
/* Removes what has expired, what belongs to no account any more, and bounces of more than a week ago, `most` of each at
 * most. */
int suppression_purge(struct sql *q, int64_t now_us, int most, bool *more);

#endif
