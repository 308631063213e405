/* What commands print: a table for people, or one JSON object a line for scripts. One thread. */
#ifndef SENDOFF_CLI_OUTPUT_H
#define SENDOFF_CLI_OUTPUT_H

#include "base/bytes.h"
#include "relay/json/json.h"

/* Prints the object and a newline, and releases it. */
void print_json(json_t *object);

/* A table whose columns are as wide as they must be. Cells are copied. */
struct table;
#define TABLE_COLUMNS_MAX 16
struct table *table_new(const char *const *titles, size_t columns);
void table_add(struct table *t, const char *const *cells); /* `columns` of them */
void table_print(struct table **t);                        /* prints, frees; nothing when there are no rows */
void print_safe(const char *text);                         /* a clean copy, to standard output */
/* In lines of 80 columns. `column`: where the first has come to; the others begin at `indent`. With `groups`, what
 * stands in brackets stays together. */
void print_wrapped(const char *text, size_t column, size_t indent, bool groups);
bool output_is_terminal(void);

#endif
