/* A few names, and how many more there are: "blog, shop and 12 more". One thread. */
#ifndef SENDOFF_CLI_OUTPUT_NAME_LIST_H
#define SENDOFF_CLI_OUTPUT_NAME_LIST_H

#include <stddef.h>

#define NAME_LIST_MAX 20
#define NAME_LIST_TEXT (NAME_LIST_MAX * 67 + 40)

struct name_list {
  size_t count; /* of all that were added */
  char names[NAME_LIST_MAX][65];
};
void name_list_add(struct name_list *l, const char *name);
const char *name_list_text(const struct name_list *l, char out[NAME_LIST_TEXT]); /* returns `out` */

#endif
