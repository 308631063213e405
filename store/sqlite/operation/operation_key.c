/* What the daemon makes of signing keys by itself. */
#include "store/sqlite/operation/operations.h"
#include "store/sqlite/table/events.h"
#include "store/sqlite/table/key_rows.h"

void store_key_step_init(struct store_key_step *k) {
  k->op.kind = OPERATION_KEY_STEP;
  k->op.patient = true;
}

void store_key_note_init(struct store_key_note *k) {
  k->op.kind = OPERATION_KEY_NOTE;
  k->op.patient = true;
}

void store_key_add_init(struct store_key_add *k) {
  k->op.kind = OPERATION_KEY_ADD;
  k->op.patient = true;
}

static int changed(struct sql *q) {
  return sql_run(sql_use(q, "UPDATE meta SET value = value + 1 WHERE key = 'config'"));
}

int operation_key_step(struct sql *q, struct store_key_step *k) {
  const struct key_choice key = {.id = k->key_id};
  int rc = key_row_step(q, &key, k->from, k->to, k->text, k->now_us);
  k->done = rc == OK;
  if (rc == E_NOT_FOUND) return OK; /* a command was faster */
  return rc == OK ? changed(q) : rc;
}

/* No change of the configuration: who has looked knows it (relay/domain/key_seen.h), and dkim list reads it here. */
int operation_key_note(struct sql *q, struct store_key_note *k) {
  sqlite3_stmt *s =
      sql_use(q, "UPDATE keys SET checked_us = ?2, found = ?3, left_us = ?4 WHERE id = ?1 AND state = ?5");
  sql_bind_int(s, 1, k->key_id);
  sql_bind_int(s, 2, k->checked_us);
  sql_bind_text(s, 3, k->found);
  sql_bind_int(s, 4, k->left_us);
  sql_bind_int(s, 5, k->state);
  return sql_run(s);
}

/* Only while nothing replaces the key yet, and the domain is still there: two gateways, or a command, may be as fast.
 */
int operation_key_add(struct sql *q, struct store_key_add *k) {
  int64_t wanted = 0;
  k->done = false;
  sqlite3_stmt *s = sql_use(q, "SELECT count(*) FROM keys AS k WHERE k.domain = ?1 AND k.selector = ?2 AND k.state = 0"
                               " AND NOT EXISTS (SELECT 1 FROM keys AS n WHERE n.domain = ?1 AND n.state = 2"
                               " AND n.replaces = ?2)");
  sql_bind_text(s, 1, k->key.domain);
  sql_bind_text(s, 2, k->key.replaces);
  int rc = sql_int(s, 0, &wanted);
  if (rc != OK || !wanted) return rc;
  rc = key_row_add(q, &k->key, k->private_pem, k->now_us);
  if (rc == E_EXISTS) return OK;
  struct event e = {.kind = EVENT_DKIM, .account = "", .domain = k->key.domain, .text = k->text};
  if (rc == OK) rc = event_insert(q, &e);
  k->done = rc == OK;
  return rc == OK ? changed(q) : rc;
}
