#include "store/sqlite/table/brake_row.h"

#include "store/sqlite/table/number_list.h"

#include <string.h>

#define DAY_NUMBERS 7
#define NETWORK_NUMBERS 3
_Static_assert(BRAKE_DAYS *DAY_NUMBERS *NUMBER_TEXT < BRAKE_LIST_MAX, "days have room");
_Static_assert(BRAKE_NETWORKS *NETWORK_NUMBERS *NUMBER_TEXT < BRAKE_LIST_MAX, "networks have room");

/* --- lists --- */

void brake_days_write(const struct brake *b, char out[BRAKE_LIST_MAX]) {
  for (size_t i = 0; i < BRAKE_DAYS && b->days[i].day; i++) {
    const struct brake_day *d = &b->days[i];
    const uint64_t numbers[DAY_NUMBERS] = {(uint64_t)d->day, d->accepted, d->first, d->far,
                                           d->delivered,     d->bounced,  d->braked};
    for (size_t n = 0; n < DAY_NUMBERS; n++) out = number_put(out, numbers[n]);
  }
  *out = '\0';
}

int brake_days_read(const char *text, struct brake *b) {
  uint64_t n[DAY_NUMBERS];
  memset(b->days, 0, sizeof b->days);
  for (size_t i = 0; *text; i++) {
    if (i == BRAKE_DAYS || !numbers_get(&text, n, DAY_NUMBERS) || !n[0] || n[0] > INT32_MAX) return E_SYNTAX;
    if (i && (int64_t)n[0] >= b->days[i - 1].day) return E_SYNTAX; /* newest first */
    b->days[i] = (struct brake_day){.day = (int64_t)n[0],
                                    .accepted = n[1],
                                    .first = n[2],
                                    .far = n[3],
                                    .delivered = n[4],
                                    .bounced = n[5],
                                    .braked = n[6] != 0};
  }
  return OK;
}

void brake_networks_write(const struct brake *b, char out[BRAKE_LIST_MAX]) {
  for (size_t i = 0; i < BRAKE_NETWORKS; i++) {
    const struct brake_network *n = &b->networks[i];
    if (n->key) out = number_put(number_put(number_put(out, n->key), (uint64_t)n->last_day), n->days);
  }
  *out = '\0';
}

int brake_networks_read(const char *text, struct brake *b) {
  uint64_t n[NETWORK_NUMBERS];
  memset(b->networks, 0, sizeof b->networks);
  for (size_t i = 0; *text; i++) {
    if (i == BRAKE_NETWORKS || !numbers_get(&text, n, NETWORK_NUMBERS) || !n[0] || n[1] > INT32_MAX) return E_SYNTAX;
    b->networks[i] = (struct brake_network){.key = n[0], .last_day = (int64_t)n[1], .days = n[2]};
  }
  return OK;
}

/* --- the row --- */

#define COLUMNS                                                                                                        \
  "step, mode, since_us, braked_us, over_us, began_us, trusted_us, acted_us, slow_next_us, since_recipients, "         \
  "usual_accepted, "                                                                                                   \
  "usual_first,"                                                                                                       \
  " told_slow, told_hold, told_suspend, prints, days, networks"
enum { COLUMN_TOLD = 12, COLUMN_PRINTS = 15, COLUMN_DAYS, COLUMN_NETWORKS, COLUMN_COUNT };

static int read_columns(sqlite3_stmt *s, struct brake *out) {
  int64_t step = sqlite3_column_int64(s, 0), mode = sqlite3_column_int64(s, 1);
  if (step < 0 || step >= BRAKE_STEP_COUNT || mode < CHECK_OFF || mode > CHECK_ENFORCE) return E_SYNTAX;
  out->step = (enum brake_step)step;
  out->mode = (enum check_mode)mode;
  out->since_us = sqlite3_column_int64(s, 2);
  out->braked_us = sqlite3_column_int64(s, 3);
  out->over_us = sqlite3_column_int64(s, 4);
  out->began_us = sqlite3_column_int64(s, 5);
  out->trusted_us = sqlite3_column_int64(s, 6);
  out->acted_us = sqlite3_column_int64(s, 7);
  out->slow_next_us = sqlite3_column_int64(s, 8);
  out->since_recipients = (uint64_t)sqlite3_column_int64(s, 9);
  out->usual_accepted = (uint64_t)sqlite3_column_int64(s, 10);
  out->usual_first = (uint64_t)sqlite3_column_int64(s, 11);
  for (int i = BRAKE_SLOW; i < BRAKE_STEP_COUNT; i++)
    out->told[i] = sqlite3_column_int64(s, COLUMN_TOLD + i - BRAKE_SLOW);
  int rc = brake_days_read(sql_text(s, COLUMN_DAYS), out);
  return rc == OK ? brake_networks_read(sql_text(s, COLUMN_NETWORKS), out) : rc;
}

int brake_row_read(struct sql *q, const char *account, struct brake *out, uint64_t *prints) {
  memset(out, 0, sizeof *out);
  *prints = 0;
  sqlite3_stmt *s = sql_use(q, "SELECT " COLUMNS " FROM brake WHERE account = ?");
  sql_bind_text(s, 1, account);
  int rc = sql_step(s);
  if (rc != 1) return rc;
  rc = read_columns(s, out) == OK ? OK : E_IO; /* the store is damaged */
  *prints = (uint64_t)sqlite3_column_int64(s, COLUMN_PRINTS);
  sqlite3_reset(s);
  return rc;
}

int brake_row_write(struct sql *q, const char *account, const struct brake *b, uint64_t prints) {
  char days[BRAKE_LIST_MAX], networks[BRAKE_LIST_MAX];
  sqlite3_stmt *s = sql_use(q, "INSERT OR REPLACE INTO brake(" COLUMNS ", account)"
                               " VALUES (?,?,?,?,?,?,?,?,?,?,?,?, ?,?,?, ?,?,?, ?)");
  const int64_t numbers[] = {b->step,
                             b->mode,
                             b->since_us,
                             b->braked_us,
                             b->over_us,
                             b->began_us,
                             b->trusted_us,
                             b->acted_us,
                             b->slow_next_us,
                             (int64_t)b->since_recipients,
                             (int64_t)b->usual_accepted,
                             (int64_t)b->usual_first,
                             b->told[BRAKE_SLOW],
                             b->told[BRAKE_HOLD],
                             b->told[BRAKE_SUSPEND],
                             (int64_t)prints};
  for (int i = 0; i < COLUMN_DAYS; i++) sql_bind_int(s, i + 1, numbers[i]);
  brake_days_write(b, days);
  brake_networks_write(b, networks);
  sql_bind_text(s, COLUMN_DAYS + 1, days);
  sql_bind_text(s, COLUMN_NETWORKS + 1, networks);
  sql_bind_text(s, COLUMN_COUNT + 1, account);
  return sql_run(s);
}

int brake_rows_view(struct sql *q, struct brake_view *view) {
  sqlite3_stmt *s = sql_use(q, "SELECT account, step, mode, since_us FROM brake WHERE step <> 0 LIMIT ?");
  sql_bind_int(s, 1, BRAKE_VIEW_MAX);
  int rc;
  brake_view_clear(view);
  while ((rc = sql_step(s)) == 1)
    brake_view_put(view, sql_text(s, 0),
                   &(struct brake_status){.step = (enum brake_step)sqlite3_column_int64(s, 1),
                                          .mode = (enum check_mode)sqlite3_column_int64(s, 2),
                                          .since_us = sqlite3_column_int64(s, 3)});
  return rc;
}
