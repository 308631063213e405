#include "base/clock.h"
#include "store/sqlite/admin/admin_base.h"
#include "store/sqlite/table/suppressions.h"

static int check_account(struct admin *a, const char *name, struct reason *why) {
  int64_t there;
  if (!*name) return OK;
  sqlite3_stmt *s = sql_use(&a->q, "SELECT 1 FROM accounts WHERE name = ?");
  sql_bind_text(s, 1, name);
  int rc = sql_int(s, 0, &there);
  if (rc != OK || there) return rc;
  return fail(why, E_NOT_FOUND, "there is no account %s; see: sendoff account list", name);
}

static int add_one(struct admin *a, const struct suppression *e, bool longer, struct suppression_added *done,
                   struct reason *why) {
  enum suppression_put put;
  int rc = suppression_put(&a->q, e, longer, clock_now_us(), &put);
  if (rc != OK) return rc;
  if (put == SUPPRESSION_NO_ROOM)
    return fail(why, E_LIMIT, "the list is full: it holds %d addresses, all lists together %d", SUPPRESSION_LIST_MAX,
                SUPPRESSIONS_MAX);
  *(put == SUPPRESSION_ADDED ? &done->added : &done->kept) += 1;
  return OK;
}

int admin_suppression_add(struct admin *a, const struct suppression *all, size_t count, bool longer,
                          struct suppression_added *done, struct reason *why) {
  struct suppression_added now = {0};
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  if (count) rc = check_account(a, all[0].account, why);
  for (size_t i = 0; rc == OK && i < count; i++) rc = add_one(a, &all[i], longer, &now, why);
  rc = admin_end(a, rc, NULL, why);
  if (rc != OK) return rc;
  done->added += now.added;
  done->kept += now.kept;
  return OK;
}

/* Which other list has it: the more useful answer. */
static int say_not_there(struct admin *a, const char *account, const char *key, struct reason *why) {
  sqlite3_stmt *s = sql_use(&a->q, "SELECT account FROM suppressions WHERE address = ? LIMIT 1");
  sql_bind_text(s, 1, key);
  int rc = sql_step(s);
  if (rc != 1) {
    if (rc != OK) return rc;
    return fail(why, E_NOT_FOUND, "%s is on no suppression list; see: sendoff suppression list", key);
  }
  const char *other = sql_text(s, 0);
  rc = fail(why, E_NOT_FOUND, "%s is not on %s%s, but on %s%s; write: sendoff suppression remove %s%s%s", key,
            *account ? "the list of " : "the list for all", account, *other ? "that of " : "the list for all", other,
            key, *other ? " --account " : "", other);
  sqlite3_reset(s);
  return rc;
}

int admin_suppression_remove(struct admin *a, const char *account, const char *key, struct reason *why) {
  bool removed;
  int rc = admin_begin(a, why);
  if (rc != OK) return rc;
  rc = suppression_remove(&a->q, account, key, &removed);
  if (rc == OK && !removed) rc = say_not_there(a, account, key, why);
  return admin_end(a, rc, NULL, why);
}
