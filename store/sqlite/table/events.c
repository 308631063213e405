#include "store/sqlite/table/events.h"
#include "base/id.h"

/* The command line makes events in a process of its own, with the same node number: an id of the same millisecond may
 * be taken already. The next one is then tried; a millisecond has 2048 of them. */
#define TRIES 4096

static int run_with_id(sqlite3_stmt *s, int64_t id) {
  int rc = E_EXISTS;
  for (int i = 0; rc == E_EXISTS && i < (id ? 1 : TRIES); i++) {
    sql_bind_int(s, 1, id ? id : id_new());
    rc = sql_run(s);
  }
  return rc;
}

int event_insert(struct sql *q, const struct event *e) {
  sqlite3_stmt *s = sql_use(
      q, "INSERT INTO events(id, message_id, kind, account, sender, recipient, code, enhanced, text, host, source, ref,"
         " count, rule, numbers, first_us, verdict, stream, domain, subject, header_id)"
         " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
  sql_bind_int(s, 2, e->message_id);
  sql_bind_int(s, 3, e->kind);
  sql_bind_text(s, 4, e->account);
  sql_bind_text(s, 5, e->from);
  sql_bind_text(s, 6, e->to);
  sql_bind_int(s, 7, e->code);
  sql_bind_text(s, 8, e->enhanced);
  sql_bind_text(s, 9, e->text);
  sql_bind_text(s, 10, e->host);
  sql_bind_text(s, 11, e->source);
  sql_bind_text_or_null(s, 12, e->ref && *e->ref ? e->ref : NULL);
  sql_bind_int(s, 13, e->count ? (int64_t)e->count : 1);
  sql_bind_text(s, 14, e->rule);
  sql_bind_text(s, 15, e->numbers);
  sql_bind_int(s, 16, e->first_us);
  sql_bind_text(s, 17, e->verdict);
  sql_bind_int(s, 18, e->stream);
  sql_bind_text(s, 19, e->domain);
  sql_bind_text(s, 20, e->subject);
  sql_bind_text(s, 21, e->header_id);
  return run_with_id(s, e->id);
}

int event_repeat(struct sql *q, const struct event *e) {
  sqlite3_stmt *s = sql_use(q, "UPDATE events SET id = ?, count = count + ?, first_us = ? WHERE ref = ?");
  sql_bind_int(s, 2, e->count ? (int64_t)e->count : 1);
  sql_bind_int(s, 3, e->first_us);
  sql_bind_text(s, 4, e->ref);
  int rc = run_with_id(s, 0);
  return rc == OK && sqlite3_changes(q->db) == 0 ? E_NOT_FOUND : rc;
}
