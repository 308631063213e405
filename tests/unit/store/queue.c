/* Reading the queue, and changing it by command. */
#include "store/sqlite/reader.h"
#include "tests/unit/store_lab.h"

/* --- what is due --- */

struct seen_lanes {
  struct {
    char domain[64], lane[LANE_TEXT];
    int64_t next_us;
  } all[SEEN_MAX];
  size_t count, stop_after;
};

static bool see_lane(void *arg, const char *domain, const char *lane, int64_t next_us) {
  struct seen_lanes *s = arg;
  assert_true(s->count < SEEN_MAX);
  snprintf(s->all[s->count].domain, sizeof s->all[0].domain, "%s", domain);
  snprintf(s->all[s->count].lane, sizeof s->all[0].lane, "%s", lane);
  s->all[s->count++].next_us = next_us;
  return s->count != s->stop_after;
}

static struct letter accept_at(struct lab *l, const char *to, int64_t first_us) {
  struct letter m;
  letter_make(&m, "blog", to);
  m.accept.message.first_attempt_us = first_us;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  return m;
}

static struct letter accept_of(struct lab *l, const char *account, unsigned flags, const char *to, int64_t first_us) {
  struct letter m;
  letter_make(&m, account, to);
  m.accept.message.envelope.flags |= flags;
  m.accept.message.first_attempt_us = first_us;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  return m;
}

/* Each account's streams are lanes of their own, whatever there is of the others. */
static void due_by_account_and_stream(void **state) {
  struct lab *l = *state;
  struct seen_lanes d = {.count = 0};
  struct seen_queue q = {.count = 0};
  struct reader *r = lab_reader(l);
  accept_of(l, "blog", 0, "1@b.example", 300);
  accept_of(l, "blog", MESSAGE_BULK, "2@b.example", 100);
  accept_of(l, "shop", 0, "3@b.example", 200);
  accept_of(l, "blog", 0, "4@a.example", 50);
  accept_of(l, "blog", 0, "5@b.example", 250);
  assert_int_equal(reader_due_lanes(r, see_lane, &d), OK);
  static const struct {
    const char *domain, *lane;
    int64_t next_us;
  } expected[] = {{"a.example", "blog", 50},
                  {"b.example", "blog", 250},
                  {"b.example", "blog/bulk", 100},
                  {"b.example", "shop", 200}};
  assert_int_equal(d.count, COUNT_OF(expected));
  for (size_t i = 0; i < COUNT_OF(expected); i++) {
    assert_string_equal(d.all[i].domain, expected[i].domain);
    assert_string_equal(d.all[i].lane, expected[i].lane);
    assert_int_equal(d.all[i].next_us, expected[i].next_us);
  }
  assert_int_equal(reader_due_recipients(r, "b.example", "blog", INT64_MAX, 10, see_entry, &q), OK);
  assert_int_equal(q.count, 2);
  assert_string_equal(q.all[0].address, "5@b.example");
  q = (struct seen_queue){.count = 0};
  assert_int_equal(reader_due_recipients(r, "b.example", "blog/bulk", INT64_MAX, 10, see_entry, &q), OK);
  assert_int_equal(q.count, 1);
  assert_string_equal(q.all[0].address, "2@b.example");
  reader_close(&r);
}

static void due_lanes_and_recipients(void **state) {
  struct lab *l = *state;
  struct seen_lanes d = {.count = 0};
  struct seen_queue q = {.count = 0};
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_due_lanes(r, see_lane, &d), OK);
  assert_int_equal(d.count, 0);

  accept_at(l, "1@b.example", 300);
  accept_at(l, "2@b.example", 100);
  accept_at(l, "3@b.example", 200);
  accept_at(l, "4@a.example", 50);
  accept_at(l, "5@c.example", 10);
  struct letter held = accept_at(l, "6@only-held.example", 1), held2 = accept_at(l, "7@b.example", 1);
  assert_int_equal(lab_outcome(l, letter_id(&held), held.recipients[0].id, EVENT_HELD, 0, NULL), OK);
  assert_int_equal(lab_outcome(l, letter_id(&held2), held2.recipients[0].id, EVENT_HELD, 0, NULL), OK);

  assert_int_equal(reader_due_lanes(r, see_lane, &d), OK);
  static const struct {
    const char *domain;
    int64_t next_us;
  } expected[] = {{"a.example", 50}, {"b.example", 100}, {"c.example", 10}};
  assert_int_equal(d.count, COUNT_OF(expected));
  for (size_t i = 0; i < COUNT_OF(expected); i++) {
    assert_string_equal(d.all[i].domain, expected[i].domain);
    assert_int_equal(d.all[i].next_us, expected[i].next_us);
  }
  d = (struct seen_lanes){.stop_after = 2};
  assert_int_equal(reader_due_lanes(r, see_lane, &d), OK);
  assert_int_equal(d.count, 2);

  assert_int_equal(reader_due_recipients(r, "b.example", "blog", 200, 10, see_entry, &q), OK);
  assert_int_equal(q.count, 2);
  assert_string_equal(q.all[0].address, "2@b.example");
  assert_string_equal(q.all[1].address, "3@b.example");
  q = (struct seen_queue){.count = 0};
  assert_int_equal(reader_due_recipients(r, "b.example", "blog", INT64_MAX, 1, see_entry, &q), OK);
  assert_int_equal(q.count, 1);
  q = (struct seen_queue){.stop_after = 2};
  assert_int_equal(reader_due_recipients(r, "b.example", "blog", INT64_MAX, 10, see_entry, &q), OK);
  assert_int_equal(q.count, 2);
  reader_close(&r);
}

/* `count` queued recipients for each of `domains`, straight into the tables. */
static void put_queue(struct lab *l, int domains, int count) {
  char sql[800];
  snprintf(sql, sizeof sql,
           "INSERT INTO messages(id, account, pool, sources, reverse_path, envid, flags, priority, size, created_us,"
           " expires_us, deliver_by_us, prefix, content)"
           " VALUES (1, 'bulk', 'default', '', 'news@example.com', '', 0, 0, 3, 1, 2, 0, x'', x'');"
           "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < %d)"
           " INSERT INTO recipients(id, message_id, address, domain, state, attempts, next_us, last, notify, orcpt) "
           "SELECT i + 1, 1, 'r' || i || '@d' || (i %% %d) || '.example', 'd' || (i %% %d) ||"
           " '.example', 0, 0, i, '', 0, '' FROM n",
           domains * count, domains, domains);
  lab_exec(l->dir, sql);
}

/* The work follows the lanes, not the recipients: counted in SQLite's own steps. */
static void due_lanes_cost(void **state) {
  struct lab *l = *state;
  int steps[2];
  for (int round = 0; round < 2; round++) {
    put_queue(l, 20, round ? 2000 : 20);
    struct reader *r = lab_reader(l);
    struct seen_lanes d = {.count = 0};
    assert_int_equal(reader_due_lanes(r, see_lane, &d), OK);
    assert_int_equal(d.count, 20);
    steps[round] = sqlite3_stmt_status(r->at.q.prepared[r->at.q.count - 1].statement, SQLITE_STMTSTATUS_VM_STEP, 0);
    reader_close(&r);
    lab_exec(l->dir, "DELETE FROM recipients; DELETE FROM messages");
  }
  assert_true(steps[0] > 0);
  assert_true(steps[1] < 2 * steps[0]);
}

/* --- filters and patterns --- */

static void filters(void **state) {
  static const struct {
    struct queue_filter filter;
    const char *expected; /* the local parts, in order */
  } rows[] = {
      {{.state = -1}, "abcde_%"},
      {{.state = -1, .account = "blog"}, "abde_%"},
      {{.state = -1, .account = "Blog"}, ""},
      {{.state = RECIPIENT_HELD}, "b"},
      {{.state = RECIPIENT_QUEUED}, "acde_%"},
      {{.state = -1, .to = "*@one.example"}, "ac"},
      {{.state = -1, .to = "*@ONE.example"}, "ac"},
      {{.state = -1, .to = "*one*"}, "ac"},
      {{.state = -1, .to = "a@*"}, "a"},
      {{.state = -1, .to = "A@one.example"}, "a"},
      {{.state = -1, .to = "a"}, ""},
      {{.state = -1, .to = "_@two.example"}, "_"}, /* nothing but * is special */
      {{.state = -1, .to = "%@two.example"}, "%"},
      {{.state = -1, .to = "*\\*"}, ""},
      {{.state = -1, .to = ""}, "abcde_%"},
      {{.state = -1, .limit = 3}, "abc"},
      {{.state = RECIPIENT_QUEUED, .account = "blog", .to = "*@two.example", .limit = 2}, "de"},
  };
  struct lab *l = *state;
  lab_accept(l, "blog", "a@one.example");
  struct letter b = lab_accept(l, "blog", "b@two.example");
  lab_accept(l, "shop", "c@one.example");
  struct letter many;
  letter_to(&many, "blog", (const char *const[]){"d@two.example", "e@two.example", NULL});
  assert_int_equal(lab_run(&l->poster, &many.accept.op), OK);
  lab_accept(l, "blog", "_@two.example");
  lab_accept(l, "blog", "%@two.example");
  assert_int_equal(lab_outcome(l, letter_id(&b), b.recipients[0].id, EVENT_HELD, 0, NULL), OK);
  struct reader *r = lab_reader(l);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    struct seen_queue q = {.count = 0};
    char seen[SEEN_MAX + 1] = "";
    assert_int_equal(reader_queue(r, &rows[i].filter, see_entry, &q), OK);
    for (size_t n = 0; n < q.count; n++) seen[n] = q.all[n].address[0];
    if (strcmp(seen, rows[i].expected) != 0) fail_msg("row %zu: %s instead of %s", i, seen, rows[i].expected);
  }
  struct seen_queue q = {.count = 0};
  assert_int_equal(reader_queue(r, &(struct queue_filter){.state = -1, .message_id = letter_id(&many)}, see_entry, &q),
                   OK);
  assert_int_equal(q.count, 2);
  q = (struct seen_queue){.stop_after = 1};
  assert_int_equal(reader_queue(r, &(struct queue_filter){.state = -1}, see_entry, &q), OK);
  assert_int_equal(q.count, 1);
  reader_close(&r);
}

/* --- the summary --- */

struct seen_summary {
  char text[800];
  int64_t next_us[8];
  size_t count;
};

static bool see_summary(void *arg, const struct queue_summary_row *s) {
  struct seen_summary *all = arg;
  size_t n = strlen(all->text);
  assert_true(s->oldest_us > 0);
  all->next_us[all->count++] = s->next_us;
  snprintf(all->text + n, sizeof all->text - n, "%s %llu %llu %s;", s->domain, (unsigned long long)s->queued,
           (unsigned long long)s->held, s->last);
  return true;
}

static void summary(void **state) {
  struct lab *l = *state;
  struct seen_summary s = {.count = 0};
  accept_at(l, "1@a.example", 10);
  struct letter one = accept_at(l, "2@b.example", 20), two = accept_at(l, "3@b.example", 5);
  accept_at(l, "4@b.example", 30);
  struct recipient_outcome late = {
      .recipient_id = one.recipients[0].id, .next_us = 90, .event = {.kind = EVENT_DEFERRED, .text = "a reply"}};
  struct store_outcome o = {.message_id = letter_id(&one), .outcomes = &late, .outcome_count = 1};
  store_outcome_init(&o);
  assert_int_equal(lab_run(&l->poster, &o.op), OK);
  assert_int_equal(lab_outcome(l, letter_id(&two), two.recipients[0].id, EVENT_HELD, 0, NULL), OK);
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_queue_summary(r, see_summary, &s), OK);
  assert_string_equal(s.text, "b.example 2 1 a reply;a.example 1 0 ;");
  assert_int_equal(s.next_us[0], 30); /* the held one is not next */
  assert_int_equal(s.next_us[1], 10);
  reader_close(&r);
}

/* --- by command --- */

static uint64_t command(struct lab *l, const struct queue_filter *f, enum queue_action action) {
  struct admin *a = lab_admin(l);
  struct queue_changed changed;
  assert_ok(admin_queue(a, f, &(struct queue_change){.action = action, .by = "amy"}, &changed, &l->why), l->why);
  admin_close(&a);
  return changed.recipients;
}

static enum event_kind last_event(struct lab *l, int64_t message_id, size_t count) {
  struct seen_log log;
  lab_log(l, message_id, &log);
  assert_int_equal(log.count, count);
  return log.all[count - 1].kind;
}

static void retry_hold_release(void **state) {
  struct lab *l = *state;
  struct seen_queue q;
  int64_t future = clock_now_us() + 3600 * SECOND_US;
  struct letter m = accept_at(l, "a@x.example", future);
  struct queue_filter all = {.state = -1}, held = {.state = RECIPIENT_HELD};
  struct reader *r = lab_reader(l);
  int64_t generation = reader_queue_generation(r), config = reader_generation(r);

  assert_int_equal(command(l, &all, QUEUE_RELEASE), 0); /* nothing is held */
  assert_int_equal(reader_queue_generation(r), generation);
  assert_int_equal(command(l, &all, QUEUE_RETRY), 1);
  assert_true(reader_queue_generation(r) > generation);
  assert_int_equal(reader_generation(r), config);
  assert_int_equal(last_event(l, letter_id(&m), 2), EVENT_RELEASED);
  lab_queue(l, &q);
  assert_true(q.all[0].next_us <= clock_now_us());

  assert_int_equal(command(l, &all, QUEUE_HOLD), 1);
  assert_int_equal(command(l, &all, QUEUE_HOLD), 0);
  assert_int_equal(command(l, &held, QUEUE_HOLD), 0);
  assert_int_equal(command(l, &all, QUEUE_RETRY), 0); /* what is held was held for a reason */
  assert_int_equal(last_event(l, letter_id(&m), 3), EVENT_HELD);
  struct seen_lanes due = {.count = 0};
  assert_int_equal(reader_due_lanes(r, see_lane, &due), OK);
  assert_int_equal(due.count, 0);

  generation = reader_queue_generation(r);
  assert_int_equal(command(l, &all, QUEUE_RELEASE), 1);
  assert_true(reader_queue_generation(r) > generation);
  assert_int_equal(last_event(l, letter_id(&m), 4), EVENT_RELEASED);
  assert_int_equal(reader_due_lanes(r, see_lane, &due), OK);
  assert_int_equal(due.count, 1);
  assert_true(due.all[0].next_us <= clock_now_us());
  reader_close(&r);
}

/* Every event of a message is of its stream. */
static void events_by_command_are_of_the_stream(void **state) {
  static const enum queue_action actions[] = {QUEUE_RETRY, QUEUE_HOLD, QUEUE_RELEASE, QUEUE_DROP};
  struct lab *l = *state;
  struct letter bulk, other;
  struct seen_log log;
  letter_make(&bulk, "blog", "a@x.example");
  letter_make(&other, "blog", "b@x.example");
  bulk.accept.message.envelope.flags |= MESSAGE_BULK;
  bulk.accept.accepted.stream = STREAM_BULK;
  assert_int_equal(lab_run(&l->poster, &bulk.accept.op), OK);
  assert_int_equal(lab_run(&l->poster, &other.accept.op), OK);
  for (size_t i = 0; i < COUNT_OF(actions); i++)
    assert_int_equal(command(l, &(struct queue_filter){.state = -1}, actions[i]), 2);
  lab_log(l, letter_id(&bulk), &log);
  assert_int_equal(log.count, 1 + COUNT_OF(actions));
  for (size_t i = 0; i < log.count; i++) assert_int_equal(log.all[i].stream, STREAM_BULK);
  lab_log(l, letter_id(&other), &log);
  assert_int_equal(log.count, 1 + COUNT_OF(actions));
  for (size_t i = 0; i < log.count; i++) assert_int_equal(log.all[i].stream, STREAM_TRANSACTIONAL);
}

static void drop(void **state) {
  struct lab *l = *state;
  struct letter m, file;
  struct seen_log log;
  char path[512];
  int fd;
  letter_to(&m, "blog", (const char *const[]){"a@x.example", "b@y.example", NULL});
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  letter_make(&file, "blog", "c@x.example");
  file.accept.message.envelope.flags = MESSAGE_IN_FILE;
  assert_ok(spool_begin(l->dir, letter_id(&file), &fd, &l->why), l->why);
  assert_ok(spool_finish(l->dir, letter_id(&file), &fd, &l->why), l->why);
  assert_int_equal(lab_run(&l->poster, &file.accept.op), OK);
  lab_spool_path(l->dir, letter_id(&file), path, sizeof path);

  assert_int_equal(command(l, &(struct queue_filter){.state = -1, .to = "*@nowhere.example"}, QUEUE_DROP), 0);
  assert_int_equal(command(l, &(struct queue_filter){.state = -1, .to = "*@y.example"}, QUEUE_DROP), 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), 2);
  assert_true(lab_exists(path));
  assert_int_equal(command(l, &(struct queue_filter){.state = -1, .account = "blog"}, QUEUE_DROP), 2);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients"), 0);
  assert_false(lab_exists(path));
  lab_log(l, letter_id(&m), &log);
  assert_int_equal(log.count, 3);
  assert_int_equal(log.all[1].kind, EVENT_DROPPED);
  assert_string_equal(log.all[1].to, "b@y.example");
  assert_string_equal(log.all[1].account, "blog");
  assert_string_equal(log.all[1].from, "from@example.com");
  assert_string_equal(log.all[2].to, "a@x.example");
  /* The gateway comes too late, and says nothing. */
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_DELIVERED, 0, NULL), OK);
  lab_log(l, letter_id(&m), &log);
  assert_int_equal(log.count, 3);
}

static void by_message_id(void **state) {
  struct lab *l = *state;
  struct letter one = lab_accept(l, "blog", "a@x.example"), two = lab_accept(l, "blog", "b@x.example");
  assert_int_equal(command(l, &(struct queue_filter){.state = -1, .message_id = letter_id(&two)}, QUEUE_DROP), 1);
  assert_int_equal(command(l, &(struct queue_filter){.state = -1, .message_id = letter_id(&two)}, QUEUE_DROP), 0);
  struct seen_queue q;
  lab_queue(l, &q);
  assert_int_equal(q.count, 1);
  assert_string_equal(q.all[0].address, "a@x.example");
  assert_int_equal(last_event(l, letter_id(&two), 2), EVENT_DROPPED);
  assert_int_equal(last_event(l, letter_id(&one), 1), EVENT_ACCEPTED);
}

/* put_queue's recipients, in messages of `each` recipients. */
static void put_messages(struct lab *l, int messages, int each) {
  char sql[800];
  put_queue(l, messages, each);
  snprintf(sql, sizeof sql,
           "INSERT INTO messages(id, account, pool, sources, reverse_path, envid, flags, priority, size, created_us,"
           " expires_us, deliver_by_us, prefix, content)"
           " WITH RECURSIVE n(i) AS (SELECT 2 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
           " SELECT i, 'bulk', 'default', '', 'news@example.com', '', 0, 0, 3, 1, 2, 0, x'', x'' FROM n;"
           "UPDATE recipients SET message_id = 1 + (id - 1) %% %d",
           messages, messages);
  lab_exec(l->dir, sql);
}

struct seen_progress {
  uint64_t recipients[8];
  size_t count;
};

static void see_progress(void *arg, uint64_t recipients) {
  struct seen_progress *s = arg;
  s->recipients[s->count++] = recipients;
}

/* A message is changed whole, with one event; whoever reads between two parts sees no half of one. */
static void whole_messages(void **state) {
  struct lab *l = *state;
  struct seen_progress seen = {.count = 0};
  struct queue_changed changed;
  struct seen_log log;
  put_messages(l, 3, 700);
  struct admin *a = lab_admin(l);
  const struct queue_change hold = {.action = QUEUE_HOLD, .by = "amy", .progress = see_progress, .arg = &seen};
  assert_ok(admin_queue(a, &(struct queue_filter){.state = -1}, &hold, &changed, &l->why), l->why);
  admin_close(&a);
  assert_int_equal(changed.recipients, 2100);
  assert_int_equal(changed.messages, 3);
  assert_int_equal(seen.count, 2);
  assert_int_equal(seen.recipients[0], 1400);
  assert_int_equal(seen.recipients[1], 2100);
  lab_log(l, 2, &log);
  assert_int_equal(log.count, 1);
  assert_string_equal(log.all[0].to, "");
  assert_string_equal(log.all[0].text, "held by command (amy): 700 recipients");
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events WHERE numbers = 'recipients=700'"), 3);
  assert_int_equal(command(l, &(struct queue_filter){.state = -1, .to = "r0@*"}, QUEUE_RELEASE), 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events WHERE recipient = 'r0@d0.example'"), 1);
}

static uint64_t hold_for(struct lab *l, enum recipient_hold hold) {
  struct admin *a = lab_admin(l);
  struct queue_changed changed;
  const struct queue_change change = {.action = QUEUE_HOLD, .hold = hold};
  assert_ok(admin_queue(a, &(struct queue_filter){.state = -1}, &change, &changed, &l->why), l->why);
  admin_close(&a);
  return changed.recipients;
}

/* What a suspension holds is let go by its end, unless an operator has held it before or since. */
static void holds_are_told_apart(void **state) {
  struct lab *l = *state;
  const struct queue_filter suspended = {.state = -1, .among = QUEUE_IS_HELD_FOR(HOLD_SUSPENSION)};
  lab_accept(l, "blog", "a@x.example");
  assert_int_equal(hold_for(l, HOLD_COMMAND), 1);
  lab_accept(l, "blog", "b@x.example");
  lab_accept(l, "blog", "c@x.example");
  assert_int_equal(hold_for(l, HOLD_SUSPENSION), 2);
  assert_int_equal(hold_for(l, HOLD_SUSPENSION), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE hold = 2"), 2);
  assert_int_equal(command(l, &(struct queue_filter){.state = -1, .to = "c@*", .among = QUEUE_IS_HELD}, QUEUE_HOLD), 1);
  assert_int_equal(command(l, &suspended, QUEUE_RELEASE), 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE state = 0 AND address LIKE 'b@%'"), 1);
  assert_int_equal(hold_for(l, HOLD_REMOVAL), 1);
  assert_int_equal(command(l, &suspended, QUEUE_RELEASE), 0);
  assert_int_equal(command(l, &(struct queue_filter){.state = -1}, QUEUE_RELEASE), 3);
}

static void release_keeps_the_time(void **state) {
  struct lab *l = *state;
  struct letter m;
  struct queue_changed changed;
  int64_t later = clock_now_us() + 3600 * SECOND_US;
  letter_make(&m, "blog", "a@x.example");
  m.accept.message.first_attempt_us = m.accept.message.not_before_us = later;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  lab_accept(l, "blog", "b@x.example");
  assert_int_equal(hold_for(l, HOLD_COMMAND), 2);
  struct admin *a = lab_admin(l);
  const struct queue_change release = {.action = QUEUE_RELEASE};
  assert_ok(admin_queue(a, &(struct queue_filter){.state = -1}, &release, &changed, &l->why), l->why);
  admin_close(&a);
  assert_int_equal(changed.recipients, 2);
  assert_int_equal(changed.later, 1);
  assert_int_equal(changed.later_us, later);
}

/* --- what is to be returned --- */

static uint64_t bounce(struct lab *l, const char *to, const char *by, const char *reason) {
  struct admin *a = lab_admin(l);
  struct queue_changed changed;
  const struct queue_change change = {.action = QUEUE_BOUNCE, .by = by, .reason = reason};
  assert_ok(admin_queue(a, &(struct queue_filter){.state = -1, .to = to}, &change, &changed, &l->why), l->why);
  admin_close(&a);
  return changed.recipients;
}

struct seen_returning {
  char all[SEEN_MAX][64];
  size_t count;
};

static bool see_returning(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  struct seen_returning *s = arg;
  (void)m;
  assert_int_equal(r->state, RECIPIENT_RETURNING);
  snprintf(s->all[s->count++], sizeof s->all[0], "%s %s", r->to.address, r->returned);
  return true;
}

/* The order is kept until the gateway has carried it out: no other command but drop ends it. */
static void bounced_by_command(void **state) {
  struct lab *l = *state;
  struct letter m;
  struct seen_returning s = {.count = 0};
  struct seen_log log;
  struct seen_lanes due = {.count = 0};
  struct queue_filter all = {.state = -1};
  letter_to(&m, "blog", (const char *const[]){"a@y.example", "b@x.example", "c@y.example", "d@x.example", NULL});
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  struct reader *r = lab_reader(l);
  int64_t generation = reader_queue_generation(r);
  assert_int_equal(command(l, &(struct queue_filter){.state = -1, .to = "c@*"}, QUEUE_HOLD), 1);
  assert_int_equal(bounce(l, "a@*", NULL, NULL), 1);
  assert_int_equal(bounce(l, "*@y.example", "amy", "moved away"), 1);
  assert_int_equal(bounce(l, "b@*", "amy", NULL), 1);
  assert_true(reader_queue_generation(r) > generation);
  assert_int_equal(reader_returning(r, 0, 10, see_returning, &s), OK);
  assert_int_equal(s.count, 3);
  assert_string_equal(s.all[0], "b@x.example amy "); /* by domain */
  assert_string_equal(s.all[1], "a@y.example - ");
  assert_string_equal(s.all[2], "c@y.example amy moved away");
  assert_int_equal(reader_returning(r, letter_id(&m), 10, see_returning, &s), OK);
  assert_int_equal(s.count, 3);
  assert_int_equal(reader_due_lanes(r, see_lane, &due), OK);
  assert_int_equal(due.count, 1);
  lab_log(l, letter_id(&m), &log);
  assert_int_equal(log.count, 2); /* accepted, held */

  assert_int_equal(command(l, &all, QUEUE_RETRY), 1);
  assert_int_equal(command(l, &all, QUEUE_HOLD), 1);
  assert_int_equal(command(l, &all, QUEUE_RELEASE), 1);
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_DEFERRED, 0, NULL), OK);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE state = 2"), 3);
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[2].id, EVENT_BOUNCED, 0, NULL), OK);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE state = 2"), 2);
  assert_int_equal(command(l, &(struct queue_filter){.state = RECIPIENT_RETURNING}, QUEUE_DROP), 2);
  reader_close(&r);
}

/* `sendoff restore` does that; released, it goes on where it was going. */
static void held_on_the_way_back(void **state) {
  struct lab *l = *state;
  const struct queue_filter all = {.state = -1};
  const struct queue_change hold = {.action = QUEUE_HOLD, .hold_returning = true, .by = "restore"};
  const struct queue_change release = {.action = QUEUE_RELEASE};
  struct seen_returning s = {.count = 0};
  struct queue_changed changed;
  lab_accept(l, "blog", "a@x.example");
  lab_accept(l, "blog", "b@x.example");
  struct letter later = lab_accept(l, "blog", "c@x.example");
  assert_int_equal(lab_outcome(l, letter_id(&later), later.recipients[0].id, EVENT_DEFERRED, INT64_MAX, NULL), OK);
  assert_int_equal(bounce(l, "a@*", "amy", "moved away"), 1);
  assert_int_equal(bounce(l, "c@*", "amy", NULL), 1);
  struct admin *a = lab_admin(l);
  assert_ok(admin_queue(a, &all, &hold, &changed, &l->why), l->why);
  assert_int_equal(changed.recipients, 3);
  assert_int_equal(changed.returning, 2);
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_returning(r, 0, 10, see_returning, &s), OK);
  assert_int_equal(s.count, 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE state = 1 AND hold = 0"), 3);

  assert_ok(admin_queue(a, &all, &release, &changed, &l->why), l->why);
  assert_int_equal(changed.recipients, 3);
  assert_int_equal(changed.returning, 2);
  assert_int_equal(changed.later, 0);
  assert_int_equal(reader_returning(r, 0, 10, see_returning, &s), OK);
  assert_int_equal(s.count, 2);
  assert_string_equal(s.all[0], "a@x.example amy moved away");
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE state = 0"), 1);
  admin_close(&a);
  reader_close(&r);
}

/* --- by site and reply --- */

static void defer_at(struct lab *l, const struct letter *m, const char *site, const char *text) {
  struct recipient_outcome late = {.recipient_id = m->recipients[0].id,
                                   .site = site,
                                   .counts = true,
                                   .event = {.kind = EVENT_DEFERRED, .text = text}};
  struct store_outcome o = {.message_id = m->accept.message.envelope.id, .outcomes = &late, .outcome_count = 1};
  store_outcome_init(&o);
  assert_int_equal(lab_run(&l->poster, &o.op), OK);
}

/* More than a part, of which the first has those whose last attempt was for the site. */
static void dropped_by_site(void **state) {
  struct lab *l = *state;
  put_messages(l, 4, 700);
  lab_exec(l->dir, "UPDATE recipients SET domain = 'one.example' WHERE message_id <> 3;"
                   "UPDATE recipients SET site = 'google' WHERE message_id = 1");
  assert_int_equal(command(l, &(struct queue_filter){.state = -1, .site = "lab"}, QUEUE_DROP), 0);
  assert_int_equal(command(l, &(struct queue_filter){.state = -1, .site = "google"}, QUEUE_DROP), 2100);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE message_id = 3"), 700);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients"), 700);
}

static void by_site_and_reply(void **state) {
  static const struct {
    struct queue_filter filter;
    const char *expected;
  } rows[] = {
      {{.state = -1, .site = "google"}, "ac"}, /* c was not tried, and a's domain was for it */
      {{.state = -1, .site = "Google"}, ""},
      {{.state = -1, .site = "lab"}, "b"},
      {{.state = -1, .reply = "GREYLIST"}, "a"},
      {{.state = -1, .reply = "100% full_"}, "b"}, /* nothing but * is special */
      {{.state = -1, .reply = "box*full"}, "b"},
      {{.state = -1, .reply = "nothing"}, ""},
      {{.state = -1, .site = "google", .reply = "greylist"}, "a"},
  };
  struct lab *l = *state;
  struct letter a = lab_accept(l, "blog", "a@one.example"), b = lab_accept(l, "blog", "b@two.example");
  lab_accept(l, "blog", "c@one.example");
  lab_accept(l, "blog", "d@three.example");
  defer_at(l, &a, "google", "4.7.1 Greylisted, come back");
  defer_at(l, &b, "lab", "mailbox 100% full_");
  defer_at(l, &b, "", "mailbox 100% full_"); /* not known this time */
  struct reader *r = lab_reader(l);
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    struct seen_queue q = {.count = 0};
    struct queue_extent extent;
    char seen[SEEN_MAX + 1] = "";
    assert_int_equal(reader_queue(r, &rows[i].filter, see_entry, &q), OK);
    for (size_t n = 0; n < q.count; n++) seen[n] = q.all[n].address[0];
    if (strcmp(seen, rows[i].expected) != 0) fail_msg("row %zu: %s instead of %s", i, seen, rows[i].expected);
    assert_int_equal(reader_queue_extent(r, &rows[i].filter, &extent), OK);
    assert_int_equal(extent.recipients, strlen(rows[i].expected));
    assert_int_equal(extent.messages, strlen(rows[i].expected));
    assert_int_equal(extent.accounts, *rows[i].expected != '\0');
    assert_int_equal(extent.oldest_us != 0, *rows[i].expected != '\0');
  }
  reader_close(&r);
}

/* More than one part, while the gateway's writer goes on: event ids of both come from the same milliseconds. */
static void a_large_drop_beside_the_writer(void **state) {
  struct lab *l = *state;
  put_messages(l, 5, 700);
  struct letter mine[100];
  for (size_t i = 0; i < COUNT_OF(mine); i++) {
    letter_make(&mine[i], "blog", "late@d1.example");
    lab_post(&l->poster, &mine[i].accept.op);
  }
  uint64_t changed = command(l, &(struct queue_filter){.state = -1, .account = "bulk"}, QUEUE_DROP);
  lab_wait(&l->poster);
  for (size_t i = 0; i < COUNT_OF(mine); i++) assert_int_equal(mine[i].accept.op.result, OK);
  assert_int_equal(changed, 3500);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages WHERE id <= 5"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events WHERE kind = 8"), 3500);
  assert_int_equal(command(l, &(struct queue_filter){.state = -1}, QUEUE_DROP), 100);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), 0);
}

/* The command line's process has the gateway's node number, and so may make the same ids in the same millisecond. */
static void event_ids_that_are_taken(void **state) {
  struct lab *l = *state;
  struct letter m = lab_accept(l, "blog", "a@x.example");
  clock_set_for_tests(clock_now_us() + 10 * SECOND_US); /* stands still, so the next ids are known */
  int64_t next = id_new() + 1;
  char sql[600];
  snprintf(
      sql, sizeof sql,
      "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 99) INSERT INTO events(id, message_id, "
      "kind, account, sender, recipient, code, enhanced, text, host, source, ref, count, rule, numbers)"
      " SELECT %lld + i, 0, 1, 'other', '', '', 0, '', '', '', '', NULL, 1, '', '' FROM n",
      (long long)next);
  lab_exec(l->dir, sql);
  assert_int_equal(command(l, &(struct queue_filter){.state = -1}, QUEUE_HOLD), 1);
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_DELIVERED, 0, NULL), OK);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events"), 103);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(due_lanes_and_recipients, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(due_by_account_and_stream, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(due_lanes_cost, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(filters, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(summary, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(retry_hold_release, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(events_by_command_are_of_the_stream, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(drop, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(by_message_id, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(whole_messages, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(holds_are_told_apart, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(release_keeps_the_time, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(bounced_by_command, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(held_on_the_way_back, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(by_site_and_reply, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(dropped_by_site, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_large_drop_beside_the_writer, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(event_ids_that_are_taken, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
