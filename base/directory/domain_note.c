#include "base/directory/domain_note.h"

const char *found_state_name(enum found_state s) {
  static const char *const names[] = {[FOUND_RIGHT] = "right",
                                      [FOUND_MISSING] = "missing",
                                      [FOUND_WRONG] = "wrong",
                                      [FOUND_OLD] = "old",
                                      [FOUND_UNKNOWN] = "unknown"};
  return names[s];
}
