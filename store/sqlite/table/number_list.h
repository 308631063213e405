/* Numbers in a text column, each with a blank after it: "20419 12 3 ". Private to store/; pure. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_NUMBER_LIST_H
#define SENDOFF_STORE_SQLITE_TABLE_NUMBER_LIST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NUMBER_TEXT 21 /* of one, with its blank */

/* Returns where the next goes; the writer ends the text. */
char *number_put(char *out, uint64_t n);
/* Moves on past what was read. false: it is not there, or not whole. */
bool number_get(const char **text, uint64_t *out);
bool numbers_get(const char **text, uint64_t *out, size_t count);

#endif
