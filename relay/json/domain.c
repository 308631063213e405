#include "relay/json/json.h"

json_t *domain_note_json(const struct domain_note *n) {
  return json_pack("{s:o, s:s, s:o, s:s, s:o, s:o}", "domain", json_text(n->domain), "kind", n->kind, "name",
                   json_text(n->name), "state", found_state_name(n->state), "text", json_text(n->text), "since",
                   json_time(n->since_us));
}
