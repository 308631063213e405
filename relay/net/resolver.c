/* One thread of our own waits for libunbound's answers and hands each to its asker: a blocked caller (condition
 * variable) or the attached loop (list and uv_async). libunbound itself resolves on a thread that it starts.
 *
 * A question has two holders, its asker and libunbound; whoever releases it last frees it. So an asker may give up at
 * any moment, and an answer that comes late is a normal case. */
#include "relay/net/resolver.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unbound.h>
#include <unistd.h>

#define ROOT_ANCHOR "/usr/share/dns/root.key"
#define RCODE_NOERROR 0
#define RCODE_NXDOMAIN 3

struct question {
  struct resolver *resolver;
  pthread_mutex_t lock;
  pthread_cond_t answered; /* for a blocked asker */
  int references;
  int async_id;
  bool ready, given_up;
  struct ub_result *result; /* NULL: failed */
  /* of resolver_ask, NULL for a blocked asker */
  void (*done)(void *arg, const struct dns_answer *answer);
  void *arg;
  uint64_t deadline_ms;
  struct question *next, *prev; /* port->open, loop's thread; oldest first */
  struct question *next_ready;  /* port->ready, under its lock */
};

/* The loop's side. Lives until its handles are closed. */
struct port {
  uv_async_t wake;
  uv_timer_t timer; /* for the oldest open question */
  unsigned open_handles;
  struct question *open, *newest;
  pthread_mutex_t lock;
  struct question *ready, **ready_tail;
};

struct resolver {
  struct ub_ctx *ctx;
  pthread_t thread;
  int stop_fd;
  struct port *port; /* NULL: not attached; changed under lock */
  pthread_mutex_t lock;
  size_t open;
};

/* --- answers --- */

/* libunbound may give the name that was asked for where no CNAME led on. */
static void fill_canonical(const struct ub_result *result, struct dns_answer *out) {
  const char *name = result->canonname ? result->canonname : "";
  size_t len = strlen(name), asked = strlen(result->qname);
  if (len && name[len - 1] == '.') len--;
  if (asked && result->qname[asked - 1] == '.') asked--;
  bool same = len == asked && strncasecmp(name, result->qname, len) == 0;
  if (same || len >= sizeof out->canonical) return;
  memcpy(out->canonical, name, len);
}

static void fill_answer(struct ub_result *result, struct dns_answer *out) {
  *out = (struct dns_answer){.status = DNS_FAILED};
  if (!result) return;
  out->ttl = result->ttl > 0 ? (uint32_t)result->ttl : 0;
  out->secure = result->secure;
  out->bogus = result->bogus;
  out->owner = result;
  fill_canonical(result, out);
  if (result->bogus) return;
  if (result->nxdomain || result->rcode == RCODE_NXDOMAIN) {
    out->status = DNS_NXDOMAIN;
    return;
  }
  if (result->rcode != RCODE_NOERROR) return;
  size_t count = 0;
  if (result->havedata && result->data)
    while (result->data[count]) count++;
  if (!count) {
    out->status = DNS_NODATA;
    return;
  }
  out->records = calloc(count, sizeof *out->records);
  if (!out->records) return;
  for (size_t i = 0; i < count; i++) out->records[i].data = (struct bytes){result->data[i], (size_t)result->len[i]};
  out->count = count;
  out->status = DNS_FOUND;
}

void resolver_release(void *resolver, struct dns_answer *answer) {
  (void)resolver;
  free(answer->records);
  ub_resolve_free(answer->owner);
  *answer = (struct dns_answer){.status = DNS_FAILED};
}

/* --- questions --- */

static struct question *question_new(struct resolver *r) {
  pthread_mutex_lock(&r->lock);
  bool room = r->open < RESOLVER_OPEN_MAX;
  if (room) r->open++;
  pthread_mutex_unlock(&r->lock);
  if (!room) return NULL;
  struct question *q = calloc(1, sizeof *q);
  pthread_condattr_t monotonic;
  if (!q || pthread_condattr_init(&monotonic) != 0) {
    free(q);
    pthread_mutex_lock(&r->lock);
    r->open--;
    pthread_mutex_unlock(&r->lock);
    return NULL;
  }
  pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
  pthread_mutex_init(&q->lock, NULL);
  pthread_cond_init(&q->answered, &monotonic);
  pthread_condattr_destroy(&monotonic);
  q->resolver = r;
  q->references = 2;
  return q;
}

/* One holder releases it. */
static void question_release(struct question *q, int holders) {
  pthread_mutex_lock(&q->lock);
  q->references -= holders;
  bool last = q->references == 0;
  pthread_mutex_unlock(&q->lock);
  if (!last) return;
  struct resolver *r = q->resolver;
  ub_resolve_free(q->result);
  pthread_cond_destroy(&q->answered);
  pthread_mutex_destroy(&q->lock);
  free(q);
  pthread_mutex_lock(&r->lock);
  r->open--;
  pthread_mutex_unlock(&r->lock);
}

static void tell_loop(struct resolver *r, struct question *q) {
  pthread_mutex_lock(&r->lock);
  struct port *port = r->port;
  if (port) {
    pthread_mutex_lock(&port->lock);
    q->next_ready = NULL;
    *port->ready_tail = q;
    port->ready_tail = &q->next_ready;
    pthread_mutex_unlock(&port->lock);
    uv_async_send(&port->wake);
  }
  pthread_mutex_unlock(&r->lock);
  if (!port) question_release(q, 1);
}

/* libunbound's callback, on our own thread. Its reference goes on to the port's list when the loop is informed. */
static void on_result(void *arg, int err, struct ub_result *result) {
  struct question *q = arg;
  pthread_mutex_lock(&q->lock);
  q->ready = true;
  q->result = err == 0 ? result : NULL;
  bool tell = q->done && !q->given_up;
  pthread_cond_signal(&q->answered);
  pthread_mutex_unlock(&q->lock);
  if (err != 0) ub_resolve_free(result);
  if (tell)
    tell_loop(q->resolver, q);
  else
    question_release(q, 1);
}

static int question_ask(struct question *q, const char *name, int type) {
  int id = 0;
  pthread_mutex_lock(&q->lock); /* the answer may come before the id is known */
  int rc = ub_resolve_async(q->resolver->ctx, name, type, 1, q, on_result, &id);
  q->async_id = id;
  q->given_up = rc != 0;
  pthread_mutex_unlock(&q->lock);
  if (rc == 0) return OK;
  /* UB_PIPE is also said of a question that was written, when what follows failed: its answer comes all the same. */
  bool comes = rc == UB_PIPE && ub_cancel(q->resolver->ctx, id) != 0;
  question_release(q, comes ? 1 : 2);
  return E_IO;
}

/* The asker gives up. ub_cancel succeeds exactly when on_result will never run for it. */
static void question_give_up(struct question *q) {
  pthread_mutex_lock(&q->lock);
  q->given_up = true;
  bool ready = q->ready;
  int id = q->async_id;
  pthread_mutex_unlock(&q->lock);
  bool cancelled = !ready && ub_cancel(q->resolver->ctx, id) == 0;
  question_release(q, cancelled ? 2 : 1);
}

/* --- blocking --- */

void resolver_lookup(void *resolver, const char *name, int type, struct dns_answer *out) {
  resolver_lookup_until(resolver, name, type, clock_monotonic_ms() + RESOLVER_TIMEOUT_MS, out);
}

void resolver_lookup_until(struct resolver *resolver, const char *name, int type, uint64_t deadline_ms,
                           struct dns_answer *out) {
  *out = (struct dns_answer){.status = DNS_FAILED};
  struct question *q = question_new(resolver);
  if (!q || question_ask(q, name, type) != OK) return;
  const struct timespec until = {.tv_sec = (time_t)(deadline_ms / 1000),
                                 .tv_nsec = (long)(deadline_ms % 1000) * 1000000};
  pthread_mutex_lock(&q->lock);
  int rc = 0;
  while (!q->ready && rc == 0) rc = pthread_cond_timedwait(&q->answered, &q->lock, &until);
  bool ready = q->ready;
  struct ub_result *result = q->result;
  q->result = NULL;
  pthread_mutex_unlock(&q->lock);
  fill_answer(result, out);
  if (ready)
    question_release(q, 1);
  else
    question_give_up(q);
}

/* --- for the loop --- */

static void forget_open(struct port *port, struct question *q) {
  if (q->prev)
    q->prev->next = q->next;
  else
    port->open = q->next;
  if (q->next)
    q->next->prev = q->prev;
  else
    port->newest = q->prev;
}

static void on_give_up_timer(uv_timer_t *timer);

static void arm_timer(struct port *port) {
  if (!port->open) {
    uv_timer_stop(&port->timer);
    return;
  }
  uint64_t now = uv_now(port->timer.loop);
  uint64_t at = port->open->deadline_ms;
  uv_timer_start(&port->timer, on_give_up_timer, at > now ? at - now : 0, 0);
}

static void finish(struct port *port, struct question *q, struct ub_result *result) {
  forget_open(port, q);
  struct dns_answer answer;
  fill_answer(result, &answer);
  q->done(q->arg, &answer);
  resolver_release(NULL, &answer);
}

static void give_up_open(struct port *port, struct question *q) {
  finish(port, q, NULL);
  question_give_up(q);
}

static void on_give_up_timer(uv_timer_t *timer) {
  struct port *port = timer->data;
  uint64_t now = uv_now(timer->loop);
  while (port->open && port->open->deadline_ms <= now) give_up_open(port, port->open);
  arm_timer(port);
}

static struct question *take_ready(struct port *port) {
  pthread_mutex_lock(&port->lock);
  struct question *list = port->ready;
  port->ready = NULL;
  port->ready_tail = &port->ready;
  pthread_mutex_unlock(&port->lock);
  return list;
}

static void on_wake(uv_async_t *wake) {
  struct port *port = wake->data;
  for (struct question *q = take_ready(port), *next; q; q = next) {
    next = q->next_ready;
    bool given_up = q->given_up; /* written by this thread only */
    if (!given_up) {
      struct ub_result *result = q->result;
      q->result = NULL;
      finish(port, q, result);
    }
    question_release(q, given_up ? 1 : 2);
  }
  arm_timer(port);
}

int resolver_ask(struct resolver *r, const char *name, int type,
                 void (*done)(void *arg, const struct dns_answer *answer), void *arg) {
  struct port *port = r->port;
  if (!port) return E_DENIED;
  struct question *q = question_new(r);
  if (!q) return E_BUSY;
  q->done = done;
  q->arg = arg;
  q->deadline_ms = uv_now(port->timer.loop) + RESOLVER_TIMEOUT_MS;
  int rc = question_ask(q, name, type);
  if (rc != OK) return rc;
  q->prev = port->newest;
  if (port->newest)
    port->newest->next = q;
  else
    port->open = q;
  port->newest = q;
  if (port->open == q) arm_timer(port);
  return OK;
}

int resolver_attach(struct resolver *r, uv_loop_t *loop) {
  struct port *port = calloc(1, sizeof *port);
  if (!port) return E_MEMORY;
  port->ready_tail = &port->ready;
  port->wake.data = port->timer.data = port;
  if (uv_async_init(loop, &port->wake, on_wake) != 0) {
    free(port);
    return E_IO;
  }
  uv_timer_init(loop, &port->timer);
  port->open_handles = 2;
  pthread_mutex_init(&port->lock, NULL);
  pthread_mutex_lock(&r->lock);
  r->port = port;
  pthread_mutex_unlock(&r->lock);
  return OK;
}

static void on_port_closed(uv_handle_t *handle) {
  struct port *port = handle->data;
  if (--port->open_handles) return;
  pthread_mutex_destroy(&port->lock);
  free(port);
}

void resolver_detach(struct resolver *r) {
  pthread_mutex_lock(&r->lock);
  struct port *port = r->port;
  r->port = NULL;
  pthread_mutex_unlock(&r->lock);
  if (!port) return;
  while (port->open) give_up_open(port, port->open);
  for (struct question *q = take_ready(port), *next; q; q = next) {
    next = q->next_ready;
    question_release(q, 1);
  }
  uv_close((uv_handle_t *)&port->wake, on_port_closed);
  uv_close((uv_handle_t *)&port->timer, on_port_closed);
}

/* --- the context --- */

static void *wait_for_answers(void *arg) {
  struct resolver *r = arg;
  struct pollfd fds[2] = {{.fd = ub_fd(r->ctx), .events = POLLIN}, {.fd = r->stop_fd, .events = POLLIN}};
  while (!(fds[1].revents & POLLIN)) {
    if (poll(fds, 2, -1) < 0 && errno != EINTR) break;
    if (fds[0].revents & POLLIN) ub_process(r->ctx);
  }
  return NULL;
}

static int set(struct ub_ctx *ctx, const char *option, const char *value, struct reason *why) {
  int rc = ub_ctx_set_option(ctx, option, value);
  return rc == 0 ? OK : fail(why, E_IO, "resolver option %s %s: %s", option, value, ub_strerror(rc));
}

static int set_bounds(struct ub_ctx *ctx, struct reason *why) {
  static const char *const options[][2] = {
      {"msg-cache-size:", "16m"},          {"rrset-cache-size:", "32m"},       {"neg-cache-size:", "4m"},
      {"key-cache-size:", "4m"},           {"infra-cache-numhosts:", "10000"}, {"cache-max-ttl:", "86400"},
      {"cache-max-negative-ttl:", "3600"}, {"outgoing-range:", "512"},         {"num-queries-per-thread:", "2048"},
      {"jostle-timeout:", "500"},          {"do-not-query-localhost:", "no"},
  };
  for (size_t i = 0; i < sizeof options / sizeof *options; i++)
    if (set(ctx, options[i][0], options[i][1], why) != OK) return E_IO;
  return OK;
}

/* Servers that were named are asked about everything, also about the names that libunbound would answer by itself
 * (RFC 6761, RFC 6303): they may be a private network's own. */
static int use_servers(struct ub_ctx *ctx, const struct config *config, struct reason *why) {
  static const char *const zones[] = {"test. transparent", "invalid. transparent", "home.arpa. transparent",
                                      "onion. transparent"};
  for (size_t i = 0; i < config->dns_server_count; i++) {
    int rc = ub_ctx_set_fwd(ctx, config->dns_servers[i]);
    if (rc != 0) return fail(why, E_SYNTAX, "DNS server %s: %s", config->dns_servers[i], ub_strerror(rc));
  }
  for (size_t i = 0; i < sizeof zones / sizeof *zones; i++)
    if (set(ctx, "local-zone:", zones[i], why) != OK) return E_IO;
  return set(ctx, "unblock-lan-zones:", "yes", why);
}

static int use_system(struct ub_ctx *ctx, struct reason *why) {
  if (access("/etc/resolv.conf", R_OK) != 0)
    return fail(why, E_IO, "/etc/resolv.conf: %s; it names the DNS servers, unless dns { servers } does",
                strerror(errno));
  int rc = ub_ctx_resolvconf(ctx, "/etc/resolv.conf");
  if (rc != 0) return fail(why, E_IO, "/etc/resolv.conf: %s", ub_strerror(rc));
  if (access("/etc/hosts", F_OK) != 0) return OK; /* a bare machine has none */
  rc = ub_ctx_hosts(ctx, "/etc/hosts");
  if (rc != 0) log_event(LOG_WARN_, NULL, "resolver", "hosts", "/etc/hosts", "reason", ub_strerror(rc), NULL);
  return OK;
}

static int use_anchor(struct ub_ctx *ctx, const struct config *config, struct reason *why) {
  const char *anchor = config->trust_anchor;
  if (!anchor && (config->dns_server_count || access(ROOT_ANCHOR, R_OK) != 0)) return OK;
  if (!anchor) anchor = ROOT_ANCHOR;
  if (access(anchor, R_OK) != 0) return fail(why, E_IO, "trust anchor %s: %s", anchor, strerror(errno));
  int rc = ub_ctx_add_ta_file(ctx, anchor);
  return rc == 0 ? OK : fail(why, E_IO, "trust anchor %s: %s", anchor, ub_strerror(rc));
}

static void on_started(void *arg, int err, struct ub_result *result) {
  (void)arg;
  if (err == 0) ub_resolve_free(result);
}

/* libunbound starts its thread with the first question, and does not notice when it cannot: no question is answered
 * from then on. So the first is asked at the start, when no fault that passes is likely, about a name that concerns
 * nobody (RFC 6761 6.3); what comes of it does not matter. */
static int start_its_thread(struct resolver *r, struct reason *why) {
  int id, rc = ub_resolve_async(r->ctx, "localhost.", 1, 1, NULL, on_started, &id);
  return rc == 0 ? OK : fail(why, E_IO, "the resolver cannot be started: %s", ub_strerror(rc));
}

static int set_up(struct resolver *r, const struct config *config, struct reason *why) {
  r->ctx = ub_ctx_create();
  if (!r->ctx) return fail(why, E_MEMORY, "cannot make a resolver");
  if (ub_ctx_async(r->ctx, 1) != 0) return fail(why, E_IO, "the resolver cannot use threads");
  int rc = set_bounds(r->ctx, why);
  if (rc == OK) rc = config->dns_server_count ? use_servers(r->ctx, config, why) : use_system(r->ctx, why);
  if (rc == OK) rc = use_anchor(r->ctx, config, why);
  if (rc == OK) rc = start_its_thread(r, why);
  if (rc != OK) return rc;
  r->stop_fd = eventfd(0, EFD_CLOEXEC);
  if (r->stop_fd < 0) return fail(why, E_IO, "eventfd: %s", strerror(errno));
  if (pthread_create(&r->thread, NULL, wait_for_answers, r) != 0) {
    close(r->stop_fd);
    return fail(why, E_IO, "cannot start the resolver's thread");
  }
  return OK;
}

int resolver_new(const struct config *config, struct resolver **out, struct reason *why) {
  struct resolver *r = *out = calloc(1, sizeof *r);
  if (!r) return fail(why, E_MEMORY, "out of memory");
  pthread_mutex_init(&r->lock, NULL);
  int rc = set_up(r, config, why);
  if (rc == OK) return OK;
  if (r->ctx) ub_ctx_delete(r->ctx);
  pthread_mutex_destroy(&r->lock);
  free(r);
  *out = NULL;
  return rc;
}

void resolver_free(struct resolver **resolver) {
  struct resolver *r = *resolver;
  if (!r) return;
  *resolver = NULL;
  uint64_t one = 1;
  if (write(r->stop_fd, &one, sizeof one) != sizeof one) log_event(LOG_ERROR_, NULL, "resolver cannot stop", NULL);
  pthread_join(r->thread, NULL);
  ub_ctx_delete(r->ctx); /* the questions that were given up go with it */
  close(r->stop_fd);
  pthread_mutex_destroy(&r->lock);
  free(r);
}
