/* A suppression list as CSV: what the columns are called by those who export one, and what is in them. Pure; any
 * thread. */
#ifndef SENDOFF_CLI_DELIVERY_SUPPRESSION_CSV_H
#define SENDOFF_CLI_DELIVERY_SUPPRESSION_CSV_H

#include "base/address/address.h"
#include "base/mail/suppression.h"
#include "cli/output/csv.h"

enum suppression_column {
  COLUMN_ADDRESS,
  COLUMN_REASON,
  COLUMN_DATE,
  COLUMN_EXPIRES,
  COLUMN_ORIGIN,
  COLUMN_CODE,
  COLUMN_ENHANCED,
  COLUMN_TEXT,
  COLUMN_COUNT
};
/* Where each is among a record's fields; CSV_FIELDS_MAX: nowhere. */
struct suppression_columns {
  size_t at[COLUMN_COUNT];
};

/* Of the first record. True: it is a header line; false: it is an entry, and its columns are address, reason, date. */
bool suppression_columns_read(const struct csv_record *first, struct suppression_columns *out);

/* An entry; its strings are the record's, and `key` the address. */
struct suppression_line {
  struct suppression entry; /* added_us: its date, or now; expires_us: 0 */
  char key[ADDRESS_KEY];
  int64_t expires_us; /* as its column says; 0: never */
  bool says_expiry;   /* there is such a column, and something in it */
  bool odd_date;      /* its date cannot be read: taken as now */
};
/* E_SYNTAX, with `why`. */
int suppression_line_read(const struct csv_record *record, const struct suppression_columns *columns, int64_t now_us,
                          struct suppression_line *out, struct reason *why);

/* The header line and an entry as lines, CR LF included, appended. OK, E_MEMORY, E_TOO_BIG. */
int suppression_csv_header(struct buffer *out);
int suppression_csv_write(const struct suppression *s, struct buffer *out);

#endif
