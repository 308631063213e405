/* The checks of `sendoff doctor` on facts that are hard to come by: each a table of what was gathered, and what is said
 * of it. */
#include "base/clock.h"
#include "base/usage/usage_scope.h"
#include "cli/doctor/checks.h"
#include "store/store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define NOW (INT64_C(1800000000) * SECOND_US)
#define DAY (INT64_C(86400) * SECOND_US)
#define MB (UINT64_C(1024) * 1024)

static struct listen_config listens[1] = {{.text = (char *)(uintptr_t) "192.0.2.1:587", .tls = LISTEN_STARTTLS}};
static struct config config = {.path = (char *)(uintptr_t) "/etc/sendoff/sendoff.conf",
                               .hostname = (char *)(uintptr_t) "smtp.example.com",
                               .data_dir = (char *)(uintptr_t) "/var/lib/sendoff",
                               .listens = listens,
                               .listen_count = 1,
                               .certificate_count = 1,
                               .delivery_port = 25,
                               .max_sessions = 2000};
static struct directory directory;

static struct doctor_facts facts(void) {
  return (struct doctor_facts){.now_us = NOW, .config = &config, .directory = &directory};
}

/* What a check says first; "" when that it is well, or nothing. */
static void expect(void (*judge)(const struct doctor_facts *d, struct findings *f), const struct doctor_facts *d,
                   enum severity severity, const char *says) {
  struct findings f = {.check = "test"};
  judge(d, &f);
  findings_sort(&f);
  if (severity == SEVERITY_OK) {
    for (size_t i = 0; i < f.count; i++)
      if (f.list[i].severity != SEVERITY_OK) print_message("%s\n", f.list[i].text);
    assert_int_equal(findings_count(&f, SEVERITY_OK), f.count);
  } else {
    assert_true(f.count > 0);
    if (f.list[0].severity != severity || !strstr(f.list[0].text, says)) print_message("%s\n", f.list[0].text);
    assert_int_equal(f.list[0].severity, severity);
    assert_non_null(strstr(f.list[0].text, says));
  }
  findings_clear(&f);
}

static void test_clock(void **state) {
  static const struct {
    struct machine_facts m;
    enum severity severity;
    const char *says;
  } cases[] = {
      {{.clock_known = true, .clock_synchronised = true}, SEVERITY_OK, ""},
      {{.clock_known = false}, SEVERITY_OK, ""},
      {{.clock_known = true}, SEVERITY_WARNING, "nothing keeps the clock in step"},
      {{.clock_known = true, .clock_synchronised = true, .newest_us = NOW}, SEVERITY_OK, ""},
      {{.clock_known = true, .clock_synchronised = true, .newest_us = NOW + DAY}, SEVERITY_ERROR, "by 1d"},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct doctor_facts d = facts();
    d.machine = cases[i].m;
    expect(judge_clock, &d, cases[i].severity, cases[i].says);
  }
}

static void test_disk(void **state) {
  static const struct {
    struct machine_facts m;
    enum severity severity;
    const char *says;
  } cases[] = {
      {{.disk_known = false}, SEVERITY_OK, ""},
      {{.disk_known = true, .disk_free = 5000 * MB, .disk_reserve = 512 * MB}, SEVERITY_OK, ""},
      {{.disk_known = true, .disk_free = 1000 * MB, .disk_reserve = 512 * MB}, SEVERITY_WARNING, "below 512M"},
      {{.disk_known = true, .disk_free = 500 * MB, .disk_reserve = 512 * MB}, SEVERITY_ERROR, "refused with 452"},
      {{.disk_known = true, .disk_free = 500 * MB, .disk_reserve = 0}, SEVERITY_OK, ""},
      {{.disk_known = true, .disk_free = 5000 * MB, .inodes = 10000, .inodes_free = 900},
       SEVERITY_WARNING,
       "900 inodes"},
      {{.disk_known = true, .disk_free = 5000 * MB, .inodes = 10000}, SEVERITY_ERROR, "0 inodes"},
      {{.disk_known = true, .disk_free = 5000 * MB, .inodes = 0}, SEVERITY_OK, ""}, /* no such limit: btrfs */
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct doctor_facts d = facts();
    d.machine = cases[i].m;
    expect(judge_disk, &d, cases[i].severity, cases[i].says);
  }
}

static void test_process(void **state) {
  static const struct signing_key key = {.state = KEY_ACTIVE};
  static const struct domain domain = {.name = "example.com", .keys = &key, .key_count = 1};
  struct doctor_facts d = facts();
  (void)state;
  expect(judge_process, &d, SEVERITY_OK, ""); /* nothing is known of it */
  d.machine = (struct machine_facts){.process_known = true, .open_files = 1024, .locked_memory = 4096};
  expect(judge_process, &d, SEVERITY_WARNING, "may open 1024 files, and max_sessions = 2000 needs 2512");
  d.machine.open_files = 4096;
  expect(judge_process, &d, SEVERITY_OK, "");
  d.machine.locked_memory = 0;
  expect(judge_process, &d, SEVERITY_OK, ""); /* there is no key to keep */
  directory.domains = &domain;
  directory.domain_count = 1;
  expect(judge_process, &d, SEVERITY_WARNING, "memory cannot be locked");
  directory = (struct directory){0};
}

static void test_store(void **state) {
  struct doctor_facts d = facts();
  (void)state;
  d.store.checked = true;
  expect(judge_store, &d, SEVERITY_OK, "");
  d.store.wal = 600 * MB;
  expect(judge_store, &d, SEVERITY_WARNING, "the write-ahead log has grown to 600M");
  d.store = (struct store_facts){.rc = E_NEWER, .why = {"it was made by a newer version"}};
  expect(judge_store, &d, SEVERITY_ERROR, "a newer version");
}

static void test_backup(void **state) {
  struct doctor_facts d = facts();
  (void)state;
  expect(judge_backup, &d, SEVERITY_NOTE, "no backup is known");
  d.store.backup_us = NOW - 30 * DAY;
  expect(judge_backup, &d, SEVERITY_NOTE, "30d ago");
  d.store.backup_us = NOW - DAY;
  expect(judge_backup, &d, SEVERITY_OK, "");
  d.store.backup_us = -1;
  expect(judge_backup, &d, SEVERITY_OK, "");
}

static void test_listeners(void **state) {
  const struct smtp_reply ours = {.code = 220, .text = "smtp.example.com ESMTP Sendoff"},
                          exim = {.code = 220, .text = "mx.example.com ESMTP Exim 4.96 Fri, 1 Jan"},
                          busy = {.code = 421, .enhanced = "4.3.2", .text = "smtp.example.com: too many sessions"};
  const struct {
    struct listener_facts l;
    enum gateway_state gateway;
    enum severity severity;
    const char *says;
  } cases[] = {
      {{.connected = true, .greeting = ours, .starttls = true, .tls = true}, GATEWAY_RUNS, SEVERITY_OK, ""},
      {{.connected = true, .greeting = ours}, GATEWAY_RUNS, SEVERITY_ERROR, "does not offer STARTTLS"},
      {{.connected = true, .greeting = ours, .starttls = true, .tls_why = {"no shared cipher"}},
       GATEWAY_RUNS,
       SEVERITY_ERROR,
       "the TLS handshake fails: no shared cipher"},
      {{.connected = true, .greeting = exim}, GATEWAY_RUNS, SEVERITY_ERROR, "another program has this"},
      {{.connected = true, .greeting = exim}, GATEWAY_DOWN, SEVERITY_ERROR, "Exim"},
      {{.connected = true, .owner = "systemd (process 1)"}, GATEWAY_DOWN, SEVERITY_OK, ""},
      {{.connected = true, .owner = "systemd (process 12)"}, GATEWAY_DOWN, SEVERITY_ERROR, "another program has this"},
      {{.connected = true, .greeting = busy}, GATEWAY_RUNS, SEVERITY_WARNING, "turns clients away"},
      {{.connected = true, .rc = E_TEMPORARY, .why = {"no answer in time"}},
       GATEWAY_RUNS,
       SEVERITY_ERROR,
       "there is no greeting"},
      {{.rc = E_NOT_FOUND}, GATEWAY_RUNS, SEVERITY_ERROR, "no address of this machine"},
      {{.rc = E_IO, .why = {"Connection refused"}},
       GATEWAY_RUNS,
       SEVERITY_ERROR,
       "does not answer: Connection refused"},
      {{.rc = E_IO, .why = {"Connection refused"}}, GATEWAY_DOWN, SEVERITY_OK, ""},
      {{.rc = E_IO, .why = {"Connection refused"}}, GATEWAY_CLOSED, SEVERITY_OK, ""},
  };
  (void)state;
  ip_parse("192.0.2.1", 587, &listens[0].address);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct listener_facts l = cases[i].l;
    struct doctor_facts d = facts();
    l.listen = &listens[0];
    strcpy(l.text, "192.0.2.1:587");
    d.listeners = &l;
    d.listener_count = 1;
    d.gateway = cases[i].gateway;
    expect(judge_ports, &d, cases[i].severity, cases[i].says);
  }
}

static void test_no_tls(void **state) {
  struct listener_facts l = {
      .listen = &listens[0], .text = "192.0.2.1:587", .connected = true, .greeting = {.code = 220, .text = "Sendoff"}};
  struct doctor_facts d = facts();
  (void)state;
  d.listeners = &l;
  d.listener_count = 1;
  config.certificate_count = 0;
  expect(judge_ports, &d, SEVERITY_WARNING, "passwords and mail travel in the clear");
  ip_parse("127.0.0.1", 587, &listens[0].address);
  expect(judge_ports, &d, SEVERITY_NOTE, "only programs on this machine");
  config.certificate_count = 1;
}

static void test_relay(void **state) {
  struct listener_facts l = {.listen = &listens[0], .text = "192.0.2.1:587", .relay = RELAY_REFUSED};
  struct doctor_facts d = facts();
  (void)state;
  d.listeners = &l;
  d.listener_count = 1;
  expect(judge_relay, &d, SEVERITY_OK, "");
  l.relay = RELAY_OPEN;
  strcpy(l.relay_reply, "250 2.1.5 recipient ok");
  expect(judge_relay, &d, SEVERITY_ERROR, "is an open relay: a stranger may send to anybody: 250 2.1.5");
}

static void test_outgoing(void **state) {
  const struct outgoing_facts timeout = {"192.0.2.1",
                                         "mx.a.example[192.0.2.9]:25",
                                         E_TEMPORARY,
                                         {"no answer in time"},
                                         {0}},
                              open = {"192.0.2.1", "mx.b.example[192.0.2.8]:25", OK, {""}, {.code = 220}},
                              listed = {"192.0.2.1", "mx.c.example[192.0.2.7]:25", OK, {""}, {.code = 554}},
                              unknown = {.source = "192.0.2.1"},
                              other = {"2001:db8::1", "mx.b.example[::2]:25", OK, {""}, {.code = 220}};
  const struct {
    struct outgoing_facts o[3];
    size_t count;
    enum severity severity;
    const char *says;
  } cases[] = {
      {{timeout, timeout}, 2, SEVERITY_ERROR, "no mail gets out from 192.0.2.1"},
      {{timeout, open}, 2, SEVERITY_OK, ""},
      {{unknown}, 1, SEVERITY_NOTE, "could not be tried"},
      {{listed}, 1, SEVERITY_WARNING, "refuses connections"},
      {{timeout, other}, 2, SEVERITY_ERROR, "no mail gets out from 192.0.2.1"},
      {{open, unknown, other}, 3, SEVERITY_OK, ""},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct doctor_facts d = facts();
    struct outgoing_facts o[3];
    memcpy(o, cases[i].o, sizeof o);
    d.outgoing = o;
    d.outgoing_count = cases[i].count;
    expect(judge_outgoing, &d, cases[i].severity, cases[i].says);
  }
}

static void test_queue(void **state) {
  static const struct {
    struct waiting_facts w;
    enum gateway_state gateway;
    enum severity severity;
    const char *says;
  } cases[] = {
      {{.domain = "example.net", .queued = 5, .oldest_us = NOW - DAY / 24, .next_us = NOW},
       GATEWAY_RUNS,
       SEVERITY_OK,
       ""},
      {{.domain = "example.net", .queued = 5, .oldest_us = NOW - DAY, .next_us = NOW, .last = "450 busy"},
       GATEWAY_RUNS,
       SEVERITY_WARNING,
       "5 recipients wait, the oldest message for 1d; last: 450 busy"},
      {{.domain = "example.net", .queued = 5, .oldest_us = NOW - DAY / 24, .next_us = NOW - DAY / 24},
       GATEWAY_RUNS,
       SEVERITY_WARNING,
       "an attempt is due for 1h"},
      {{.domain = "example.net", .queued = 5, .oldest_us = NOW - DAY / 24, .next_us = NOW - DAY / 24},
       GATEWAY_DOWN,
       SEVERITY_OK,
       ""}, /* that says enough */
      {{.domain = "example.net", .held = 5, .oldest_us = NOW - 2 * DAY},
       GATEWAY_RUNS,
       SEVERITY_NOTE,
       "5 recipients are held"},
      {{.domain = "example.net", .held = 5, .oldest_us = NOW - DAY / 2}, GATEWAY_RUNS, SEVERITY_OK, ""},
  };
  (void)state;
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    struct waiting_facts w = cases[i].w;
    struct doctor_facts d = facts();
    d.waiting = &w;
    d.waiting_count = 1;
    d.gateway = cases[i].gateway;
    expect(judge_queue, &d, cases[i].severity, cases[i].says);
  }
}

static void test_counters(void **state) {
  struct doctor_facts d = facts();
  json_t *status = json_pack("{s:s, s:s, s:i, s:i}", "version", SENDOFF_VERSION, "store", "good", "logins_refused", 2,
                             "sites_unreachable", 1);
  (void)state;
  d.status = status;
  expect(judge_queue, &d, SEVERITY_ERROR, "a next hop refuses the login of a route (2)");
  expect(judge_gateway, &d, SEVERITY_OK, "");
  json_object_set_new(status, "store", json_string("failing"));
  json_object_set_new(status, "store_reason", json_string("disk I/O error"));
  expect(judge_gateway, &d, SEVERITY_ERROR, "the store is failing: disk I/O error");
  json_object_set_new(status, "store", json_string("good"));
  json_object_set_new(status, "version", json_string("0.0.9"));
  expect(judge_gateway, &d, SEVERITY_WARNING, "version 0.0.9 runs");
  json_decref(status);
}

static void test_accounts(void **state) {
  static const struct limit limit = {.text = "5000/day"};
  struct limit_facts near = {.scope = SCOPE_ACCOUNT, .owner = "blog", .limit = &limit, .percent = 85};
  struct brake_facts brake = {.account = "blog", .step = BRAKE_HOLD, .mode = CHECK_ENFORCE};
  struct doctor_facts d = facts();
  (void)state;
  d.limits = &near;
  d.limit_count = 1;
  expect(judge_accounts, &d, SEVERITY_WARNING, "has used 85 % of 5000/day");
  near.percent = 100;
  expect(judge_accounts, &d, SEVERITY_WARNING, "has used up 5000/day");
  d.limit_count = 0;
  d.brakes = &brake;
  d.brake_count = 1;
  expect(judge_accounts, &d, SEVERITY_WARNING, "the brake is at \"hold\"");
  brake.mode = CHECK_OBSERVE;
  expect(judge_accounts, &d, SEVERITY_WARNING, "the brake would be at \"hold\"");
}

/* Nothing is known: nothing but that may be said, and no check may fall over it. */
static void test_nothing_known(void **state) {
  const struct doctor_facts d = {.now_us = NOW, .config_why = {"sendoff.conf:3: no such option"}};
  struct findings f = {0};
  (void)state;
  doctor_judge(&d, &f);
  findings_sort(&f);
  assert_true(f.count >= 1);
  assert_string_equal(f.list[0].check, "configuration");
  assert_string_equal(f.list[0].text, "sendoff.conf:3: no such option");
  assert_int_equal(findings_count(&f, SEVERITY_ERROR), 1);
  findings_clear(&f);
}

static void test_order(void **state) {
  struct findings f = {.check = "a"};
  (void)state;
  findings_add(&f, SEVERITY_NOTE, "", "first");
  findings_add(&f, SEVERITY_ERROR, "x", "second %d", 2);
  findings_fix(&f, "do %s", "this");
  findings_add(&f, SEVERITY_OK, "", "third");
  findings_add(&f, SEVERITY_ERROR, "y", "fourth");
  findings_sort(&f);
  assert_string_equal(f.list[0].text, "second 2");
  assert_string_equal(f.list[0].fix, "do this");
  assert_string_equal(f.list[1].text, "fourth");
  assert_string_equal(f.list[1].fix, "");
  assert_string_equal(f.list[3].text, "third");
  findings_clear(&f);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_clock),         cmocka_unit_test(test_disk),     cmocka_unit_test(test_process),
      cmocka_unit_test(test_store),         cmocka_unit_test(test_backup),   cmocka_unit_test(test_listeners),
      cmocka_unit_test(test_no_tls),        cmocka_unit_test(test_relay),    cmocka_unit_test(test_outgoing),
      cmocka_unit_test(test_queue),         cmocka_unit_test(test_counters), cmocka_unit_test(test_accounts),
      cmocka_unit_test(test_nothing_known), cmocka_unit_test(test_order),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
