#include "base/clock.h"
#include "base/mail/rule.h"
#include "base/usage/brake_text.h"
#include "store/sqlite/admin/admin_base.h"
#include "store/sqlite/table/brake_row.h"
#include "store/sqlite/table/events.h"

/* Only its own: what an operator has suspended stays so. */
static int resume(struct admin *a, const char *name, bool *resumed) {
  sqlite3_stmt *s =
      sql_use(&a->q, "UPDATE accounts SET suspended = NULL WHERE name = ? AND suspended LIKE '" BRAKE_TEXT_BEGIN "%'");
  sql_bind_text(s, 1, name);
  int rc = sql_run(s);
  *resumed = rc == OK && sqlite3_changes(a->q.db) > 0;
  return rc;
}

static int log_trust(struct admin *a, const char *name, const struct brake *before, bool forget, int64_t now_us) {
  char numbers[NUMBERS_TEXT];
  brake_numbers(before, now_us, numbers);
  return event_insert(&a->q,
                      &(struct event){.kind = EVENT_RELEASED,
                                      .account = name,
                                      .rule = RULE_BRAKE,
                                      .numbers = numbers,
                                      .text = forget ? "brake: released, and what was sent is forgotten, by command"
                                                     : "brake: released, and what was sent is usual, by command"});
}

/* The review of an account that is not braked is no release: it is not logged. */
static int trust(struct admin *a, const char *name, bool forget, struct brake_ended *ended) {
  struct brake b;
  uint64_t prints;
  int64_t now = clock_now_us();
  int rc = brake_row_read(&a->q, name, &b, &prints);
  if (rc != OK) return rc;
  brake_roll(&b, now);
  struct brake before = b;
  if (forget)
    brake_forget(&b, now);
  else
    brake_trust(&b, now);
  rc = brake_row_write(&a->q, name, &b, prints);
  if (rc == OK) rc = resume(a, name, &ended->suspension);
  ended->step = before.step != BRAKE_NONE;
  return rc == OK && (ended->step || ended->suspension) ? log_trust(a, name, &before, forget, now) : rc;
}

int admin_brake_trust(struct admin *a, const char *name, bool forget, struct brake_ended *ended, struct reason *why) {
  int64_t id;
  *ended = (struct brake_ended){0};
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(&a->q, "SELECT id FROM accounts WHERE name = ?");
  sql_bind_text(s, 1, name);
  rc = sql_int(s, 0, &id);
  if (rc == OK && !id) rc = fail(why, E_NOT_FOUND, "there is no account %s; see: sendoff account list", name);
  if (rc == OK) rc = trust(a, name, forget, ended);
  return admin_end(a, rc, "config", why);
}
