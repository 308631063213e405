#include "relay/json/json.h"

#include "base/clock.h"
#include "base/text/text.h"

#include <stdlib.h>
#include <string.h>

json_t *json_text(const char *text) {
  json_t *j = json_string(text ? text : "");
  if (j || !text) return j;
  char *copy = strdup(text);
  if (!copy) return NULL;
  text_clean(copy, false);
  j = json_string(copy);
  free(copy);
  return j;
}

json_t *json_time(int64_t us) {
  char text[40];
  if (!us) return json_null();
  clock_format_iso(us, text, sizeof text);
  return json_string(text);
}
