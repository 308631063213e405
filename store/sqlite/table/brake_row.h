/* What the brake keeps of an account, as a row. Private to store/; one thread. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_BRAKE_ROW_H
#define SENDOFF_STORE_SQLITE_TABLE_BRAKE_ROW_H

#include "base/usage/brake.h"
#include "store/brake_view.h"
#include "store/sqlite/sql.h"

/* Zeroes when there is no row. *prints: the fingerprints that the account has on the disk. E_IO: the row is damaged. */
int brake_row_read(struct sql *q, const char *account, struct brake *out, uint64_t *prints);
int brake_row_write(struct sql *q, const char *account, const struct brake *b, uint64_t prints);
/* Those that are being braked, into the view. */
int brake_rows_view(struct sql *q, struct brake_view *view);

/* Lists of numbers as text, for rows: "20419 12 3 ". */
#define BRAKE_LIST_MAX 1400
void brake_days_write(const struct brake *b, char out[BRAKE_LIST_MAX]);
int brake_days_read(const char *text, struct brake *b); /* OK or E_SYNTAX */
void brake_networks_write(const struct brake *b, char out[BRAKE_LIST_MAX]);
int brake_networks_read(const char *text, struct brake *b);

#endif
