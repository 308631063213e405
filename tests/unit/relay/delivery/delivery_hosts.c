/* To which host, from which source, by which commands: routes, connections, STARTTLS, what a host does not offer. */
#include "tests/unit/delivery_rig.h"

static void test_connections_are_used_again(void **state) {
  (void)state;
  rig_open_plain();
  rig_run();
  for (int i = 0; i < 100; i++) keep(&(struct sample){.from = "s@x.example", .to = {"ok"}, .hand_over = true});
  wait_for(EVENT_DELIVERED, 100);
  rig_stop();
  assert_int_equal(message_count(), 100);
  assert_true(rig->hop.connections <= 20);
  assert_int_equal(rig->hop.quits, rig->hop.connections);
  rig_close();
}

static void test_closed_idle_connection(void **state) {
  (void)state;
  rig_open(&(struct hop_manner){.close_after_message = true});
  rig_run();
  for (int i = 0; i < 12; i++) keep(&(struct sample){.from = "s@x.example", .to = {"ok"}, .hand_over = true});
  wait_for(EVENT_DELIVERED, 12);
  rig_stop();
  assert_int_equal(events(EVENT_DEFERRED).found, 0);
  assert_int_equal(message_count(), 12);
  rig_close();
}

static void test_starttls(void **state) {
  (void)state;
  rig_open(&(struct hop_manner){.tls = true});
  for (int i = 0; i < 5; i++) keep(&(struct sample){.from = "", .to = {"ok1", "bounce1"}});
  rig_run();
  wait_for(EVENT_DELIVERED, 5);
  wait_for(EVENT_BOUNCED, 5);
  rig_stop();
  assert_int_equal(message_count(), 5);
  for (size_t i = 0; i < 5; i++) assert_true(rig->hop.messages[i].tls);
  /* Those that are still in their handshake when the rig stops have nothing to take leave of. */
  assert_in_range(rig->hop.quits, 1, rig->hop.connections);
  rig_close();
}

/* STARTTLS is offered and comes to nothing: the first attempt waits, and the second goes in the clear when TLS does not
 * work then either. */
static void check_falls_back(const struct hop_manner *manner) {
  rig_open(manner);
  rig->config.retry_us[0] = SECOND_US;
  keep(&(struct sample){.from = "", .to = {"ok1"}});
  rig_run();
  struct count c = wait_for(EVENT_DELIVERED, 1);
  assert_non_null(strstr(c.text, "TLS"));
  rig_stop();
  assert_int_equal(rig->hop.connections, 3);
  assert_int_equal(events(EVENT_DEFERRED).found, 1);
  rig_close();
}

static void test_broken_starttls(void **state) {
  (void)state;
  check_falls_back(&(struct hop_manner){.broken_tls = true});
}

/* What was put behind the reply to STARTTLS in the clear counts for nothing. */
static void test_injection_ahead_of_the_handshake(void **state) {
  (void)state;
  check_falls_back(&(struct hop_manner){.inject_after_starttls = true});
}

/* The next attempt is one command at a time, and so are those that come after. */
static void test_broken_pipelining(void **state) {
  (void)state;
  static const enum hop_pipelining ways[] = {HOP_PIPELINING_CLOSES, HOP_PIPELINING_FORGETS, HOP_PIPELINING_STUTTERS};
  for (size_t i = 0; i < COUNT_OF(ways); i++) {
    rig_open(&(struct hop_manner){.pipelining = ways[i]});
    rig->config.retry_us[0] = SECOND_US;
    keep(&(struct sample){.from = "", .to = {"ok1"}});
    rig_run();
    wait_for(EVENT_DELIVERED, 1);
    keep(&(struct sample){.from = "", .to = {"ok2"}, .hand_over = true});
    wait_for(EVENT_DELIVERED, 2);
    rig_stop();
    assert_int_equal(events(EVENT_DEFERRED).found, 1);
    assert_int_equal(events(EVENT_BOUNCED).found, 0);
    assert_int_equal(message_count(), 2);
    assert_in_range(rig->hop.connections, 2, 3); /* the third when the second had been idle for too long */
    rig_close();
  }
}

static void test_refused_connection(void **state) {
  (void)state;
  rig_open(NULL);
  for (int i = 0; i < 3; i++) keep(&(struct sample){.from = "s@x.example", .to = {"ok1"}});
  rig_run();
  struct count c = wait_for(EVENT_DEFERRED, 3);
  assert_string_equal(c.enhanced, "4.4.1");
  assert_string_equal(c.host, "[127.0.0.1][127.0.0.1]:9");
  rig_stop();
  rig_close();
}

static void test_greetings_that_refuse(void **state) {
  (void)state;
  static const struct {
    const char *greeting;
    int code;
  } greetings[] = {{"554 no service\r\n", 554}, {"421 4.3.2 busy\r\n", 421}, {"SSH-2.0-x\r\n", 450}};
  for (size_t i = 0; i < sizeof greetings / sizeof *greetings; i++) {
    rig_open(&(struct hop_manner){.greeting = greetings[i].greeting});
    keep(&(struct sample){.from = "s@[127.0.0.1]", .to = {"ok1"}});
    rig_run();
    assert_int_equal(wait_for(EVENT_DEFERRED, 1).last.code, greetings[i].code);
    rig_stop();
    assert_int_equal(events(EVENT_BOUNCED).found, 0);
    rig_close();
  }
}

static void test_what_the_host_does_not_offer(void **state) {
  (void)state;
  static const struct {
    const char *name;
    bool no_8bitmime, no_ehlo;
    unsigned long size_max;
    unsigned flags;
    const char *enhanced; /* NULL: delivered */
  } cases[] = {
      {.name = "8-bit, offered", .flags = MESSAGE_8BIT},
      {.name = "8-bit, not offered", .no_8bitmime = true, .flags = MESSAGE_8BIT},
      {.name = "7-bit", .no_8bitmime = true},
      {.name = "UTF-8", .flags = MESSAGE_UTF8, .enhanced = "5.6.9"},
      {.name = "size", .size_max = 10, .enhanced = "5.3.4"},
      {.name = "size unlimited", .size_max = 0},
      {.name = "HELO only", .no_ehlo = true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    rig_open(&(struct hop_manner){
        .no_8bitmime = cases[i].no_8bitmime, .no_ehlo = cases[i].no_ehlo, .size_max = cases[i].size_max});
    keep(&(struct sample){.from = "", .to = {"ok1"}, .flags = cases[i].flags});
    rig_run();
    if (cases[i].enhanced)
      assert_string_equal(wait_for(EVENT_BOUNCED, 1).enhanced, cases[i].enhanced);
    else
      wait_for(EVENT_DELIVERED, 1);
    rig_stop();
    assert_int_equal(message_count(), cases[i].enhanced ? 0 : 1);
    if (message_count() && !cases[i].no_ehlo) {
      assert_non_null(strstr(rig->hop.messages[0].mail_line, " SIZE="));
      bool as_8bit = cases[i].flags == MESSAGE_8BIT && !cases[i].no_8bitmime;
      assert_int_equal(strstr(rig->hop.messages[0].mail_line, "BODY=8BITMIME") != NULL, as_8bit);
    }
    rig_close();
  }
}

static void test_pool_without_sources(void **state) {
  (void)state;
  rig_open_plain();
  keep(&(struct sample){.from = "", .to = {"ok"}, .pool = "bulk"});
  rig_run();
  struct count c = wait_for(EVENT_DEFERRED, 1);
  assert_non_null(strstr(c.text, "pool bulk has no source"));
  assert_int_equal(rig->hop.connections, 0);
  rig_stop();
  rig_close();
}

static void test_next_host(void **state) {
  (void)state;
  rig_open_plain();
  rig_run();
  keep(&(struct sample){.from = "", .to = {"ok1"}, .domain = "two.test", .hand_over = true});
  char host[100];
  snprintf(host, sizeof host, "live.two.test[127.0.0.1]:%u", rig->hop.port);
  assert_string_equal(wait_for(EVENT_DELIVERED, 1).host, host);
  rig_stop();
  assert_int_equal(events(EVENT_DEFERRED).found, 0);
  rig_close();
}

static void test_routes_that_lead_nowhere(void **state) {
  (void)state;
  static const struct {
    const char *domain;
    enum event_kind kind;
    int code;
    const char *enhanced;
  } cases[] = {
      {"gone.test", EVENT_BOUNCED, 550, "5.1.2"},
      {"null.test", EVENT_BOUNCED, 556, "5.1.10"},
      {"broken.test", EVENT_DEFERRED, 450, "4.4.3"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    rig_open_plain();
    rig_run();
    keep(&(struct sample){.from = "s@[127.0.0.1]", .to = {"ok1"}, .domain = cases[i].domain, .hand_over = i % 2});
    delivery_poll(&rig->gateway, cases[i].domain);
    if (i % 2 == 0) rig_restart(); /* found by a start instead */
    struct count c = wait_for(cases[i].kind, 1);
    assert_int_equal(c.last.code, cases[i].code);
    assert_string_equal(c.enhanced, cases[i].enhanced);
    if (cases[i].kind == EVENT_BOUNCED) wait_for(EVENT_DELIVERED, 1); /* the notice */
    rig_stop();
    rig_close();
  }
}

static void test_leaves_from_its_source(void **state) {
  (void)state;
  static const struct source two[] = {{.address = "127.0.0.3", .helo = "three.example", .pool = "default"},
                                      {.address = "::1", .helo = "six.example", .pool = "default"},
                                      {.address = NULL}};
  rig_open_from(&(struct hop_manner){0}, two);
  rig_run();
  keep(&(struct sample){.from = "", .to = {"ok1"}, .hand_over = true});
  assert_string_equal(wait_for(EVENT_DELIVERED, 1).source, "127.0.0.3"); /* the one of the site's family */
  rig_stop();
  assert_string_equal(rig->hop.messages[0].helo, "three.example");
  rig_close();
}

/* Only IPv6 leads there, and there is none here: its mail waits, and the log says what for. */
static void test_no_source_for_the_family(void **state) {
  (void)state;
  static const struct source v4[] = {{.address = "127.0.0.3", .helo = "three.example", .pool = "default"},
                                     {.address = NULL}};
  rig_open_from(&(struct hop_manner){0}, v4);
  rig_run();
  keep(&(struct sample){.from = "", .to = {"ok1"}, .domain = "six.test", .hand_over = true});
  struct count c = wait_for(EVENT_DEFERRED, 1);
  assert_string_equal(c.enhanced, "4.3.5");
  assert_string_equal(c.text,
                      "no source address for IPv6, which is all that mx.six.test has: the pool default has none");
  rig_stop();
  rig_close();
}

static void test_source_that_is_not_ours(void **state) {
  (void)state;
  static const struct source one[] = {{.address = "192.0.2.1", .helo = "x.example", .pool = "default"},
                                      {.address = NULL}};
  rig_open_from(&(struct hop_manner){0}, one);
  rig_run();
  keep(&(struct sample){.from = "", .to = {"ok1"}, .hand_over = true});
  struct count c = wait_for(EVENT_DEFERRED, 1);
  assert_string_equal(c.text, "source 192.0.2.1 is not an address of this machine");
  assert_string_equal(c.enhanced, "4.3.5");
  assert_int_equal(c.last.code, 451);
  rig_stop();
  assert_int_equal(rig->hop.connections, 0);
  rig_close();
}

/* Its share of the domains goes to the others, at once. */
static void test_the_other_source_of_the_pool_is_used(void **state) {
  (void)state;
  static const struct source three[] = {{.address = "127.0.0.3", .helo = "three.example", .pool = "default"},
                                        {.address = "192.0.2.1", .helo = "x.example", .pool = "default"},
                                        {.address = "198.51.100.2", .helo = "y.example", .pool = "default"},
                                        {.address = NULL}};
  rig_open_from(&(struct hop_manner){0}, three);
  rig_run();
  keep(&(struct sample){.from = "", .to = {"ok1"}, .hand_over = true});
  keep(&(struct sample){.from = "", .to = {"ok2"}, .domain = "live.two.test", .hand_over = true});
  keep(&(struct sample){.from = "", .to = {"ok3"}, .domain = "two.test", .hand_over = true});
  assert_string_equal(wait_for(EVENT_DELIVERED, 3).source, "127.0.0.3");
  rig_stop();
  assert_int_equal(events(EVENT_DEFERRED).found, 0);
  rig_close();
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_connections_are_used_again),
      cmocka_unit_test(test_closed_idle_connection),
      cmocka_unit_test(test_starttls),
      cmocka_unit_test(test_broken_starttls),
      cmocka_unit_test(test_injection_ahead_of_the_handshake),
      cmocka_unit_test(test_broken_pipelining),
      cmocka_unit_test(test_refused_connection),
      cmocka_unit_test(test_greetings_that_refuse),
      cmocka_unit_test(test_what_the_host_does_not_offer),
      cmocka_unit_test(test_pool_without_sources),
      cmocka_unit_test(test_next_host),
      cmocka_unit_test(test_routes_that_lead_nowhere),
      cmocka_unit_test(test_leaves_from_its_source),
      cmocka_unit_test(test_no_source_for_the_family),
      cmocka_unit_test(test_source_that_is_not_ours),
      cmocka_unit_test(test_the_other_source_of_the_pool_is_used),
  };
  rig_ready();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
