/* Streams on one loop, what their owners were told, and peers that are plain sockets. What the tests of streams share.
 */
#ifndef SENDOFF_TESTS_UNIT_STREAM_RIG_H
#define SENDOFF_TESTS_UNIT_STREAM_RIG_H

#include "relay/net/stream.h"

#include "tests/unit/exact.h"
#include "tests/unit/loop_lab.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define GOT_MAX (8 * 1024 * 1024)

/* One stream and what its owner was told. */
struct end {
  struct stream *stream; /* NULL once on_close was called */
  struct buffer got;
  unsigned events[STREAM_FAILED + 1], timeouts, closes, reads;
  bool reply_closes;                                 /* to the first octets: closes */
  bool quiet;                                        /* nothing may come any more but on_close */
  void (*on_data)(struct end *e, struct bytes data); /* instead of keeping it */
  void (*on_ready)(struct end *e);                   /* at STREAM_TLS_READY */
};

static inline void end_on_data(void *owner, struct bytes data) {
  struct end *e = owner;
  assert_false(e->quiet);
  assert_true(data.len > 0);
  e->reads++;
  if (e->on_data)
    e->on_data(e, data);
  else
    assert_int_equal(buffer_add_bytes(&e->got, data), OK);
  if (e->reply_closes) {
    e->quiet = true;
    stream_close(e->stream, false);
  }
}

static inline void end_on_event(void *owner, enum stream_event event) {
  struct end *e = owner;
  assert_false(e->quiet);
  e->events[event]++;
  if (event == STREAM_TLS_READY && e->on_ready) e->on_ready(e);
  if (event == STREAM_FAILED) e->quiet = true;
}

static inline void end_on_timeout(void *owner) {
  struct end *e = owner;
  assert_false(e->quiet);
  e->timeouts++;
}

static inline void end_on_close(void *owner) {
  struct end *e = owner;
  assert_int_equal(e->closes, 0);
  e->closes++;
  e->stream = NULL;
}

static const struct stream_owner end_calls = {end_on_data, end_on_event, end_on_timeout, end_on_close};

struct stream_rig {
  struct loop_lab on;
  uv_tcp_t listener;
  struct sockaddr_in at; /* the listener's address */
  unsigned arrived;      /* connections that wait to be accepted */
};

static inline void rig_on_connection(uv_stream_t *listener, int status) {
  struct stream_rig *r = listener->data;
  assert_int_equal(status, 0);
  r->arrived++;
}

static inline void rig_open(struct stream_rig *r) {
  int len = sizeof r->at;
  signal(SIGPIPE, SIG_IGN); /* as the daemon does */
  loop_lab_open(&r->on);
  assert_int_equal(uv_tcp_init(&r->on.loop.uv, &r->listener), 0);
  r->listener.data = r;
  assert_int_equal(uv_ip4_addr("127.0.0.1", 0, &r->at), 0);
  assert_int_equal(uv_tcp_bind(&r->listener, (struct sockaddr *)&r->at, 0), 0);
  assert_int_equal(uv_listen((uv_stream_t *)&r->listener, 16, rig_on_connection), 0);
  assert_int_equal(uv_tcp_getsockname(&r->listener, (struct sockaddr *)&r->at, &len), 0);
}

static inline void rig_close(struct stream_rig *r) {
  uv_close((uv_handle_t *)&r->listener, NULL);
  loop_lab_close(&r->on);
}

static inline void rig_accept(struct stream_rig *r, struct end *e) {
  loop_lab_until(&r->on, r->arrived);
  r->arrived--;
  buffer_init(&e->got, GOT_MAX);
  assert_int_equal(stream_accept(&r->on.loop, (uv_stream_t *)&r->listener, &end_calls, e, &e->stream), OK);
}

static inline void rig_connect_to(struct stream_rig *r, struct end *e, const struct sockaddr_in *to) {
  struct sockaddr_in from;
  struct reason why;
  buffer_init(&e->got, GOT_MAX);
  assert_int_equal(uv_ip4_addr("127.0.0.2", 0, &from), 0);
  if (stream_connect(&r->on.loop, (struct sockaddr *)&from, (const struct sockaddr *)to, &end_calls, e, &e->stream,
                     &why) != OK)
    fail_msg("%s", why.text);
}

/* Two streams, one at each end of a connection. */
static inline void rig_pair(struct stream_rig *r, struct end *client, struct end *server) {
  rig_connect_to(r, client, &r->at);
  rig_accept(r, server);
  loop_lab_until(&r->on, client->events[STREAM_CONNECTED]);
}

/* A plain socket, blocking for 10 s at most, connected to the listener; the other end is `server`. */
static inline int rig_raw_peer(struct stream_rig *r, struct end *server, int receive_buffer) {
  struct timeval most = {.tv_sec = 10};
  int on = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  assert_true(fd >= 0);
  if (receive_buffer) setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof most);
  setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  assert_int_equal(connect(fd, (struct sockaddr *)&r->at, sizeof r->at), 0);
  rig_accept(r, server);
  return fd;
}

/* close() that the other end sees as a reset. */
static inline void reset_peer(int fd) {
  struct linger now = {.l_onoff = 1, .l_linger = 0};
  assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now), 0);
  close(fd);
}

static inline void end_free(struct end *e) {
  assert_null(e->stream);
  assert_int_equal(e->closes, 1);
  buffer_free(&e->got);
}

/* Closes at once what is still open. */
static inline void end_close(struct stream_rig *r, struct end *e) {
  if (e->stream) stream_close(e->stream, false);
  loop_lab_until(&r->on, e->closes);
  end_free(e);
}

static inline bool got_is(const struct end *e, const char *text) {
  return bytes_equal(buffer_bytes(&e->got), bytes_of(text));
}

/* Octets that show it when one is lost, doubled or moved. */
static inline void fill_pattern(char *out, size_t len, size_t from) {
  for (size_t i = 0; i < len; i++) out[i] = (char)((from + i) * 31 + (from + i) / 257);
}

static inline void check_pattern(struct bytes got, size_t len) {
  assert_int_equal(got.len, len);
  for (size_t i = 0; i < len; i++)
    if (got.at[i] != (char)(i * 31 + i / 257)) fail_msg("octet %zu of %zu is another", i, len);
}

#endif
