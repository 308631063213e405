/* The delivery side as a whole: real loops, a real store in a folder of its own, and a next hop that behaves as told.
 * What its tests share. */
#ifndef SENDOFF_TESTS_DELIVERY_RIG_H
#define SENDOFF_TESTS_DELIVERY_RIG_H

#include "relay/delivery/delivery.h"
#include "relay/message/conversion.h"
#include "relay/net/resolver.h"
#include "relay/net/tls.h"
#include "tests/unit/fake_dns.h"
#include "tests/unit/fake_next_hop.h"
#include "tests/unit/store_lab.h"

#include <signal.h>

#define LOOPS 2
#define DEADLINE_MS 20000

/* --- a gateway without its submission side --- */

static const struct dns_row rig_rows[] = {
    {"two.test", ns_t_mx, "10 dead.two.test"},
    {"two.test", ns_t_mx, "20 live.two.test"},
    {"dead.two.test", ns_t_a, "127.0.0.9"},
    {"live.two.test", ns_t_a, "127.0.0.1"},
    {"six.test", ns_t_mx, "10 mx.six.test"},
    {"mx.six.test", ns_t_aaaa, "2001:db8::25"},
    {"null.test", ns_t_mx, "0 ."},
    {"broken.test", ns_t_mx, "SERVFAIL"},
};

struct rig {
  struct lab lab;
  bool listens; /* the next hop */
  struct hop hop;
  struct fake_dns dns;
  char server[32], *servers[1];
  struct config config;
  struct gateway gateway;
  struct loop loops[LOOPS], *loop_list[LOOPS];
  struct directory *directory;
  struct reader *reader;
  unsigned running; /* on loops[0]: parts that have not stopped */
  struct loop_message start, stop[LOOPS], part_stopped[LOOPS + 1], finish[LOOPS];
};

static struct rig *rig; /* one test at a time */

static inline void rig_add_sources(const struct source *sources) {
  struct admin *admin = lab_admin(&rig->lab);
  for (const struct source *s = sources; s->address; s++)
    assert_ok(admin_source_add(admin, s, &rig->lab.why), rig->lab.why);
  admin_close(&admin);
}

static inline void rig_configure(void) {
  snprintf(rig->server, sizeof rig->server, "127.0.0.1@%u", rig->dns.port);
  rig->servers[0] = rig->server;
  rig->config = (struct config){
      .hostname = (char *)(uintptr_t) "gw.example.com",
      .data_dir = rig->lab.dir,
      .dns_servers = rig->servers,
      .dns_server_count = 1,
      .delivery_port = rig->listens ? rig->hop.port : 9, /* nobody listens on discard */
      .local_next_hops = true,
      .retry_us = {3600 * SECOND_US},
      .retry_count = 1,
      .expire_us = 86400 * SECOND_US,
  };
}

/* NULL: nobody listens where the mail is to go. `sources` end with one without an address; NULL: none. */
static inline void rig_open_from(const struct hop_manner *manner, const struct source *sources) {
  rig = calloc(1, sizeof *rig);
  assert_non_null(rig);
  rig->listens = manner != NULL;
  if (manner) rig->hop.manner = *manner;
  if (manner) assert_true(hop_start(&rig->hop));
  rig->dns = (struct fake_dns){.rows = rig_rows, .count = COUNT_OF(rig_rows), .ttl = 300};
  assert_true(fake_dns_start(&rig->dns));
  folder_make(rig->lab.dir, sizeof rig->lab.dir);
  lab_open(&rig->lab);
  rig_configure();
  rig->gateway =
      (struct gateway){.config = &rig->config, .loops = rig->loop_list, .loop_count = LOOPS, .store = rig->lab.store};
  if (sources) rig_add_sources(sources);
  rig->reader = lab_reader(&rig->lab);
  assert_ok(reader_directory(rig->reader, &rig->directory, &rig->lab.why), rig->lab.why);
}

static inline void rig_open(const struct hop_manner *manner) {
  rig_open_from(manner, NULL);
}

static inline void rig_open_plain(void) {
  rig_open(&(struct hop_manner){0});
}

static inline void rig_on_thread(void *arg) {
  loop_run(arg);
}

static inline void rig_on_start(struct loop *on, struct loop_message *m) {
  (void)m;
  assert_int_equal(resolver_attach(on->gateway->resolver, &on->uv), OK);
  dispatcher_start(on->gateway->dispatcher);
}

static inline void rig_run(void) {
  struct reason *why = &rig->lab.why;
  assert_ok(resolver_new(&rig->config, &rig->gateway.resolver, why), *why);
  for (size_t i = 0; i < LOOPS; i++) {
    struct loop *l = rig->loop_list[i] = &rig->loops[i];
    assert_ok(loop_init(l, &rig->gateway, i, why), *why);
    l->directory = directory_hold(rig->directory);
    assert_int_equal(tls_client_new(&l->tls_client), OK);
    assert_int_equal(converter_new(l, &l->converter), OK);
    assert_int_equal(delivery_new(l, &l->delivery), OK);
  }
  assert_ok(dispatcher_new(&rig->gateway, &rig->gateway.dispatcher, why), *why);
  rig->start.run = rig_on_start;
  loop_post(&rig->loops[0], &rig->start);
  for (size_t i = 0; i < LOOPS; i++)
    assert_int_equal(uv_thread_create(&rig->loops[i].thread, rig_on_thread, &rig->loops[i]), 0);
}

static inline void rig_on_finish(struct loop *on, struct loop_message *m) {
  (void)m;
  if (on->index == 0) {
    dispatcher_free(&on->gateway->dispatcher);
    resolver_detach(on->gateway->resolver);
  }
  loop_finish(on);
}

static inline void rig_on_part_stopped(struct loop *on, struct loop_message *m) {
  (void)on;
  (void)m;
  if (--rig->running) return;
  for (size_t i = 0; i < LOOPS; i++) {
    rig->finish[i].run = rig_on_finish;
    loop_post(&rig->loops[i], &rig->finish[i]);
  }
}

static inline void rig_report_stopped(void *arg) {
  struct loop_message *m = arg;
  m->run = rig_on_part_stopped;
  loop_post(&rig->loops[0], m);
}

static inline void rig_on_stop(struct loop *on, struct loop_message *m) {
  (void)m;
  if (on->index == 0) dispatcher_drain(on->gateway->dispatcher, rig_report_stopped, &rig->part_stopped[LOOPS]);
  delivery_stop(on->delivery, rig_report_stopped, &rig->part_stopped[on->index]);
}

/* Stops as the daemon does; every handle must close by itself, or the loops never end. */
static inline void rig_stop(void) {
  rig->running = LOOPS + 1;
  for (size_t i = 0; i < LOOPS; i++) {
    rig->stop[i].run = rig_on_stop;
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

static inline void rig_restart(void) {
  rig_stop();
  for (size_t i = 0; i < LOOPS; i++) loop_free(&rig->loops[i]);
  memset(rig->loops, 0, sizeof rig->loops);
  rig_run();
}

/* After rig_stop. */
static inline void rig_close(void) {
  lab_close(&rig->lab);
  for (size_t i = 0; i < LOOPS; i++) loop_free(&rig->loops[i]);
  directory_release(&rig->directory);
  reader_close(&rig->reader);
  if (rig->listens) hop_stop(&rig->hop);
  fake_dns_stop(&rig->dns);
  assert_int_equal(content_octets_held(), 0);
  folder_remove(rig->lab.dir);
  free(rig);
  rig = NULL;
}

/* --- messages --- */

struct sample {
  const char *from;
  const char *to[8];  /* local parts */
  const char *domain; /* NULL: [127.0.0.1] */
  const char *pool;   /* NULL: default */
  struct bytes content;
  unsigned flags, notify; /* enum message_flag, enum notify_flag */
  bool hand_over;         /* also in memory */
  int64_t expires_us;
};

static inline void rig_write_spool(int64_t id, struct bytes content) {
  struct reason *why = &rig->lab.why;
  int fd;
  assert_ok(spool_begin(rig->lab.dir, id, &fd, why), *why);
  assert_ok(spool_write(fd, content, why), *why);
  assert_ok(spool_finish(rig->lab.dir, id, &fd, why), *why);
}

static inline void rig_hand_over(const struct store_accept *a) {
  const struct new_message *m = &a->message;
  struct buffer prefix, body;
  buffer_init(&prefix, 1000);
  buffer_init(&body, 1000000);
  assert_int_equal(buffer_add_bytes(&prefix, m->prefix), OK);
  assert_int_equal(buffer_add_bytes(&body, m->content), OK);
  struct content *content = content_new(&prefix, &body);
  assert_non_null(content);
  delivery_accept(&rig->gateway, &m->envelope, m->recipients, m->recipient_count, content, 0);
  content_release(&content);
}

/* Keeps a message as submission does, and waits for the commit. */
static inline int64_t keep(const struct sample *s) {
  struct store_accept a = {0};
  struct recipient recipients[8];
  char addresses[8][80];
  const char *domain = s->domain ? s->domain : "[127.0.0.1]";
  size_t count = 0;
  for (; count < 8 && s->to[count]; count++) {
    snprintf(addresses[count], sizeof addresses[count], "%s@%s", s->to[count], domain);
    recipients[count] =
        (struct recipient){.address = addresses[count], .domain = domain, .id = id_new(), .notify = s->notify};
  }
  int64_t now = clock_now_us();
  struct bytes content = s->content.len ? s->content : BYTES("Subject: x\r\n\r\nhello\r\n.dot\r\n");
  store_accept_init(&a);
  a.message.envelope = (struct envelope){
      .id = id_new(),
      .account = "blog",
      .pool = s->pool ? s->pool : "default",
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
  a.message.first_attempt_us = now + DELIVERY_GRACE_US;
  a.accepted = (struct event){.account = "blog", .from = s->from, .count = 1};
  if (s->flags & MESSAGE_IN_FILE) rig_write_spool(a.message.envelope.id, content);
  if (lab_run(&rig->lab.poster, &a.op) != OK) fail_msg("accept: %s", a.op.why.text);
  if (s->hand_over) rig_hand_over(&a);
  return a.message.envelope.id;
}

static inline size_t message_count(void) {
  pthread_mutex_lock(&rig->hop.lock);
  size_t n = rig->hop.message_count;
  pthread_mutex_unlock(&rig->hop.lock);
  return n;
}

/* --- what the log says, and the queue --- */

struct count {
  size_t found;
  struct event last;
  char text[1024], host[300], source[64], enhanced[16], to[300];
};

static inline bool rig_on_event(void *arg, const struct event *e) {
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

static inline struct count events(enum event_kind kind) {
  struct count c = {0};
  struct log_filter f = {.kind = (int)kind};
  assert_int_equal(reader_log(rig->reader, &f, rig_on_event, &c), OK);
  return c;
}

/* Waits until there are as many events of this kind; fails after a deadline. */
static inline struct count wait_for(enum event_kind kind, size_t wanted) {
  for (int i = 0; i < DEADLINE_MS / 10; i++) {
    struct count c = events(kind);
    if (c.found >= wanted) return c;
    usleep(10000);
  }
  fail_msg("%zu of %zu %s events", events(kind).found, wanted, event_name(kind));
  return (struct count){0};
}

static inline struct seen_queue queued(void) {
  struct seen_queue q;
  lab_queue(&rig->lab, &q);
  return q;
}

/* --- all tests of a file --- */

static inline void rig_ready(void) {
  signal(SIGPIPE, SIG_IGN); /* as the daemon does: a next hop may close at any time */
}

#endif
