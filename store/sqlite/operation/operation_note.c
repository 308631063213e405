#include "store/sqlite/operation/operations.h"
#include "store/sqlite/table/events.h"

void store_note_init(struct store_note *n) {
  n->op.kind = OPERATION_NOTE;
}

int operation_note(struct sql *q, struct store_note *n) {
  int rc = n->event.ref && *n->event.ref ? event_repeat(q, &n->event) : E_NOT_FOUND;
  return rc == E_NOT_FOUND ? event_insert(q, &n->event) : rc;
}
