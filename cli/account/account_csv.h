/* A list of accounts as CSV: a header line with the names of options of `account add`, and `name` and `password`. One
 * thread. */
#ifndef SENDOFF_CLI_ACCOUNT_ACCOUNT_CSV_H
#define SENDOFF_CLI_ACCOUNT_ACCOUNT_CSV_H

#include "cli/account/account_options.h"
#include "cli/output/csv.h"

#define ACCOUNT_CSV_CELL ((size_t)16 * 1024)

enum account_column { ACCOUNT_COLUMN_NAME, ACCOUNT_COLUMN_PASSWORD, ACCOUNT_COLUMN_OPTION, ACCOUNT_COLUMN_IGNORED };
struct account_columns {
  size_t count;
  struct {
    enum account_column kind;
    char option[32]; /* ACCOUNT_COLUMN_OPTION: its name, without dashes */
  } all[CSV_FIELDS_MAX];
};
/* E_SYNTAX with `why`: a column that is not known, or none with names. */
int account_columns_read(const struct csv_record *header, struct account_columns *out, struct reason *why);

/* The options of a record, as if they had been typed: into `c`, whose values live in `cells` until the next. A cell of
 * an option that can be repeated is a list, parted by blanks, commas or semicolons; an empty one says nothing. `name`
 * and `password` are views. */
int account_record_read(const struct csv_record *r, const struct account_columns *columns, struct cli *c,
                        char cells[ACCOUNT_CSV_CELL], const char **name, const char **password, struct reason *why);

#endif
