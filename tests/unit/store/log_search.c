/* The log's index: whatever is asked, and however far it has come, what is found is what a reading of all finds. */
#include "tests/unit/store_lab.h"

#include "store/admin.h"
#include "store/sqlite/housekeeping.h"
#include "store/sqlite/log/log_index.h"
#include "store/sqlite/log/log_match.h"
#include "store/sqlite/schema.h"
#include "store/sqlite/shrink.h"
#include "store/sqlite/table/events.h"

#define EVENTS (2 * LOG_PART + 300)
#define BEGIN INT64_C(1750000000)

struct events {
  struct lab *lab;
  struct sql q;
  struct log_index *index;
};

static int64_t at(int64_t number) {
  return id_floor(BEGIN * SECOND_US + number * 1000) + 1;
}

/* Every other event is a message that comes, the next what became of it. */
static void put(struct sql *q, int64_t number, int64_t id) {
  static const char *const before[] = {"Your order #",
                                       "Passwort zur\xc3\xbc"
                                       "cksetzen ",
                                       "100% \"off\" NEAR AND - ", "\xe6\x97\xa5\xe6\x9c\xac "};
  char subject[80], header_id[80], from[80], to[80], host[80], text[80];
  int64_t message = number / 2 * 2;
  snprintf(header_id, sizeof header_id, "<%d.%x@app%d.example>", (int)message, (unsigned)message * 2654435761u,
           (int)message % 7);
  snprintf(subject, sizeof subject, "%s%d%s", before[message / 2 % 4], (int)message * 37 % 9973,
           message / 2 % 4 ? "" : " has shipped");
  snprintf(from, sizeof from, "shop@kunde%d.example", (int)message % 9);
  if (message % 100 == 50) *from = '\0';
  snprintf(to, sizeof to, "Anna.%d_x@mail%d.example", (int)message, (int)message % 50);
  snprintf(host, sizeof host, "mx%d.mail%d.example[192.0.2.1]:25", (int)message % 3, (int)message % 50);
  snprintf(text, sizeof text, "%s %d",
           number % 20 == 1   ? "no such user"
           : number % 60 == 3 ? "\xe2\x84\xa1 as" /* TEL, as one sign */
                              : "OK queued as",
           (int)message);
  bool in = number % 2 == 0;
  struct event e = {.id = id,
                    .message_id = at(message),
                    .kind = in                 ? EVENT_ACCEPTED
                            : number % 20 == 1 ? EVENT_BOUNCED
                                               : EVENT_DELIVERED,
                    .account = message % 9 == 3 ? "blog" : "shop",
                    .stream = message % 3 ? STREAM_TRANSACTIONAL : STREAM_BULK,
                    .from = from,
                    .to = to,
                    .code = in                 ? 250
                            : number % 20 == 1 ? 550
                                               : 250,
                    .enhanced = number % 20 == 1 ? "5.1.1" : "2.0.0",
                    .text = text,
                    .host = in ? "192.0.2.77" : host,
                    .source = in ? "" : "198.51.100.7",
                    .subject = in ? subject : "",
                    .header_id = in ? header_id : ""};
  assert_int_equal(event_insert(q, &e), OK);
}

static void index_all(struct events *t) {
  bool more = true;
  while (more) assert_int_equal(log_index_step(t->index, &t->q, &more), OK);
}

static void open_events(struct events *t, struct lab *l, int count) {
  t->lab = l;
  lab_close(l);
  assert_ok(sql_open(l->dir, SQL_CREATE, &t->q, &l->why), l->why);
  assert_int_equal(sql_exec(&t->q, "BEGIN"), OK);
  for (int i = 0; i < count; i++) put(&t->q, i, at(i));
  assert_int_equal(sql_exec(&t->q, "COMMIT"), OK);
  t->index = log_index_new();
  assert_non_null(t->index);
}

static void close_events(struct events *t) {
  log_index_free(&t->index);
  sql_close(&t->q);
}

/* --- all that can be asked --- */

static const struct log_filter asked[] = {
    {.kind = -1, .account = "blog"},
    {.kind = EVENT_BOUNCED},
    {.kind = EVENT_REFUSED},
    {.kind = -1, .subject = "order"},
    {.kind = -1, .subject = "ORDER #37"},
    {.kind = -1, .subject = "shipped your"},
    {.kind = -1,
     .subject = "ZUR\xc3\x9c"
                "CK 11"},
    {.kind = -1,
     .subject = "zur\xc3\xbc"
                "cksetzen"},
    {.kind = -1, .subject = "\xe6\x97\xa5"},
    {.kind = -1, .subject = "\"off\" 100%"},
    {.kind = -1, .subject = "NEAR AND -"},
    {.kind = -1, .subject = "100_"},
    {.kind = -1, .subject = "or*er"},
    {.kind = -1, .subject = "#"},
    {.kind = -1, .subject = ""},
    {.kind = EVENT_DELIVERED, .subject = "order"},
    {.kind = -1, .header_id = "<8.2e5bf270@app1.example>"},
    {.kind = -1, .header_id = "6.a2c47532@app6.example"},
    {.kind = -1, .header_id = "*"},
    {.kind = -1, .from = "shop@kunde3.example"},
    {.kind = -1, .from = "SHOP@KUNDE3.EXAMPLE"},
    {.kind = -1, .to = "anna.300_x@mail0.example"},
    {.kind = -1, .to = "*@mail7.example"},
    {.kind = -1, .to = "a*"},
    {.kind = -1, .to = "*e"},
    {.kind = -1, .to = "shop*"},
    {.kind = -1, .to = "*"},
    {.kind = -1, .from = ""},
    {.kind = -1, .to = "anna.300%x@mail0.example"},
    {.kind = -1, .address = "anna.30"},
    {.kind = -1, .address = "kunde4"},
    {.kind = -1, .address = "a.1*@mail"},
    {.kind = -1, .address = "x@"},
    {.kind = -1, .domain = "mail7.example"},
    {.kind = -1, .domain = "Kunde7.example"},
    {.kind = -1, .domain = "example"},
    {.kind = -1, .host = "mx1.mail7"},
    {.kind = -1, .host = "192.0.2.77"},
    {.kind = -1, .source = "198.51.100.7"},
    {.kind = -1, .source = "198.51.100.8"},
    {.kind = -1, .source = "198.51.*"},
    {.kind = -1, .reply = "no such user"},
    {.kind = -1, .reply = "550 5.1.1"},
    {.kind = -1, .reply = "as 4"},
    {.kind = -1, .reply = "\xe2\x84\xa1 as"},
    {.kind = -1, .reply = "tel as 4"},
    {.kind = -1, .account = "blog", .subject = "order", .to = "*@mail3.example"},
    {.kind = -1, .stream = 1 + STREAM_BULK, .subject = "order"},
    {.kind = -1, .since_us = (BEGIN * 1000 + 100) * 1000, .until_us = (BEGIN * 1000 + 2500) * 1000, .subject = "order"},
};

struct ids {
  int64_t all[EVENTS + 100];
  size_t count;
};

static bool take_id(void *arg, const struct event *e) {
  struct ids *out = arg;
  assert_true(out->count < COUNT_OF(out->all));
  out->all[out->count++] = e->id;
  return true;
}

/* Each event of the log, by its own look: without any index. */
struct reading {
  struct log_match match;
  struct ids found;
};

static bool read_one(void *arg, const struct event *e) {
  struct reading *r = arg;
  int64_t since = r->match.filter->since_us, until = r->match.filter->until_us, us = id_time_us(e->id);
  if ((!since || us >= since) && (!until || us < until) && log_match_event(&r->match, e) &&
      log_match_message(&r->match, e))
    take_id(&r->found, e);
  return true;
}

static void check(struct lab *l, const char *when) {
  static struct reading reading;
  static struct ids found;
  struct reader *r = lab_reader(l);
  for (size_t i = 0; i < COUNT_OF(asked); i++) {
    struct log_filter f = asked[i];
    reading.found.count = found.count = 0;
    assert_int_equal(log_match_init(&f, &reading.match), OK);
    assert_int_equal(reader_log(r, &(struct log_filter){.kind = -1, .of_message = true}, read_one, &reading), OK);
    log_match_free(&reading.match);
    assert_int_equal(reader_log(r, &f, take_id, &found), OK);
    if (found.count != reading.found.count)
      fail_msg("%s, row %zu: %zu instead of %zu", when, i, found.count, reading.found.count);
    assert_memory_equal(found.all, reading.found.all, found.count * sizeof *found.all);
    f.limit = 7;
    size_t least = reading.found.count < 7 ? reading.found.count : 7;
    found.count = 0;
    assert_int_equal(reader_log(r, &f, take_id, &found), OK);
    assert_int_equal(found.count, least);
    assert_memory_equal(found.all, reading.found.all + reading.found.count - least, least * sizeof *found.all);
  }
  reader_close(&r);
}

static size_t found_by(struct lab *l, const struct log_filter *f) {
  static struct ids found;
  struct reader *r = lab_reader(l);
  found.count = 0;
  assert_int_equal(reader_log(r, f, take_id, &found), OK);
  reader_close(&r);
  return found.count;
}

/* The samples do find something, each in both kinds of events. */
static void some_are_found(struct lab *l) {
  assert_int_equal(found_by(l, &(struct log_filter){.kind = -1, .subject = "ORDER #37"}) > 0, 1);
  assert_int_equal(found_by(l, &(struct log_filter){.kind = EVENT_DELIVERED,
                                                    .subject = "zur\xc3\x9c"
                                                               "CK"}) > 100,
                   1);
  assert_int_equal(found_by(l, &(struct log_filter){.kind = -1, .header_id = "0.0@app0.example"}), 2);
  assert_int_equal(found_by(l, &(struct log_filter){.kind = -1, .to = "anna.300_x@mail0.example"}), 2);
}

static void indexed_or_not(void **state) {
  struct events t;
  bool more;
  open_events(&t, *state, EVENTS);
  check(*state, "nothing is indexed");
  some_are_found(*state);
  for (int i = 0; i < 9; i++) assert_int_equal(log_index_step(t.index, &t.q, &more), OK);
  assert_true(more);
  check(*state, "one part is indexed");
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM log_parts"), 1);
  index_all(&t);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM log_parts"), 2);
  check(*state, "all is indexed");
  some_are_found(*state);
  /* A new process goes on where the last one was. */
  log_index_free(&t.index);
  t.index = log_index_new();
  for (int i = EVENTS; i < 3 * LOG_PART; i++) put(&t.q, i, at(i));
  index_all(&t);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM log_parts"), 3);
  close_events(&t);
}

/* A command that wrote while the clock was set back: such events are listed, and when there are many of them, indexed.
 */
static void ids_of_a_clock_that_was_set_back(void **state) {
  struct events t;
  open_events(&t, *state, EVENTS - LOG_PART);
  index_all(&t);
  for (int i = 0; i < 40; i++) put(&t.q, 2 * LOG_PART + i, at(i) - 5);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM log_late"), 40);
  check(*state, "some are late");
  for (int i = 40; i < LOG_PART; i++) put(&t.q, 2 * LOG_PART + i, at(i) - 5);
  log_index_forget(t.index); /* as at the end of a part */
  index_all(&t);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM log_late"), 0);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM log_parts"), 2);
  check(*state, "those who were late are a part");
  close_events(&t);
}

/* Part of what is there has been read, and among that more has come. */
static void open_half_read(struct events *t, struct lab *lab) {
  bool more;
  open_events(t, lab, LOG_PART - 10);
  assert_int_equal(log_index_step(t->index, &t->q, &more), OK);
  assert_int_equal(log_index_step(t->index, &t->q, &more), OK);
  for (int i = 0; i < 20; i++) put(&t->q, LOG_PART + i, at(i) + 9);
}

/* They come where the index has just read, and is not written yet. */
static void ids_among_those_that_are_read(void **state) {
  struct events t;
  open_half_read(&t, *state);
  for (int i = LOG_PART - 10; i < LOG_PART + 50; i++) put(&t.q, i, at(i));
  index_all(&t);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM log_parts"), 1);
  check(*state, "they came among them");
  close_events(&t);
}

/* As many leave their place meanwhile: refusals that are made again. */
static void as_many_leave_as_come(void **state) {
  struct events t;
  open_half_read(&t, *state);
  assert_int_equal(sql_exec(&t.q, "UPDATE events SET id = id + (1 << 40) WHERE id IN (SELECT id FROM events ORDER BY id"
                                  " LIMIT 20 OFFSET 100)"),
                   OK);
  for (int i = LOG_PART - 10; i < LOG_PART + 50; i++) put(&t.q, i, at(i));
  index_all(&t);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM log_parts"), 1);
  check(*state, "as many left");
  close_events(&t);
}

/* Two processes, of which one is late by more than the other. */
static void late_ones_among_late_ones(void **state) {
  struct events t;
  bool more;
  open_events(&t, *state, LOG_PART);
  index_all(&t);
  for (int i = 100; i < LOG_PART + 100; i++) put(&t.q, 2 * LOG_PART + i, at(i) - 5);
  assert_int_equal(log_index_step(t.index, &t.q, &more), OK);
  for (int i = 0; i < 40; i++) put(&t.q, LOG_PART + i, at(i) - 7);
  index_all(&t);
  check(*state, "late ones came among late ones");
  close_events(&t);
}

/* Everything is late for as long as the clock was set back, so what was begun before waits that long. */
static void late_ones_while_a_part_is_begun(void **state) {
  struct events t;
  open_events(&t, *state, LOG_PART + 50);
  index_all(&t);
  for (int i = 0; i < LOG_PART; i++) put(&t.q, 2 * LOG_PART + i, at(i) - 5);
  index_all(&t);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM log_late"), 0);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM log_parts"), 2);
  check(*state, "late ones while a part is begun");
  close_events(&t);
}

/* A refusal that is made again moves on to its own time, out of a part that is written. */
static void a_refusal_moves_on(void **state) {
  struct events t;
  struct event e = {
      .id = at(100) + 3, .kind = EVENT_REFUSED, .account = "blog", .to = "many@x.example", .ref = "7QF2K9AA"};
  open_events(&t, *state, LOG_PART + 50);
  assert_int_equal(event_insert(&t.q, &e), OK);
  index_all(&t);
  assert_int_equal(found_by(*state, &(struct log_filter){.kind = -1, .to = "many@x.example"}), 1);
  assert_int_equal(event_repeat(&t.q, &e), OK);
  assert_int_equal(found_by(*state, &(struct log_filter){.kind = -1, .to = "many@x.example"}), 1);
  close_events(&t);
}

static void it_goes_with_the_log(void **state) {
  struct events t;
  struct housekeeping h;
  open_events(&t, *state, EVENTS);
  index_all(&t);
  struct store_options options = {.log_max_size =
                                      (uint64_t)lab_number(t.lab->dir, "SELECT sum(octets) * 3 / 4 FROM log_parts")};
  assert_int_equal(housekeeping_init(&h, &t.q, NULL, &options, 1000), OK);
  for (uint64_t now = 1000; now < 1100; now++) housekeeping_run(&h, now);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM log_parts"), 1);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM log_bits"), 34);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM events"), EVENTS - LOG_PART);
  check(*state, "the older half is gone");
  sql_exec(&t.q, "DELETE FROM events");
  bool more;
  assert_int_equal(log_index_purge(&t.q, &more), OK);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM log_parts"), 0);
  housekeeping_free(&h);
  close_events(&t);
}

/* --- the file --- */

static int64_t pages(struct sql *q) {
  int64_t n = 0;
  sql_int(sql_use(q, "PRAGMA page_count"), 0, &n);
  return n;
}

#define FILL                                                                                                           \
  "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 7000)"                                     \
  " INSERT INTO log_bits SELECT 1000000 + i, zeroblob(3900) FROM n"

static void the_file_shrinks_step_by_step(void **state) {
  struct events t;
  bool working = false;
  open_events(&t, *state, 10);
  int64_t small = pages(&t.q);
  assert_int_equal(sql_exec(&t.q, FILL), OK);
  int64_t large = pages(&t.q);
  assert_true(large > small + 7000);
  assert_int_equal(shrink_step(&t.q, &working), OK);
  assert_false(working); /* nothing is free */
  assert_int_equal(sql_exec(&t.q, "DELETE FROM log_bits"), OK);
  assert_int_equal(pages(&t.q), large);
  assert_int_equal(shrink_step(&t.q, &working), OK);
  assert_true(working && pages(&t.q) >= large - 64 && pages(&t.q) < large);
  while (working) assert_int_equal(shrink_step(&t.q, &working), OK);
  assert_true(pages(&t.q) < small + 2200); /* some of it stays, for the next mail */
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM events"), 10);
  close_events(&t);
}

/* What VACUUM writes anew is as large as the store, which may be larger than the memory. */
static void compacting_takes_no_memory(void **state) {
  struct events t;
  struct admin *a;
  struct reason why;
  uint64_t before, after;
  open_events(&t, *state, 10);
  assert_int_equal(sql_exec(&t.q, FILL "; INSERT INTO log_bits(bits) SELECT bits FROM log_bits;"
                                       "INSERT INTO log_bits(bits) SELECT bits FROM log_bits LIMIT 7000"),
                   OK);
  sql_close(&t.q);
  assert_ok(admin_open(t.lab->dir, &a, &why), why);
  sqlite3_memory_highwater(1);
  assert_ok(admin_compact(a, false, &before, &after, &why), why);
  assert_true(after > 21000 * UINT64_C(4096));
  assert_true(sqlite3_memory_highwater(0) < 60 * 1024 * 1024);
  admin_close(&a);
  log_index_free(&t.index);
}

/* A store as older versions made it, which cannot shrink: it is made anew while it is small. */
static void an_old_store_is_made_so(void **state) {
  struct events t;
  int64_t mode;
  open_events(&t, *state, 10);
  assert_int_equal(sql_exec(&t.q, "PRAGMA auto_vacuum=NONE; VACUUM"), OK);
  assert_int_equal(sql_int(sql_use(&t.q, "PRAGMA auto_vacuum"), -1, &mode), OK);
  assert_int_equal(mode, 0);
  shrink_prepare(&t.q);
  assert_int_equal(sql_int(sql_use(&t.q, "PRAGMA auto_vacuum"), -1, &mode), OK);
  assert_int_equal(mode, 2);
  assert_int_equal(lab_number(t.lab->dir, "SELECT count(*) FROM events"), 10);
  close_events(&t);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(indexed_or_not, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(ids_of_a_clock_that_was_set_back, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(ids_among_those_that_are_read, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(as_many_leave_as_come, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(late_ones_among_late_ones, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(late_ones_while_a_part_is_begun, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(a_refusal_moves_on, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(it_goes_with_the_log, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(the_file_shrinks_step_by_step, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(compacting_takes_no_memory, lab_setup, lab_teardown),
      cmocka_unit_test_setup_teardown(an_old_store_is_made_so, lab_setup, lab_teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
