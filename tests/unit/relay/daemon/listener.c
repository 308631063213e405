/* What becomes of connections while there is no memory for a session. Sessions are the test's own (--wrap). */
#include "relay/daemon/listener.h"

#include "relay/submission/submission.h"
#include "tests/unit/loop_lab.h"

#include <arpa/inet.h>
#include <sys/socket.h>

static struct {
  unsigned without_memory; /* calls from now on */
  unsigned asked, taken;
} sessions;

static void on_closed(uv_handle_t *handle) {
  free(handle);
}

bool __wrap_submission_accept(struct submission *s, uv_stream_t *listener, const struct listen_config *config);
bool __wrap_submission_accept(struct submission *s, uv_stream_t *listener, const struct listen_config *config) {
  (void)s, (void)config;
  sessions.asked++;
  if (sessions.without_memory && sessions.without_memory--) return false;
  uv_tcp_t *tcp = calloc(1, sizeof *tcp);
  assert_non_null(tcp);
  assert_int_equal(uv_tcp_init(listener->loop, tcp), 0);
  assert_int_equal(uv_accept(listener, (uv_stream_t *)tcp), 0);
  uv_close((uv_handle_t *)tcp, on_closed);
  sessions.taken++;
  return true;
}

static struct sockaddr_in free_address(void) {
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof at;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(bind(fd, (struct sockaddr *)&at, size), 0);
  assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
  close(fd);
  return at;
}

static int connected(const struct sockaddr_in *to) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  assert_int_equal(connect(fd, (const struct sockaddr *)to, sizeof *to), 0);
  return fd;
}

static void a_connection_waits_for_memory(void **state) {
  (void)state;
  struct loop_lab l;
  struct sockaddr_in at = free_address();
  struct listen_config listen = {.text = (char *)(uintptr_t) "here", .tls = LISTEN_OPTIONAL};
  struct config config = {.listens = &listen, .listen_count = 1};
  struct listener_set *set;
  struct reason why;
  loop_lab_open(&l);
  memcpy(&listen.address, &at, sizeof at);
  if (listener_bind(&config, 1, &set, &why) != OK) fail_msg("%s", why.text);
  if (listener_start(set, &l.loop, &why) != OK) fail_msg("%s", why.text);
  sessions.without_memory = 3;
  int fds[] = {connected(&at), connected(&at)};
  loop_lab_until(&l, sessions.taken == 2);
  assert_int_equal(sessions.asked, 5);
  int third = connected(&at); /* and it listens on */
  loop_lab_until(&l, sessions.taken == 3);
  sessions.without_memory = 1000;
  int fourth = connected(&at);
  loop_lab_until(&l, sessions.asked == 7);
  listener_stop(set, &l.loop); /* while one waits */
  loop_lab_close(&l);
  listener_free(&set);
  for (size_t i = 0; i < 2; i++) close(fds[i]);
  close(third);
  close(fourth);
}

int main(void) {
  const struct CMUnitTest tests[] = {cmocka_unit_test(a_connection_waits_for_memory)};
  return cmocka_run_group_tests(tests, NULL, NULL);
}
