#include "base/mail/event.h"

#include "base/result.h"

#include <string.h>

static const char *const names[EVENT_COUNT] = {"accepted",   "refused",  "deferred", "delivered", "bounced",
                                               "expired",    "held",     "released", "dropped",   "warned",
                                               "suppressed", "rerouted", "dkim",     "domain"};

const char *event_name(enum event_kind kind) {
  return names[kind];
}

int event_kind_parse(const char *name, enum event_kind *out) {
  for (int i = 0; i < EVENT_COUNT; i++)
    if (strcmp(name, names[i]) == 0) {
      *out = (enum event_kind)i;
      return OK;
    }
  return E_NOT_FOUND;
}

bool event_is_notice(const struct event *e) {
  return e->kind == EVENT_ACCEPTED && e->code == 0;
}
