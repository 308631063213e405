#include "base/mail/suppression.h"

#include "base/result.h"

#include <string.h>

static const char *const names[SUPPRESSION_ORIGIN_COUNT] = {"bounce", "complaint", "manual", "import"};

const char *suppression_origin_name(enum suppression_origin origin) {
  return origin < SUPPRESSION_ORIGIN_COUNT ? names[origin] : "";
}

int suppression_origin_parse(const char *name, enum suppression_origin *out) {
  for (int i = 0; i < SUPPRESSION_ORIGIN_COUNT; i++)
    if (strcmp(name, names[i]) == 0) {
      *out = (enum suppression_origin)i;
      return OK;
    }
  return E_NOT_FOUND;
}
