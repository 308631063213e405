#include "relay/daemon/listener.h"

#include "base/clock.h"
#include "base/log.h"
#include "relay/daemon/local_socket.h"
#include "relay/daemon/service_manager.h"
#include "relay/net/descriptors.h"
#include "relay/submission/submission.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 1024
#define TOLD_EVERY_MS 60000
#define AGAIN_MS 200 /* when there was no memory for a session, or no descriptor */

/* TCP, or a UNIX socket's: whichever was initialised. */
union listener_io {
  uv_handle_t handle;
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
};

struct listener {
  union listener_io io;
  uv_timer_t again;
  int fd;   /* -1 once libuv owns it */
  int kept; /* the same socket: it outlives the handle. -1: not listening yet */
  bool open;
  bool lasting;     /* the service manager has it, too: what connects when we have closed it waits for our successor */
  uint64_t told_ms; /* that it cannot accept; 0: never */
  size_t index;     /* of its loop */
  struct loop *loop;
  const struct listen_config *config;
};

struct listener_set {
  const struct config *config;
  size_t loops;
  struct listener *all;
  size_t count, room;
  struct local_socket **local; /* that were made here: one for each address at most, */
  size_t local_count;
  struct service_socket *given; /* while they are bound */
  size_t given_count;
};

static bool is_local(const struct listen_config *c) {
  return c->tls == LISTEN_LOCAL;
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

/* The given socket that has the port, at whatever address; NULL: none. */
static const struct service_socket *given_port(const struct listener_set *set, const struct listen_config *c) {
  unsigned port = ip_port((const struct sockaddr *)&c->address);
  for (size_t i = 0; i < set->given_count; i++)
    if (ip_port((const struct sockaddr *)&set->given[i].address) == port) return &set->given[i];
  return NULL;
}

static int fail_to_bind(const struct listener_set *set, const struct listen_config *c, int error, struct reason *why) {
  const struct service_socket *other = error == EADDRINUSE ? given_port(set, c) : NULL;
  char address[IP_TEXT];
  if (other) {
    ip_format((const struct sockaddr *)&other->address, address);
    return fail(why, E_IO,
                "cannot listen on %s: systemd (%s) has this port at %s; write the same address there (systemctl edit "
                "%s), or do without it (systemctl disable --now %s)",
                c->text, other->name, address, other->name, other->name);
  }
  return fail(why, E_IO, "cannot listen on %s: %s%s", c->text, strerror(error),
              error == EADDRINUSE ? "; another program has this port: stop it, or change the listen line"
              : error == EACCES   ? "; ports under 1024 need root or CAP_NET_BIND_SERVICE"
                                  : "");
}

static int bind_one(const struct listener_set *set, const struct listen_config *c, int *out, struct reason *why) {
  int on = 1, fd = open_socket(c->address.ss_family);
  if (fd < 0) return fail(why, E_IO, "cannot make a socket for %s: %s", c->text, strerror(errno));
  setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  int error = bind_socket(fd, c);
  if (error == 0) {
    *out = fd;
    return OK;
  }
  close(fd);
  return fail_to_bind(set, c, error, why);
}

/* SO_REUSEPORT would let a second gateway of the same user silently share our ports: bind once without it. */
static int check_free(const struct listener_set *set, const struct listen_config *c, struct reason *why) {
  int fd = open_socket(c->address.ss_family);
  if (fd < 0) return OK; /* bind_one fails, too, and reports it */
  int error = bind_socket(fd, c);
  close(fd);
  return error == EADDRINUSE ? fail_to_bind(set, c, error, why) : OK;
}

/* NULL: out of memory. */
static struct listener *add(struct listener_set *set, const struct listen_config *c, size_t loop) {
  if (set->count == set->room) {
    size_t room = set->room ? 2 * set->room : 16;
    struct listener *more = realloc(set->all, room * sizeof *more);
    if (!more) return NULL;
    set->all = more;
    set->room = room;
  }
  struct listener *l = &set->all[set->count++];
  memset(l, 0, sizeof *l);
  l->fd = l->kept = -1;
  l->index = loop;
  l->config = c;
  return l;
}

/* --- sockets of the service manager's --- */

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b) {
  if (a->ss_family == AF_UNIX || b->ss_family == AF_UNIX) return local_socket_same(a, b);
  char x[IP_TEXT], y[IP_TEXT];
  ip_format((const struct sockaddr *)a, x);
  ip_format((const struct sockaddr *)b, y);
  return strcmp(x, y) == 0 && ip_port((const struct sockaddr *)a) == ip_port((const struct sockaddr *)b);
}

/* Marks those of the address as wanted; how many there are. */
static size_t want(struct listener_set *set, const struct listen_config *c) {
  size_t n = 0;
  for (size_t i = 0; i < set->given_count; i++)
    if (same_address(&set->given[i].address, &c->address)) {
      set->given[i].wanted = true;
      n++;
    }
  return n;
}

static int given_at(const struct listener_set *set, const struct listen_config *c, size_t index) {
  for (size_t i = 0; i < set->given_count; i++)
    if (same_address(&set->given[i].address, &c->address) && index-- == 0) return set->given[i].fd;
  return -1;
}

/* Every loop accepts, and every socket is accepted from: the kernel spreads connections over all sockets of an address,
 * also over one that nobody looks at. Where there are fewer sockets than loops, loops share one by duplicates. */
static int take_given(struct listener_set *set, const struct listen_config *c, size_t sockets, struct reason *why) {
  size_t n = sockets > set->loops ? sockets : set->loops;
  for (size_t i = 0; i < n; i++) {
    struct listener *l = add(set, c, i % set->loops);
    if (!l) return fail(why, E_MEMORY, "out of memory");
    l->lasting = true;
    l->fd = fcntl(given_at(set, c, i % sockets), F_DUPFD_CLOEXEC, 0);
    if (l->fd < 0) return fail(why, E_IO, "cannot share the socket of %s: %s", c->text, strerror(errno));
  }
  return OK;
}

static void report_unwanted(const struct listener_set *set) {
  for (size_t i = 0; i < set->given_count; i++) {
    const struct service_socket *s = &set->given[i];
    if (s->wanted || s->kept) continue;
    struct log_line l;
    char address[LOCAL_SOCKET_TEXT] = "";
    if (!local_socket_format(&s->address, address)) ip_format((const struct sockaddr *)&s->address, address);
    log_begin(&l, LOG_WARN_, NULL, "no listen line is for this socket; what connects to it waits in vain");
    log_str(&l, "address", address);
    log_int(&l, "port", ip_port((const struct sockaddr *)&s->address));
    log_str(&l, "socket", s->name);
    log_str(&l, "advice", "write a listen line with this address, or take it out of the socket unit");
    log_end(&l);
  }
}

/* --- binding --- */

/* A socket of the loop's own, which the next process of this service finds as we have left it. */
static int bind_own(struct listener_set *set, const struct listen_config *c, size_t loop, struct reason *why) {
  struct listener *l = add(set, c, loop);
  int rc = l ? bind_one(set, c, &l->fd, why) : fail(why, E_MEMORY, "out of memory");
  if (rc != OK) return rc;
  if (listen(l->fd, BACKLOG) != 0) return fail(why, E_IO, "cannot listen on %s: %s", c->text, strerror(errno));
  l->lasting = service_keep_socket(l->fd, (const struct sockaddr *)&c->address);
  return OK;
}

/* UNIX sockets have no SO_REUSEPORT: the loops share one. The service manager does not keep it, as its path would go
 * with the folder. */
static int bind_local(struct listener_set *set, const struct listen_config *c, struct reason *why) {
  int fd;
  int rc = local_socket_make(c, set->config->user, &fd, &set->local[set->local_count], why);
  if (rc != OK) return rc;
  set->local_count++;
  for (size_t loop = 0; rc == OK && loop < set->loops; loop++) {
    struct listener *l = add(set, c, loop);
    if (l) l->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (!l) rc = fail(why, E_MEMORY, "out of memory");
    if (l && l->fd < 0) rc = fail(why, E_IO, "cannot share the socket of %s: %s", c->text, strerror(errno));
  }
  close(fd);
  return rc;
}

static int bind_address(struct listener_set *set, const struct listen_config *c, struct reason *why) {
  size_t given = want(set, c);
  if (given) return take_given(set, c, given, why);
  if (is_local(c)) return bind_local(set, c, why);
  int rc = check_free(set, c, why);
  for (size_t loop = 0; rc == OK && loop < set->loops; loop++) rc = bind_own(set, c, loop, why);
  return rc;
}

/* Nobody has asked for this one by name: a second gateway, or one that is not started as root, goes on without. */
static void bind_default(struct listener_set *set) {
  const struct listen_config *c = &set->config->default_local;
  struct reason why;
  size_t before = set->count;
  if (!c->text || bind_address(set, c, &why) == OK) return;
  while (set->count > before)
    if (set->all[--set->count].fd >= 0) close(set->all[set->count].fd);
  log_event(LOG_INFO_, NULL, "no local socket", "listen", c->text, "reason", why.text, NULL);
}

/* All are marked before any is bound: when that fails, the next process still finds those that it wants. */
static int bind_all(struct listener_set *set, struct reason *why) {
  const struct config *c = set->config;
  int rc = OK;
  set->given_count = service_sockets_take(&set->given);
  for (size_t n = 0; n < c->listen_count; n++) want(set, &c->listens[n]);
  if (c->default_local.text) want(set, &c->default_local);
  for (size_t n = 0; rc == OK && n < c->listen_count; n++)
    if (!local_socket_is_none(&c->listens[n])) rc = bind_address(set, &c->listens[n], why);
  if (rc == OK) bind_default(set);
  if (rc == OK) report_unwanted(set);
  service_sockets_free(&set->given, set->given_count);
  return rc;
}

int listener_bind(const struct config *c, size_t loops, struct listener_set **out, struct reason *why) {
  struct listener_set *set = *out = calloc(1, sizeof *set);
  if (set) set->local = calloc(c->listen_count + 1, sizeof(struct local_socket *));
  if (!set || !set->local) {
    free(set);
    *out = NULL;
    return fail(why, E_MEMORY, "out of memory");
  }
  set->config = c;
  set->loops = loops;
  int rc = bind_all(set, why);
  if (rc != OK) listener_free(out);
  return rc;
}

/* --- accepting --- */

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
  if (submission_accept(l->loop->submission, &l->io.stream, l->config)) return;
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
  bool local = is_local(l->config);
  int rc = local ? uv_pipe_init(&l->loop->uv, &l->io.pipe, 0) : uv_tcp_init(&l->loop->uv, &l->io.tcp);
  if (rc != 0) return rc;
  l->io.handle.data = l;
  l->open = true;
  rc = local ? uv_pipe_open(&l->io.pipe, l->fd) : uv_tcp_open(&l->io.tcp, l->fd);
  if (rc != 0) return rc;
  l->fd = -1;
  return uv_listen(&l->io.stream, BACKLOG, on_connection);
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
    uv_close(&l->io.handle, on_paused);
  }
}

/* No descriptor is left, and libuv's reserve has gone to another thread. It would try again and again within one
 * callback, and the loop would end no session that has some; a handle that closes is the one way out. */
static void pause_accepting(struct listener *l) {
  descriptors_failed(EMFILE);
  uv_close(&l->io.handle, on_paused);
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
  for (struct listener *l = set->all; l < set->all + set->count; l++) {
    int rc = l->index == loop->index ? listen_on(l, loop) : 0;
    if (rc != 0) return fail(why, E_IO, "cannot listen on %s: %s", l->config->text, uv_strerror(rc));
  }
  return OK;
}

static void stop_one(struct listener *l) {
  if (!l->open) return;
  if (!uv_is_closing(&l->io.handle)) uv_close(&l->io.handle, NULL);
  uv_close((uv_handle_t *)&l->again, NULL);
  close(l->kept);
  l->kept = -1;
  l->open = false;
}

void listener_drain(struct listener_set *set, struct loop *loop) {
  for (struct listener *l = set->all; l < set->all + set->count; l++)
    if (l->index == loop->index && l->lasting) stop_one(l);
}

void listener_stop(struct listener_set *set, struct loop *loop) {
  for (struct listener *l = set->all; l < set->all + set->count; l++)
    if (l->index == loop->index) stop_one(l);
}

void listener_free(struct listener_set **out) {
  struct listener_set *set = *out;
  *out = NULL;
  if (!set) return;
  for (size_t i = 0; i < set->count; i++) {
    if (set->all[i].fd >= 0) close(set->all[i].fd);
    if (set->all[i].kept >= 0) close(set->all[i].kept);
  }
  for (size_t i = 0; i < set->local_count; i++) local_socket_remove(&set->local[i]);
  free(set->local);
  free(set->all);
  free(set);
}
