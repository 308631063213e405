/* The resolver with a DNS server that does not answer, forges, or is asked by many threads; and one that is detached or
 * freed with questions out. */
#include "relay/net/resolver.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/syscall.h>
#include <unistd.h>

#define LOOP_LAB_MS 60000                 /* longer than RESOLVER_TIMEOUT_MS, on a busy machine too */
#define LATE_MS (3 * RESOLVER_TIMEOUT_MS) /* libunbound itself goes on for minutes */

#include "tests/unit/exact.h"
#include "tests/unit/fake_dns.h"
#include "tests/unit/loop_lab.h"

#define SILENT_TOGETHER 300

static const struct dns_row rows[] = {
    {"host.test", ns_t_a, "192.0.2.1"},      {"host.test", ns_t_a, "192.0.2.2"},
    {"host.test", ns_t_aaaa, "2001:db8::1"}, {"mail.test", ns_t_mx, "10 mx.mail.test"},
    {"broken.test", ns_t_a, "SERVFAIL"},     {"silent.test", ns_t_a, "SILENCE"},
    {"silent2.test", ns_t_a, "SILENCE"},
};

struct rig {
  struct loop_lab on;
  struct fake_dns dns;
  char server[32], *servers[1];
  struct resolver *resolver;
};

static void rig_open(struct rig *r) {
  struct reason why;
  r->dns = (struct fake_dns){.rows = rows, .count = COUNT_OF(rows), .ttl = 77};
  assert_true(fake_dns_start(&r->dns));
  snprintf(r->server, sizeof r->server, "127.0.0.1@%u", r->dns.port);
  r->servers[0] = r->server;
  loop_lab_open(&r->on);
  r->on.config.dns_servers = r->servers;
  r->on.config.dns_server_count = 1;
  if (resolver_new(&r->on.config, &r->resolver, &why) != OK) fail_msg("%s", why.text);
}

static void rig_attach(struct rig *r) {
  rig_open(r);
  assert_int_equal(resolver_attach(r->resolver, &r->on.loop.uv), OK);
}

static void rig_close(struct rig *r) {
  resolver_detach(r->resolver);
  resolver_free(&r->resolver);
  assert_null(r->resolver);
  loop_lab_close(&r->on);
  fake_dns_stop(&r->dns);
}

/* --- what is answered --- */

struct asked {
  unsigned calls;
  enum dns_status status;
  bool secure;
  uint32_t ttl;
  size_t count;
  char first[64]; /* RDATA of the first record */
  size_t first_len;
};

static void note_answer(struct asked *a, const struct dns_answer *answer) {
  a->calls++;
  a->status = answer->status;
  a->secure = answer->secure;
  a->ttl = answer->ttl;
  a->count = answer->count;
  if (!answer->count) return;
  a->first_len = answer->records[0].data.len;
  assert_true(a->first_len <= sizeof a->first);
  memcpy(a->first, answer->records[0].data.at, a->first_len);
}

static void on_answer(void *arg, const struct dns_answer *answer) {
  note_answer(arg, answer);
}

static void ask(struct rig *r, const char *name, int type, struct asked *a) {
  memset(a, 0, sizeof *a);
  assert_int_equal(resolver_ask(r->resolver, name, type, on_answer, a), OK);
  assert_int_equal(a->calls, 0); /* never within resolver_ask */
}

static void lookup(struct rig *r, const char *name, int type, struct asked *a) {
  struct dns_answer answer;
  memset(a, 0, sizeof *a);
  resolver_lookup(r->resolver, name, type, &answer);
  note_answer(a, &answer);
  resolver_release(r->resolver, &answer);
  assert_int_equal(answer.status, DNS_FAILED);
  assert_int_equal(answer.count, 0);
}

static const struct {
  const char *name;
  int type;
  enum dns_status status;
  size_t count;
} cases[] = {
    {"host.test", ns_t_a, DNS_FOUND, 2},    {"HOST.test", ns_t_a, DNS_FOUND, 2},
    {"host.test", ns_t_aaaa, DNS_FOUND, 1}, {"mail.test", ns_t_mx, DNS_FOUND, 1},
    {"host.test", ns_t_txt, DNS_NODATA, 0}, {"gone.test", ns_t_a, DNS_NXDOMAIN, 0},
    {"broken.test", ns_t_a, DNS_FAILED, 0},
};

static void check_case(size_t i, const struct asked *a) {
  if (a->status != cases[i].status || a->count != cases[i].count)
    fail_msg("%s, type %d: status %d with %zu records", cases[i].name, cases[i].type, a->status, a->count);
  assert_int_equal(a->calls, 1);
  assert_false(a->secure); /* servers that are named are not validated without an anchor */
}

/* --- many threads --- */

struct asker {
  struct rig *rig;
  pthread_t thread;
  int wrong;
};

static void *look_up_all(void *arg) {
  struct asker *k = arg;
  for (size_t i = 0; i < 200; i++) {
    size_t n = i % COUNT_OF(cases);
    struct dns_answer answer;
    resolver_lookup(k->rig->resolver, cases[n].name, cases[n].type, &answer);
    k->wrong += answer.status != cases[n].status || answer.count != cases[n].count;
    resolver_release(k->rig->resolver, &answer);
  }
  return NULL;
}

static void from_many_threads(void **state) {
  (void)state;
  struct rig r = {0};
  struct asker askers[6] = {0};
  struct asked a[COUNT_OF(cases)];
  rig_attach(&r);
  for (size_t i = 0; i < COUNT_OF(askers); i++) {
    askers[i].rig = &r;
    assert_int_equal(pthread_create(&askers[i].thread, NULL, look_up_all, &askers[i]), 0);
  }
  for (int round = 0; round < 20; round++) {
    for (size_t i = 0; i < COUNT_OF(cases); i++) ask(&r, cases[i].name, cases[i].type, &a[i]);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
      loop_lab_until(&r.on, a[i].calls);
      check_case(i, &a[i]);
    }
  }
  for (size_t i = 0; i < COUNT_OF(askers); i++) {
    pthread_join(askers[i].thread, NULL);
    assert_int_equal(askers[i].wrong, 0);
  }
  rig_close(&r);
}

/* --- libunbound's own trouble --- */

static _Thread_local unsigned refuse_nth; /* of this thread's next calls of fcntl; 0: none */

/* In place of libc's, for libunbound, which sets its pipe to block before it writes a question, and back afterwards. */
int fcntl(int fd, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  long argument = va_arg(arguments, long);
  va_end(arguments);
  if (refuse_nth && --refuse_nth == 0) {
    errno = ENOLCK;
    return -1;
  }
  return (int)syscall(SYS_fcntl, fd, command, argument);
}

/* Where it fails after it was written, its answer comes though libunbound has said that it does not. */
static void a_question_that_was_written_and_failed(void **state) {
  (void)state;
  struct rig r = {0};
  struct asked a[8] = {0}, after;
  size_t failed = 0;
  rig_attach(&r);
  for (unsigned i = 0; i < COUNT_OF(a); i++) {
    char name[32];
    snprintf(name, sizeof name, "n%u.host.test", i);
    refuse_nth = i + 1;
    int rc = resolver_ask(r.resolver, name, ns_t_a, on_answer, &a[i]);
    refuse_nth = 0;
    if (rc == OK) continue;
    assert_int_equal(rc, E_IO);
    failed++;
    loop_lab_for(&r.on, 100);
    assert_int_equal(a[i].calls, 0);
  }
  assert_true(failed >= 2);
  ask(&r, "host.test", ns_t_a, &after);
  loop_lab_until(&r.on, after.calls);
  assert_int_equal(after.status, DNS_FOUND);
  rig_close(&r);
}

/* --- giving up --- */

struct silent {
  struct rig *rig;
  pthread_t thread;
  enum dns_status status;
  uint64_t took_ns;
};

static void *look_up_silent(void *arg) {
  struct silent *s = arg;
  struct dns_answer answer;
  uint64_t start = uv_hrtime();
  resolver_lookup(s->rig->resolver, "silent2.test", ns_t_a, &answer);
  s->took_ns = uv_hrtime() - start;
  s->status = answer.status;
  resolver_release(s->rig->resolver, &answer);
  return NULL;
}

/* Both give up after RESOLVER_TIMEOUT_MS, and are free to be asked again meanwhile. */
static void no_answer_in_time(void **state) {
  (void)state;
  struct rig r = {0};
  struct asked silent, other;
  rig_attach(&r);
  struct silent blocked = {.rig = &r, .status = DNS_FOUND};
  uint64_t start = uv_hrtime();
  assert_int_equal(pthread_create(&blocked.thread, NULL, look_up_silent, &blocked), 0);
  ask(&r, "silent.test", ns_t_a, &silent);
  ask(&r, "host.test", ns_t_a, &other);
  loop_lab_until(&r.on, other.calls);
  assert_int_equal(other.status, DNS_FOUND);
  assert_int_equal(silent.calls, 0);
  loop_lab_until(&r.on, silent.calls);
  uint64_t took_ms = (uv_hrtime() - start) / 1000000;
  pthread_join(blocked.thread, NULL);
  assert_int_equal(silent.status, DNS_FAILED);
  assert_int_equal(blocked.status, DNS_FAILED);
  assert_true(took_ms >= RESOLVER_TIMEOUT_MS - 100 && took_ms < LATE_MS);
  uint64_t blocked_ms = blocked.took_ns / 1000000;
  assert_true(blocked_ms >= RESOLVER_TIMEOUT_MS - 100 && blocked_ms < LATE_MS);
  loop_lab_for(&r.on, 50);
  assert_int_equal(silent.calls, 1);
  rig_close(&r);
}

static void detached_with_questions_out(void **state) {
  (void)state;
  struct rig r = {0};
  static struct asked a[SILENT_TOGETHER];
  char name[32];
  rig_attach(&r);
  for (size_t i = 0; i < COUNT_OF(a); i++) { /* some are answered, some may be just then, some never */
    snprintf(name, sizeof name, i % 3 ? "silent.test" : "n%zu.host.test", i);
    ask(&r, name, ns_t_a, &a[i]);
    if (i % 100 == 0) uv_run(&r.on.loop.uv, UV_RUN_NOWAIT);
  }
  resolver_detach(r.resolver);
  for (size_t i = 0; i < COUNT_OF(a); i++) {
    assert_int_equal(a[i].calls, 1); /* before resolver_detach returned */
    if (i % 3) assert_int_equal(a[i].status, DNS_FAILED);
  }
  assert_int_equal(resolver_ask(r.resolver, "host.test", ns_t_a, on_answer, &a[0]), E_DENIED);
  loop_lab_for(&r.on, 50); /* what is answered after that is for nobody */
  for (size_t i = 0; i < COUNT_OF(a); i++) assert_int_equal(a[i].calls, 1);
  struct asked b;
  lookup(&r, "host.test", ns_t_a, &b); /* the other way of asking needs no loop */
  assert_int_equal(b.status, DNS_FOUND);
  rig_close(&r);
}

static void freed_with_questions_out(void **state) {
  (void)state;
  struct rig r = {0};
  struct asked a[20];
  rig_attach(&r);
  for (size_t i = 0; i < COUNT_OF(a); i++) ask(&r, i % 2 ? "silent.test" : "host.test", ns_t_a, &a[i]);
  rig_close(&r); /* at once: the handles close after the resolver has gone */
  for (size_t i = 0; i < COUNT_OF(a); i++) assert_int_equal(a[i].calls, 1);
}

static void not_attached(void **state) {
  (void)state;
  struct rig r = {0};
  struct asked a = {0};
  rig_open(&r);
  assert_int_equal(resolver_ask(r.resolver, "host.test", ns_t_a, on_answer, &a), E_DENIED);
  lookup(&r, "host.test", ns_t_a, &a);
  assert_int_equal(a.status, DNS_FOUND);
  assert_int_equal(a.calls, 1);
  rig_close(&r);
}

/* --- a peer that forges --- */

/* In front of each true reply: garbage, and the same reply with another id and another address. */
static void *serve_forged(void *arg) {
  struct fake_dns *d = arg;
  unsigned char packet[4096];
  for (;;) {
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t n = recvfrom(d->fd, packet, 512, 0, (struct sockaddr *)&from, &from_len);
    if (n < 17) return NULL; /* fake_dns_stop's */
    size_t len = dns_answer_query(d, packet, (size_t)n);
    packet[0] ^= 1;
    packet[len - 1] ^= 0xff;
    sendto(d->fd, packet, 7, 0, (struct sockaddr *)&from, from_len);
    sendto(d->fd, packet, len, 0, (struct sockaddr *)&from, from_len);
    packet[0] ^= 1;
    packet[len - 1] ^= 0xff;
    sendto(d->fd, packet, len, 0, (struct sockaddr *)&from, from_len);
  }
}

static void forged_replies_are_not_taken(void **state) {
  (void)state;
  static const struct dns_row one[] = {{"host.test", ns_t_a, "192.0.2.1"}};
  struct rig r = {0};
  struct asked a;
  rig_attach(&r);
  fake_dns_stop(&r.dns);
  struct sockaddr_in at = {
      .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)r.dns.port)};
  r.dns.rows = one;
  r.dns.count = 1;
  r.dns.fd = socket(AF_INET, SOCK_DGRAM, 0);
  assert_int_equal(bind(r.dns.fd, (struct sockaddr *)&at, sizeof at), 0);
  assert_int_equal(pthread_create(&r.dns.thread, NULL, serve_forged, &r.dns), 0);
  lookup(&r, "host.test", ns_t_a, &a);
  assert_int_equal(a.status, DNS_FOUND);
  assert_int_equal(a.count, 1);
  assert_memory_equal(a.first, "\300\000\002\001", 4);
  rig_close(&r);
}

static size_t thread_count(void) {
  size_t count = 0;
  DIR *tasks = opendir("/proc/self/task");
  assert_non_null(tasks);
  for (const struct dirent *e = readdir(tasks); e; e = readdir(tasks)) count += e->d_name[0] != '.';
  closedir(tasks);
  return count;
}

/* Its own thread, and libunbound's, before anybody asks: where none can be made later, none is needed. */
static void all_threads_are_there_from_the_start(void **state) {
  struct rig r = {0};
  (void)state;
  size_t before = thread_count();
  rig_open(&r);
  for (int i = 0; i < 200 && thread_count() < before + 3; i++) usleep(10000);
  assert_int_equal(thread_count(), before + 3); /* and the fake server's */
  rig_close(&r);
}

static void configured_wrongly(void **state) {
  (void)state;
  char *none[] = {(char *)(uintptr_t) "not an address"}, *some[] = {(char *)(uintptr_t) "127.0.0.1@53"};
  const struct config wrong[] = {
      {.dns_servers = none, .dns_server_count = 1},
      {.dns_servers = some, .dns_server_count = 1, .trust_anchor = (char *)(uintptr_t) "/nonexistent/anchor"},
  };
  static const int codes[] = {E_SYNTAX, E_IO};
  for (size_t i = 0; i < COUNT_OF(wrong); i++) {
    struct reason why = {0};
    struct resolver *r = (struct resolver *)&why;
    assert_int_equal(resolver_new(&wrong[i], &r, &why), codes[i]);
    assert_null(r);
    assert_true(strstr(why.text, "not an address") || strstr(why.text, "/nonexistent/anchor"));
  }
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test(from_many_threads),
      cmocka_unit_test(a_question_that_was_written_and_failed),
      cmocka_unit_test(no_answer_in_time),
      cmocka_unit_test(detached_with_questions_out),
      cmocka_unit_test(freed_with_questions_out),
      cmocka_unit_test(not_attached),
      cmocka_unit_test(forged_replies_are_not_taken),
      cmocka_unit_test(all_threads_are_there_from_the_start),
      cmocka_unit_test(configured_wrongly),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
