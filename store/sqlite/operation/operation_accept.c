#include "store/sqlite/operation/operation_brake.h"
#include "store/sqlite/operation/operations.h"
#include "store/sqlite/table/events.h"
#include "store/sqlite/table/idempotency_ends.h"
#include "store/sqlite/table/limit_warning.h"

#include "base/clock.h"
#include "base/id.h"
#include "base/mail/refusal.h"
#include "base/mail/rule.h"

#include <stdio.h>
#include <stdlib.h>

void store_accept_init(struct store_accept *a) {
  a->op.kind = OPERATION_ACCEPT;
}

static int insert_envelope(struct sql *q, const struct new_message *m) {
  sqlite3_stmt *s =
      sql_use(q, "INSERT INTO messages(id, account, pool, reverse_path, envid, flags, priority, size, created_us,"
                 " expires_us, deliver_by_us, prefix, content, sources) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
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
  sql_bind_text(s, 14, m->envelope.sources);
  if (m->envelope.flags & MESSAGE_IN_FILE)
    sql_bind_text_or_null(s, 13, NULL);
  else
    sql_bind_blob(s, 13, m->content);
  return sql_run(s);
}

static int insert_recipient(struct sql *q, const struct new_message *m, const struct recipient *r) {
  char lane[LANE_TEXT];
  sqlite3_stmt *s = sql_use(
      q, "INSERT INTO recipients(id, message_id, address, domain, state, attempts, next_us, last, notify, orcpt,"
         " not_before_us, lane, hold) VALUES (?,?,?,?,?,0,?,?,?,?,?,?,?)");
  envelope_lane(&m->envelope, lane);
  sql_bind_int(s, 1, r->id);
  sql_bind_int(s, 2, m->envelope.id);
  sql_bind_text(s, 3, r->address);
  sql_bind_text(s, 4, r->domain);
  sql_bind_int(s, 5, m->hold_reason ? RECIPIENT_HELD : RECIPIENT_QUEUED);
  sql_bind_int(s, 6, m->first_attempt_us);
  sql_bind_text(s, 7, m->hold_reason);
  sql_bind_int(s, 8, r->notify);
  sql_bind_text(s, 9, r->orcpt);
  sql_bind_int(s, 10, m->not_before_us);
  sql_bind_text(s, 11, lane);
  sql_bind_int(s, 12, m->hold_reason ? HOLD_BRAKE : HOLD_COMMAND);
  return sql_run(s);
}

int message_insert(struct sql *q, const struct new_message *m, const bool *covered) {
  if (!m->recipient_count) return E_SYNTAX; /* nothing would ever take it out of the queue */
  int rc = insert_envelope(q, m);
  for (size_t i = 0; rc == OK && i < m->recipient_count; i++)
    if (!m->recipients[i].dropped && (!covered || !covered[i])) rc = insert_recipient(q, m, &m->recipients[i]);
  return rc;
}

/* It is delivered for as long as other mail is, from when it may leave (so with RFC 4865's, too). */
static void put_off(struct new_message *m, int64_t until_us) {
  int64_t deadline = envelope_deadline(&m->envelope), at_us = until_us < deadline ? until_us : deadline;
  int64_t begins_us = m->not_before_us ? m->not_before_us : m->envelope.created_us;
  if (at_us > begins_us) m->envelope.expires_us += at_us - begins_us;
  m->not_before_us = m->first_attempt_us = at_us;
}

/* --- limits --- */

/* Nothing is counted unless every owner's limits let `recipients` of the message in. */
static int check_limits(struct usage_table *table, struct store_accept *a, uint64_t recipients, int64_t now,
                        struct usage *usage[USAGE_SCOPES_MAX]) {
  struct new_message *m = &a->message;
  int rc = usage_table_get(table, a->scopes, a->scope_count, now, usage);
  if (rc != OK) return rc;
  struct limit_request request = {.recipients = recipients, .octets = m->envelope.size};
  a->limit = limits_check_scopes(a->scopes, usage, a->scope_count, now, &request);
  if (a->limit.result != OK) return E_LIMIT;
  if (a->limit.not_before_us > m->not_before_us) put_off(m, a->limit.not_before_us);
  return OK;
}

static int warn(struct sql *q, struct store_accept *a, const struct usage_scope *scope, struct usage *u, int64_t now) {
  struct usage_warning due[STORE_WARNINGS_MAX];
  size_t n = usage_warn(u, scope->limits, scope->limit_count, now, due, STORE_WARNINGS_MAX - a->warning_count);
  int rc = OK;
  for (size_t i = 0; rc == OK && i < n; i++) {
    struct store_warning *w = &a->warnings[a->warning_count++];
    *w = (struct store_warning){scope, due[i]};
    rc = limit_warning_log(q, w);
  }
  return rc;
}

static int count(struct sql *q, struct usage_table *table, struct store_accept *a, uint64_t recipients, int64_t now,
                 struct usage *const usage[USAGE_SCOPES_MAX]) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < a->scope_count; i++) {
    const struct usage_scope *s = &a->scopes[i];
    limits_reserve(s->limits, s->limit_count, usage[i], now);
    usage_add(usage[i], now, s->zone, recipients, a->message.envelope.size);
    usage_table_touch(table, usage[i]);
    rc = warn(q, a, s, usage[i], now);
  }
  return rc;
}

/* --- whose it is --- */

static enum account_standing standing_of(sqlite3_stmt *s, const struct store_accept *a) {
  if (sqlite3_column_type(s, 1) != SQLITE_NULL) return STANDING_SUSPENDED;
  return sqlite3_column_int64(s, 0) == a->login_version ? STANDING_GOOD : STANDING_LOGIN_CHANGED;
}

/* Whatever the session knew of its account: what is accepted in a sandbox does not leave. */
static void take_sandbox(sqlite3_stmt *s, struct store_accept *a) {
  if (sqlite3_column_int64(s, 2)) a->message.envelope.flags |= MESSAGE_SANDBOX;
}

static int check_standing(struct sql *q, struct store_accept *a) {
  a->standing = a->account_id ? STANDING_GONE : STANDING_GOOD;
  if (!a->account_id) return OK;
  sqlite3_stmt *s = sql_use(q, "SELECT login_version, suspended, sandbox FROM accounts WHERE id = ?");
  sql_bind_int(s, 1, a->account_id);
  int rc = sql_step(s);
  if (rc == 1) {
    a->standing = standing_of(s, a);
    take_sandbox(s, a);
    bytes_copy(bytes_of(sql_text(s, 1)), a->suspend_reason, sizeof a->suspend_reason);
    sqlite3_reset(s);
    rc = OK;
  }
  return rc != OK ? rc : a->standing == STANDING_GOOD ? OK : E_DENIED;
}

static bool is_sandbox(const struct store_accept *a) {
  return a->message.envelope.flags & MESSAGE_SANDBOX;
}

/* --- the same submission again --- */

/* *earlier: the one that it repeats, 0: none; *open: how many of its recipients are to be kept. */
static int find_earlier(struct sql *q, struct idempotency_index *index, struct store_accept *a, int64_t now,
                        int64_t *earlier, size_t *open) {
  const struct new_message *m = &a->message;
  *earlier = 0;
  *open = m->recipient_count;
  int rc = a->key ? idempotency_index_find(index, a->key, now, earlier) : OK;
  if (rc != OK || !*earlier) return rc;
  return idempotency_ends_find(q, a->key, m->recipients, m->recipient_count, open, &a->covered);
}

/* Its numbers, and one more. */
static const char *also(const struct event *e, const char *name, int64_t value, char out[NUMBERS_TEXT]) {
  bytes_copy(bytes_of(e->numbers ? e->numbers : ""), out, NUMBERS_TEXT);
  numbers_set(out, name, value);
  return out;
}

/* In the log of the earlier one: there somebody would look for what became of this one. */
static int log_duplicate(struct sql *q, const struct store_accept *a) {
  struct event e = a->accepted;
  char numbers[NUMBERS_TEXT];
  e.kind = EVENT_ACCEPTED;
  e.message_id = a->duplicate_of;
  e.numbers = also(&a->accepted, NUMBER_REPEAT, 1, numbers);
  e.text = "submitted again, the same message to the same recipients: answered with this id, not sent twice";
  return event_insert(q, &e);
}

/* Behind the event's text: until when it is put off, by the brake or a smoothed limit. False: by neither. */
static bool say_put_off(const struct store_accept *a, const char *text, char *out, size_t size) {
  const struct limit_verdict *v = &a->limit;
  int64_t brake_us = a->brake.slowed_until_us, until_us = a->message.not_before_us;
  bool smoothed = a->count_usage && !a->nothing_kept && v->rule && v->not_before_us && v->not_before_us >= until_us;
  char when[40];
  clock_format_minute(brake_us ? brake_us : until_us, when, sizeof when);
  if (brake_us)
    snprintf(out, size, "%s; slowed by the brake until %s", text, when);
  else if (smoothed)
    snprintf(out, size, "%s; leaves %s, at %s", text, when, v->rule->text);
  return brake_us || smoothed;
}

static int log_accepted(struct sql *q, const struct store_accept *a, int64_t earlier, size_t open, size_t kept) {
  struct event e = a->accepted;
  char id[ID_TEXT], text[1280], numbers[NUMBERS_TEXT];
  if (kept != a->message.recipient_count) e.numbers = also(&a->accepted, NUMBER_COUNTED, (int64_t)kept, numbers);
  e.kind = EVENT_ACCEPTED;
  e.message_id = a->message.envelope.id;
  if (earlier) {
    id_format(earlier, id);
    snprintf(text, sizeof text, "%s; submitted again after %s did not reach %zu of %zu recipients: to those alone",
             e.text ? e.text : "", id, open, a->message.recipient_count);
    e.text = text;
  }
  char slowed[1500], played[1600], also_sandbox[NUMBERS_TEXT];
  if (say_put_off(a, e.text ? e.text : "", slowed, sizeof slowed)) e.text = slowed;
  if (is_sandbox(a)) {
    snprintf(played, sizeof played, "%s; sandbox: it is not sent", e.text ? e.text : "");
    e.text = played;
    e.numbers = also(&e, NUMBER_SANDBOX, 1, also_sandbox);
  }
  return event_insert(q, &e);
}

/* Of recipients that are not kept, and of all when they are held. */
static int log_recipients(struct sql *q, const struct store_accept *a) {
  const struct new_message *m = &a->message;
  int rc = OK;
  for (size_t i = 0; rc == OK && i < m->recipient_count; i++) {
    const struct recipient *r = &m->recipients[i];
    struct event e = {.message_id = m->envelope.id,
                      .account = m->envelope.account,
                      .from = m->envelope.reverse_path,
                      .to = r->address,
                      .stream = a->accepted.stream};
    if (a->covered && a->covered[i]) continue;
    if (r->dropped) {
      e.kind = EVENT_DROPPED;
      e.rule = RULE_SUPPRESSION;
      e.text = "on the suppression list: dropped, as the account says (--suppressed drop)";
    } else if (m->hold_reason) {
      e.kind = EVENT_HELD;
      e.rule = RULE_BRAKE;
      e.text = m->hold_reason;
    } else {
      continue;
    }
    rc = event_insert(q, &e);
  }
  return rc;
}

/* How many of the open ones are not dropped. */
static size_t count_kept(const struct store_accept *a, size_t open) {
  size_t dropped = 0;
  for (size_t i = 0; i < a->message.recipient_count; i++)
    dropped += a->message.recipients[i].dropped && !(a->covered && a->covered[i]);
  return open - dropped;
}

/* --- the brake --- */

static int check_brake(struct sql *q, struct brake_table *brake, struct store_accept *a, int64_t now) {
  int rc = brake_accept(q, brake, a, now);
  if (rc == OK && a->brake.slowed_until_us > a->message.not_before_us) put_off(&a->message, a->brake.slowed_until_us);
  return rc;
}

/* --- the operation --- */

static int keep(struct sql *q, struct idempotency_index *index, const struct store_accept *a, int64_t now) {
  int rc = message_insert(q, &a->message, a->covered);
  if (rc == OK && a->key) rc = idempotency_index_add(index, a->key, a->message.envelope.id, now);
  return rc;
}

static int accept_new(struct sql *q, struct usage_table *table, struct brake_table *brake,
                      struct idempotency_index *index, struct store_accept *a, int64_t now, int64_t earlier,
                      size_t open) {
  struct usage *usage[USAGE_SCOPES_MAX];
  size_t kept = count_kept(a, open);
  int rc = a->count_usage ? check_limits(table, a, kept, now, usage) : OK;
  a->nothing_kept = open && !kept;
  if (rc == OK && a->count_usage && !a->nothing_kept && !is_sandbox(a)) rc = check_brake(q, brake, a, now);
  if (rc == OK && earlier) rc = idempotency_ends_forget(q, a->key);
  if (rc == OK && !a->nothing_kept) rc = keep(q, index, a, now);
  if (rc == OK) rc = log_accepted(q, a, earlier, open, kept);
  if (rc == OK) rc = log_recipients(q, a);
  return rc == OK && a->count_usage ? count(q, table, a, kept, now, usage) : rc;
}

int operation_accept(struct sql *q, struct usage_table *table, struct brake_table *brake,
                     struct idempotency_index *index, struct store_accept *a) {
  int64_t now = clock_now_us(), earlier;
  size_t open;
  free(a->covered); /* of a run that was rolled back */
  a->covered = NULL;
  a->duplicate_of = 0;
  a->nothing_kept = false;
  a->warning_count = 0;
  brake_reset(a);
  int rc = check_standing(q, a);
  if (rc == OK) rc = find_earlier(q, index, a, now, &earlier, &open);
  if (rc != OK) return rc;
  if (open || !earlier) return accept_new(q, table, brake, index, a, now, earlier, open);
  a->duplicate_of = earlier;
  return log_duplicate(q, a);
}
