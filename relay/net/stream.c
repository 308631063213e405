/* Written octets gather in `out` during a turn of the loop and leave together at its end (deferred flush): many
 * replies, one system call. `sending` is what uv_write holds meanwhile. Ciphertext that arrived but may not be
 * decrypted yet (the owner paused) waits in `cipher`. */
#include "relay/net/stream_parts.h"

#include "relay/net/descriptors.h"
#include "relay/net/local_address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_MS 5000  /* a closing stream has this long to send what it holds */
#define LINGER_MS 1000 /* and this long for the peer to close first, so that no RST overtakes our last reply */
/* TLS framing of what STREAM_PENDING_MAX lets in, plus alerts. */
#define OUT_MAX (STREAM_PENDING_MAX + STREAM_PENDING_MAX / 8 + 64 * 1024)

static void close_handles(struct stream *s);
static void flush(struct stream *s);
static void start_reading(struct stream *s);
static void on_timer(uv_timer_t *timer);

static bool is_closing(const struct stream *s) {
  return s->phase >= PHASE_FLUSHING;
}

void stream_emit(struct stream *s, enum stream_event e) {
  if (stream_is_live(s)) s->calls->on_event(s->owner, e);
}

static void stop_reading(struct stream *s) {
  if (s->reading) uv_read_stop(&s->io.stream);
  s->reading = false;
}

void stream_peer_ended(struct stream *s) {
  s->peer_ended = true;
  stop_reading(s);
}

void stream_end(struct stream *s) {
  if (s->ended) return;
  s->ended = true;
  stream_emit(s, STREAM_END);
}

void stream_fail(struct stream *s, const char *what) {
  if (is_closing(s)) {
    close_handles(s);
    return;
  }
  if (s->phase == PHASE_FAILED) return;
  s->phase = PHASE_FAILED;
  snprintf(s->error, sizeof s->error, "%s", what);
  stop_reading(s);
  s->calls->on_event(s->owner, STREAM_FAILED);
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)suggested;
  struct stream *s = handle->data;
  *buf = uv_buf_init(s->loop->read_buffer, sizeof s->loop->read_buffer);
}

static void on_end(struct stream *s) {
  stream_peer_ended(s);
  if (s->tls)
    stream_tls_read(s);
  else
    stream_end(s);
}

/* Closing: what comes is discarded, until the peer closes. */
static void on_read_closing(struct stream *s, ssize_t n) {
  if (n >= 0) return;
  stream_peer_ended(s);
  if (s->phase == PHASE_LINGERING) close_handles(s);
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf) {
  struct stream *s = handle->data;
  struct bytes data = {buf->base, n > 0 ? (size_t)n : 0};
  if (n == 0) return;
  if (is_closing(s))
    on_read_closing(s, n);
  else if (n == UV_EOF)
    on_end(s);
  else if (n < 0)
    stream_fail(s, uv_strerror((int)n));
  else if (s->tls)
    stream_tls_arrived(s, data);
  else
    s->calls->on_data(s->owner, data);
}

static void start_reading(struct stream *s) {
  if (s->reading || s->peer_ended || s->phase == PHASE_FAILED || s->phase == PHASE_CLOSING) return;
  if (uv_read_start(&s->io.stream, on_alloc, on_read) == 0) s->reading = true;
}

void stream_pause(struct stream *s) {
  s->paused = true;
  stop_reading(s);
}

void stream_resume(struct stream *s) {
  if (!s->paused) return;
  s->paused = false;
  s->resumed = true;
  loop_defer(s->loop, &s->turn);
}

/* --- writing --- */

static void on_shutdown(uv_shutdown_t *req, int status) {
  struct stream *s = req->data;
  if (s->phase == PHASE_CLOSING) return;
  if (status != 0 || s->peer_ended) close_handles(s);
}

/* All is sent: our side ends, and the peer has a moment to end its own, so that no RST overtakes our last reply. */
static void linger(struct stream *s) {
  s->phase = PHASE_LINGERING;
  s->shutdown.data = s;
  if (uv_shutdown(&s->shutdown, &s->io.stream, on_shutdown) != 0) {
    close_handles(s);
    return;
  }
  uv_timer_start(&s->timer, on_timer, LINGER_MS, 0);
  s->paused = false;
  start_reading(s);
}

static void after_flush(struct stream *s) {
  if (s->phase == PHASE_FLUSHING) {
    linger(s);
    return;
  }
  if (s->drained) return;
  s->drained = true;
  stream_emit(s, STREAM_DRAINED);
}

static void on_written(uv_write_t *req, int status) {
  struct stream *s = req->data;
  s->writing = false;
  buffer_free(&s->sending);
  if (s->phase == PHASE_CLOSING) return;
  if (status < 0)
    stream_fail(s, uv_strerror(status));
  else
    flush(s);
}

/* What the kernel takes now. False: it failed. */
static bool write_now(struct stream *s) {
  if (!s->out.len) return true;
  uv_buf_t buf = uv_buf_init(s->out.at, (unsigned)s->out.len);
  int n = uv_try_write(&s->io.stream, &buf, 1);
  if (n > 0) buffer_consume(&s->out, (size_t)n);
  if (n >= 0 || n == UV_EAGAIN) return true;
  buffer_free(&s->out);
  stream_fail(s, uv_strerror(n));
  return false;
}

/* The rest, when the kernel has room again. */
static void write_later(struct stream *s) {
  s->sending = s->out;
  buffer_init(&s->out, OUT_MAX);
  uv_buf_t rest = uv_buf_init(s->sending.at, (unsigned)s->sending.len);
  s->write.data = s;
  s->writing = uv_write(&s->write, &s->io.stream, &rest, 1, on_written) == 0;
  if (s->writing) return;
  buffer_free(&s->sending);
  stream_fail(s, "cannot write");
}

static void flush(struct stream *s) {
  if (s->writing || s->phase >= PHASE_LINGERING || !write_now(s)) return;
  if (s->out.len) {
    write_later(s);
    return;
  }
  buffer_free(&s->out);
  after_flush(s);
}

void stream_send_last(struct stream *s) {
  uv_buf_t buf = uv_buf_init(s->out.at, (unsigned)s->out.len);
  if (!s->writing && s->out.len) uv_try_write(&s->io.stream, &buf, 1);
  buffer_free(&s->out);
}

int stream_write(struct stream *s, struct bytes data) {
  if (!stream_is_live(s)) return E_IO;
  if (s->phase == PHASE_HANDSHAKE) return E_DENIED; /* it would go out in the clear */
  if (stream_pending(s) + data.len > STREAM_PENDING_MAX) return E_TOO_BIG;
  s->drained = false;
  loop_defer(s->loop, &s->turn);
  if (s->secured) return tls_write(s->tls, data) == TLS_DONE ? OK : E_IO;
  return buffer_add_bytes(&s->out, data);
}

size_t stream_pending(const struct stream *s) {
  return s->out.len + (s->writing ? s->sending.len : 0);
}

static void on_turn(struct deferred *d) {
  struct stream *s = (struct stream *)((char *)d - offsetof(struct stream, turn));
  if (s->phase == PHASE_CLOSING) return;
  if (s->resumed && !s->paused && stream_is_live(s) && s->tls) {
    s->resumed = false;
    stream_tls_read(s);
  }
  if (!s->paused && stream_is_live(s)) start_reading(s);
  flush(s);
}

/* --- time --- */

static void on_timer(uv_timer_t *timer) {
  struct stream *s = timer->data;
  if (is_closing(s))
    close_handles(s);
  else if (stream_is_live(s))
    s->calls->on_timeout(s->owner);
}

void stream_set_timeout(struct stream *s, uint64_t ms) {
  if (is_closing(s)) return; /* which has a limit of its own */
  if (ms)
    uv_timer_start(&s->timer, on_timer, ms, 0);
  else
    uv_timer_stop(&s->timer);
}

/* --- life --- */

static void on_handle_closed(uv_handle_t *handle) {
  struct stream *s = handle->data;
  if (--s->open_handles) return;
  const struct stream_owner *calls = s->calls;
  void *owner = s->owner;
  tls_session_free(&s->tls);
  buffer_free(&s->out);
  buffer_free(&s->sending);
  buffer_wipe_free(&s->cipher);
  free(s);
  if (calls) calls->on_close(owner);
}

static void close_handles(struct stream *s) {
  if (s->phase == PHASE_CLOSING) return;
  s->phase = PHASE_CLOSING;
  loop_defer_cancel(s->loop, &s->turn);
  uv_close(&s->io.handle, on_handle_closed);
  uv_close((uv_handle_t *)&s->timer, on_handle_closed);
}

void stream_close(struct stream *s, bool flush_first) {
  if (s->phase == PHASE_CLOSING) return;
  if (!flush_first || s->phase == PHASE_FAILED) {
    close_handles(s);
    return;
  }
  if (is_closing(s)) return;
  if (s->secured) tls_bye(s->tls);
  s->phase = PHASE_FLUSHING;
  uv_timer_start(&s->timer, on_timer, FLUSH_MS, 0);
  loop_defer(s->loop, &s->turn);
}

static int init_io(struct stream *s, bool local) {
  return local ? uv_pipe_init(&s->loop->uv, &s->io.pipe, 0) : uv_tcp_init(&s->loop->uv, &s->io.tcp);
}

static struct stream *stream_new(struct loop *loop, bool local, const struct stream_owner *calls, void *owner) {
  struct stream *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->loop = loop;
  s->calls = calls;
  s->owner = owner;
  s->turn.run = on_turn;
  s->drained = true;
  buffer_init(&s->out, OUT_MAX);
  buffer_init(&s->sending, OUT_MAX);
  buffer_init(&s->cipher, 2 * sizeof loop->read_buffer);
  if (init_io(s, local) != 0) {
    free(s);
    return NULL;
  }
  uv_timer_init(&loop->uv, &s->timer);
  s->io.handle.data = s->timer.data = s;
  s->open_handles = 2;
  return s;
}

/* A stream that never reached its owner: closes at once. */
static int discard(struct stream *s, int code) {
  s->calls = NULL;
  close_handles(s);
  return code;
}

static void note_descriptor(const struct stream *s) {
  uv_os_fd_t fd;
  if (uv_fileno(&s->io.handle, &fd) == 0) descriptors_opened(fd);
}

/* Who connected, as the kernel noted it then (unix(7), SO_PEERCRED). */
static void learn_user(struct stream *s) {
  uv_os_fd_t fd;
  struct ucred peer;
  socklen_t len = sizeof peer;
  if (uv_fileno(&s->io.handle, &fd) != 0 || getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) != 0) return;
  s->peer.ss_family = s->local.ss_family = AF_UNIX;
  s->peer_user = peer.uid;
}

static void learn_names(struct stream *s) {
  int len = sizeof s->local;
  uv_tcp_getsockname(&s->io.tcp, (struct sockaddr *)&s->local, &len);
  len = sizeof s->peer;
  uv_tcp_getpeername(&s->io.tcp, (struct sockaddr *)&s->peer, &len);
}

int stream_accept(struct loop *loop, uv_stream_t *listener, const struct stream_owner *calls, void *owner,
                  struct stream **out) {
  bool local = listener->type == UV_NAMED_PIPE;
  struct stream *s = *out = stream_new(loop, local, calls, owner);
  if (!s) return E_MEMORY;
  int rc = uv_accept(listener, &s->io.stream);
  if (rc != 0) {
    *out = NULL;
    descriptors_failed(-rc);
    return discard(s, E_IO);
  }
  note_descriptor(s);
  if (local) {
    learn_user(s);
  } else {
    uv_tcp_nodelay(&s->io.tcp, 1);
    learn_names(s);
  }
  start_reading(s);
  return OK;
}

static void on_connected(uv_connect_t *req, int status) {
  struct stream *s = req->data;
  if (is_closing(s)) return;
  if (status != 0) {
    stream_fail(s, uv_strerror(status));
    return;
  }
  uv_tcp_nodelay(&s->io.tcp, 1);
  learn_names(s);
  start_reading(s);
  stream_emit(s, STREAM_CONNECTED);
}

/* Binding without a port lets the kernel choose one at connect time, by the whole four-tuple, so that many connections
 * may leave from one address. `*away`: it is not an address of this machine. */
static int open_from(struct stream *s, int family, const struct sockaddr *source, bool *away) {
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) {
    int error = errno;
    descriptors_failed(error);
    return -error;
  }
  descriptors_opened(fd);
  int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  int rc = source && bind(fd, source, ip_length(source)) != 0 ? -errno : 0;
  *away = rc == UV_EADDRNOTAVAIL;
  if (rc == 0) rc = uv_tcp_open(&s->io.tcp, fd);
  if (rc != 0) close(fd);
  return rc;
}

/* From any address, and there is none: nothing that the target could be blamed for. */
static bool no_source(const struct sockaddr *source, int rc) {
  return !source && (rc == UV_ENETUNREACH || rc == UV_EADDRNOTAVAIL || rc == UV_EAFNOSUPPORT);
}

int stream_connect(struct loop *loop, const struct sockaddr *source, const struct sockaddr *target,
                   const struct stream_owner *calls, void *owner, struct stream **out, struct reason *why) {
  struct stream *s = *out = stream_new(loop, false, calls, owner);
  if (!s) return fail(why, E_MEMORY, "out of memory");
  char from[IP_TEXT] = "any address";
  if (source) ip_format(source, from);
  bool away = false;
  int rc = open_from(s, target->sa_family, source, &away);
  if (rc == 0) {
    s->connect.data = s;
    rc = uv_tcp_connect(&s->connect, &s->io.tcp, target, on_connected);
  }
  if (no_source(source, rc)) {
    *out = NULL;
    const char *family = target->sa_family == AF_INET6 ? "IPv6" : "IPv4";
    return discard(s, fail(why, E_IO, "no source address for %s on this machine: %s", family, uv_strerror(rc)));
  }
  if (rc != 0) {
    *out = NULL;
    if (away) return discard(s, address_away(from, why));
    return discard(s, fail(why, E_IO, "cannot connect from %s: %s", from, uv_strerror(rc)));
  }
  return OK;
}

bool stream_has_input(const struct stream *s) {
  uv_os_fd_t fd;
  char octet;
  if (s->phase == PHASE_FAILED || uv_fileno(&s->io.handle, &fd) != 0) return false;
  return recv(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

const char *stream_error(const struct stream *s) {
  return s->error;
}
const struct sockaddr *stream_peer(const struct stream *s) {
  return (const struct sockaddr *)&s->peer;
}
bool stream_peer_user(const struct stream *s, uid_t *out) {
  *out = s->peer_user;
  return s->peer.ss_family == AF_UNIX;
}
const struct sockaddr *stream_local(const struct stream *s) {
  return (const struct sockaddr *)&s->local;
}
