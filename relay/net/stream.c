/* Written octets gather in `out` during a turn of the loop and leave together at its end (deferred flush): many
 * replies, one system call. `sending` is what uv_write holds meanwhile. Ciphertext that arrived but may not be
 * decrypted yet (the owner paused) waits in `cipher`. */
#include "relay/net/stream.h"

#include "relay/net/tls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FLUSH_MS 5000  /* a closing stream has this long to send what it holds */
#define LINGER_MS 1000 /* and this long for the peer to close first, so that no RST overtakes our last reply */
#define PLAIN_CHUNK (16 * 1024)
/* TLS framing of what STREAM_PENDING_MAX lets in, plus alerts. */
#define OUT_MAX (STREAM_PENDING_MAX + STREAM_PENDING_MAX / 8 + 64 * 1024)

enum closing { CLOSING_NO, CLOSING_FLUSH, CLOSING_LINGER, CLOSING_HANDLES };

struct stream {
  uv_tcp_t tcp;
  uv_timer_t timer;
  uv_write_t write;
  uv_shutdown_t shutdown;
  uv_connect_t connect;
  struct deferred turn; /* flush and resume at the start of the next turn */
  struct loop *loop;
  const struct stream_owner *calls;
  void *owner;
  struct tls_session *tls;
  bool handshaking, pump, paused, reading, writing, saw_end, told_drained, failed;
  enum closing closing;
  unsigned open_handles;
  struct buffer out, sending;
  struct bytes arrived; /* ciphertext of the read in progress */
  struct buffer cipher;
  struct sockaddr_storage peer, local;
  char error[256];
};

static void close_handles(struct stream *s);
static void flush(struct stream *s);
static void start_reading(struct stream *s);

static void emit(struct stream *s, enum stream_event e) {
  if (s->closing == CLOSING_NO) s->calls->on_event(s->owner, e);
}

static void set_failed(struct stream *s, const char *what) {
  if (s->failed || s->closing >= CLOSING_LINGER) {
    if (s->closing != CLOSING_NO) close_handles(s);
    return;
  }
  s->failed = true;
  snprintf(s->error, sizeof s->error, "%s", what);
  if (s->reading) uv_read_stop((uv_stream_t *)&s->tcp);
  s->reading = false;
  if (s->closing != CLOSING_NO)
    close_handles(s);
  else
    emit(s, STREAM_FAILED);
}

/* --- TLS transport --- */

static ssize_t pull(void *arg, void *out, size_t size) {
  struct stream *s = arg;
  struct bytes from = s->cipher.len ? buffer_bytes(&s->cipher) : s->arrived;
  if (!from.len) {
    if (s->saw_end) return 0;
    errno = EAGAIN;
    return -1;
  }
  size_t n = from.len < size ? from.len : size;
  memcpy(out, from.at, n);
  if (s->cipher.len)
    buffer_consume(&s->cipher, n);
  else
    s->arrived = bytes_from(s->arrived, n);
  return (ssize_t)n;
}

static ssize_t push(void *arg, const void *data, size_t len) {
  struct stream *s = arg;
  if (buffer_add(&s->out, data, len) != OK) {
    errno = ENOMEM;
    return -1;
  }
  s->told_drained = false;
  loop_defer(s->loop, &s->turn);
  return (ssize_t)len;
}

static const struct tls_transport no_transport = {pull, push, NULL};

static void tls_pump(struct stream *s) {
  if (s->handshaking) {
    enum tls_step step;
    size_t before;
    do { /* a message of the handshake may come in many records (RFC 8446 5.1); each call reads one */
      before = s->cipher.len + s->arrived.len;
      step = tls_handshake(s->tls);
    } while (step == TLS_AGAIN && s->cipher.len + s->arrived.len < before);
    if (step == TLS_AGAIN) {
      if (s->saw_end) set_failed(s, "the peer closed during the TLS handshake");
      return;
    }
    if (step != TLS_DONE) {
      flush(s); /* the alert */
      set_failed(s, tls_error(s->tls));
      return;
    }
    s->handshaking = false;
    emit(s, STREAM_TLS_READY);
  }
  char plain[PLAIN_CHUNK];
  while (s->closing == CLOSING_NO && !s->paused && !s->failed) {
    size_t got, before = s->cipher.len + s->arrived.len;
    enum tls_step step = tls_read(s->tls, plain, sizeof plain, &got);
    if (step == TLS_DONE) {
      s->calls->on_data(s->owner, (struct bytes){plain, got});
    } else if (step == TLS_END) {
      s->saw_end = true;
      emit(s, STREAM_END);
      break;
    } else if (step == TLS_FAILED) {
      /* A peer that closes without close_notify is common, and means no more than END to SMTP, whose dots mark ends. */
      if (s->saw_end)
        emit(s, STREAM_END);
      else
        set_failed(s, tls_error(s->tls));
      break;
    } else if (s->cipher.len + s->arrived.len < before) {
      continue; /* a record that was not for us (a session ticket, say); what stands behind it may be */
    } else {
      if (s->saw_end) emit(s, STREAM_END);
      break;
    }
  }
}

/* --- reading --- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)suggested;
  struct stream *s = handle->data;
  *buf = uv_buf_init(s->loop->read_buffer, sizeof s->loop->read_buffer);
}

static void on_ciphertext(struct stream *s, struct bytes data) {
  s->arrived = data;
  tls_pump(s);
  if (s->closing == CLOSING_NO && s->arrived.len && buffer_add_bytes(&s->cipher, s->arrived) != OK)
    set_failed(s, "too much input while paused");
  s->arrived = (struct bytes){0};
}

static void on_read(uv_stream_t *handle, ssize_t n, const uv_buf_t *buf) {
  struct stream *s = handle->data;
  if (n == 0) return;
  if (s->closing != CLOSING_NO) { /* lingering: input is thrown away until the peer closes */
    if (n < 0 && s->closing == CLOSING_LINGER) close_handles(s);
    if (n < 0) uv_read_stop(handle);
    return;
  }
  if (n == UV_EOF) {
    s->saw_end = true;
    uv_read_stop(handle);
    s->reading = false;
    if (s->tls)
      tls_pump(s);
    else
      emit(s, STREAM_END);
    return;
  }
  if (n < 0) {
    set_failed(s, uv_strerror((int)n));
    return;
  }
  struct bytes data = {buf->base, (size_t)n};
  if (s->tls)
    on_ciphertext(s, data);
  else
    s->calls->on_data(s->owner, data);
}

static void start_reading(struct stream *s) {
  if (s->reading || s->saw_end || s->failed || s->closing == CLOSING_HANDLES) return;
  if (uv_read_start((uv_stream_t *)&s->tcp, on_alloc, on_read) == 0) s->reading = true;
}

void stream_pause(struct stream *s) {
  s->paused = true;
  if (s->reading) uv_read_stop((uv_stream_t *)&s->tcp);
  s->reading = false;
}

void stream_resume(struct stream *s) {
  if (!s->paused) return;
  s->paused = false;
  s->pump = true;
  loop_defer(s->loop, &s->turn);
}

/* --- writing --- */

static void on_shutdown(uv_shutdown_t *req, int status) {
  struct stream *s = req->data;
  if (s->closing == CLOSING_HANDLES) return;
  if (status != 0 || s->saw_end) close_handles(s);
}

static void after_flush(struct stream *s) {
  if (s->closing != CLOSING_FLUSH) {
    if (!s->told_drained) {
      s->told_drained = true;
      emit(s, STREAM_DRAINED);
    }
    return;
  }
  s->closing = CLOSING_LINGER;
  s->shutdown.data = s;
  if (s->failed || uv_shutdown(&s->shutdown, (uv_stream_t *)&s->tcp, on_shutdown) != 0) {
    close_handles(s);
    return;
  }
  uv_timer_stop(&s->timer);
  stream_set_timeout(s, LINGER_MS);
  s->paused = false;
  start_reading(s);
}

static void on_written(uv_write_t *req, int status) {
  struct stream *s = req->data;
  s->writing = false;
  buffer_free(&s->sending);
  if (s->closing == CLOSING_HANDLES) return;
  if (status < 0)
    set_failed(s, uv_strerror(status));
  else
    flush(s);
}

static void flush(struct stream *s) {
  if (s->writing || s->closing >= CLOSING_LINGER) return;
  if (s->out.len) {
    uv_buf_t buf = uv_buf_init(s->out.at, (unsigned)s->out.len);
    int n = uv_try_write((uv_stream_t *)&s->tcp, &buf, 1);
    if (n < 0 && n != UV_EAGAIN) {
      buffer_free(&s->out);
      set_failed(s, uv_strerror(n));
      return;
    }
    if (n > 0) buffer_consume(&s->out, (size_t)n);
  }
  if (s->out.len) {
    s->sending = s->out;
    buffer_init(&s->out, OUT_MAX);
    uv_buf_t rest = uv_buf_init(s->sending.at, (unsigned)s->sending.len);
    s->write.data = s;
    s->writing = uv_write(&s->write, (uv_stream_t *)&s->tcp, &rest, 1, on_written) == 0;
    if (!s->writing) {
      buffer_free(&s->sending);
      set_failed(s, "cannot write");
    }
    return;
  }
  buffer_free(&s->out);
  after_flush(s);
}

int stream_write(struct stream *s, struct bytes data) {
  if (s->failed || s->closing != CLOSING_NO) return E_IO;
  if (stream_pending(s) + data.len > STREAM_PENDING_MAX) return E_TOO_BIG;
  s->told_drained = false;
  loop_defer(s->loop, &s->turn);
  if (s->tls && !s->handshaking) return tls_write(s->tls, data) == TLS_DONE ? OK : E_IO;
  return buffer_add_bytes(&s->out, data);
}

size_t stream_pending(const struct stream *s) {
  return s->out.len + (s->writing ? s->sending.len : 0);
}

static void on_turn(struct deferred *d) {
  struct stream *s = (struct stream *)((char *)d - offsetof(struct stream, turn));
  if (s->closing == CLOSING_HANDLES) return;
  if (s->pump && !s->paused && s->closing == CLOSING_NO && !s->failed && s->tls) {
    s->pump = false;
    tls_pump(s);
  }
  if (!s->paused && s->closing == CLOSING_NO) start_reading(s);
  flush(s);
}

/* --- time --- */

static void on_timer(uv_timer_t *timer) {
  struct stream *s = timer->data;
  if (s->closing != CLOSING_NO)
    close_handles(s);
  else
    s->calls->on_timeout(s->owner);
}

void stream_set_timeout(struct stream *s, uint64_t ms) {
  if (s->closing == CLOSING_HANDLES) return;
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
  if (s->closing == CLOSING_HANDLES) return;
  s->closing = CLOSING_HANDLES;
  loop_defer_cancel(s->loop, &s->turn);
  uv_close((uv_handle_t *)&s->tcp, on_handle_closed);
  uv_close((uv_handle_t *)&s->timer, on_handle_closed);
}

void stream_close(struct stream *s, bool flush_first) {
  if (s->closing == CLOSING_HANDLES) return;
  if (!flush_first || s->failed) {
    close_handles(s);
    return;
  }
  if (s->closing != CLOSING_NO) return;
  if (s->tls && !s->handshaking) tls_bye(s->tls);
  s->closing = CLOSING_FLUSH;
  stream_set_timeout(s, FLUSH_MS);
  loop_defer(s->loop, &s->turn);
}

static struct stream *stream_new(struct loop *loop, const struct stream_owner *calls, void *owner) {
  struct stream *s = calloc(1, sizeof *s);
  if (!s) return NULL;
  s->loop = loop;
  s->calls = calls;
  s->owner = owner;
  s->turn.run = on_turn;
  s->told_drained = true;
  buffer_init(&s->out, OUT_MAX);
  buffer_init(&s->sending, OUT_MAX);
  buffer_init(&s->cipher, 2 * sizeof loop->read_buffer);
  if (uv_tcp_init(&loop->uv, &s->tcp) != 0) {
    free(s);
    return NULL;
  }
  uv_timer_init(&loop->uv, &s->timer);
  s->tcp.data = s->timer.data = s;
  s->open_handles = 2;
  return s;
}

/* A stream that never reached its owner: closes without a word. */
static int discard(struct stream *s, int code) {
  s->calls = NULL;
  close_handles(s);
  return code;
}

static void learn_names(struct stream *s) {
  int len = sizeof s->local;
  uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&s->local, &len);
  len = sizeof s->peer;
  uv_tcp_getpeername(&s->tcp, (struct sockaddr *)&s->peer, &len);
}

int stream_accept(struct loop *loop, uv_stream_t *listener, const struct stream_owner *calls, void *owner,
                  struct stream **out) {
  struct stream *s = *out = stream_new(loop, calls, owner);
  if (!s) return E_MEMORY;
  if (uv_accept(listener, (uv_stream_t *)&s->tcp) != 0) {
    *out = NULL;
    return discard(s, E_IO);
  }
  uv_tcp_nodelay(&s->tcp, 1);
  learn_names(s);
  start_reading(s);
  return OK;
}

static void on_connected(uv_connect_t *req, int status) {
  struct stream *s = req->data;
  if (s->closing != CLOSING_NO) return;
  if (status != 0) {
    set_failed(s, uv_strerror(status));
    return;
  }
  uv_tcp_nodelay(&s->tcp, 1);
  learn_names(s);
  start_reading(s);
  emit(s, STREAM_CONNECTED);
}

/* Binding without a port lets the kernel choose one at connect time, by the whole four-tuple, so that many connections
 * may leave from one address. */
static int open_from(struct stream *s, int family, const struct sockaddr *source) {
  int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -errno;
  int on = 1;
  setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  int rc = source && bind(fd, source, ip_length(source)) != 0 ? -errno : uv_tcp_open(&s->tcp, fd);
  if (rc != 0) close(fd);
  return rc;
}

int stream_connect(struct loop *loop, const struct sockaddr *source, const struct sockaddr *target,
                   const struct stream_owner *calls, void *owner, struct stream **out, struct reason *why) {
  struct stream *s = *out = stream_new(loop, calls, owner);
  if (!s) return fail(why, E_MEMORY, "out of memory");
  char from[IP_TEXT] = "any address";
  if (source) ip_format(source, from);
  int rc = open_from(s, target->sa_family, source);
  if (rc == 0) {
    s->connect.data = s;
    rc = uv_tcp_connect(&s->connect, &s->tcp, target, on_connected);
  }
  if (rc != 0) {
    *out = NULL;
    return discard(s, fail(why, E_IO, "cannot connect from %s: %s", from, uv_strerror(rc)));
  }
  return OK;
}

static int start_tls(struct stream *s, int rc) {
  if (rc != OK) return rc;
  s->handshaking = s->pump = true;
  loop_defer(s->loop, &s->turn);
  return OK;
}

int stream_start_tls_server(struct stream *s, bool ask) {
  if (s->tls || !s->loop->tls) return E_DENIED;
  struct tls_transport transport = no_transport;
  transport.arg = s;
  return start_tls(s, tls_session_server(s->loop->tls, ask, &transport, &s->tls));
}

int stream_start_tls_client(struct stream *s, const char *server_name, bool verify) {
  if (s->tls) return E_DENIED;
  struct tls_transport transport = no_transport;
  transport.arg = s;
  return start_tls(s, tls_session_client(s->loop->tls_client, server_name, verify, &transport, &s->tls));
}

int stream_put_back(struct stream *s, struct bytes data) {
  return buffer_add_bytes(&s->cipher, data);
}

bool stream_has_input(const struct stream *s) {
  uv_os_fd_t fd;
  char octet;
  if (s->failed || uv_fileno((const uv_handle_t *)&s->tcp, &fd) != 0) return false;
  return recv(fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

bool stream_is_tls(const struct stream *s) {
  return s->tls && !s->handshaking;
}
bool stream_tls_binding(const struct stream *s, unsigned char out[32]) {
  return stream_is_tls(s) && tls_binding(s->tls, out);
}
bool stream_tls_peer(const struct stream *s, struct fingerprint *out) {
  return stream_is_tls(s) && tls_peer(s->tls, out);
}
const char *stream_tls_text(const struct stream *s) {
  return stream_is_tls(s) ? tls_text(s->tls) : "";
}
const char *stream_error(const struct stream *s) {
  return s->error;
}
const struct sockaddr *stream_peer(const struct stream *s) {
  return (const struct sockaddr *)&s->peer;
}
const struct sockaddr *stream_local(const struct stream *s) {
  return (const struct sockaddr *)&s->local;
}
