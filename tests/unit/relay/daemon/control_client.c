/* The command line's side of the control socket, against gateways that behave well and badly. */
#include "relay/daemon/control_client.h"
#include "base/clock.h"

#include "tests/unit/folder.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#define PARTS_MAX 4
#define ANSWER_TIMEOUT_MS 5000

struct server {
  const char *parts[PARTS_MAX]; /* what it answers, one write each; then it closes */
  bool dribble;                 /* a blank now and then, for ever */
  char request[64];
  int listener;
  pthread_t thread;
};

static char folder[64];
static struct sockaddr_un address = {.sun_family = AF_UNIX};

static int make_folder(void **state) {
  (void)state;
  folder_make(folder, sizeof folder);
  snprintf(address.sun_path, sizeof address.sun_path, "%s/control.sock", folder);
  return 0;
}

static int remove_folder(void **state) {
  (void)state;
  folder_remove(folder);
  return 0;
}

static void dribble(int fd) {
  struct timespec pause = {.tv_nsec = 100000000};
  while (send(fd, " ", 1, MSG_NOSIGNAL) == 1) nanosleep(&pause, NULL);
}

static void *serve(void *arg) {
  struct server *s = arg;
  int fd = accept(s->listener, NULL, NULL);
  ssize_t n = fd < 0 ? -1 : read(fd, s->request, sizeof s->request - 1);
  if (n >= 0) s->request[n] = '\0';
  for (size_t i = 0; n >= 0 && i < PARTS_MAX && s->parts[i]; i++)
    if (send(fd, s->parts[i], strlen(s->parts[i]), MSG_NOSIGNAL) < 0) break;
  if (n >= 0 && s->dribble) dribble(fd);
  if (fd >= 0) close(fd);
  return NULL;
}

static int listen_here(int backlog) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  unlink(address.sun_path);
  assert_true(fd >= 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
  if (backlog) assert_int_equal(listen(fd, backlog), 0);
  return fd;
}

static int ask(struct server *s, const char *request, struct buffer *answer) {
  s->listener = listen_here(4);
  assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
  int rc = control_ask(folder, request, answer);
  assert_int_equal(pthread_join(s->thread, NULL), 0);
  close(s->listener);
  return rc;
}

static void test_answers(void **state) {
  (void)state;
  static const struct {
    struct server server;
    size_t max;
    int result;
    const char *answer;
  } table[] = {
      {{.parts = {"ok\n"}}, 64, OK, "ok"},
      {{.parts = {"ok"}}, 64, OK, "ok"},
      {{.parts = {"{\"a\":", "1", "}\n"}}, 64, OK, "{\"a\":1}"},
      {{.parts = {"two\nlines\n"}}, 64, OK, "two\nlines"},
      {{.parts = {"error: unknown request\n"}}, 64, E_DENIED, "unknown request"},
      {{.parts = {NULL}}, 64, E_BUSY, ""},
      {{.parts = {"0123456789"}}, 8, E_TOO_BIG, NULL},
  };
  for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
    struct server s = table[i].server;
    struct buffer answer;
    buffer_init(&answer, table[i].max);
    assert_int_equal(ask(&s, "status", &answer), table[i].result);
    assert_string_equal(s.request, "status\n");
    if (table[i].answer) assert_true(bytes_equal(buffer_bytes(&answer), bytes_of(table[i].answer)));
    buffer_free(&answer);
  }
}

/* Nobody there: no folder, no socket, a socket that a gateway left behind, a path that no socket can have. */
static void test_not_running(void **state) {
  (void)state;
  struct buffer answer;
  char deep[256] = "/";
  memset(deep + 1, 'x', 200);
  buffer_init(&answer, 64);
  unlink(address.sun_path);
  assert_int_equal(control_ask("/nowhere", "reload", &answer), E_NOT_FOUND);
  assert_int_equal(control_ask(folder, "reload", &answer), E_NOT_FOUND);
  assert_int_equal(control_ask(deep, "reload", &answer), E_NOT_FOUND);
  int fd = listen_here(0);
  assert_int_equal(control_ask(folder, "reload", &answer), E_NOT_FOUND);
  close(fd);
  assert_int_equal(control_ask(folder, "reload", &answer), E_NOT_FOUND);
}

/* The answer has one deadline, also when octets keep coming. */
static void test_timeout(void **state) {
  (void)state;
  struct server s = {.dribble = true};
  struct buffer answer;
  buffer_init(&answer, 4096);
  uint64_t before = clock_monotonic_ms();
  assert_int_equal(ask(&s, "reload", &answer), E_BUSY);
  uint64_t waited = clock_monotonic_ms() - before;
  assert_true(waited >= ANSWER_TIMEOUT_MS - 100);
  assert_true(waited < 3 * ANSWER_TIMEOUT_MS); /* generous: the machine may be busy */
  buffer_free(&answer);
}

int main(void) {
  static const struct CMUnitTest tests[] = {
      cmocka_unit_test(test_answers),
      cmocka_unit_test(test_not_running),
      cmocka_unit_test(test_timeout),
  };
  return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
