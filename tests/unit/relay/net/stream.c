/* Streams over real sockets on 127.0.0.1: both ends are ours, on one loop, or the peer is a plain socket. With TLS and
 * without. */
#include "relay/net/stream.h"

#include "relay/net/tls.h"
#include "tests/unit/loop_lab.h"
#include "tests/unit/self_signed.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#define NAME "mx.test"

/* What an owner has heard. */
struct end {
  struct stream *stream;
  struct buffer got;
  bool connected, ready, drained, ended, failed, closed, timed_out;
  bool pause_at_data; /* pauses once something came */
};

static struct loop_lab lab;
static struct tls_server *credentials;
static uv_tcp_t listener;
static struct sockaddr_in address;
static struct end server, client;

static void on_data(void *owner, struct bytes data) {
  struct end *e = owner;
  assert_int_equal(buffer_add_bytes(&e->got, data), OK);
  if (e->pause_at_data) stream_pause(e->stream);
}

static void on_event(void *owner, enum stream_event event) {
  struct end *e = owner;
  switch (event) {
  case STREAM_CONNECTED: e->connected = true; break;
  case STREAM_TLS_READY: e->ready = true; break;
  case STREAM_DRAINED: e->drained = true; break;
  case STREAM_END: e->ended = true; break;
  case STREAM_FAILED: e->failed = true; break;
  }
}

static void on_timeout(void *owner) {
  ((struct end *)owner)->timed_out = true;
}

static void on_close(void *owner) {
  struct end *e = owner;
  assert_false(e->closed);
  e->closed = true;
  e->stream = NULL;
}

static const struct stream_owner calls = {on_data, on_event, on_timeout, on_close};

static void on_connection(uv_stream_t *on, int status) {
  assert_int_equal(status, 0);
  assert_int_equal(stream_accept(&lab.loop, on, &calls, &server, &server.stream), OK);
}

static void load_credentials(void) {
  char certificate[300], key[300];
  struct reason why;
  snprintf(certificate, sizeof certificate, "%s/cert.pem", lab.dir);
  snprintf(key, sizeof key, "%s/key.pem", lab.dir);
  self_signed(NAME, certificate, key);
  struct tls_files files = {certificate, key};
  if (tls_server_load(&files, 1, &credentials, &why) != OK) fail_msg("%s", why.text);
  lab.loop.tls = credentials;
  assert_int_equal(tls_client_new(&lab.loop.tls_client), OK);
  assert_int_equal(tls_client_trust(lab.loop.tls_client, certificate, &why), OK);
}

static int set_up(void **state) {
  (void)state;
  int len = sizeof address;
  memset(&server, 0, sizeof server);
  memset(&client, 0, sizeof client);
  buffer_init(&server.got, 16 * 1024 * 1024);
  buffer_init(&client.got, 16 * 1024 * 1024);
  loop_lab_open(&lab);
  load_credentials();
  uv_tcp_init(&lab.loop.uv, &listener);
  uv_ip4_addr("127.0.0.1", 0, &address);
  assert_int_equal(uv_tcp_bind(&listener, (struct sockaddr *)&address, 0), 0);
  assert_int_equal(uv_listen((uv_stream_t *)&listener, 16, on_connection), 0);
  uv_tcp_getsockname(&listener, (struct sockaddr *)&address, &len);
  return 0;
}

static int tear_down(void **state) {
  (void)state;
  if (server.stream) stream_close(server.stream, false);
  if (client.stream) stream_close(client.stream, false);
  uv_close((uv_handle_t *)&listener, NULL);
  loop_lab_until(&lab, !server.stream && !client.stream);
  tls_client_free(&lab.loop.tls_client);
  tls_server_release(&credentials);
  loop_lab_close(&lab);
  buffer_free(&server.got);
  buffer_free(&client.got);
  return 0;
}

static void connect_both(void) {
  struct reason why;
  int rc = stream_connect(&lab.loop, NULL, (struct sockaddr *)&address, &calls, &client, &client.stream, &why);
  if (rc != OK) fail_msg("%s", why.text);
  loop_lab_until(&lab, client.connected && server.stream);
}

static void start_tls(void) {
  assert_int_equal(stream_start_tls_server(server.stream, false), OK);
  assert_int_equal(stream_start_tls_client(client.stream, NAME, TLS_BY_CA, NULL), OK);
  assert_false(stream_is_tls(server.stream));
  loop_lab_until(&lab, client.ready && server.ready);
  assert_true(stream_is_tls(client.stream) && stream_is_tls(server.stream));
}

/* A peer that is no stream: it does what no well-behaved one would. */
static int plain_peer(void) {
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
  loop_lab_until(&lab, server.stream);
  return fd;
}

static bool has(const struct end *e, const char *text) {
  return bytes_equal(buffer_bytes((struct buffer *)(uintptr_t)&e->got), bytes_of(text));
}

/* --- --- */

static void talk(void) {
  assert_int_equal(stream_write(server.stream, BYTES("220 hello\r\n")), OK);
  assert_int_equal(stream_write(client.stream, BYTES("EHLO ")), OK);
  assert_int_equal(stream_write(client.stream, BYTES("x\r\n")), OK);
  loop_lab_until(&lab, has(&server, "EHLO x\r\n") && has(&client, "220 hello\r\n"));
  loop_lab_until(&lab, client.drained && server.drained);
}

static void test_both_ways(void **state) {
  (void)state;
  connect_both();
  assert_int_equal(((const struct sockaddr_in *)stream_peer(client.stream))->sin_port, address.sin_port);
  assert_int_equal(((const struct sockaddr_in *)stream_local(server.stream))->sin_port, address.sin_port);
  assert_string_equal(stream_tls_text(client.stream), "");
  talk();
}

static void test_both_ways_in_tls(void **state) {
  (void)state;
  unsigned char here[32], there[32];
  struct fingerprint f;
  connect_both();
  start_tls();
  talk();
  assert_non_null(strstr(stream_tls_text(client.stream), "TLSv1.3"));
  assert_true(stream_tls_binding(client.stream, here) && stream_tls_binding(server.stream, there));
  assert_memory_equal(here, there, sizeof here);
  assert_true(stream_tls_peer(client.stream, &f));
  assert_false(stream_tls_peer(server.stream, &f)); /* it did not ask */
}

/* More than the kernel takes at once, while the reader pauses; nothing is lost or changes places. */
static void send_much(void) {
  char piece[4096];
  size_t sent = 0;
  server.pause_at_data = true;
  for (int rc = OK; rc == OK;) {
    for (size_t i = 0; i < sizeof piece; i++) piece[i] = (char)('a' + (sent + i) % 23);
    rc = stream_write(client.stream, (struct bytes){piece, sizeof piece});
    if (rc == OK) sent += sizeof piece;
    if (rc != OK) assert_int_equal(rc, E_TOO_BIG);
    uv_run(&lab.loop.uv, UV_RUN_NOWAIT);
  }
  assert_true(stream_pending(client.stream) > STREAM_PENDING_MAX / 2);
  assert_true(server.got.len < sent);
  server.pause_at_data = false;
  client.drained = false;
  stream_resume(server.stream);
  loop_lab_until(&lab, client.drained && server.got.len == sent);
  assert_int_equal(stream_pending(client.stream), 0);
  for (size_t i = 0; i < sent; i++)
    if (server.got.at[i] != (char)('a' + i % 23)) fail_msg("octet %zu", i);
}

static void test_back_pressure(void **state) {
  (void)state;
  connect_both();
  send_much();
}

static void test_back_pressure_in_tls(void **state) {
  (void)state;
  connect_both();
  start_tls();
  send_much();
}

/* What was written goes out first, and the peer hears of the end after it. */
static void end_with_flush(void) {
  char much[200000];
  memset(much, 'x', sizeof much);
  assert_int_equal(stream_write(server.stream, (struct bytes){much, sizeof much}), OK);
  stream_close(server.stream, true);
  assert_int_equal(stream_write(server.stream, BYTES("late")), E_IO);
  loop_lab_until(&lab, client.ended);
  assert_int_equal(client.got.len, sizeof much);
  assert_false(client.failed);
  stream_close(client.stream, false);
  loop_lab_until(&lab, client.closed && server.closed);
}

static void test_close_with_flush(void **state) {
  (void)state;
  connect_both();
  end_with_flush();
}

static void test_close_with_flush_in_tls(void **state) {
  (void)state;
  connect_both();
  start_tls();
  end_with_flush();
}

/* Any number of times, also from a callback; on_close comes once. */
static void test_close_again(void **state) {
  (void)state;
  connect_both();
  stream_close(client.stream, true);
  stream_close(client.stream, true);
  stream_close(client.stream, false);
  stream_close(client.stream, false);
  loop_lab_until(&lab, client.closed && server.ended);
}

static void test_reset(void **state) {
  (void)state;
  struct linger at_once = {.l_onoff = 1};
  int fd = plain_peer();
  setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(fd);
  loop_lab_until(&lab, server.failed);
  assert_true(*stream_error(server.stream));
  assert_int_equal(stream_write(server.stream, BYTES("x")), E_IO);
  assert_int_equal(stream_start_tls_server(server.stream, false), E_DENIED);
  stream_close(server.stream, true);
  loop_lab_until(&lab, server.closed);
}

static void test_refused(void **state) {
  (void)state;
  struct reason why;
  struct sockaddr_in nobody = address;
  int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  socklen_t len = sizeof nobody;
  nobody.sin_port = 0;
  assert_int_equal(bind(fd, (struct sockaddr *)&nobody, sizeof nobody), 0); /* bound, and does not listen */
  getsockname(fd, (struct sockaddr *)&nobody, &len);
  assert_int_equal(stream_connect(&lab.loop, NULL, (struct sockaddr *)&nobody, &calls, &client, &client.stream, &why),
                   OK);
  loop_lab_until(&lab, client.failed);
  assert_non_null(strstr(stream_error(client.stream), "refused"));
  close(fd);
}

static void test_timeout(void **state) {
  (void)state;
  connect_both();
  stream_set_timeout(client.stream, 20);
  stream_set_timeout(server.stream, 20);
  stream_set_timeout(server.stream, 0);
  loop_lab_until(&lab, client.timed_out);
  usleep(30000);
  uv_run(&lab.loop.uv, UV_RUN_NOWAIT);
  assert_false(server.timed_out);
  client.timed_out = false;
  usleep(30000);
  uv_run(&lab.loop.uv, UV_RUN_NOWAIT);
  assert_false(client.timed_out); /* once */
}

/* A peer that never closes its side cannot keep a stream that was closed. */
static void test_peer_stays(void **state) {
  (void)state;
  int fd = plain_peer();
  stream_write(server.stream, BYTES("bye\r\n"));
  stream_close(server.stream, true);
  loop_lab_until(&lab, server.closed);
  char got[8];
  assert_int_equal(read(fd, got, sizeof got), 5);
  close(fd);
}

static void test_input_ahead(void **state) {
  (void)state;
  int fd = plain_peer();
  stream_pause(server.stream);
  assert_false(stream_has_input(server.stream));
  assert_int_equal(write(fd, "early", 5), 5);
  loop_lab_until(&lab, stream_has_input(server.stream));
  assert_int_equal(server.got.len, 0);
  stream_resume(server.stream);
  loop_lab_until(&lab, has(&server, "early"));
  close(fd);
}

/* --- TLS that goes wrong --- */

static void test_no_tls(void **state) {
  (void)state;
  int fd = plain_peer();
  assert_int_equal(stream_start_tls_server(server.stream, false), OK);
  assert_int_equal(stream_start_tls_server(server.stream, false), E_DENIED); /* once */
  assert_int_equal(write(fd, "EHLO what.is.this\r\n", 19), 19);
  loop_lab_until(&lab, server.failed);
  assert_false(server.ready || stream_is_tls(server.stream));
  close(fd);
}

static void test_end_in_handshake(void **state) {
  (void)state;
  int fd = plain_peer();
  assert_int_equal(stream_start_tls_server(server.stream, false), OK);
  assert_int_equal(write(fd, "\x16\x03\x01\x00\x40", 5), 5); /* the head of a record that never comes */
  shutdown(fd, SHUT_WR);
  loop_lab_until(&lab, server.failed);
  assert_true(*stream_error(server.stream));
  assert_false(server.ready || stream_is_tls(server.stream));
  close(fd);
}

static void test_wrong_name(void **state) {
  (void)state;
  connect_both();
  assert_int_equal(stream_start_tls_server(server.stream, false), OK);
  assert_int_equal(stream_start_tls_client(client.stream, "other.test", TLS_BY_CA, NULL), OK);
  loop_lab_until(&lab, client.failed);
  assert_false(client.ready);
}

/* Opportunistic: any certificate is as good as none (RFC 7435). */
static void test_unverified(void **state) {
  (void)state;
  connect_both();
  assert_int_equal(stream_start_tls_server(server.stream, false), OK);
  assert_int_equal(stream_start_tls_client(client.stream, "other.test", TLS_UNVERIFIED, NULL), OK);
  loop_lab_until(&lab, client.ready && server.ready);
}

/* The first octets of the handshake were read ahead (behind a PROXY header, say). */
static void test_put_back(void **state) {
  (void)state;
  connect_both();
  assert_int_equal(stream_start_tls_client(client.stream, NAME, TLS_BY_CA, NULL), OK);
  loop_lab_until(&lab, server.got.len > 0);
  assert_int_equal(stream_put_back(server.stream, buffer_bytes(&server.got)), OK);
  buffer_free(&server.got);
  assert_int_equal(stream_start_tls_server(server.stream, false), OK);
  loop_lab_until(&lab, client.ready && server.ready);
  talk();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
int main(void) {
  static const struct CMUnitTest tests[] = {
      TEST(test_both_ways),        TEST(test_both_ways_in_tls),
      TEST(test_back_pressure),    TEST(test_back_pressure_in_tls),
      TEST(test_close_with_flush), TEST(test_close_with_flush_in_tls),
      TEST(test_close_again),      TEST(test_reset),
      TEST(test_refused),          TEST(test_timeout),
      TEST(test_peer_stays),       TEST(test_input_ahead),
      TEST(test_no_tls),           TEST(test_end_in_handshake),
      TEST(test_wrong_name),       TEST(test_unverified),
      TEST(test_put_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
