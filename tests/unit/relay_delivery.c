/* The delivery side as a whole: real loops, a real store in a folder of its own, and a next hop that behaves as told.
 */
#include "base/clock.h"
#include "base/id.h"
#include "relay/conversion.h"
#include "relay/delivery/delivery.h"
#include "relay/delivery/dispatch.h"
#include "relay/resolver.h"
#include "relay/tls.h"
#include "store/admin.h"
#include "store/read.h"
#include "store/spool.h"
#include "store/write.h"
#include "tests/unit/fake_dns.h"
#include "tests/unit/fake_next_hop.h"

#include <ftw.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h> /* last: it has a macro named fail */

#define LOOPS 2
#define DEADLINE_MS 20000

/* --- a gateway without its submission side --- */

static const struct dns_row rows[] = {
    {"two.test", ns_t_mx, "10 dead.two.test"},
    {"two.test", ns_t_mx, "20 live.two.test"},
    {"dead.two.test", ns_t_a, "127.0.0.9"},
    {"live.two.test", ns_t_a, "127.0.0.1"},
    {"null.test", ns_t_mx, "0 ."},
    {"broken.test", ns_t_mx, "SERVFAIL"},
};

struct rig {
  char dir[64];
  struct hop hop;
  struct fake_dns dns;
  char server[32], *servers[1];
  struct config config;
  struct gateway gateway;
  struct loop loops[LOOPS], *loop_list[LOOPS];
  struct directory *directory;
  struct reader *reader;
  struct store_port *port; /* the test's own */
  sem_t woken;
  unsigned running; /* on loops[0]: parts that have not stopped */
  struct loop_message start, stop[LOOPS], part_stopped[LOOPS + 1], finish[LOOPS];
};

static struct rig *rig; /* one test at a time */

static void wake(void *arg) {
  sem_post(arg);
}

static const struct source *sources; /* of the next rig; ended by one without an address */

static void add_sources(void) {
  struct reason why = {0};
  struct admin *admin;
  if (!sources) return;
  assert_int_equal(admin_open(rig->dir, &admin, &why), OK);
  for (const struct source *s = sources; s->address; s++) assert_int_equal(admin_source_add(admin, s, &why), OK);
  admin_close(&admin);
  sources = NULL;
}

static void rig_open(bool hop) {
  rig = calloc(1, sizeof *rig);
  struct reason why = {0};
  strcpy(rig->dir, "/tmp/sendoff-delivery-XXXXXX");
  assert_non_null(mkdtemp(rig->dir));
  if (hop) assert_true(hop_start(&rig->hop));
  rig->dns = (struct fake_dns){.rows = rows, .count = sizeof rows / sizeof *rows, .ttl = 300};
  assert_true(fake_dns_start(&rig->dns));
  snprintf(rig->server, sizeof rig->server, "127.0.0.1@%u", rig->dns.port);
  rig->servers[0] = rig->server;
  rig->config = (struct config){
      .hostname = (char *)(uintptr_t) "gw.example.com",
      .data_dir = rig->dir,
      .dns_servers = rig->servers,
      .dns_server_count = 1,
      .delivery_port = hop ? rig->hop.port : 9, /* nobody listens on discard */
      .retry_us = {3600 * SECOND_US},
      .retry_count = 1,
      .expire_us = 86400 * SECOND_US,
  };
  rig->gateway = (struct gateway){.config = &rig->config, .loops = rig->loop_list, .loop_count = LOOPS};
  struct store_options options = {0};
  assert_int_equal(store_open(rig->dir, &options, &rig->gateway.store, &why), OK);
  add_sources();
  assert_int_equal(reader_open(rig->dir, &rig->reader, &why), OK);
  assert_int_equal(reader_directory(rig->reader, &rig->directory, &why), OK);
  sem_init(&rig->woken, 0, 0);
  assert_int_equal(store_port_new(rig->gateway.store, wake, &rig->woken, &rig->port), OK);
}

static void on_thread(void *arg) {
  loop_run(arg);
}

static void on_start(struct loop *on, struct loop_message *m) {
  (void)m;
  assert_int_equal(resolver_attach(on->gateway->resolver, &on->uv), OK);
  dispatcher_start(on->gateway->dispatcher);
}

static void rig_run(void) {
  struct reason why = {0};
  assert_int_equal(resolver_new(&rig->config, &rig->gateway.resolver, &why), OK);
  for (size_t i = 0; i < LOOPS; i++) {
    rig->loop_list[i] = &rig->loops[i];
    assert_int_equal(loop_init(&rig->loops[i], &rig->gateway, i, &why), OK);
    rig->loops[i].directory = directory_hold(rig->directory);
    assert_int_equal(tls_client_new(&rig->loops[i].tls_client), OK);
    assert_int_equal(converter_new(&rig->loops[i], &rig->loops[i].converter), OK);
    assert_int_equal(delivery_new(&rig->loops[i], &rig->loops[i].delivery), OK);
  }
  assert_int_equal(dispatcher_new(&rig->gateway, &rig->gateway.dispatcher, &why), OK);
  rig->start.run = on_start;
  loop_post(&rig->loops[0], &rig->start);
  for (size_t i = 0; i < LOOPS; i++)
    assert_int_equal(uv_thread_create(&rig->loops[i].thread, on_thread, &rig->loops[i]), 0);
}

static void on_finish(struct loop *on, struct loop_message *m) {
  (void)m;
  if (on->index == 0) {
    dispatcher_free(&on->gateway->dispatcher);
    resolver_detach(on->gateway->resolver);
  }
  loop_finish(on);
}

static void on_part_stopped(struct loop *on, struct loop_message *m) {
  (void)on;
  (void)m;
  if (--rig->running) return;
  for (size_t i = 0; i < LOOPS; i++) {
    rig->finish[i].run = on_finish;
    loop_post(&rig->loops[i], &rig->finish[i]);
  }
}

static void report_stopped(void *arg) {
  struct loop_message *m = arg;
  m->run = on_part_stopped;
  loop_post(&rig->loops[0], m);
}

static void on_stop(struct loop *on, struct loop_message *m) {
  (void)m;
  if (on->index == 0) dispatcher_drain(on->gateway->dispatcher, report_stopped, &rig->part_stopped[LOOPS]);
  delivery_stop(on->delivery, report_stopped, &rig->part_stopped[on->index]);
}

/* Stops as the daemon does; every handle must close by itself, or the loops never end. */
static void rig_stop(void) {
  rig->running = LOOPS + 1;
  for (size_t i = 0; i < LOOPS; i++) {
    rig->stop[i].run = on_stop;
    loop_post(&rig->loops[i], &rig->stop[i]);
  }
  for (size_t i = 0; i < LOOPS; i++) uv_thread_join(&rig->loops[i].thread);
  for (size_t i = 0; i < LOOPS; i++) {
    assert_null(rig->loops[i].deferred);
    delivery_free(&rig->loops[i].delivery);
    converter_free(&rig->loops[i].converter);
    tls_client_free(&rig->loops[i].tls_client);
    assert_int_equal(uv_loop_alive(&rig->loops[i].uv), 0);
  }
  resolver_free(&rig->gateway.resolver);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st;
  (void)type;
  (void)at;
  return remove(path);
}

static void rig_close(bool hop) {
  store_port_free(&rig->port);
  store_close(&rig->gateway.store);
  for (size_t i = 0; i < LOOPS; i++) loop_free(&rig->loops[i]);
  directory_release(&rig->directory);
  reader_close(&rig->reader);
  if (hop) hop_stop(&rig->hop);
  fake_dns_stop(&rig->dns);
  assert_int_equal(content_octets_held(), 0);
  nftw(rig->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  sem_destroy(&rig->woken);
  free(rig);
  rig = NULL;
}

/* --- messages --- */

static bool kept; /* the store calls on this thread, out of store_port_drain */

static void on_kept(struct store_op *op) {
  assert_int_equal(op->result, OK);
  kept = true;
}

static void post_and_wait(struct store_accept *a) {
  a->op.port = rig->port;
  a->op.done = on_kept;
  kept = false;
  store_post(rig->gateway.store, &a->op);
  while (!kept) {
    sem_wait(&rig->woken);
    store_port_drain(rig->port);
  }
}

struct sample {
  const char *from;
  const char *to[8];  /* local parts */
  const char *domain; /* NULL: [127.0.0.1] */
  struct bytes content;
  unsigned flags;
  bool hand_over; /* also in memory */
  int64_t expires_us;
};

static void write_spool(int64_t id, struct bytes content) {
  struct reason why;
  int fd;
  assert_int_equal(spool_begin(rig->dir, id, &fd, &why), OK);
  assert_int_equal(spool_write(fd, content, &why), OK);
  assert_int_equal(spool_finish(rig->dir, id, &fd, &why), OK);
}

static void hand_over(const struct store_accept *a) {
  const struct new_message *m = &a->message;
  struct job *j = job_new(&m->envelope, m->recipients[0].domain);
  assert_non_null(j);
  for (size_t i = 0; i < m->recipient_count; i++)
    assert_int_equal(job_add_recipient(
                         j, &(struct queued_recipient){.id = m->recipients[i].id, .address = m->recipients[i].address}),
                     OK);
  struct buffer prefix, body;
  buffer_init(&prefix, 1000);
  buffer_init(&body, 1000000);
  assert_int_equal(buffer_add_bytes(&prefix, m->prefix), OK);
  assert_int_equal(buffer_add_bytes(&body, m->content), OK);
  j->content = content_new(&prefix, &body);
  assert_non_null(j->content);
  dispatch_accepted(&rig->gateway, j, 0);
}

/* Keeps a message as submission does, and waits for the commit. */
static int64_t keep(const struct sample *s) {
  struct store_accept a = {0};
  struct new_recipient recipients[8];
  char addresses[8][80];
  const char *domain = s->domain ? s->domain : "[127.0.0.1]";
  size_t count = 0;
  for (; count < 8 && s->to[count]; count++) {
    snprintf(addresses[count], sizeof addresses[count], "%s@%s", s->to[count], domain);
    recipients[count] = (struct new_recipient){.address = addresses[count], .domain = domain, .id = id_new()};
  }
  int64_t now = clock_now_us();
  struct bytes content = s->content.len ? s->content : BYTES("Subject: x\r\n\r\nhello\r\n.dot\r\n");
  store_accept_init(&a);
  a.message.envelope = (struct message){
      .id = id_new(),
      .account = "blog",
      .pool = "default",
      .reverse_path = s->from,
      .flags = s->flags,
      .size = content.len + 8,
      .created_us = now,
      .expires_us = s->expires_us ? s->expires_us : now + 86400 * SECOND_US,
  };
  a.message.recipients = recipients;
  a.message.recipient_count = count;
  a.message.prefix = BYTES("X-P: 1\r\n");
  a.message.content = content;
  a.message.first_attempt_us = now + DISPATCH_GRACE_US;
  a.accepted = (struct event){.account = "blog", .from = s->from, .count = 1};
  if (s->flags & MESSAGE_IN_FILE) write_spool(a.message.envelope.id, content);
  post_and_wait(&a);
  if (s->hand_over) hand_over(&a);
  return a.message.envelope.id;
}

/* --- what the log says --- */

struct count {
  enum event_kind kind;
  size_t found;
  struct event last;
  char text[1024], host[300], source[64], enhanced[16], to[300];
};

static bool on_event(void *arg, const struct event *e) {
  struct count *c = arg;
  c->found++;
  c->last = *e;
  snprintf(c->text, sizeof c->text, "%s", e->text);
  snprintf(c->host, sizeof c->host, "%s", e->host);
  snprintf(c->source, sizeof c->source, "%s", e->source);
  snprintf(c->enhanced, sizeof c->enhanced, "%s", e->enhanced);
  snprintf(c->to, sizeof c->to, "%s", e->to);
  return true;
}

static struct count events(enum event_kind kind) {
  struct count c = {.kind = kind};
  struct log_filter f = {.kind = (int)kind};
  assert_int_equal(reader_log(rig->reader, &f, on_event, &c), OK);
  return c;
}

/* Waits until there are as many events of this kind; fails after a deadline. */
static struct count wait_for(enum event_kind kind, size_t wanted) {
  for (int i = 0; i < DEADLINE_MS / 10; i++) {
    struct count c = events(kind);
    if (c.found >= wanted) return c;
    usleep(10000);
  }
  fail_msg("%zu of %zu %s events", events(kind).found, wanted, event_name(kind));
  return (struct count){0};
}

static bool on_queued(void *arg, const struct message *m, const struct queued_recipient *rcpt) {
  (void)m;
  struct queued_recipient *out = arg;
  *out = *rcpt;
  out->address = out->domain = out->last = NULL;
  return true;
}

static bool on_queued_count(void *arg, const struct message *m, const struct queued_recipient *rcpt) {
  (void)m;
  (void)rcpt;
  ++*(size_t *)arg;
  return true;
}

static size_t message_count(void) {
  pthread_mutex_lock(&rig->hop.lock);
  size_t n = rig->hop.message_count;
  pthread_mutex_unlock(&rig->hop.lock);
  return n;
}

/* --- tests --- */

static void test_outcomes(void **state) {
  (void)state;
  rig_open(true);
  keep(&(struct sample){.from = "s@[127.0.0.1]", .to = {"ok1"}});
  keep(&(struct sample){.from = "s@[127.0.0.1]", .to = {"defer1"}});
  keep(&(struct sample){
      .from = "s@[127.0.0.1]", .to = {"bounce1"}, .content = BYTES("Message-ID: <o@x>\r\nSubject: y\r\n\r\nbody\r\n")});
  rig_run();
  struct count bounced = wait_for(EVENT_BOUNCED, 1);
  assert_int_equal(bounced.last.code, 550);
  assert_string_equal(bounced.enhanced, "5.1.1");
  assert_string_equal(bounced.text, "no such user here");
  struct count deferred = wait_for(EVENT_DEFERRED, 1);
  assert_int_equal(deferred.last.code, 451);
  wait_for(EVENT_DELIVERED, 2); /* ok1, and the notice to s@ */
  rig_stop();
  struct queued_recipient q = {0};
  struct queue_filter all = {.state = -1};
  assert_int_equal(reader_queue(rig->reader, &all, on_queued, &q), OK);
  assert_int_equal(q.attempts, 1);
  assert_true(q.next_us > clock_now_us() + 3500 * SECOND_US);
  assert_int_equal(message_count(), 2);
  const struct hop_message *notice = &rig->hop.messages[0];
  if (notice->reverse_path[0]) notice = &rig->hop.messages[1];
  assert_string_equal(notice->reverse_path, "");
  assert_non_null(memmem(notice->content, notice->len, "multipart/report", 16));
  assert_non_null(memmem(notice->content, notice->len, "Subject: y\r\n", 12));
  assert_null(memmem(notice->content, notice->len, "body\r\n", 6));
  const struct hop_message *mail = notice == rig->hop.messages ? notice + 1 : rig->hop.messages;
  static const char whole[] = "X-P: 1\r\nSubject: x\r\n\r\nhello\r\n.dot\r\n";
  assert_int_equal(mail->len, strlen(whole));
  assert_memory_equal(mail->content, whole, mail->len);
  rig_close(true);
}

static void test_recipients_of_one_transaction(void **state) {
  (void)state;
  for (int pipelining = 0; pipelining < 2; pipelining++) {
    rig_open(false);
    rig->hop.no_pipelining = !pipelining;
    assert_true(hop_start(&rig->hop));
    rig->config.delivery_port = rig->hop.port;
    keep(&(struct sample){.from = "", .to = {"ok1", "bounce1", "defer1", "ok2"}});
    rig_run();
    wait_for(EVENT_DELIVERED, 2);
    wait_for(EVENT_DEFERRED, 1);
    wait_for(EVENT_BOUNCED, 1);
    rig_stop();
    assert_int_equal(message_count(), 1);
    assert_int_equal(rig->hop.messages[0].recipients, 2);
    assert_int_equal(rig->hop.connections, 1);
    assert_int_equal(rig->hop.quits, 1);
    assert_int_equal(events(EVENT_ACCEPTED).found, 1); /* the null reverse-path gets no notice */
    rig_close(true);
  }
}

static void test_too_many_recipients_go_in_turns(void **state) {
  (void)state;
  rig_open(false);
  rig->hop.recipients_most = 2;
  assert_true(hop_start(&rig->hop));
  rig->config.delivery_port = rig->hop.port;
  keep(&(struct sample){.from = "", .to = {"ok1", "ok2", "ok3", "ok4", "ok5"}});
  rig_run();
  wait_for(EVENT_DELIVERED, 5);
  rig_stop();
  assert_int_equal(message_count(), 3);
  assert_int_equal(events(EVENT_DEFERRED).found, 0);
  rig_close(true);
}

static void test_connections_are_used_again(void **state) {
  (void)state;
  rig_open(true);
  rig_run();
  for (int i = 0; i < 100; i++) keep(&(struct sample){.from = "s@x.example", .to = {"ok"}, .hand_over = true});
  wait_for(EVENT_DELIVERED, 100);
  rig_stop();
  assert_int_equal(message_count(), 100);
  assert_true(rig->hop.connections <= 20);
  assert_int_equal(rig->hop.quits, rig->hop.connections);
  rig_close(true);
}

static void test_closed_idle_connection(void **state) {
  (void)state;
  rig_open(false);
  rig->hop.close_after_message = true;
  assert_true(hop_start(&rig->hop));
  rig->config.delivery_port = rig->hop.port;
  rig_run();
  for (int i = 0; i < 12; i++) keep(&(struct sample){.from = "s@x.example", .to = {"ok"}, .hand_over = true});
  wait_for(EVENT_DELIVERED, 12);
  rig_stop();
  assert_int_equal(events(EVENT_DEFERRED).found, 0);
  assert_int_equal(message_count(), 12);
  rig_close(true);
}

static void test_large_message_from_file(void **state) {
  (void)state;
  rig_open(true);
  size_t len = 20 * 1000 * 1000;
  char *content = malloc(len);
  for (size_t i = 0; i < len; i += 50) {
    memset(content + i, 'a' + (int)(i / 50 % 26), 50);
    if (i % 150 == 0) content[i] = '.';
    memcpy(content + i + 48, "\r\n", 2);
  }
  keep(&(struct sample){.from = "s@x.example", .to = {"ok"}, .content = {content, len}, .flags = MESSAGE_IN_FILE});
  rig_run();
  wait_for(EVENT_DELIVERED, 1);
  rig_stop();
  assert_int_equal(message_count(), 1);
  assert_int_equal(rig->hop.messages[0].len, len + 8);
  assert_memory_equal(rig->hop.messages[0].content + 8, content, len);
  free(content);
  rig_close(true);
}

static void test_bounce_of_a_file_keeps_its_header(void **state) {
  (void)state;
  rig_open(true);
  keep(&(struct sample){.from = "s@[127.0.0.1]",
                        .to = {"late1"},
                        .content = BYTES("Subject: z\r\n\r\nbody\r\n"),
                        .flags = MESSAGE_IN_FILE});
  rig_run();
  assert_int_equal(wait_for(EVENT_BOUNCED, 1).last.code, 554);
  wait_for(EVENT_DELIVERED, 1);
  rig_stop();
  assert_int_equal(message_count(), 1);
  assert_non_null(memmem(rig->hop.messages[0].content, rig->hop.messages[0].len, "Subject: z\r\n", 12));
  rig_close(true);
}

static void test_failing_notice_is_dropped(void **state) {
  (void)state;
  rig_open(true);
  keep(&(struct sample){.from = "bounce2@[127.0.0.1]", .to = {"bounce1"}});
  rig_run();
  wait_for(EVENT_BOUNCED, 1);
  struct count dropped = wait_for(EVENT_DROPPED, 1);
  assert_string_equal(dropped.to, "bounce2@[127.0.0.1]");
  rig_stop();
  assert_int_equal(events(EVENT_ACCEPTED).found, 2);
  struct queued_recipient q = {0};
  struct queue_filter all = {.state = -1};
  assert_int_equal(reader_queue(rig->reader, &all, on_queued, &q), OK);
  assert_int_equal(q.id, 0);
  rig_close(true);
}

static void test_lone_dot(void **state) {
  (void)state;
  rig_open(false);
  rig->hop.take_data_without_rcpt = true;
  assert_true(hop_start(&rig->hop));
  rig->config.delivery_port = rig->hop.port;
  keep(&(struct sample){.from = "", .to = {"bounce1", "bounce2"}});
  rig_run();
  assert_int_equal(wait_for(EVENT_BOUNCED, 2).last.code, 550);
  rig_stop();
  assert_int_equal(rig->hop.lone_dots, 1);
  assert_int_equal(message_count(), 0);
  rig_close(true);
}

static void test_lost_after_the_dot(void **state) {
  (void)state;
  rig_open(true);
  keep(&(struct sample){.from = "", .to = {"drop1"}});
  rig_run();
  struct count c = wait_for(EVENT_DEFERRED, 1);
  assert_string_equal(c.enhanced, "4.4.2");
  assert_non_null(strstr(c.text, "may arrive twice"));
  rig_stop();
  assert_int_equal(rig->hop.connections, 1);
  rig_close(true);
}

static void test_starttls(void **state) {
  (void)state;
  rig_open(false);
  rig->hop.tls = true;
  assert_true(hop_start(&rig->hop));
  rig->config.delivery_port = rig->hop.port;
  for (int i = 0; i < 5; i++) keep(&(struct sample){.from = "", .to = {"ok1", "bounce1"}});
  rig_run();
  wait_for(EVENT_DELIVERED, 5);
  wait_for(EVENT_BOUNCED, 5);
  rig_stop();
  assert_int_equal(message_count(), 5);
  for (size_t i = 0; i < 5; i++) assert_true(rig->hop.messages[i].tls);
  /* Those that are still in their handshake when the rig stops have nothing to take leave of. */
  assert_in_range(rig->hop.quits, 1, rig->hop.connections);
  rig_close(true);
}

static void test_broken_starttls(void **state) {
  (void)state;
  rig_open(false);
  rig->hop.broken_tls = true;
  assert_true(hop_start(&rig->hop));
  rig->config.delivery_port = rig->hop.port;
  keep(&(struct sample){.from = "", .to = {"ok1"}});
  rig_run();
  wait_for(EVENT_DELIVERED, 1);
  rig_stop();
  assert_int_equal(rig->hop.connections, 2);
  assert_int_equal(events(EVENT_DEFERRED).found, 0);
  rig_close(true);
}

static void test_injection_ahead_of_the_handshake(void **state) {
  (void)state;
  rig_open(false);
  rig->hop.inject_after_starttls = true;
  assert_true(hop_start(&rig->hop));
  rig->config.delivery_port = rig->hop.port;
  keep(&(struct sample){.from = "", .to = {"ok1"}});
  rig_run();
  wait_for(EVENT_DELIVERED, 1);
  rig_stop();
  assert_int_equal(rig->hop.connections, 2); /* the first was given up: what was put there counted for nothing */
  assert_int_equal(events(EVENT_DEFERRED).found, 0);
  rig_close(true);
}

static void test_refused_connection(void **state) {
  (void)state;
  rig_open(false);
  for (int i = 0; i < 3; i++) keep(&(struct sample){.from = "s@x.example", .to = {"ok1"}});
  rig_run();
  struct count c = wait_for(EVENT_DEFERRED, 3);
  assert_string_equal(c.enhanced, "4.4.1");
  assert_string_equal(c.host, "[127.0.0.1][127.0.0.1]:9");
  rig_stop();
  rig_close(false);
}

static void test_greetings_that_refuse(void **state) {
  (void)state;
  static const struct {
    const char *greeting;
    int code;
  } greetings[] = {{"554 no service\r\n", 554}, {"421 4.3.2 busy\r\n", 421}, {"SSH-2.0-x\r\n", 450}};
  for (size_t i = 0; i < sizeof greetings / sizeof *greetings; i++) {
    rig_open(false);
    rig->hop.greeting = greetings[i].greeting;
    assert_true(hop_start(&rig->hop));
    rig->config.delivery_port = rig->hop.port;
    keep(&(struct sample){.from = "s@[127.0.0.1]", .to = {"ok1"}});
    rig_run();
    assert_int_equal(wait_for(EVENT_DEFERRED, 1).last.code, greetings[i].code);
    rig_stop();
    assert_int_equal(events(EVENT_BOUNCED).found, 0);
    rig_close(true);
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
    rig_open(false);
    rig->hop.no_8bitmime = cases[i].no_8bitmime;
    rig->hop.no_ehlo = cases[i].no_ehlo;
    rig->hop.size_max = cases[i].size_max;
    assert_true(hop_start(&rig->hop));
    rig->config.delivery_port = rig->hop.port;
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
    rig_close(true);
  }
}

static void test_expired(void **state) {
  (void)state;
  rig_open(true);
  keep(&(struct sample){.from = "s@[127.0.0.1]", .to = {"defer1"}, .expires_us = clock_now_us() - 1});
  rig_run();
  struct count c = wait_for(EVENT_EXPIRED, 1);
  assert_string_equal(c.enhanced, "4.4.7");
  assert_non_null(strstr(c.text, "greylisted"));
  wait_for(EVENT_DELIVERED, 1); /* the notice */
  rig_stop();
  rig_close(true);
}

static void test_pool_without_sources(void **state) {
  (void)state;
  rig_open(true);
  rig_run();
  struct message m = {.id = id_new(),
                      .account = "blog",
                      .pool = "bulk",
                      .reverse_path = "",
                      .created_us = clock_now_us(),
                      .expires_us = clock_now_us() + 1000 * SECOND_US,
                      .size = 40};
  struct store_accept a = {0};
  struct new_recipient r = {.address = "ok@[127.0.0.1]", .domain = "[127.0.0.1]", .id = id_new()};
  store_accept_init(&a);
  a.message = (struct new_message){.envelope = m,
                                   .recipients = &r,
                                   .recipient_count = 1,
                                   .content = BYTES("A: 1\r\n\r\n"),
                                   .first_attempt_us = m.created_us};
  post_and_wait(&a);
  dispatch_look(&rig->gateway, "[127.0.0.1]");
  struct count c = wait_for(EVENT_DEFERRED, 1);
  assert_non_null(strstr(c.text, "pool bulk has no source"));
  assert_int_equal(rig->hop.connections, 0);
  rig_stop();
  rig_close(true);
}

static void test_next_host(void **state) {
  (void)state;
  rig_open(true);
  rig_run();
  keep(&(struct sample){.from = "", .to = {"ok1"}, .domain = "two.test", .hand_over = true});
  char host[100];
  snprintf(host, sizeof host, "live.two.test[127.0.0.1]:%u", rig->hop.port);
  assert_string_equal(wait_for(EVENT_DELIVERED, 1).host, host);
  rig_stop();
  assert_int_equal(events(EVENT_DEFERRED).found, 0);
  rig_close(true);
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
    rig_open(true);
    rig_run();
    keep(&(struct sample){.from = "s@[127.0.0.1]", .to = {"ok1"}, .domain = cases[i].domain, .hand_over = i % 2});
    dispatch_look(&rig->gateway, cases[i].domain);
    if (i % 2 == 0) { /* found by a start instead */
      rig_stop();
      for (size_t l = 0; l < LOOPS; l++) loop_free(&rig->loops[l]);
      memset(rig->loops, 0, sizeof rig->loops);
      rig_run();
    }
    struct count c = wait_for(cases[i].kind, 1);
    assert_int_equal(c.last.code, cases[i].code);
    assert_string_equal(c.enhanced, cases[i].enhanced);
    if (cases[i].kind == EVENT_BOUNCED) wait_for(EVENT_DELIVERED, 1); /* the notice */
    rig_stop();
    rig_close(true);
  }
}

static void test_leaves_from_its_source(void **state) {
  (void)state;
  static const struct source two[] = {{.address = "127.0.0.3", .helo = "three.example", .pool = "default"},
                                      {.address = "::1", .helo = "six.example", .pool = "default"},
                                      {.address = NULL}};
  sources = two;
  rig_open(true);
  rig_run();
  keep(&(struct sample){.from = "", .to = {"ok1"}, .hand_over = true});
  assert_string_equal(wait_for(EVENT_DELIVERED, 1).source, "127.0.0.3"); /* the one of the site's family */
  rig_stop();
  assert_string_equal(rig->hop.messages[0].helo, "three.example");
  rig_close(true);
}

static void test_source_that_is_not_ours(void **state) {
  (void)state;
  static const struct source one[] = {{.address = "192.0.2.1", .helo = "x.example", .pool = "default"},
                                      {.address = NULL}};
  sources = one;
  rig_open(true);
  rig_run();
  keep(&(struct sample){.from = "", .to = {"ok1"}, .hand_over = true});
  struct count c = wait_for(EVENT_DEFERRED, 1);
  assert_non_null(strstr(c.text, "192.0.2.1"));
  rig_stop();
  assert_int_equal(rig->hop.connections, 0);
  rig_close(true);
}

static void run_sql(const char *sql) {
  char path[128];
  sqlite3 *db;
  snprintf(path, sizeof path, "%s/" STORE_FILE, rig->dir);
  assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
  sqlite3_busy_timeout(db, 5000);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  sqlite3_close(db);
}

static void test_store_that_fails_for_a_while(void **state) {
  (void)state;
  rig_open(true);
  run_sql("CREATE TRIGGER broken BEFORE DELETE ON recipients BEGIN SELECT RAISE(ABORT, 'broken for a test'); END");
  rig_run();
  keep(&(struct sample){.from = "", .to = {"ok1"}, .hand_over = true});
  for (int i = 0; i < DEADLINE_MS / 10 && !message_count(); i++) usleep(10000);
  assert_int_equal(message_count(), 1);
  assert_int_equal(events(EVENT_DELIVERED).found, 0);
  dispatch_look(&rig->gateway, "[127.0.0.1]"); /* in flight still, so not tried again */
  run_sql("DROP TRIGGER broken");
  wait_for(EVENT_DELIVERED, 1);
  rig_stop();
  assert_int_equal(message_count(), 1);
  rig_close(true);
}

static void test_stop_while_the_store_fails(void **state) {
  (void)state;
  rig_open(true);
  run_sql("CREATE TRIGGER broken BEFORE DELETE ON recipients BEGIN SELECT RAISE(ABORT, 'broken for a test'); END");
  rig_run();
  keep(&(struct sample){.from = "", .to = {"ok1"}, .hand_over = true});
  for (int i = 0; i < DEADLINE_MS / 10 && !message_count(); i++) usleep(10000);
  rig_stop(); /* ends, after its time limit */
  assert_int_equal(events(EVENT_DELIVERED).found, 0);
  size_t queued = 0;
  struct queue_filter all = {.state = -1};
  assert_int_equal(reader_queue(rig->reader, &all, on_queued_count, &queued), OK);
  assert_int_equal(queued, 1);
  rig_close(true);
}

static void test_stop_with_work_left(void **state) {
  (void)state;
  rig_open(true);
  rig_run();
  for (int i = 0; i < 60; i++) keep(&(struct sample){.from = "s@x.example", .to = {"ok"}, .hand_over = true});
  rig_stop(); /* in the middle: what was delivered is out of the queue, the rest is in it, nothing is lost or twice */
  size_t delivered = events(EVENT_DELIVERED).found;
  size_t taken = message_count();
  assert_int_equal(delivered, taken);
  size_t queued = 0;
  struct queue_filter all = {.state = -1};
  assert_int_equal(reader_queue(rig->reader, &all, on_queued_count, &queued), OK);
  assert_int_equal(delivered + queued, 60);
  rig_close(true);
}

int main(void) {
  signal(SIGPIPE, SIG_IGN); /* as the daemon does: a next hop may close at any time */
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_outcomes),
      cmocka_unit_test(test_recipients_of_one_transaction),
      cmocka_unit_test(test_too_many_recipients_go_in_turns),
      cmocka_unit_test(test_connections_are_used_again),
      cmocka_unit_test(test_closed_idle_connection),
      cmocka_unit_test(test_large_message_from_file),
      cmocka_unit_test(test_bounce_of_a_file_keeps_its_header),
      cmocka_unit_test(test_failing_notice_is_dropped),
      cmocka_unit_test(test_lone_dot),
      cmocka_unit_test(test_lost_after_the_dot),
      cmocka_unit_test(test_starttls),
      cmocka_unit_test(test_broken_starttls),
      cmocka_unit_test(test_injection_ahead_of_the_handshake),
      cmocka_unit_test(test_refused_connection),
      cmocka_unit_test(test_greetings_that_refuse),
      cmocka_unit_test(test_what_the_host_does_not_offer),
      cmocka_unit_test(test_expired),
      cmocka_unit_test(test_pool_without_sources),
      cmocka_unit_test(test_next_host),
      cmocka_unit_test(test_routes_that_lead_nowhere),
      cmocka_unit_test(test_leaves_from_its_source),
      cmocka_unit_test(test_source_that_is_not_ours),
      cmocka_unit_test(test_store_that_fails_for_a_while),
      cmocka_unit_test(test_stop_while_the_store_fails),
      cmocka_unit_test(test_stop_with_work_left),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
