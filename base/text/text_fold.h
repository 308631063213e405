/* Text as it is searched: without case, whatever the script, and with one form for what can be written in several
 * (Unicode's NFKC and case folding, by GLib). Pure; any thread. */
#ifndef SENDOFF_BASE_TEXT_FOLD_H
#define SENDOFF_BASE_TEXT_FOLD_H

#include <stdbool.h>
#include <stddef.h>

/* Folds into `out`, cut to size at the end of a character, NUL-terminated. What is no UTF-8 is folded as ASCII. Returns
 * its length. */
size_t text_fold(const char *text, char *out, size_t size);
/* Both folded. `*` in the pattern stands for any run of characters. `whole`: the pattern is all of the text; else a
 * part of it. */
bool text_matches(const char *text, const char *pattern, bool whole);

#endif
