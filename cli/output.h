/* What commands print: a table for people, or one JSON object a line for scripts. One thread. */
#ifndef SENDOFF_CLI_OUTPUT_H
#define SENDOFF_CLI_OUTPUT_H

#include "base/bytes.h"

#include <jansson.h>

/* Prints the object and a newline, and lets go of it. */
void print_json(json_t *object);
/* A string of a stranger as JSON: octets that are not UTF-8 become '?'. NULL is "". */
json_t *json_text(const char *text);
json_t *json_time(int64_t us); /* ISO 8601, or null for 0 */

/* A table whose columns are as wide as they must be. Cells are copied. */
struct table;
#define TABLE_COLUMNS_MAX 16
struct table *table_new(const char *const *titles, size_t columns);
void table_add(struct table *t, const char *const *cells); /* `columns` of them */
void table_print(struct table **t);                        /* prints, frees; nothing when there are no rows */
/* In place: what a terminal could obey, and octets that are not UTF-8, become '?'. */
void text_clean(char *text);
void print_safe(const char *text); /* a clean copy, to standard output */
bool output_is_terminal(void);

#endif
