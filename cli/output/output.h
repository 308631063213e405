/* What commands print: a table for people, or one JSON object a line for scripts. One thread. */
#ifndef SENDOFF_CLI_OUTPUT_OUTPUT_H
#define SENDOFF_CLI_OUTPUT_OUTPUT_H

#include "base/bytes.h"
#include "relay/json/json.h"

/* Prints the object and a newline, and releases it. */
void print_json(json_t *object);

void print_safe(const char *text); /* a clean copy, to standard output */
/* In lines of 80 columns. `column`: where the first has come to; the others begin at `indent`. With `groups`, what
 * stands in brackets stays together. */
void print_wrapped(const char *text, size_t column, size_t indent, bool groups);
/* In lines that end where output_width says; in one, with its end of line, for a program. */
void print_fitted(const char *text, size_t column, size_t indent);
void print_led(const char *lead, const char *text); /* the same; each line begins with `lead`, as a comment */
/* Has all that was printed left? `why`: NULL, or what kept it. */
bool output_is_whole(const char **why);
bool output_is_terminal(void);
/* Where lines are to end: COLUMNS if it is set, else the terminal's edge. 0: nowhere, a program reads it. */
size_t output_width(void);
bool output_is_colored(void); /* on a terminal that knows colours, unless NO_COLOR is set */

#endif
