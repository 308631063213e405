#include "relay/daemon/control.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#define LINE_MAX_OCTETS 320      /* the name of a site */
#define REQUESTS_MAX 96          /* of which 64 may have announced a session, and stay */
#define REQUEST_TIMEOUT_MS 10000 /* from the connection to the answer */

struct control {
  uv_pipe_t pipe;
  struct control_calls calls;
  struct control_request *requests;
  size_t count;
  char path[108];
};

/* A request is read, asked of one of the calls, and answered. Its connection may close in any phase; a call that has it
 * still answers, so the memory stays until then. */
enum phase { READING, ASKED, ANSWERED };

struct control_request {
  uv_pipe_t pipe;
  uv_timer_t timer;
  uv_write_t write;
  struct control *control; /* NULL once the control has stopped */
  struct control_request *next, *prev;
  unsigned open_handles;
  enum phase phase;
  bool closing;
  char line[LINE_MAX_OCTETS];
  size_t len;
  char *answer;
  control_ended *ended; /* NULL: it closes with the answer */
  void *ended_arg;
};

static void free_if_done(struct control_request *r) {
  if (r->open_handles || r->phase == ASKED) return;
  free(r->answer);
  free(r);
}

static void on_handle_closed(uv_handle_t *handle) {
  struct control_request *r = handle->data;
  r->open_handles--;
  free_if_done(r);
}

int control_fd(const struct control_request *r) {
  uv_os_fd_t fd;
  return !r->closing && uv_fileno((const uv_handle_t *)&r->pipe, &fd) == 0 ? fd : -1;
}

static void request_close(struct control_request *r) {
  if (r->closing) return;
  int fd = control_fd(r);
  r->closing = true;
  if (r->control) {
    DL_DELETE(r->control->requests, r);
    r->control->count--;
  }
  if (r->ended) r->ended(r->ended_arg, fd);
  uv_close((uv_handle_t *)&r->pipe, on_handle_closed);
  uv_close((uv_handle_t *)&r->timer, on_handle_closed);
}

static void on_written(uv_write_t *write, int status) {
  struct control_request *r = write->data;
  if (!r->ended || status != 0) request_close(r);
}

void control_answer(struct control_request *r, const char *text) {
  r->phase = ANSWERED;
  if (r->closing) {
    free_if_done(r);
    return;
  }
  if (asprintf(&r->answer, "%s\n", text) < 0) r->answer = NULL;
  uv_buf_t buf = uv_buf_init(r->answer, r->answer ? (unsigned)strlen(r->answer) : 0);
  r->write.data = r;
  if (!r->answer || uv_write(&r->write, (uv_stream_t *)&r->pipe, &buf, 1, on_written) != 0) request_close(r);
}

static void ask_call(struct control_request *r) {
  struct control_calls *calls = &r->control->calls;
  r->phase = ASKED;
  if (strcmp(r->line, "reload") == 0)
    calls->reload(calls->arg, r);
  else if (strcmp(r->line, "status") == 0)
    calls->status(calls->arg, r);
  else if (strcmp(r->line, "attempts") == 0)
    calls->attempts(calls->arg, r);
  else if (strcmp(r->line, "lanes") == 0)
    calls->lanes(calls->arg, r);
  else if (strcmp(r->line, "sites") == 0)
    calls->sites(calls->arg, r);
  else if (strncmp(r->line, "learnt ", 7) == 0)
    calls->learnt(calls->arg, r->line + 7, r);
  else if (strncmp(r->line, "forget ", 7) == 0)
    calls->forget_site(calls->arg, r->line + 7, r);
  else if (strncmp(r->line, "resume ", 7) == 0)
    calls->resume_site(calls->arg, r->line + 7, r);
  else if (strncmp(r->line, "tls-reports ", 12) == 0)
    calls->tls_reports(calls->arg, r->line + 12, r);
  else if (strncmp(r->line, "expect ", 7) == 0)
    calls->expect(calls->arg, r->line + 7, r);
  else if (strcmp(r->line, "unban") == 0 || strncmp(r->line, "unban ", 6) == 0)
    calls->unban(calls->arg, r->line[5] ? r->line + 6 : "", r);
  else
    control_answer(r, "error: unknown request");
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
  (void)suggested;
  struct control_request *r = handle->data;
  *buf = uv_buf_init(r->line + r->len, (unsigned)(sizeof r->line - 1 - r->len));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf) {
  (void)buf;
  struct control_request *r = stream->data;
  if (n == 0) return;
  if (n < 0 || r->phase != READING) { /* one that stays has nothing more to say */
    request_close(r);
    return;
  }
  r->len += (size_t)n;
  r->line[r->len] = '\0';
  char *end = strchr(r->line, '\n');
  if (end) {
    *end = '\0';
    uv_read_stop(stream);
    ask_call(r);
  } else if (r->len == sizeof r->line - 1) {
    request_close(r);
  }
}

static void on_timer(uv_timer_t *timer) {
  request_close(timer->data);
}

void control_answer_and_stay(struct control_request *r, const char *text, uint64_t ms, control_ended *ended,
                             void *arg) {
  if (r->closing) {
    control_answer(r, text);
    return;
  }
  r->ended = ended;
  r->ended_arg = arg;
  r->len = 0;
  control_answer(r, text);
  if (r->closing) return;
  if (uv_timer_start(&r->timer, on_timer, ms, 0) != 0 || uv_read_start((uv_stream_t *)&r->pipe, on_alloc, on_read) != 0)
    request_close(r);
}

static void on_connection(uv_stream_t *server, int status) {
  struct control *c = server->data;
  struct control_request *r = status == 0 ? calloc(1, sizeof *r) : NULL;
  if (!r) return;
  uv_pipe_init(server->loop, &r->pipe, 0);
  uv_timer_init(server->loop, &r->timer);
  r->pipe.data = r->timer.data = r;
  r->open_handles = 2;
  r->control = c;
  DL_APPEND(c->requests, r);
  c->count++;
  if (uv_accept(server, (uv_stream_t *)&r->pipe) != 0 || c->count > REQUESTS_MAX ||
      uv_read_start((uv_stream_t *)&r->pipe, on_alloc, on_read) != 0) {
    request_close(r);
    return;
  }
  uv_timer_start(&r->timer, on_timer, REQUEST_TIMEOUT_MS, 0);
}

static void on_control_closed(uv_handle_t *handle) {
  free(handle->data);
}

int control_start(struct loop *supervisor, const char *data_dir, const struct control_calls *calls,
                  struct control **out, struct reason *why) {
  struct control *c = *out = calloc(1, sizeof *c);
  if (!c) return fail(why, E_MEMORY, "out of memory");
  c->calls = *calls;
  c->pipe.data = c;
  uv_pipe_init(&supervisor->uv, &c->pipe, 0);
  int n = snprintf(c->path, sizeof c->path, "%s/control.sock", data_dir);
  int rc = (size_t)n >= sizeof c->path ? UV_ENAMETOOLONG : 0;
  /* A second gateway on the same data fails to lock it before it comes here: a socket that exists is left over. */
  if (rc == 0) unlink(c->path);
  if (rc == 0) rc = uv_pipe_bind(&c->pipe, c->path);
  if (rc == 0 && chmod(c->path, 0600) != 0) rc = UV_EPERM;
  if (rc == 0) rc = uv_listen((uv_stream_t *)&c->pipe, 16, on_connection);
  if (rc == 0) return OK;
  fail(why, E_IO, "cannot make the control socket %s: %s", c->path, uv_strerror(rc));
  uv_close((uv_handle_t *)&c->pipe, on_control_closed);
  *out = NULL;
  return E_IO;
}

void control_stop(struct control **at) {
  struct control *c = *at;
  *at = NULL;
  if (!c) return;
  struct control_request *r, *next;
  DL_FOREACH_SAFE(c->requests, r, next) {
    r->control = NULL;
    request_close(r);
  }
  unlink(c->path);
  uv_close((uv_handle_t *)&c->pipe, on_control_closed);
}
