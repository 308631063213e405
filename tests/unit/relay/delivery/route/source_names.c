/* When the sources' names are looked up, what of it is kept, and which sources may be used meanwhile. */
#include "relay/delivery/route/source_names.h"

#include "policy/source_name.h"
#include "tests/unit/store_lab.h"

#include "tests/unit/policy_zone.h"

#define FOUR "193.0.2.25"
#define SIX "2a00:5f:1::25"
#define FOUR_PTR "25.2.0.193.in-addr.arpa"
#define SIX_PTR "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.f.5.0.0.0.0.a.2.ip6.arpa"
#define HELO "smtp.example.com"

static const struct row right[] = {{FOUR_PTR, ns_t_ptr, HELO},
                                   {SIX_PTR, ns_t_ptr, HELO},
                                   {HELO, ns_t_a, FOUR},
                                   {HELO, ns_t_aaaa, SIX},
                                   {0}},
                        wrong[] = {{HELO, ns_t_a, FOUR}, {HELO, ns_t_aaaa, SIX}, {0}},
                        silent[] = {{FOUR_PTR, 0, .trouble = DNS_FAILED}, {SIX_PTR, 0, .trouble = DNS_FAILED}, {0}};

/* One loop on the test's thread, with a store. */
struct place {
  struct lab lab;
  struct config config;
  struct gateway gateway;
  struct loop loop;
  struct reader *reader;
  struct zone zone;
  struct source_names *names;
  uint64_t now_ms;
};

static void take_directory(struct place *p) {
  directory_release(&p->loop.directory);
  assert_ok(reader_directory(p->reader, &p->loop.directory, &p->lab.why), p->lab.why);
}

static void add(struct place *p, const char *address) {
  struct admin *a = lab_admin(&p->lab);
  const struct source s = {.address = address, .helo = HELO, .weight = 1};
  assert_ok(admin_source_add(a, &s, &p->lab.why), p->lab.why);
  admin_close(&a);
  take_directory(p);
}

static void set_helo(struct place *p, const char *address, const char *helo) {
  struct admin *a = lab_admin(&p->lab);
  assert_ok(admin_source_set(a, SOURCE_HELO, &(struct source){.address = address, .helo = helo}, &p->lab.why),
            p->lab.why);
  admin_close(&a);
  take_directory(p);
}

static int setup(void **state) {
  struct place *p = *state = calloc(1, sizeof *p);
  if (!p) return -1;
  folder_make(p->lab.dir, sizeof p->lab.dir);
  lab_open(&p->lab);
  p->config = (struct config){.hostname = (char *)(uintptr_t) "gw.example.com", .data_dir = p->lab.dir};
  p->gateway = (struct gateway){.config = &p->config, .store = p->lab.store};
  assert_ok(loop_init(&p->loop, &p->gateway, 0, &p->lab.why), p->lab.why);
  p->reader = lab_reader(&p->lab);
  take_directory(p);
  p->zone.rows = right;
  const struct dns_source dns = zone_source(&p->zone);
  p->names = source_names_new(&p->loop, &dns);
  p->now_ms = clock_monotonic_ms();
  return p->names ? 0 : -1;
}

static int teardown(void **state) {
  struct place *p = *state;
  source_names_free(&p->names);
  lab_close(&p->lab); /* before the loop's end, as in the daemon: what was posted is answered */
  loop_finish(&p->loop);
  uv_run(&p->loop.uv, UV_RUN_DEFAULT);
  directory_release(&p->loop.directory);
  loop_free(&p->loop);
  reader_close(&p->reader);
  folder_remove(p->lab.dir);
  free(p);
  return 0;
}

/* No check is under way any more, and none is due. */
static void settle(struct place *p) {
  uint64_t until = clock_monotonic_ms() + 10000;
  source_names_tick(p->names, p->now_ms);
  while (p->loop.uv.active_reqs.count) {
    assert_true(clock_monotonic_ms() < until);
    uv_run(&p->loop.uv, UV_RUN_NOWAIT);
    usleep(1000);
  }
}

/* Checks what is due, and waits for so many results of after that time to be in the store. */
static void run_until(struct place *p, int64_t after_us, int64_t checks) {
  char sql[120];
  snprintf(sql, sizeof sql, "SELECT count(*) FROM source_checks WHERE checked_us > %lld", (long long)after_us);
  uint64_t until = clock_monotonic_ms() + 10000;
  settle(p);
  while (lab_number(p->lab.dir, sql) < checks) {
    assert_true(clock_monotonic_ms() < until);
    uv_run(&p->loop.uv, UV_RUN_NOWAIT);
    usleep(1000);
  }
  take_directory(p);
}

/* Checks what is due; returns how many questions were asked. */
static size_t questions(struct place *p) {
  size_t before = p->zone.asked;
  settle(p);
  return p->zone.asked - before;
}

static const struct source *source(const struct place *p, const char *address) {
  for (size_t i = 0; i < p->loop.directory->source_count; i++)
    if (strcmp(p->loop.directory->sources[i].address, address) == 0) return &p->loop.directory->sources[i];
  fail_msg("%s", address);
  return NULL;
}

static bool allowed(const struct place *p, const char *address, const char *why_not) {
  struct reason why = {""};
  int rc = source_name_allows(p->names, source(p, address), p->now_ms, &why);
  if (rc != OK && !strstr(why.text, why_not)) fail_msg("\"%s\" is not in \"%s\"", why_not, why.text);
  return rc == OK;
}

static void test_is_kept_and_checked_again(void **state) {
  struct place *p = *state;
  int64_t generation = reader_generation(p->reader);
  add(p, FOUR);
  add(p, SIX);
  assert_int_equal(source(p, SIX)->name, SOURCE_NAME_UNKNOWN);
  run_until(p, 0, 2);
  assert_int_equal(source(p, FOUR)->name, SOURCE_NAME_CONFIRMED);
  assert_int_equal(source(p, SIX)->name, SOURCE_NAME_CONFIRMED);
  assert_string_equal(source(p, SIX)->ptr, HELO);
  assert_true(source(p, SIX)->checked_us > 0);
  assert_true(allowed(p, FOUR, "") && allowed(p, SIX, ""));
  assert_int_equal(reader_generation(p->reader), generation + 4); /* two added, two that became known */
  /* An hour later; the same again is no change of the configuration. */
  assert_int_equal(questions(p), 0);
  p->now_ms += SOURCE_NAME_EVERY_MS + 20000;
  int64_t before = clock_now_us();
  run_until(p, before, 2);
  assert_int_equal(reader_generation(p->reader), generation + 4);
  /* What has changed is. */
  p->zone.rows = wrong;
  p->now_ms += SOURCE_NAME_EVERY_MS + 20000;
  before = clock_now_us();
  run_until(p, before, 2);
  assert_int_equal(reader_generation(p->reader), generation + 6);
  assert_int_equal(source(p, FOUR)->name, SOURCE_NAME_UNCONFIRMED);
  assert_true(allowed(p, FOUR, ""));
  assert_false(allowed(p, SIX, "no mail leaves from " SIX ": it has no PTR record: have one made that says " HELO));
}

static void test_dns_that_fails_changes_nothing(void **state) {
  struct place *p = *state;
  add(p, SIX);
  run_until(p, 0, 1);
  p->zone.rows = silent;
  p->now_ms += SOURCE_NAME_EVERY_MS + 20000;
  assert_true(questions(p) > 0);
  take_directory(p);
  assert_int_equal(source(p, SIX)->name, SOURCE_NAME_CONFIRMED);
  assert_true(allowed(p, SIX, ""));
}

static void test_what_is_not_judged_waits_for_minutes_only(void **state) {
  struct place *p = *state;
  p->zone.rows = silent;
  add(p, FOUR);
  add(p, SIX);
  assert_true(questions(p) > 0);
  assert_true(allowed(p, FOUR, ""));
  assert_false(allowed(p, SIX, "no mail leaves from " SIX " before its PTR record has been looked up"));
  p->now_ms += SOURCE_NAME_UNJUDGED_MS - 1;
  assert_false(allowed(p, SIX, "looked up, for 5 minutes at most"));
  p->now_ms += 1;
  assert_true(allowed(p, SIX, ""));
}

static void test_another_helo_name_is_another_question(void **state) {
  struct place *p = *state;
  add(p, SIX);
  run_until(p, 0, 1);
  p->zone.rows = silent;
  set_helo(p, SIX, HELO); /* no other */
  assert_int_equal(source(p, SIX)->name, SOURCE_NAME_CONFIRMED);
  assert_int_equal(questions(p), 0);
  set_helo(p, SIX, "mail.example.net");
  assert_int_equal(source(p, SIX)->name, SOURCE_NAME_UNKNOWN); /* what was known was of the other name */
  assert_true(questions(p) > 0);
  assert_false(allowed(p, SIX, "before its PTR record has been looked up"));
}

static void test_what_was_lost_is_asked_again(void **state) {
  struct place *p = *state;
  add(p, SIX);
  run_until(p, 0, 1);
  lab_exec(p->lab.dir, "DELETE FROM source_checks");
  take_directory(p);
  assert_int_equal(questions(p), 0); /* it may be on its way */
  p->now_ms += SOURCE_NAME_AGAIN_MS;
  run_until(p, 0, 1);
  assert_int_equal(source(p, SIX)->name, SOURCE_NAME_CONFIRMED);
}

/* The store takes no answer to a question that is not asked any more. */
static void test_an_answer_that_is_too_late(void **state) {
  struct place *p = *state;
  struct store_source_check c = {.address = SIX,
                                 .public_address = SIX,
                                 .helo = "old.example.com",
                                 .confirmed = true,
                                 .ptr = "old.example.com",
                                 .text = ""};
  store_source_check_init(&c);
  assert_int_equal(lab_run(&p->lab.poster, &c.op), OK); /* no such source */
  add(p, SIX);
  assert_int_equal(lab_run(&p->lab.poster, &c.op), OK); /* it has another HELO name */
  assert_false(c.changed);
  assert_int_equal(lab_number(p->lab.dir, "SELECT count(*) FROM source_checks"), 0);
  c.helo = HELO;
  assert_int_equal(lab_run(&p->lab.poster, &c.op), OK);
  assert_true(c.changed);
  assert_int_equal(lab_run(&p->lab.poster, &c.op), OK);
  assert_false(c.changed);
  struct admin *a = lab_admin(&p->lab);
  assert_ok(admin_source_remove(a, SIX, &p->lab.why), p->lab.why);
  admin_close(&a);
  assert_int_equal(lab_number(p->lab.dir, "SELECT count(*) FROM source_checks"), 0);
}

static void test_only_global_addresses_are_asked_about(void **state) {
  struct place *p = *state;
  add(p, "127.0.0.2");
  add(p, "10.0.0.1");
  add(p, "2001:db8::1");
  add(p, "fd00::1");
  assert_int_equal(questions(p), 0);
  assert_true(allowed(p, "2001:db8::1", "") && allowed(p, "fd00::1", ""));
}

static void set_public(struct place *p, const char *address, const char *seen) {
  struct admin *a = lab_admin(&p->lab);
  const struct source s = {.address = address, .public_address = seen};
  assert_ok(admin_source_set(a, SOURCE_PUBLIC, &s, &p->lab.why), p->lab.why);
  admin_close(&a);
  take_directory(p);
}

/* Behind NAT the world asks about the address that it sees, and so is the source's own name of no interest. */
static void test_the_public_address_is_asked_about(void **state) {
  struct place *p = *state;
  add(p, "fd00::1");
  assert_int_equal(questions(p), 0);
  set_public(p, "fd00::1", SIX);
  assert_false(allowed(p, "fd00::1", "before its PTR record has been looked up"));
  run_until(p, 0, 1);
  assert_int_equal(source(p, "fd00::1")->name, SOURCE_NAME_CONFIRMED);
  assert_true(allowed(p, "fd00::1", ""));
  /* Another one: what was known was of the first, also where the answer to that is late. */
  struct store_source_check late = {
      .address = "fd00::1", .public_address = SIX, .helo = HELO, .confirmed = true, .ptr = HELO, .text = ""};
  store_source_check_init(&late);
  set_public(p, "fd00::1", "2a00:5f:1::99");
  assert_int_equal(source(p, "fd00::1")->name, SOURCE_NAME_UNKNOWN);
  assert_int_equal(lab_run(&p->lab.poster, &late.op), OK);
  assert_false(late.changed);
  run_until(p, 0, 1);
  assert_int_equal(source(p, "fd00::1")->name, SOURCE_NAME_UNCONFIRMED);
  assert_false(allowed(p, "fd00::1", "AAAA 2a00:5f:1::99"));
  set_public(p, "fd00::1", "");
  assert_int_equal(questions(p), 0);
  assert_true(allowed(p, "fd00::1", ""));
}

static void test_ends_while_a_check_runs(void **state) {
  struct place *p = *state;
  add(p, SIX);
  source_names_tick(p->names, p->now_ms);
  source_names_free(&p->names); /* its memory goes when the check has ended: ASan sees */
  assert_null(p->names);
  while (p->loop.uv.active_reqs.count) uv_run(&p->loop.uv, UV_RUN_ONCE);
  const struct dns_source dns = zone_source(&p->zone);
  p->names = source_names_new(&p->loop, &dns);
  source_names_stop(p->names);
  assert_int_equal(questions(p), 0);
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(test_is_kept_and_checked_again, setup, teardown),
      cmocka_unit_test_setup_teardown(test_dns_that_fails_changes_nothing, setup, teardown),
      cmocka_unit_test_setup_teardown(test_what_is_not_judged_waits_for_minutes_only, setup, teardown),
      cmocka_unit_test_setup_teardown(test_another_helo_name_is_another_question, setup, teardown),
      cmocka_unit_test_setup_teardown(test_what_was_lost_is_asked_again, setup, teardown),
      cmocka_unit_test_setup_teardown(test_an_answer_that_is_too_late, setup, teardown),
      cmocka_unit_test_setup_teardown(test_only_global_addresses_are_asked_about, setup, teardown),
      cmocka_unit_test_setup_teardown(test_the_public_address_is_asked_about, setup, teardown),
      cmocka_unit_test_setup_teardown(test_ends_while_a_check_runs, setup, teardown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
