#include "relay/json/json.h"

json_t *blocklist_note_json(const struct blocklist_note *n) {
  static const char *const states[] = {[BLOCKLIST_UNKNOWN] = "unknown",
                                       [BLOCKLIST_CLEAN] = "clean",
                                       [BLOCKLIST_LISTED] = "listed",
                                       [BLOCKLIST_UNUSABLE] = "unusable"};
  char next[BLOCKLIST_NEXT] = "";
  if (n->state == BLOCKLIST_LISTED) blocklist_next(n, next);
  return json_pack("{s:o, s:o, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "list", json_text(n->list), "subject",
                   json_text(n->subject), "state", states[n->state], "since", json_time(n->since_us), "answered",
                   json_time(n->answered_us), "asked", json_time(n->asked_us), "codes", json_text(n->codes), "text",
                   json_text(n->text), "trouble", json_text(n->trouble), "next", json_text(next));
}
