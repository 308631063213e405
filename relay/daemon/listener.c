#include "relay/daemon/listener.h"

#include "base/clock.h"
#include "base/log.h"
#include "relay/net/descriptors.h"
#include "relay/submission/submission.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define BACKLOG 1024
#define TOLD_EVERY_MS 60000
#define AGAIN_MS 200 /* when there was no memory for a session, or no descriptor */

struct listener {
  uv_tcp_t tcp;
  uv_timer_t again;
  int fd;   /* -1 once libuv owns it */
  int kept; /* the same socket: it outlives the handle. -1: not listening yet */
  bool open;
  uint64_t told_ms; /* that it cannot accept; 0: never */
  struct loop *loop;
  const struct listen_config *config;
};

struct listener_set {
  const struct config *config;
  size_t loops;
  struct listener *all; /* [loop][address] */
};

static struct listener *listener_at(struct listener_set *set, size_t loop, size_t address) {
  return &set->all[loop * set->config->listen_count + address];
}

/* -1 with errno. */
static int open_socket(int family) {
  int on = 1, fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd < 0) return -1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (family == AF_INET6) setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
  return fd;
}

/* 0, or errno. */
static int bind_socket(int fd, const struct listen_config *c) {
  const struct sockaddr *address = (const struct sockaddr *)&c->address;
  return bind(fd, address, ip_length(address)) == 0 ? 0 : errno;
}

static int fail_to_bind(const struct listen_config *c, int error, struct reason *why) {
  return fail(why, E_IO, "cannot listen on %s: %s%s", c->text, strerror(error),
              error == EADDRINUSE ? "; another program has this port: stop it, or change the listen line"
              : error == EACCES   ? "; ports under 1024 need root or CAP_NET_BIND_SERVICE"
                                  : "");
}

static int bind_one(const struct listen_config *c, int *out, struct reason *why) {
  int on = 1, fd = open_socket(c->address.ss_family);
  if (fd < 0) return fail(why, E_IO, "cannot make a socket for %s: %s", c->text, strerror(errno));
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  int error = bind_socket(fd, c);
  if (error == 0) {
    *out = fd;
    return OK;
  }
  close(fd);
  return fail_to_bind(c, error, why);
}

/* SO_REUSEPORT would let a second gateway of the same user silently share our ports: bind once without it. */
static int check_free(const struct listen_config *c, struct reason *why) {
  int fd = open_socket(c->address.ss_family);
  if (fd < 0) return OK; /* bind_one fails, too, and reports it */
  int error = bind_socket(fd, c);
  close(fd);
  return error == EADDRINUSE ? fail_to_bind(c, error, why) : OK;
}

static bool same_address(int fd, const struct listen_config *c) {
  struct sockaddr_storage bound;
  socklen_t len = sizeof bound;
  if (getsockname(fd, (struct sockaddr *)&bound, &len) != 0) return false;
  char a[IP_TEXT], b[IP_TEXT];
  ip_format((struct sockaddr *)&bound, a);
  ip_format((const struct sockaddr *)&c->address, b);
  return strcmp(a, b) == 0 && ip_port((struct sockaddr *)&bound) == ip_port((const struct sockaddr *)&c->address);
}

/* The socket that systemd holds for this address, or -1. */
static int inherited_socket(const struct listen_config *c) {
  int n = sd_listen_fds(0);
  for (int fd = SD_LISTEN_FDS_START; fd < SD_LISTEN_FDS_START + n; fd++)
    if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) > 0 && same_address(fd, c)) return fd;
  return -1;
}

static int share(int fd, const struct listen_config *c, int *out, struct reason *why) {
  *out = dup(fd);
  return *out < 0 ? fail(why, E_IO, "cannot share the socket of %s: %s", c->text, strerror(errno)) : OK;
}

/* A socket of this address for every loop. */
static int bind_address(struct listener_set *set, size_t n, struct reason *why) {
  const struct listen_config *c = &set->config->listens[n];
  int given = inherited_socket(c);
  int rc = given < 0 ? check_free(c, why) : OK;
  for (size_t loop = 0; rc == OK && loop < set->loops; loop++) {
    struct listener *l = listener_at(set, loop, n);
    l->config = c;
    rc = given < 0 ? bind_one(c, &l->fd, why) : share(given, c, &l->fd, why);
  }
  return rc;
}

int listener_bind(const struct config *c, size_t loops, struct listener_set **out, struct reason *why) {
  struct listener_set *set = *out = calloc(1, sizeof *set);
  size_t count = loops * c->listen_count;
  if (set) set->all = calloc(count, sizeof *set->all);
  if (!set || !set->all) {
    free(set);
    *out = NULL;
    return fail(why, E_MEMORY, "out of memory");
  }
  set->config = c;
  set->loops = loops;
  for (size_t i = 0; i < count; i++) set->all[i].fd = set->all[i].kept = -1;
  int rc = OK;
  for (size_t n = 0; rc == OK && n < c->listen_count; n++) rc = bind_address(set, n, why);
  if (rc != OK) listener_free(out);
  return rc;
}

/* libuv tries again at once, as long as it lasts: one line a minute is enough. */
static void cannot_accept(struct listener *l, const char *why) {
  uint64_t now = clock_monotonic_ms();
  if (l->told_ms && now - l->told_ms < TOLD_EVERY_MS) return;
  l->told_ms = now;
  log_event(LOG_WARN_, NULL, "cannot accept", "listen", l->config->text, "reason", why, NULL);
}

static void on_again(uv_timer_t *timer);

/* libuv listens no more until what it has accepted is taken. */
static void take(struct listener *l) {
  if (submission_accept(l->loop->submission, (uv_stream_t *)&l->tcp, l->config)) return;
  cannot_accept(l, "out of memory");
  uv_timer_start(&l->again, on_again, AGAIN_MS, 0);
}

static void on_again(uv_timer_t *timer) {
  take(timer->data);
}

static void pause_accepting(struct listener *l);

static void on_connection(uv_stream_t *server, int status) {
  struct listener *l = server->data;
  if (status == UV_EMFILE || status == UV_ENFILE)
    pause_accepting(l);
  else if (status < 0)
    cannot_accept(l, uv_strerror(status));
  else
    take(l);
}

/* Takes l->fd. 0, or libuv's error. */
static int open_handle(struct listener *l) {
  int rc = uv_tcp_init(&l->loop->uv, &l->tcp);
  if (rc != 0) return rc;
  l->tcp.data = l;
  l->open = true;
  rc = uv_tcp_open(&l->tcp, l->fd);
  if (rc != 0) return rc;
  l->fd = -1;
  return uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
}

/* Connections wait in the kernel meanwhile. */
static void on_resume(uv_timer_t *timer);

static void on_paused(uv_handle_t *handle) {
  struct listener *l = handle->data;
  if (l->open) uv_timer_start(&l->again, on_resume, AGAIN_MS, 0);
}

static void on_resume(uv_timer_t *timer) {
  struct listener *l = timer->data;
  l->fd = fcntl(l->kept, F_DUPFD_CLOEXEC, 0);
  if (l->fd < 0) {
    descriptors_failed(errno);
    uv_timer_start(&l->again, on_resume, AGAIN_MS, 0);
  } else if (open_handle(l) != 0) {
    if (l->fd >= 0) close(l->fd);
    l->fd = -1;
    uv_close((uv_handle_t *)&l->tcp, on_paused);
  }
}

/* No descriptor is left, and libuv's reserve has gone to another thread. It would try again and again within one
 * callback, and the loop would end no session that has some; a handle that closes is the one way out. */
static void pause_accepting(struct listener *l) {
  descriptors_failed(EMFILE);
  uv_close((uv_handle_t *)&l->tcp, on_paused);
}

/* 0, or libuv's error. */
static int listen_on(struct listener *l, struct loop *loop) {
  l->loop = loop;
  l->again.data = l;
  l->kept = fcntl(l->fd, F_DUPFD_CLOEXEC, 0);
  if (l->kept < 0) return -errno;
  uv_timer_init(&loop->uv, &l->again);
  return open_handle(l);
}

int listener_start(struct listener_set *set, struct loop *loop, struct reason *why) {
  for (size_t n = 0; n < set->config->listen_count; n++) {
    struct listener *l = listener_at(set, loop->index, n);
    int rc = listen_on(l, loop);
    if (rc != 0) return fail(why, E_IO, "cannot listen on %s: %s", l->config->text, uv_strerror(rc));
  }
  return OK;
}

void listener_stop(struct listener_set *set, struct loop *loop) {
  for (size_t n = 0; n < set->config->listen_count; n++) {
    struct listener *l = listener_at(set, loop->index, n);
    if (!l->open) continue;
    if (!uv_is_closing((uv_handle_t *)&l->tcp)) uv_close((uv_handle_t *)&l->tcp, NULL);
    uv_close((uv_handle_t *)&l->again, NULL);
    close(l->kept);
    l->kept = -1;
    l->open = false;
  }
}

void listener_free(struct listener_set **out) {
  struct listener_set *set = *out;
  *out = NULL;
  if (!set) return;
  for (size_t i = 0; i < set->loops * set->config->listen_count; i++) {
    if (set->all[i].fd >= 0) close(set->all[i].fd);
    if (set->all[i].kept >= 0) close(set->all[i].kept);
  }
  free(set->all);
  free(set);
}
