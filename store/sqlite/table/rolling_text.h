/* The windows that roll, as the usage row keeps them: for each that has slots "WINDOW COUNT", and for each slot its
 * number (the first, then how much further the next is), messages, recipients and octets. Numbers alone, with a blank
 * between. Private to store/; pure. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_ROLLING_TEXT_H
#define SENDOFF_STORE_SQLITE_TABLE_ROLLING_TEXT_H

#include "base/usage/usage.h"
#include "store/sqlite/table/number_list.h"

#define ROLLING_TEXT_MAX (USAGE_ROLLING * (2 + (ROLLING_SLOTS + 1) * 4) * NUMBER_TEXT + 1)

void rolling_text_write(const struct rolling windows[USAGE_ROLLING], char out[ROLLING_TEXT_MAX]);
/* E_SYNTAX: it is damaged. */
int rolling_text_read(const char *text, struct rolling windows[USAGE_ROLLING]);

#endif
