/* A table (libsmartcols), in the width that the terminal has. One thread. */
#ifndef SENDOFF_CLI_OUTPUT_TABLE_H
#define SENDOFF_CLI_OUTPUT_TABLE_H

#include <stddef.h>

struct table;
#define TABLE_COLUMNS_MAX 16
/* What a title ends in says what gives way where there is not enough room (output_width). "+": the column is left out,
 * and its cells follow beneath each row. "~": after that, these are cut, the widest first, with an ellipsis. The others
 * never change, so that what is to be typed again can be copied. */
struct table *table_new(const char *const *titles, size_t columns);
void table_add(struct table *t, const char *const *cells); /* copies `columns` of them */
void table_print(struct table **t);                        /* prints, frees; nothing when there are no rows */

#endif
