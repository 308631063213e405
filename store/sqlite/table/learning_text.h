/* What was learnt of a site (base/site/site_learning.h) as the columns of a row: lists of counters, in the order of the
 * structure. Private to store/; pure. */
#ifndef SENDOFF_STORE_SQLITE_TABLE_LEARNING_TEXT_H
#define SENDOFF_STORE_SQLITE_TABLE_LEARNING_TEXT_H

#include "base/site/site_learning.h"
#include "store/sqlite/table/number_list.h"

#define LEARNING_LISTS 5                                 /* greylist, delivery, transactions, hours, sizes */
#define LEARNING_TEXT (6 * (2 + 2 * GREYLIST_SLOTS) + 1) /* the longest: five digits and a blank each */

void learning_write(const struct site_learning *l, char out[LEARNING_LISTS][LEARNING_TEXT]);
/* E_SYNTAX: the lists are not this version's, or damaged; `l` is then what it was. */
int learning_read(const char *const lists[LEARNING_LISTS], struct site_learning *l);

#endif
