#include "store/sqlite/table/brake_prints.h"

#include <string.h>

void brake_prints_free(struct brake_prints *p) {
  brake_set_free(&p->set);
  *p = (struct brake_prints){0};
}

/* --- rows --- */

static int purge(struct sql *q, const char *account, int64_t before_day) {
  sqlite3_stmt *s = sql_use(q, "DELETE FROM brake_recipients WHERE account = ? AND day < ?");
  sql_bind_text(s, 1, account);
  sql_bind_int(s, 2, before_day);
  return sql_run(s);
}

static size_t prints_in(struct bytes blob) {
  size_t n = blob.len / sizeof(uint32_t);
  return n < BRAKE_PRINTS_ROW ? n : BRAKE_PRINTS_ROW;
}

/* The row becomes the last one: what comes is added to it while there is room, and the day is the same. */
static int take_row(struct brake_prints *p, sqlite3_stmt *s) {
  struct bytes blob = sql_blob(s, 2);
  p->number = sqlite3_column_int64(s, 0);
  p->day = sqlite3_column_int64(s, 1);
  p->count = prints_in(blob);
  p->stored += p->count;
  memcpy(p->row, blob.at, p->count * sizeof *p->row);
  int rc = OK;
  for (size_t i = 0; rc == OK && i < p->count; i++)
    if (p->row[i]) rc = brake_set_put(&p->set, p->row[i], p->day);
  return rc;
}

static int load(struct sql *q, struct brake_prints *p, const char *account, int64_t today) {
  brake_prints_free(p);
  int rc = purge(q, account, today - BRAKE_PRINTS_KEEP_DAYS);
  if (rc != OK) return rc;
  sqlite3_stmt *s = sql_use(q, "SELECT number, day, prints FROM brake_recipients WHERE account = ? ORDER BY number");
  sql_bind_text(s, 1, account);
  while ((rc = sql_step(s)) == 1)
    if ((rc = take_row(p, s)) != OK) break;
  if (s) sqlite3_reset(s);
  p->loaded = rc == OK;
  return rc;
}

int brake_prints_write(struct sql *q, struct brake_prints *p, const char *account) {
  if (!p->dirty) return OK;
  sqlite3_stmt *s =
      sql_use(q, "INSERT OR REPLACE INTO brake_recipients(account, number, day, prints) VALUES (?,?,?,?)");
  sql_bind_text(s, 1, account);
  sql_bind_int(s, 2, p->number);
  sql_bind_int(s, 3, p->day);
  sql_bind_blob(s, 4, (struct bytes){(const char *)p->row, p->count * sizeof *p->row});
  int rc = sql_run(s);
  if (rc == OK) p->dirty = false;
  return rc;
}

/* Down to seven eighths, so that it is not done for each. */
static int trim(struct sql *q, struct brake_prints *p, const char *account, int64_t today, uint64_t most) {
  int rc = brake_prints_write(q, p, account);
  if (rc != OK) return rc;
  uint64_t surplus = p->stored - most / 8 * 7;
  sqlite3_stmt *s = sql_use(q, "DELETE FROM brake_recipients WHERE account = ?1 AND number IN"
                               " (SELECT number FROM brake_recipients WHERE account = ?1 ORDER BY number LIMIT ?2)");
  sql_bind_text(s, 1, account);
  sql_bind_int(s, 2, (int64_t)(surplus / BRAKE_PRINTS_ROW + 1));
  rc = sql_run(s);
  return rc == OK ? load(q, p, account, today) : rc;
}

/* --- noting --- */

static int append(struct sql *q, struct brake_prints *p, const char *account, uint32_t print, int64_t today) {
  if (p->count == BRAKE_PRINTS_ROW || (p->count && p->day != today)) {
    int rc = brake_prints_write(q, p, account);
    if (rc != OK) return rc;
    p->number++;
    p->count = 0;
  }
  p->day = today;
  p->row[p->count++] = print;
  p->stored++;
  p->dirty = true;
  return brake_set_put(&p->set, print, today);
}

/* Or it would go with the oldest, though it is still written to. */
static bool wants_renewal(const struct brake_prints *p, int64_t age, uint64_t most) {
  return age > BRAKE_PRINTS_RENEW_DAYS || (age && p->stored > most / 4 * 3);
}

int brake_prints_add(struct sql *q, struct brake_prints *p, const char *account, uint32_t print, int64_t today,
                     uint64_t most, bool *first) {
  int64_t age = 0;
  int rc = p->loaded ? OK : load(q, p, account, today);
  if (rc != OK) return rc;
  *first = !brake_set_find(&p->set, print, today, &age);
  if (!*first && !wants_renewal(p, age, most)) return OK;
  if (p->stored >= most) rc = trim(q, p, account, today, most);
  return rc == OK ? append(q, p, account, print, today) : rc;
}
