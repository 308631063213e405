#include "cli/output/name_list.h"

#include <stdio.h>
#include <string.h>

void name_list_add(struct name_list *l, const char *name) {
  if (l->count < NAME_LIST_MAX) snprintf(l->names[l->count], sizeof l->names[0], "%s", name);
  l->count++;
}

const char *name_list_text(const struct name_list *l, char out[NAME_LIST_TEXT]) {
  size_t at = 0, shown = l->count < NAME_LIST_MAX ? l->count : NAME_LIST_MAX;
  out[0] = '\0';
  for (size_t i = 0; i < shown; i++) {
    snprintf(out + at, NAME_LIST_TEXT - at, "%s%s", i ? ", " : "", l->names[i]);
    at += strlen(out + at);
  }
  if (l->count > shown) snprintf(out + at, NAME_LIST_TEXT - at, " and %zu more", l->count - shown);
  return out;
}
