#include "store/records.h"

#include <string.h>

static const char *const events[EVENT_COUNT] = {"accepted", "refused", "deferred", "delivered", "bounced",
                                                "expired",  "held",    "released", "dropped"};
static const char *const modes[] = {"off", "observe", "enforce"};

const char *event_name(enum event_kind kind) {
  return events[kind];
}

int event_kind_parse(const char *name, enum event_kind *out) {
  for (int i = 0; i < EVENT_COUNT; i++)
    if (strcmp(name, events[i]) == 0) {
      *out = (enum event_kind)i;
      return OK;
    }
  return E_NOT_FOUND;
}

const char *check_mode_name(enum check_mode mode) {
  return modes[mode];
}

int check_mode_parse(const char *name, enum check_mode *out) {
  for (int i = 0; i < 3; i++)
    if (strcmp(name, modes[i]) == 0) {
      *out = (enum check_mode)i;
      return OK;
    }
  return E_NOT_FOUND;
}
