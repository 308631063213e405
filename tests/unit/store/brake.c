/* The brake in the store: what is counted and kept across a restart, and what its steps do to mail. */
#include "base/usage/brake.h"
#include "base/mail/rule.h"
#include "store/sqlite/table/brake_prints.h"
#include "store/sqlite/table/brake_table.h"
#include "tests/unit/limit_samples.h"
#include "tests/unit/store_lab.h"

#include <time.h>

#define DAY (86400 * SECOND_US)
#define HOUR (3600 * SECOND_US)
#define BEGIN (INT64_C(20600) * DAY + 8 * HOUR)
#define FAR_AWAY (UINT64_C(4) << 56 | 0xcb0071)

static int setup(void **state) {
  int rc = lab_setup(state);
  struct lab *l = *state;
  clock_set_for_tests(BEGIN);
  lab_add_account(l, "blog");
  return rc;
}

/* A message to three addresses with this stem. */
static struct letter mail(struct lab *l, enum check_mode mode, const char *stem) {
  char to[3][64];
  struct letter m;
  for (int i = 0; i < 3; i++) snprintf(to[i], sizeof to[i], "%s-%d@example.net", stem, i);
  letter_to(&m, "blog", (const char *const[]){to[0], to[1], to[2], NULL});
  m.accept.brake.mode = mode;
  if (lab_run(&l->poster, &m.accept.op) != OK) fail_msg("accept: %s", m.accept.op.why.text);
  m.accept.message.recipients = NULL;
  return m;
}

static struct brake seen(struct lab *l, uint64_t *recipients) {
  struct reader *r = lab_reader(l);
  struct brake b;
  uint64_t n;
  assert_int_equal(reader_brake(r, "blog", &b, recipients ? recipients : &n), OK);
  reader_close(&r);
  return b;
}

/* As if it had sent `a_day` for a month. */
static void grow_old(struct lab *l, int a_day) {
  char sql[1024], days[512] = "";
  int64_t today = BEGIN / DAY;
  for (int64_t d = today; d > today - BRAKE_DAYS; d--)
    snprintf(days + strlen(days), sizeof days - strlen(days), "%lld %d 1 0 0 0 0 ", (long long)d,
             d == today ? 0 : a_day);
  snprintf(sql, sizeof sql, "UPDATE brake SET began_us = began_us - %lld, days = '%s'", (long long)(30 * DAY), days);
  lab_exec(l->dir, sql);
}

static void first_time_recipients_are_known_after_a_restart(void **state) {
  struct lab *l = *state;
  uint64_t recipients;
  mail(l, CHECK_OBSERVE, "a");
  mail(l, CHECK_OBSERVE, "b");
  mail(l, CHECK_OBSERVE, "A"); /* the same mailboxes */
  struct brake b = seen(l, &recipients);
  assert_int_equal(b.days[0].accepted, 9);
  assert_int_equal(b.days[0].first, 6);
  assert_int_equal(recipients, 6);
  lab_reopen(l);
  mail(l, CHECK_OBSERVE, "b");
  mail(l, CHECK_OBSERVE, "c");
  b = seen(l, &recipients);
  assert_int_equal(b.days[0].accepted, 15);
  assert_int_equal(b.days[0].first, 9);
  assert_int_equal(recipients, 9);
}

static void nothing_is_counted_of_what_is_not_accepted(void **state) {
  struct lab *l = *state;
  struct limit limit = limit_of("1/day");
  struct letter m;
  mail(l, CHECK_OBSERVE, "a");
  letter_make(&m, "blog", "x@example.net");
  letter_limit(&m, &limit, 1);
  assert_int_equal(lab_run(&l->poster, &m.accept.op), E_LIMIT);
  letter_make(&m, "blog", "y@example.net");
  m.accept.count_usage = false; /* mail that is made here */
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  assert_int_equal(seen(l, NULL).days[0].accepted, 3);
}

/* One that fails, in a batch with others, takes back no more than its own. */
static void a_rollback_takes_back_what_it_counted(void **state) {
  struct lab *l = *state;
  struct letter good, bad;
  uint64_t recipients;
  letter_make(&good, "blog", "good@example.net");
  letter_make(&bad, "blog", "bad@example.net");
  bad.accept.message.envelope.id = letter_id(&good); /* twice the same id */
  lab_post(&l->poster, &good.accept.op);
  lab_post(&l->poster, &bad.accept.op);
  lab_wait(&l->poster);
  assert_int_equal(good.accept.op.result, OK);
  assert_int_not_equal(bad.accept.op.result, OK);
  struct brake b = seen(l, &recipients);
  assert_int_equal(b.days[0].accepted, 1);
  assert_int_equal(recipients, 1);
  lab_accept(l, "blog", "bad@example.net");
  assert_int_equal(seen(l, NULL).days[0].first, 2);
}

static void outcomes(struct lab *l, const struct letter *m, enum event_kind kind, enum bounce bounce) {
  struct seen_queue q;
  lab_queue(l, &q);
  for (size_t i = 0; i < q.count; i++) {
    if (q.all[i].message_id != letter_id(m)) continue;
    struct recipient_outcome one = {.recipient_id = q.all[i].recipient_id,
                                    .event = {.kind = kind, .account = "blog", .to = q.all[i].address, .text = "so"},
                                    .bounce = bounce};
    struct store_outcome o = {.message_id = letter_id(m), .outcomes = &one, .outcome_count = 1};
    store_outcome_init(&o);
    assert_int_equal(lab_run(&l->poster, &o.op), OK);
  }
}

static void outcomes_are_counted(void **state) {
  struct lab *l = *state;
  struct letter a = mail(l, CHECK_OBSERVE, "a"), b = mail(l, CHECK_OBSERVE, "b"), c = mail(l, CHECK_OBSERVE, "c");
  outcomes(l, &a, EVENT_DELIVERED, BOUNCE_NONE);
  outcomes(l, &b, EVENT_BOUNCED, BOUNCE_HARD);
  outcomes(l, &c, EVENT_BOUNCED, BOUNCE_SOFT);
  struct brake s = seen(l, NULL);
  assert_int_equal(s.days[0].delivered, 3);
  assert_int_equal(s.days[0].bounced, 3);
}

static void an_account_that_has_gone_gets_no_row(void **state) {
  struct lab *l = *state;
  struct letter a = mail(l, CHECK_OBSERVE, "a");
  struct admin *admin = lab_admin(l);
  assert_ok(admin_account_remove(admin, "blog", &l->why), l->why);
  admin_close(&admin);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM brake"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM brake_recipients"), 0);
  outcomes(l, &a, EVENT_DELIVERED, BOUNCE_NONE);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM brake"), 0);
}

/* --- steps --- */

static void exceed(struct lab *l, enum check_mode mode) {
  char stem[32];
  for (int i = 0; i < 140; i++) {
    snprintf(stem, sizeof stem, "new%d", i);
    mail(l, mode, stem);
  }
}

static int64_t count_events(struct lab *l, enum event_kind kind) {
  char sql[128];
  snprintf(sql, sizeof sql, "SELECT count(*) FROM events WHERE rule = 'brake' AND kind = %d AND message_id = 0", kind);
  return lab_number(l->dir, sql);
}

static void steps_in_force(void **state) {
  struct lab *l = *state;
  mail(l, CHECK_ENFORCE, "friend");
  grow_old(l, 20);
  exceed(l, CHECK_ENFORCE); /* 420 new ones: twice 200 */
  assert_int_equal(count_events(l, EVENT_WARNED), 1);
  struct letter m = mail(l, CHECK_ENFORCE, "slow");
  assert_int_equal(m.accept.brake.status.step, BRAKE_SLOW);
  assert_true(m.accept.brake.slowed_until_us > BEGIN + HOUR);
  assert_int_equal(m.accept.message.not_before_us, m.accept.brake.slowed_until_us);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE state = 1"), 0);
  struct brake_status status;
  store_brake(l->store, "blog", &status);
  assert_int_equal(status.step, BRAKE_SLOW);
  lab_reopen(l);
  store_brake(l->store, "blog", &status);
  assert_int_equal(status.step, BRAKE_SLOW);
  assert_int_equal(status.mode, CHECK_ENFORCE);

  clock_set_for_tests(BEGIN + BRAKE_HOLD_AFTER_US);
  m = mail(l, CHECK_ENFORCE, "hold");
  assert_true(m.accept.brake.held && m.accept.brake.said);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE state = 1"), 3);
  assert_int_equal(count_events(l, EVENT_HELD), 1);
  assert_int_equal(
      lab_number(l->dir, "SELECT count(*) FROM events WHERE rule = 'brake' AND kind = 6 AND message_id <> 0"), 3);

  lab_exec(l->dir, "UPDATE brake SET since_recipients = 1000");
  clock_set_for_tests(BEGIN + BRAKE_HOLD_AFTER_US + BRAKE_SUSPEND_AFTER_US);
  m = mail(l, CHECK_ENFORCE, "more");
  assert_int_equal(m.accept.brake.status.step,
                   BRAKE_HOLD); /* 426 are not four times 200, nor is the volume far beyond */
  int64_t config = lab_number(l->dir, "SELECT value FROM meta WHERE key = 'config'");
  char today[64];
  snprintf(today, sizeof today, "%lld 1433 1430 0 0 0 1 ", (long long)(BEGIN / DAY));
  char sql[256];
  snprintf(sql, sizeof sql, "UPDATE brake SET days = '%s'", today);
  lab_exec(l->dir, sql);
  m = mail(l, CHECK_ENFORCE, "end");
  assert_int_equal(m.accept.brake.status.step, BRAKE_SUSPEND);
  assert_true(m.accept.brake.held);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM accounts WHERE suspended LIKE 'brake: %'"), 1);
  assert_int_equal(lab_number(l->dir, "SELECT value FROM meta WHERE key = 'config'"), config + 1);
}

static void observing_changes_nothing(void **state) {
  struct lab *l = *state;
  mail(l, CHECK_OBSERVE, "friend");
  grow_old(l, 20);
  exceed(l, CHECK_OBSERVE);
  for (int i = 1; i < 20; i++) {
    char stem[32];
    snprintf(stem, sizeof stem, "later%d", i);
    clock_set_for_tests(BEGIN + i * 10 * 60 * SECOND_US);
    struct letter m = mail(l, CHECK_OBSERVE, stem);
    assert_false(m.accept.brake.held);
    assert_int_equal(m.accept.message.not_before_us, 0);
  }
  assert_int_equal(count_events(l, EVENT_WARNED), 2); /* would be slowed, would be held */
  assert_int_equal(count_events(l, EVENT_HELD), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE state = 1"), 0);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM accounts WHERE suspended IS NOT NULL"), 0);
}

static void trust_by_command(void **state) {
  struct lab *l = *state;
  struct admin *a = lab_admin(l);
  struct brake_status status;
  struct brake_ended ended;
  mail(l, CHECK_ENFORCE, "friend");
  grow_old(l, 20);
  exceed(l, CHECK_ENFORCE);
  clock_set_for_tests(BEGIN + BRAKE_HOLD_AFTER_US);
  assert_true(mail(l, CHECK_ENFORCE, "hold").accept.brake.held);
  assert_ok(admin_brake_trust(a, "blog", false, &ended, &l->why), l->why);
  assert_true(ended.step && !ended.suspension);
  struct letter m = mail(l, CHECK_ENFORCE, "free");
  assert_false(m.accept.brake.held);
  assert_int_equal(m.accept.message.not_before_us, 0);
  store_brake(l->store, "blog", &status);
  assert_int_equal(status.step, BRAKE_NONE);
  assert_int_equal(count_events(l, EVENT_RELEASED), 1);
  assert_int_equal(seen(l, NULL).usual_first, 424);

  assert_ok(admin_account_suspend(a, "blog", "brake: so it says", &l->why), l->why);
  assert_ok(admin_brake_trust(a, "blog", false, &ended, &l->why), l->why);
  assert_true(ended.suspension);
  assert_ok(admin_account_suspend(a, "blog", "unpaid", &l->why), l->why);
  assert_ok(admin_brake_trust(a, "blog", false, &ended, &l->why), l->why);
  assert_false(ended.suspension);
  assert_false(ended.step);
  assert_int_equal(count_events(l, EVENT_RELEASED), 2); /* nothing had ended */
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM accounts WHERE suspended = 'unpaid'"), 1);
  assert_int_equal(admin_brake_trust(a, "nobody", false, &ended, &l->why), E_NOT_FOUND);
  admin_close(&a);
}

static void a_network_is_counted(void **state) {
  struct lab *l = *state;
  struct letter m;
  mail(l, CHECK_OBSERVE, "friend");
  lab_exec(l->dir, "UPDATE brake SET networks = '288230376164294658 20599 9 '"); /* 192.0.2.0/24 */
  letter_make(&m, "blog", "x@example.net");
  m.accept.brake.network = FAR_AWAY;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  struct brake b = seen(l, NULL);
  assert_int_equal(b.days[0].far, 1);
  assert_int_equal(b.networks[0].days, 9);
  assert_int_equal(b.networks[1].key, FAR_AWAY);
}

/* --- bounds --- */

static void prints_are_bounded(void **state) {
  struct lab *l = *state;
  struct sql q;
  struct brake_prints p = {0};
  bool first;
  enum { MOST = 4096 };
  assert_ok(sql_open(l->dir, SQL_WRITE, &q, &l->why), l->why);
  for (uint32_t i = 1; i <= 10 * MOST; i++) {
    assert_int_equal(brake_prints_add(&q, &p, "blog", i, 20000, MOST, &first), OK);
    assert_true(first);
    assert_true(p.stored <= MOST && p.set.count <= MOST);
  }
  assert_int_equal(brake_prints_write(&q, &p, "blog"), OK);
  assert_int_equal(lab_number(l->dir, "SELECT sum(length(prints)) / 4 FROM brake_recipients"), (int64_t)p.stored);
  assert_true(lab_number(l->dir, "SELECT count(*) FROM brake_recipients") <= MOST / BRAKE_PRINTS_ROW + 1);
  brake_prints_add(&q, &p, "blog", 10 * MOST, 20000, MOST, &first); /* the newest are known, the oldest are not */
  assert_false(first);
  brake_prints_add(&q, &p, "blog", 1, 20000, MOST, &first);
  assert_true(first);
  brake_prints_free(&p);
  sql_close(&q);
}

/* Who is written to again and again stays known, though thousands come in between, and half a year passes. */
static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
  return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Too many of all accounts together: what that takes does not grow with each recipient. (Summed up for each, these take
 * 20 seconds of a core and more, and else a fraction of one.) */
static void many_accounts_cost_no_recipient_much(void **state) {
  struct lab *l = *state;
  struct sql q;
  char to[32];
  bool first;
  lab_exec(l->dir,
           "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 50000)"
           " INSERT INTO brake SELECT 'a' || i, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1000, '', '' FROM n");
  assert_ok(sql_open(l->dir, SQL_WRITE, &q, &l->why), l->why);
  assert_int_equal(sql_exec(&q, "BEGIN IMMEDIATE"), OK);
  struct brake_table *t = brake_table_new(&q);
  double begin = cpu_seconds();
  for (int i = 0; i < 3000; i++) {
    snprintf(to, sizeof to, "r%d@example.net", i);
    assert_int_equal(brake_table_note(t, "blog", to, BEGIN, &first), OK);
  }
  assert_true(cpu_seconds() - begin < 8);
  assert_int_equal(brake_table_write(t), OK);
  assert_int_equal(sql_exec(&q, "COMMIT"), OK);
  brake_table_free(&t);
  sql_close(&q);
  assert_true(lab_number(l->dir, "SELECT prints FROM brake WHERE account = 'blog'") <= BRAKE_PRINTS_FEW);
}

static void whom_it_still_writes_to_stays_known(void **state) {
  struct lab *l = *state;
  struct sql q;
  struct brake_prints p = {0};
  bool first;
  enum { MOST = 4096, FRIEND = 1 };
  uint32_t next = 2;
  assert_ok(sql_open(l->dir, SQL_WRITE, &q, &l->why), l->why);
  brake_prints_add(&q, &p, "blog", FRIEND, 20000, MOST, &first);
  for (int64_t day = 20000; day < 20400; day++) {
    for (int i = 0; i < 50; i++) assert_int_equal(brake_prints_add(&q, &p, "blog", next++, day, MOST, &first), OK);
    assert_int_equal(brake_prints_add(&q, &p, "blog", FRIEND, day, MOST, &first), OK);
    if (first) fail_msg("it is forgotten on day %d", (int)day);
    assert_int_equal(brake_prints_write(&q, &p, "blog"), OK);
    if (day % 50 == 0) brake_prints_free(&p); /* a restart */
  }
  brake_prints_free(&p);
  brake_prints_add(&q, &p, "blog", FRIEND, 20400 + BRAKE_PRINTS_KEEP_DAYS, MOST, &first);
  assert_true(first); /* half a year without any */
  brake_prints_free(&p);
  sql_close(&q);
}

static void a_damaged_row_is_no_open_brake(void **state) {
  struct lab *l = *state;
  struct letter m;
  mail(l, CHECK_OBSERVE, "a");
  lab_exec(l->dir, "UPDATE brake SET days = 'nonsense'");
  letter_make(&m, "blog", "x@example.net");
  assert_int_equal(lab_run(&l->poster, &m.accept.op), E_IO);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, lab_teardown)
  const struct CMUnitTest tests[] = {TEST(first_time_recipients_are_known_after_a_restart),
                                     TEST(nothing_is_counted_of_what_is_not_accepted),
                                     TEST(a_rollback_takes_back_what_it_counted),
                                     TEST(outcomes_are_counted),
                                     TEST(an_account_that_has_gone_gets_no_row),
                                     TEST(steps_in_force),
                                     TEST(observing_changes_nothing),
                                     TEST(trust_by_command),
                                     TEST(a_network_is_counted),
                                     TEST(prints_are_bounded),
                                     TEST(many_accounts_cost_no_recipient_much),
                                     TEST(whom_it_still_writes_to_stays_known),
                                     TEST(a_damaged_row_is_no_open_brake)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
