/* Texts of strangers, made fit to be shown. Any thread. */
#ifndef SENDOFF_BASE_TEXT_H
#define SENDOFF_BASE_TEXT_H

#include <stdbool.h>

/* In place: octets that are not UTF-8 and, with `controls`, what a terminal could obey (C0, DEL, C1, and
 * what turns the direction of a text), become '?'. */
void text_clean(char *text, bool controls);

/* No C0 control character and no DEL: nothing in it can end a line. */
bool text_has_no_controls(const char *text);

#endif
