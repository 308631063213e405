/* Mail that is moved to another pool of sources, and the source that a recipient's attempts leave from. */
#include "store/sqlite/schema.h"
#include "store/sqlite/sql.h"
#include "tests/unit/store_lab.h"

static void add_source(struct lab *l, const char *address, const char *pool) {
  struct admin *a = lab_admin(l);
  const struct source s = {.address = address, .helo = "smtp.example.com", .pool = pool, .weight = 1};
  assert_ok(admin_source_add(a, &s, &l->why), l->why);
  admin_close(&a);
}

static struct letter accept_with(struct lab *l, unsigned flags, const char *const *to) {
  struct letter m;
  letter_to(&m, "blog", to);
  m.accept.message.envelope.flags = flags;
  m.accept.message.envelope.sources = "192.0.2.1";
  assert_int_equal(lab_run(&l->poster, &m.accept.op), OK);
  return m;
}

static uint64_t reroute(struct lab *l, const char *to, const char *pool, bool despite_spf) {
  struct admin *a = lab_admin(l);
  struct queue_changed changed;
  const struct queue_filter f = {.state = -1, .to = to};
  const struct queue_change change = {.action = QUEUE_REROUTE, .pool = pool, .despite_spf = despite_spf};
  assert_ok(admin_queue(a, &f, &change, &changed, &l->why), l->why);
  admin_close(&a);
  return changed.recipients;
}

struct seen_pools {
  struct queue_pool_row all[4];
  char names[4][65];
  size_t count;
};

static bool see_pool(void *arg, const struct queue_pool_row *p) {
  struct seen_pools *s = arg;
  snprintf(s->names[s->count], sizeof s->names[0], "%s", p->pool);
  s->all[s->count++] = *p;
  return true;
}

static struct seen_pools pools(struct lab *l, const struct queue_filter *f, const char *to_pool) {
  struct seen_pools s = {.count = 0};
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_queue_pools(r, f, to_pool, see_pool, &s), OK);
  reader_close(&r);
  return s;
}

struct effective {
  int64_t recipient;
  char pool[65], sources[65], source[65];
  unsigned flags;
};

static bool see_effective(void *arg, const struct envelope *m, const struct queued_recipient *r) {
  struct effective *e = arg;
  if (r->to.id != e->recipient) return true;
  snprintf(e->pool, sizeof e->pool, "%s", m->pool);
  snprintf(e->sources, sizeof e->sources, "%s", m->sources);
  snprintf(e->source, sizeof e->source, "%s", r->source);
  e->flags = m->flags;
  return false;
}

/* As the gateway reads it. */
static struct effective read_back(struct lab *l, int64_t recipient) {
  struct effective e = {.recipient = recipient};
  struct reader *r = lab_reader(l);
  assert_int_equal(reader_queue(r, &(struct queue_filter){.state = -1}, see_effective, &e), OK);
  reader_close(&r);
  return e;
}

static void moves_what_is_meant_and_says_so(void **state) {
  struct lab *l = *state;
  struct seen_log log;
  add_source(l, "192.0.2.9", "bulk");
  struct letter m = accept_with(l, 0, (const char *const[]){"a@x.example", "b@y.example", NULL});
  int64_t before = lab_number(l->dir, "SELECT value FROM meta WHERE key = 'queue'");
  assert_int_equal(reroute(l, "*@y.example", "bulk", false), 1);
  assert_string_equal(read_back(l, m.recipients[0].id).pool, "default");
  assert_string_equal(read_back(l, m.recipients[0].id).sources, "192.0.2.1");
  assert_string_equal(read_back(l, m.recipients[1].id).pool, "bulk");
  assert_string_equal(read_back(l, m.recipients[1].id).sources, "");
  assert_true(lab_number(l->dir, "SELECT value FROM meta WHERE key = 'queue'") > before);
  assert_int_equal(reroute(l, "*@y.example", "bulk", false), 0); /* it is there */
  lab_log(l, letter_id(&m), &log);
  assert_int_equal(log.count, 2);
  assert_int_equal(log.all[1].kind, EVENT_REROUTED);
  assert_string_equal(log.all[1].to, "b@y.example");
  assert_string_equal(log.all[1].account, "blog");
  assert_string_equal(log.all[1].text, "moved from the pool default to the pool bulk, by command");
}

static void what_is_held_moves_and_stays_held(void **state) {
  struct lab *l = *state;
  add_source(l, "192.0.2.9", "bulk");
  struct letter m = accept_with(l, 0, (const char *const[]){"a@x.example", NULL});
  assert_int_equal(lab_outcome(l, letter_id(&m), m.recipients[0].id, EVENT_HELD, 0, NULL), OK);
  assert_int_equal(reroute(l, "*", "bulk", false), 1);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE state = 1 AND pool = 'bulk'"), 1);
}

static void a_pool_without_sources_is_refused(void **state) {
  struct lab *l = *state;
  accept_with(l, 0, (const char *const[]){"a@x.example", NULL});
  struct admin *a = lab_admin(l);
  struct queue_changed changed = {.recipients = 7};
  const struct queue_filter f = {.state = -1};
  const struct queue_change change = {.action = QUEUE_REROUTE, .pool = "bulk"};
  assert_int_equal(admin_queue(a, &f, &change, &changed, &l->why), E_NOT_FOUND);
  assert_int_equal(changed.recipients, 0);
  assert_non_null(strstr(l->why.text, "sendoff source add ADDRESS --helo NAME --pool bulk"));
  admin_close(&a);
  assert_int_equal(lab_number(l->dir, "SELECT count(*) FROM recipients WHERE pool <> ''"), 0);
}

/* What was accepted because SPF lists its pool's sources. */
static void what_rests_on_spf_moves_only_on_purpose(void **state) {
  static const unsigned flags[] = {MESSAGE_RESTS_ON_SPF, MESSAGE_SOURCES_ONLY,
                                   MESSAGE_RESTS_ON_SPF | MESSAGE_SOURCES_ONLY};
  struct lab *l = *state;
  add_source(l, "192.0.2.1", "default");
  add_source(l, "192.0.2.9", "bulk");
  add_source(l, "192.0.2.8", "third");
  for (size_t i = 0; i < COUNT_OF(flags); i++) {
    char to[40];
    snprintf(to, sizeof to, "a@x%zu.example", i);
    struct letter m = accept_with(l, flags[i], (const char *const[]){to, NULL});
    assert_int_equal(reroute(l, to, "bulk", false), 0);
    assert_int_equal(read_back(l, m.recipients[0].id).flags, flags[i]);
    assert_int_equal(reroute(l, to, "bulk", true), 1);
    struct effective e = read_back(l, m.recipients[0].id);
    assert_string_equal(e.pool, "bulk");
    assert_false(e.flags & MESSAGE_SOURCES_ONLY);
    assert_int_equal(reroute(l, to, "third", false), 0);
    assert_int_equal(reroute(l, to, "default", false), 1); /* back to where it was asked about */
    e = read_back(l, m.recipients[0].id);
    assert_string_equal(e.sources, "192.0.2.1");
    assert_int_equal(e.flags, flags[i]);
  }
}

static void counts_by_pool(void **state) {
  struct lab *l = *state;
  add_source(l, "192.0.2.9", "bulk");
  add_source(l, "192.0.2.8", "third");
  accept_with(l, 0, (const char *const[]){"a@x.example", "b@x.example", "c@y.example", NULL});
  struct letter two = accept_with(l, MESSAGE_RESTS_ON_SPF, (const char *const[]){"d@x.example", "e@x.example", NULL});
  assert_int_equal(reroute(l, "c@*", "third", false), 1);
  struct seen_pools s = pools(l, &(struct queue_filter){.state = -1}, "bulk");
  assert_int_equal(s.count, 2);
  assert_string_equal(s.names[0], "default");
  assert_int_equal(s.all[0].messages, 1);
  assert_int_equal(s.all[0].recipients, 2);
  assert_int_equal(s.all[0].spf_messages, 1);
  assert_int_equal(s.all[0].spf_recipients, 2);
  assert_string_equal(s.names[1], "third");
  assert_int_equal(s.all[1].messages, 1);
  assert_int_equal(s.all[1].recipients, 1);
  assert_int_equal(s.all[1].spf_recipients, 0);
  s = pools(l, &(struct queue_filter){.state = -1, .to = "*@x.example"}, "default");
  assert_int_equal(s.count, 0);
  s = pools(l, &(struct queue_filter){.state = -1, .message_id = letter_id(&two)}, "third");
  assert_int_equal(s.count, 1);
  assert_int_equal(s.all[0].recipients, 0);
  assert_int_equal(s.all[0].spf_recipients, 2);
}

static int defer(struct lab *l, const struct letter *m, const char *source) {
  struct recipient_outcome one = {.recipient_id = m->recipients[0].id,
                                  .event = {.kind = EVENT_DEFERRED, .account = "blog", .text = "4", .source = source},
                                  .next_us = 1,
                                  .counts = true};
  struct store_outcome o = {.message_id = letter_id(m), .outcomes = &one, .outcome_count = 1};
  store_outcome_init(&o);
  return lab_run(&l->poster, &o.op);
}

/* A greylisting receiver wants the same address again; an attempt that had none says nothing of it. */
static void the_source_of_the_last_attempt_is_kept(void **state) {
  struct lab *l = *state;
  struct letter m = accept_with(l, 0, (const char *const[]){"a@x.example", NULL});
  assert_string_equal(read_back(l, m.recipients[0].id).source, "");
  assert_int_equal(defer(l, &m, "192.0.2.1"), OK);
  assert_string_equal(read_back(l, m.recipients[0].id).source, "192.0.2.1");
  assert_int_equal(defer(l, &m, ""), OK);
  assert_int_equal(defer(l, &m, NULL), OK);
  lab_reopen(l);
  assert_string_equal(read_back(l, m.recipients[0].id).source, "192.0.2.1");
  assert_int_equal(defer(l, &m, "192.0.2.2"), OK);
  assert_string_equal(read_back(l, m.recipients[0].id).source, "192.0.2.2");
}

static int setup_empty(void **state) {
  struct lab *l = *state = calloc(1, sizeof *l);
  if (!l) return -1;
  folder_make(l->dir, sizeof l->dir);
  return 0;
}

/* Sources of an earlier version share alike, as they did, and are what the world sees. */
static void an_earlier_store_keeps_its_sources_and_mail(void **state) {
  struct lab *l = *state;
  struct sql q;
  assert_ok(sql_open(l->dir, SQL_CREATE, &q, &l->why), l->why);
  assert_ok(schema_migrate_to(&q, 7, &l->why), l->why);
  assert_int_equal(
      sql_exec(&q, "INSERT INTO sources VALUES ('192.0.2.1', 'smtp.example.com', 'default', 5);"
                   "INSERT INTO source_checks VALUES ('192.0.2.1', 'smtp.example.com', 1, 6, '');"
                   "INSERT INTO messages VALUES (7, 'blog', 'default', '192.0.2.1', 'a@example.com', '', 2048, 0, 1, "
                   "100, 200, 0, x'', x'42');"
                   "INSERT INTO recipients(id, message_id, address, domain, state, attempts, next_us, last)"
                   " VALUES (9, 7, 'x@example.net', 'example.net', 0, 2, 50, 'no');"),
      OK);
  sql_close(&q);
  lab_open(l);
  struct directory *d = lab_directory(l);
  assert_int_equal(d->source_count, 1);
  assert_int_equal(d->sources[0].weight, 1);
  assert_string_equal(source_public(&d->sources[0]), "192.0.2.1");
  assert_int_equal(d->sources[0].name, SOURCE_NAME_CONFIRMED);
  directory_release(&d);
  struct effective e = read_back(l, 9);
  assert_string_equal(e.pool, "default");
  assert_string_equal(e.sources, "192.0.2.1");
  assert_string_equal(e.source, "");
  assert_int_equal(e.flags, MESSAGE_SOURCES_ONLY);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(moves_what_is_meant_and_says_so, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_is_held_moves_and_stays_held, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_pool_without_sources_is_refused, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(what_rests_on_spf_moves_only_on_purpose, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(counts_by_pool, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(the_source_of_the_last_attempt_is_kept, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(an_earlier_store_keeps_its_sources_and_mail, setup_empty, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
