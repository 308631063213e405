#include "base/directory/blocklist.h"

#include <stdio.h>
#include <string.h>

/* The first web address in a text: *len octets; NULL: there is none. */
static const char *find_page(const char *text, size_t *len) {
  const char *at = strstr(text, "https://");
  if (!at) at = strstr(text, "http://");
  if (!at) return NULL;
  *len = strcspn(at, " \t\"'<>");
  while (*len && strchr(".,;:)]", at[*len - 1])) --*len; /* of the sentence around it */
  return at;
}

void blocklist_next(const struct blocklist_note *n, char out[BLOCKLIST_NEXT]) {
  size_t len = 0;
  const char *page = find_page(n->text, &len);
  if (page)
    snprintf(out, BLOCKLIST_NEXT, "find out why and end it, then ask for removal at %.*s", (int)(len < 200 ? len : 200),
             page);
  else
    snprintf(out, BLOCKLIST_NEXT, "find out why and end it, then ask whoever runs %.150s for removal", n->list);
}
