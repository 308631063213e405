#include "store/sqlite/operations.h"

#include "base/clock.h"

void store_accept_init(struct store_accept *a) {
  a->op.kind = OPERATION_ACCEPT;
}

static int insert_envelope(struct sql *q, const struct new_message *m) {
  sqlite3_stmt *s =
      sql_use(q, "INSERT INTO messages(id, account, pool, reverse_path, envid, flags, priority, size, created_us,"
                 " expires_us, deliver_by_us, prefix, content) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)");
  sql_bind_int(s, 1, m->envelope.id);
  sql_bind_text(s, 2, m->envelope.account);
  sql_bind_text(s, 3, m->envelope.pool);
  sql_bind_text(s, 4, m->envelope.reverse_path);
  sql_bind_text(s, 5, m->envelope.envid);
  sql_bind_int(s, 6, m->envelope.flags);
  sql_bind_int(s, 7, m->envelope.priority);
  sql_bind_int(s, 8, (int64_t)m->envelope.size);
  sql_bind_int(s, 9, m->envelope.created_us);
  sql_bind_int(s, 10, m->envelope.expires_us);
  sql_bind_int(s, 11, m->envelope.deliver_by_us);
  sql_bind_blob(s, 12, m->prefix);
  if (m->envelope.flags & MESSAGE_IN_FILE)
    sql_bind_text_or_null(s, 13, NULL);
  else
    sql_bind_blob(s, 13, m->content);
  return sql_run(s);
}

static int insert_recipient(struct sql *q, const struct new_message *m, const struct recipient *r) {
  sqlite3_stmt *s = sql_use(
      q, "INSERT INTO recipients(id, message_id, address, domain, state, attempts, next_us, last, notify, orcpt)"
         " VALUES (?,?,?,?,0,0,?,'',?,?)");
  sql_bind_int(s, 1, r->id);
  sql_bind_int(s, 2, m->envelope.id);
  sql_bind_text(s, 3, r->address);
  sql_bind_text(s, 4, r->domain);
  sql_bind_int(s, 5, m->first_attempt_us);
  sql_bind_int(s, 6, r->notify);
  sql_bind_text(s, 7, r->orcpt);
  return sql_run(s);
}

int message_insert(struct sql *q, const struct new_message *m) {
  if (!m->recipient_count) return E_SYNTAX; /* nothing would ever take it out of the queue */
  int rc = insert_envelope(q, m);
  for (size_t i = 0; rc == OK && i < m->recipient_count; i++) rc = insert_recipient(q, m, &m->recipients[i]);
  return rc;
}

static void put_off(struct store_accept *a, int64_t until_us) {
  int64_t deadline = envelope_deadline(&a->message.envelope);
  a->message.first_attempt_us = until_us < deadline ? until_us : deadline;
}

/* The account's usage, once its limits let the message in. */
static int check_limits(struct usage_table *table, struct store_accept *a, int64_t now, struct usage **out) {
  struct usage *usage = *out = usage_table_get(table, a->message.envelope.account, now);
  if (!usage) return E_IO;
  struct limit_request request = {.recipients = a->message.recipient_count, .octets = a->message.envelope.size};
  a->limit = limits_check(a->limits, a->limit_count, usage, now, &request);
  if (a->limit.result != OK) return E_LIMIT;
  limits_reserve(&a->limit, usage, now);
  if (a->limit.not_before_us > a->hold_until_us) put_off(a, a->limit.not_before_us);
  return OK;
}

/* In the log of the first: there somebody would look for what became of the second. */
static int log_duplicate(struct sql *q, const struct store_accept *a) {
  struct event e = a->accepted;
  e.kind = EVENT_ACCEPTED;
  e.message_id = a->duplicate_of;
  e.text = "submitted again, the same message to the same recipients: answered with this id, not sent twice";
  return event_insert(q, &e);
}

static int keep(struct sql *q, struct idempotency_index *index, const struct store_accept *a, int64_t now) {
  int rc = message_insert(q, &a->message);
  return rc == OK && a->key ? idempotency_index_add(index, a->key, a->message.envelope.id, now) : rc;
}

int operation_accept(struct sql *q, struct usage_table *table, struct idempotency_index *index,
                     struct store_accept *a) {
  const struct envelope *m = &a->message.envelope;
  int64_t now = clock_now_us();
  struct usage *usage = NULL;
  a->duplicate_of = 0;
  int rc = a->key ? idempotency_index_find(index, a->key, now, &a->duplicate_of) : OK;
  if (rc != OK || a->duplicate_of) return rc != OK ? rc : log_duplicate(q, a);
  rc = a->count_usage ? check_limits(table, a, now, &usage) : OK;
  if (rc == OK) rc = keep(q, index, a, now);
  if (rc != OK) return rc;
  struct event accepted = a->accepted;
  accepted.kind = EVENT_ACCEPTED;
  accepted.message_id = m->id;
  rc = event_insert(q, &accepted);
  if (rc != OK || !usage) return rc;
  usage_add(usage, now, a->message.recipient_count, m->size);
  usage_table_touch(table, m->account);
  return OK;
}
