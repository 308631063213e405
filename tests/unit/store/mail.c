/* A message's way through the store: accepted, read from the queue, its outcomes, the log. */
#include "tests/unit/store_lab.h"

static void accepted_mail_is_in_queue_and_log(void **state) {
  struct lab *l = *state;
  struct letter m;
  letter_to(&m, "blog", (const char *const[]){"a@one.example", "b@two.example", "c@one.example", NULL});
  m.accept.message.envelope.flags = MESSAGE_8BIT | MESSAGE_UTF8;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);

  struct seen_queue q;
  lab_queue(l, &q);
  assert_int_equal(q.count, 3);
  for (size_t i = 0; i < 3; i++) {
    assert_int_equal(q.all[i].message_id, letter_id(&m));
    assert_int_equal(q.all[i].recipient_id, m.recipients[i].id);
    assert_string_equal(q.all[i].address, m.recipients[i].address);
    assert_string_equal(q.all[i].domain, m.recipients[i].domain);
    assert_string_equal(q.all[i].account, "blog");
    assert_int_equal(q.all[i].flags, MESSAGE_8BIT | MESSAGE_UTF8);
    assert_int_equal(q.all[i].attempts, 0);
    assert_int_equal(q.all[i].state, RECIPIENT_QUEUED);
    assert_int_equal(q.all[i].next_us, m.accept.message.first_attempt_us);
    assert_string_equal(q.all[i].last, "");
  }
  struct seen_log log;
  lab_log(l, letter_id(&m), &log);
  assert_int_equal(log.count, 1);
  assert_int_equal(log.all[0].kind, EVENT_ACCEPTED);
  assert_int_equal(log.all[0].code, 250);
  assert_int_equal(log.all[0].count, 1);
  assert_string_equal(log.all[0].text, "kept");
  assert_true(llabs(id_time_us(log.all[0].id) - clock_now_us()) < 60 * SECOND_US);
}

static bool see_wishes(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  unsigned *notify = arg;
  assert_string_equal(m->envid, "QQ314159");
  assert_int_equal(m->priority, -4);
  assert_true(m->deliver_by_us == m->created_us + 60 * SECOND_US);
  assert_int_equal(m->flags, MESSAGE_RET_HDRS | MESSAGE_BY_NOTIFY | MESSAGE_REQUIRE_TLS);
  assert_string_equal(r->to.orcpt, "rfc822;a+2Bb@x.example");
  *notify = r->to.notify;
  return true;
}

static void what_the_sender_wishes_is_kept(void **state) {
  struct lab *l = *state;
  struct letter m;
  struct store_outcome o;
  unsigned notify = 0;
  letter_make(&m, "blog", "a@x.example");
  struct envelope *e = &m.accept.message.envelope;
  e->envid = "QQ314159";
  e->priority = -4;
  e->deliver_by_us = e->created_us + 60 * SECOND_US;
  e->flags = MESSAGE_RET_HDRS | MESSAGE_BY_NOTIFY | MESSAGE_REQUIRE_TLS;
  m.recipients[0].notify = NOTIFY_SUCCESS | NOTIFY_DELAY;
  m.recipients[0].orcpt = "rfc822;a+2Bb@x.example";
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_queue(r, &(struct queue_filter){.state = -1}, see_wishes, &notify), OK);
  assert_int_equal(notify, NOTIFY_SUCCESS | NOTIFY_DELAY);
  struct recipient_outcome late = {
      .recipient_id = m.recipients[0].id, .event = {.kind = EVENT_DEFERRED, .text = "later"}, .delay_told = true};
  store_outcome_init(&o);
  o = (struct store_outcome){.op = o.op, .message_id = letter_id(&m), .outcomes = &late, .outcome_count = 1};
  assert_int_equal(lab_run(&l->poster, &o.op), OK);
  assert_int_equal(reader_queue(r, &(struct queue_filter){.state = -1}, see_wishes, &notify), OK);
  assert_int_equal(notify, NOTIFY_SUCCESS | NOTIFY_DELAY | NOTIFY_DELAY_SENT);
  reader_close(&r);
}

static void each_recipient_leaves_by_itself_and_the_message_with_the_last(void **state) {
  static const enum event_kind ends[] = {EVENT_DELIVERED, EVENT_BOUNCED, EVENT_EXPIRED, EVENT_DROPPED};
  struct lab *l = *state;
  struct letter m;
  struct store_outcome o;
  letter_to(&m, "blog", (const char *const[]){"a@x.example", "b@x.example", "c@x.example", "d@x.example", NULL});
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  for (size_t i = 0; i < COUNT_OF(ends); i++) {
    assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[i].id, ends[i], 0, &o), OK);
    assert_int_equal(o.message_gone, i == 3);
    assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients"), 3 - (int)i);
    assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), i < 3);
  }
  struct seen_log log;
  lab_log(l, letter_id(&m), &log);
  assert_int_equal(log.count, 5);
  for (size_t i = 0; i < COUNT_OF(ends); i++) assert_int_equal(log.all[i + 1].kind, ends[i]);
}

static void deferred_mail_stays(void **state) {
  struct lab *l = *state;
  struct letter m = lab_accept(l, "blog", "a@x.example");
  struct store_outcome o;
  struct recipient_outcome one = {.recipient_id = m.recipients[0].id,
                                  .event = {.kind = EVENT_DEFERRED, .text = "450 later"},
                                  .next_us = 12345,
                                  .counts = true};
  o = (struct store_outcome){.message_id = letter_id(&m), .outcomes = &one, .outcome_count = 1};
  store_outcome_init(&o);
  assert_int_equal(lab_run(&l->poster, &o.op), OK);
  assert_false(o.message_gone);
  struct seen_queue q;
  lab_queue(l, &q);
  assert_int_equal(q.all[0].attempts, 1);
  assert_int_equal(q.all[0].next_us, 12345);
  assert_string_equal(q.all[0].last, "450 later");

  one.counts = false;
  one.next_us = 23456;
  assert_int_equal(lab_run(&l->poster, &o.op), OK);
  lab_queue(l, &q);
  assert_int_equal(q.all[0].attempts, 1);
  assert_int_equal(q.all[0].next_us, 23456);
}

/* What is put off again and again for the same reason is in the log once in that time. */
static void a_reason_that_comes_often_is_logged_once(void **state) {
  struct lab *l = *state;
  struct letter m = lab_accept(l, "blog", "a@x.example");
  struct recipient_outcome one = {
      .recipient_id = m.recipients[0].id,
      .event = {.kind = EVENT_DEFERRED, .to = "a@x.example", .rule = "warm-up", .source = "192.0.2.1"},
      .once_in_us = 3600 * SECOND_US};
  struct store_outcome o = {.message_id = letter_id(&m), .outcomes = &one, .outcome_count = 1};
  struct seen_log log;
  struct seen_queue q;
  store_outcome_init(&o);
  for (int i = 1; i <= 3; i++) {
    one.next_us = i;
    one.event.text = i == 1 ? "first" : "again";
    assert_int_equal(lab_run(&l->poster, &o.op), OK);
    assert_int_equal(one.quiet, i > 1);
    lab_queue(l, &q);
    assert_int_equal(q.all[0].next_us, i);
    assert_string_equal(q.all[0].last, one.event.text);
    assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE source <> ''"), 0); /* not tried yet */
  }
  lab_log(l, letter_id(&m), &log);
  assert_int_equal(log.count, 2);
  one.event.rule = "pace";
  assert_int_equal(lab_run(&l->poster, &o.op), OK);
  assert_false(one.quiet);
  one.event.rule = "warm-up";
  one.once_in_us = 0;
  assert_int_equal(lab_run(&l->poster, &o.op), OK);
  lab_log(l, letter_id(&m), &log);
  assert_int_equal(log.count, 4);
}

static void held_and_released(void **state) {
  struct lab *l = *state;
  struct letter m = lab_accept(l, "blog", "a@x.example");
  struct seen_queue q;
  int64_t first = m.accept.message.first_attempt_us;
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_HELD, 1, NULL), OK);
  lab_queue(l, &q);
  assert_int_equal(q.all[0].state, RECIPIENT_HELD);
  assert_int_equal(q.all[0].next_us, first);
  /* An attempt that was under way ends: it stays held. */
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_DEFERRED, 2, NULL), OK);
  lab_queue(l, &q);
  assert_int_equal(q.all[0].state, RECIPIENT_HELD);
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_RELEASED, 3, NULL), OK);
  lab_queue(l, &q);
  assert_int_equal(q.all[0].state, RECIPIENT_QUEUED);
  assert_int_equal(q.all[0].next_us, 3);
  assert_int_equal(q.all[0].attempts, 1);
}

/* Dropped by command while its delivery was under way: its story has been told. */
static void an_outcome_of_nobody_says_nothing(void **state) {
  struct lab *l = *state;
  struct letter m = lab_accept(l, "blog", "a@x.example"), other = lab_accept(l, "blog", "b@x.example");
  struct store_outcome o;
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_DROPPED, 0, NULL), OK);
  int64_t events = lab_number(l->dir, "SELECT count(*) FROM events");
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_DELIVERED, 0, &o), OK);
  assert_true(o.message_gone);
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_DEFERRED, 9, &o), OK);
  assert_true(o.message_gone);
  /* Nor is a recipient taken for one of another message. */
  static const enum event_kind kinds[] = {EVENT_DELIVERED, EVENT_DEFERRED, EVENT_HELD, EVENT_RELEASED};
  for (size_t i = 0; i < COUNT_OF(kinds); i++)
    assert_int_equal(lab_outcome(l, letter_id(&m), other.recipients[0].id, kinds[i], 0, NULL), OK);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events"), events);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients"), 1);
}

static void a_notice_is_kept_with_the_outcome(void **state) {
  struct lab *l = *state;
  struct letter m = lab_accept(l, "blog", "a@x.example"), dsn;
  letter_make(&dsn, "", "from@example.com");
  dsn.accept.message.envelope.flags = MESSAGE_IS_DSN;
  dsn.accept.message.envelope.reverse_path = "";
  struct recipient_outcome one = {.recipient_id = m.recipients[0].id, .event = {.kind = EVENT_BOUNCED}};
  struct event event = {.text = "a notice"};
  struct store_outcome o = {.message_id = letter_id(&m),
                            .outcomes = &one,
                            .outcome_count = 1,
                            .dsn = &dsn.accept.message,
                            .dsn_event = &event};
  store_outcome_init(&o);
  assert_int_equal(lab_run(&l->poster, &o.op), OK);
  assert_true(o.message_gone);
  struct seen_queue q;
  struct seen_log log;
  lab_queue(l, &q);
  assert_int_equal(q.count, 1);
  assert_int_equal(q.all[0].message_id, letter_id(&dsn));
  assert_int_equal(q.all[0].flags, MESSAGE_IS_DSN);
  lab_log(l, letter_id(&dsn), &log);
  assert_int_equal(log.count, 1);
  assert_string_equal(log.all[0].text, "a notice");
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM usage_counts WHERE owner = ''"), 0);
}

/* Nothing is written until the notice is only about those that are in the queue. */
static void no_notice_of_what_was_dropped(void **state) {
  struct lab *l = *state;
  struct letter m, dsn;
  letter_to(&m, "blog", (const char *const[]){"a@x.example", "b@x.example", "c@x.example", NULL});
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  letter_make(&dsn, "", "from@example.com");
  struct recipient_outcome all[3];
  for (size_t i = 0; i < 3; i++)
    all[i] = (struct recipient_outcome){
        .recipient_id = m.recipients[i].id, .in_dsn = i > 0, .event = {.kind = i ? EVENT_BOUNCED : EVENT_DELIVERED}};
  struct store_outcome o = {
      .message_id = letter_id(&m), .outcomes = all, .outcome_count = 3, .dsn = &dsn.accept.message};
  lab_exec(l->dir, "DELETE FROM recipients WHERE address <> 'b@x.example'");
  store_outcome_init(&o);
  assert_int_equal(lab_run(&l->poster, &o.op), OK);
  assert_true(o.dsn_outdated);
  assert_true(!all[0].dropped && !all[1].dropped && all[2].dropped);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients"), 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events"), 1);
  all[2].in_dsn = false;
  store_outcome_init(&o);
  assert_int_equal(lab_run(&l->poster, &o.op), OK);
  assert_true(!o.dsn_outdated && o.message_gone);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE address = 'from@example.com'"), 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients"), 1);
}

/* When the notice cannot be kept, the failure is not either: mail cannot get lost on the bounce path. */
static void no_notice_no_outcome(void **state) {
  struct lab *l = *state;
  struct letter m = lab_accept(l, "blog", "a@x.example"), dsn;
  letter_make(&dsn, "", "from@example.com");
  dsn.accept.message.envelope.id = letter_id(&m); /* taken */
  struct recipient_outcome one = {.recipient_id = m.recipients[0].id, .event = {.kind = EVENT_BOUNCED}};
  struct store_outcome o = {
      .message_id = letter_id(&m), .outcomes = &one, .outcome_count = 1, .dsn = &dsn.accept.message};
  store_outcome_init(&o);
  assert_int_equal(lab_run(&l->poster, &o.op), E_EXISTS);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients"), 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events"), 1);
}

static void what_makes_no_sense_is_refused(void **state) {
  struct lab *l = *state;
  struct letter m;
  letter_make(&m, "blog", "a@x.example");
  m.accept.message.recipient_count = 0;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), E_SYNTAX);
  assert_true(m.accept.op.why.text[0] != '\0');
  m.accept.message.recipient_count = 1;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  assert_int_equal(lab_run(&l->poster, &m.accept.op), E_EXISTS); /* the same id again */
  assert_non_null(strstr(m.accept.op.why.text, "UNIQUE"));
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_ACCEPTED, 0, NULL), E_SYNTAX);
  struct store_op unknown = {.kind = 99};
  assert_int_equal(lab_run(&l->poster, &unknown), E_SYNTAX);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), 1);
  assert_int_equal(lab_number(l->dir, "SELECT total_messages FROM usage_counts"), 1);
}

static void mail_made_here_is_not_counted(void **state) {
  struct lab *l = *state;
  struct letter m;
  letter_make(&m, "", "a@x.example");
  m.accept.count_usage = false;
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM usage_counts"), 0);
}

/* An operation that nobody waits for is freed by the store (the leak checker is the judge), also at the end. */
static void without_a_port(void **state) {
  struct lab *l = *state;
  for (int i = 0; i < 20; i++) {
    struct store_note *n = calloc(1, sizeof *n);
    assert_non_null(n);
    n->event = (struct event){.kind = EVENT_REFUSED, .text = "no"};
    store_note_init(n);
    store_post(l->store, &n->op);
  }
  lab_close(l);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM events"), 20);
}

/* Completions of what was posted before the end are in the port when store_close returns. */
static void closing_runs_what_was_posted(void **state) {
  struct lab *l = *state;
  static struct letter all[600]; /* more than one batch */
  for (size_t i = 0; i < COUNT_OF(all); i++) {
    letter_make(&all[i], "blog", "a@x.example");
    lab_post(&l->poster, &all[i].accept.op);
  }
  store_close(&l->store);
  lab_poster = &l->poster;
  store_port_drain(l->poster.port);
  assert_int_equal(l->poster.open, 0);
  for (size_t i = 0; i < COUNT_OF(all); i++) assert_int_equal(all[i].accept.op.result, OK);
  poster_free(&l->poster);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM messages"), COUNT_OF(all));
}

static void figures_count(void **state) {
  struct lab *l = *state;
  struct store_counters f;
  lab_accept(l, "blog", "a@x.example");
  lab_accept(l, "blog", "a@x.example");
  struct letter m = lab_accept(l, "blog", "a@x.example");
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_ACCEPTED, 0, NULL), E_SYNTAX);
  do { /* they are published just after the completions */
    store_counters(l->store, &f);
    usleep(1000);
  } while (f.failed_commits < 2);
  assert_int_equal(f.operations, 3);
  assert_int_equal(f.commits, 3);
  assert_int_equal(f.failed_commits, 2); /* the batch, and the operation by itself */
  assert_int_equal(f.waiting, 0);
}

static uint64_t commits_after(struct lab *l, uint64_t operations) {
  struct store_counters f;
  do { /* they are published just after the completions */
    store_counters(l->store, &f);
    usleep(100);
  } while (f.operations < operations);
  return f.commits;
}

/* What became of one message is committed with the next, when that comes in time: on a machine that stalls it may not,
 * so once in many tries is asked for. */
static void an_outcome_shares_the_commit_of_what_comes_in(void **state) {
  struct lab *l = *state;
  uint64_t operations = 0;
  bool shared = false;
  for (int i = 0; i < 100 && !shared; i++) {
    struct letter first = lab_accept(l, "blog", "a@x.example"), second;
    struct recipient_outcome one = {.recipient_id = first.recipients[0].id, .event = {.kind = EVENT_DELIVERED}};
    struct store_outcome o = {.message_id = letter_id(&first), .outcomes = &one, .outcome_count = 1};
    uint64_t before = commits_after(l, operations + 1);
    store_outcome_init(&o);
    letter_make(&second, "blog", "b@x.example");
    lab_post(&l->poster, &o.op);
    lab_post(&l->poster, &second.accept.op);
    lab_wait(&l->poster);
    assert_int_equal(o.op.result, OK);
    assert_int_equal(second.accept.op.result, OK);
    operations += 3;
    shared = commits_after(l, operations) == before + 1;
  }
  assert_true(shared);
}

/* Nothing else comes, and the store is not closed: each outcome is committed all the same, and many are at once. */
static void an_outcome_does_not_wait_for_ever(void **state) {
  struct lab *l = *state;
  enum { MANY = 100 };
  static struct letter letters[MANY];
  static struct recipient_outcome one[MANY];
  static struct store_outcome o[MANY];
  for (size_t i = 0; i < MANY; i++) letters[i] = lab_accept(l, "blog", "a@x.example");
  usleep(50000); /* the writer dozes */
  for (size_t i = 0; i < MANY; i++) {
    one[i] =
        (struct recipient_outcome){.recipient_id = letters[i].recipients[0].id, .event = {.kind = EVENT_DELIVERED}};
    o[i] = (struct store_outcome){.message_id = letter_id(&letters[i]), .outcomes = &one[i], .outcome_count = 1};
    store_outcome_init(&o[i]);
    lab_post(&l->poster, &o[i].op);
    if (i == 0 || i == 1) lab_wait(&l->poster); /* from dozing; from the nap after that */
  }
  lab_wait(&l->poster);
  for (size_t i = 0; i < MANY; i++) assert_true(o[i].op.result == OK && o[i].message_gone);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients"), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(accepted_mail_is_in_queue_and_log, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_the_sender_wishes_is_kept, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(each_recipient_leaves_by_itself_and_the_message_with_the_last, lab_setup,
                                      lab_teardown),
      cmocka_unit_test_setup_teardown(a_reason_that_comes_often_is_logged_once, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(deferred_mail_stays, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(held_and_released, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(an_outcome_of_nobody_says_nothing, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_notice_is_kept_with_the_outcome, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(no_notice_of_what_was_dropped, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(no_notice_no_outcome, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_makes_no_sense_is_refused, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(mail_made_here_is_not_counted, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(without_a_port, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(closing_runs_what_was_posted, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(figures_count, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(an_outcome_shares_the_commit_of_what_comes_in, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(an_outcome_does_not_wait_for_ever, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
