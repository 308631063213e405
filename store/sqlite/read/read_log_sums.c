#include "store/sqlite/reader.h"

#include "base/id.h"

/* 0 and 1, 2, 3, 4, 5 are "accepted" and "refused", "deferred", "delivered", "bounced", "expired" (base/mail/event.h).
 * A notice of the gateway's own (event_is_notice) has a null reverse-path: what becomes of it says nothing of anybody's
 * mail. */
#define BEGINNING                                                                                                      \
  "FROM events a INDEXED BY events_message WHERE a.message_id = e.message_id AND a.message_id <> 0 AND a.kind = 0"
#define OF_NOTICE "(kind <> 1 AND sender = '' AND EXISTS (SELECT 1 " BEGINNING " AND a.code = 0))"
#define SUMS(key, where)                                                                                               \
  "SELECT " key " AS key, kind, sum(count) FROM events e WHERE id >= ?1 AND id < ?2 AND kind <= 5" where               \
  " AND NOT (kind = 0 AND instr(numbers, 'repeat=')) AND NOT " OF_NOTICE " GROUP BY key, kind"
#define OUTCOMES " AND kind >= 2"

/* The domain stands with what was accepted, and is looked up for what became of it. */
#define SENDER_DOMAIN "CASE WHEN instr(sender, '@') THEN lower(substr(sender, instr(sender, '@') + 1)) ELSE '' END"
#define DOMAIN_KEY                                                                                                     \
  "coalesce(nullif(domain, ''), (SELECT nullif(a.domain, '') " BEGINNING " ORDER BY a.id LIMIT 1), " SENDER_DOMAIN ")"

static int give_sums(struct sql *q, enum log_group by, int64_t since_us, int64_t until_us,
                     bool (*row)(void *arg, const struct log_sum *s), void *arg) {
  static const char *const texts[] = {
      [LOG_BY_ACCOUNT] = SUMS("account", ""),
      [LOG_BY_DOMAIN] = SUMS(DOMAIN_KEY, ""),
      [LOG_BY_HOST] = SUMS("host", OUTCOMES),
      [LOG_BY_SOURCE] = SUMS("source", OUTCOMES),
      [LOG_BY_STREAM] = SUMS("CASE stream WHEN 1 THEN 'bulk' ELSE 'transactional' END", ""),
  };
  sqlite3_stmt *s = sql_use(q, texts[by]);
  sql_bind_int(s, 1, since_us ? id_floor(since_us) : 0);
  sql_bind_int(s, 2, until_us ? id_floor(until_us) : INT64_MAX);
  int rc;
  while ((rc = sql_step(s)) == 1) {
    struct log_sum sum = {.key = sql_text(s, 0),
                          .kind = (enum event_kind)sqlite3_column_int64(s, 1),
                          .count = (uint64_t)sqlite3_column_int64(s, 2)};
    if (!row(arg, &sum)) break;
  }
  if (s) sqlite3_reset(s);
  return rc == 1 ? OK : rc;
}

int reader_log_sums(struct reader *r, enum log_group by, int64_t since_us, int64_t until_us,
                    bool (*row)(void *arg, const struct log_sum *s), void *arg) {
  int rc = reader_begin(r, NULL);
  return rc == OK ? reader_end(r, give_sums(&r->at.q, by, since_us, until_us, row, arg)) : rc;
}
