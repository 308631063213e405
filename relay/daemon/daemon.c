/* The supervisor: a loop of its own on the main thread. It handles signals and the control socket, and reloads the
 * directory and the certificates when they change. It carries no mail.
 *
 * Shutdown, in order: sessions drain -> deliveries stop -> the store closes (every posted operation is committed) ->
 * loops finish. */
#include "relay/daemon/daemon.h"

#include "base/log.h"
#include "dkim/key_memory.h"
#include "relay/daemon/attempts.h"
#include "relay/daemon/certificates.h"
#include "relay/daemon/control.h"
#include "relay/daemon/expect.h"
#include "relay/daemon/privileges.h"
#include "relay/daemon/process.h"
#include "relay/daemon/service_manager.h"
#include "relay/daemon/shaping_table.h"
#include "relay/daemon/sites.h"
#include "relay/daemon/status.h"
#include "relay/daemon/suppression_notice.h"
#include "relay/daemon/watchdog.h"
#include "relay/daemon/worker.h"
#include "relay/delivery/delivery.h"
#include "relay/message/signing.h"
#include "relay/net/descriptors.h"
#include "relay/net/https.h"
#include "relay/net/resolver.h"
#include "relay/submission/auth/login_bans.h"
#include "relay/submission/auth/sasl.h"
#include "relay/submission/expected.h"
#include "relay/submission/session_limits.h"
#include "store/read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL_MS 1000
#define STOP_TIMEOUT_MS 60000  /* then exit at once: what is committed is safe, the rest was never promised */
#define STORE_LOST_MS 5000     /* files that are moved away and back at once are no reason to end */
#define STORE_FAILING_MS 30000 /* what opening its connections anew does not cure */
#define SIGNAL_COUNT 3
#define SITE_NOTES_MOST 20000
#define LOOPS_MAX 256

struct supervisor {
  struct gateway gateway;
  struct loop loop;
  struct worker *workers[LOOPS_MAX];
  struct loop *loops[LOOPS_MAX];
  struct listener_set *listeners;
  struct certificates *certificates;
  struct reader *reader;
  struct directory *directory;
  struct key_ring *keys; /* the directory's, as are the: */
  struct route_secrets *secrets;
  struct session_limits *limits;
  struct login_bans *bans;
  struct expected *expected;
  struct control *control;
  struct suppression_notice suppression_notice; /* loop 0's, but for `failed` */
  int64_t suppression_generation;               /* what the store has noticed */
  uv_signal_t signals[SIGNAL_COUNT];
  uv_timer_t poll, stop_timeout;
  struct watchdog watchdog;
  char shown[512]; /* the status that the service manager has */
  int64_t started_us;
  int lock_fd;
  bool running, stopping;
  struct reason over; /* why it ends by itself; "": it was told to */
};

/* --- reload of the directory --- */

/* A new snapshot on its way to every loop, with references of its own. */
struct update {
  struct supervisor *supervisor;
  struct directory *directory;
  struct key_ring *keys;
  struct route_secrets *secrets;
  struct control_request *request; /* NULL: nobody waits for an answer */
};

static void update_free(struct update *u) {
  directory_release(&u->directory);
  key_ring_release(&u->keys);
  route_secrets_release(&u->secrets);
  free(u);
}

/* The store is shared, so one loop asks it. */
static void notice_suppressions(struct loop *on, struct broadcast_token *t, struct supervisor *s) {
  if (on->index == 0)
    suppression_notice_run(&s->suppression_notice, on, t);
  else
    broadcast_return(t);
}

static void apply_directory(struct loop *on, struct broadcast_token *t) {
  struct update *u = broadcast_arg(t);
  directory_release(&on->directory);
  on->directory = directory_hold(u->directory);
  signing_refresh(on->signing, u->keys);
  delivery_refresh(on->delivery, u->secrets);
  notice_suppressions(on, t, u->supervisor);
}

static void every_loop_applied(void *arg) {
  struct update *u = arg;
  delivery_poll(&u->supervisor->gateway, NULL);
  if (u->request) control_answer(u->request, "ok");
  update_free(u);
}

/* A snapshot, its keys and its routes' secrets; the caller's references, none on failure. */
static int read_directory(struct supervisor *s, struct directory **d, struct key_ring **keys,
                          struct route_secrets **secrets, struct reason *why) {
  int rc = reader_directory(s->reader, d, why);
  if (rc != OK) return rc;
  rc = key_ring_load(s->reader, *d, s->keys, keys, why);
  if (rc == OK && (rc = route_secrets_load(s->reader, *d, secrets, why)) != OK) key_ring_release(keys);
  if (rc != OK) directory_release(d);
  return rc;
}

static void keep_current(struct supervisor *s, const struct update *u) {
  directory_release(&s->directory);
  key_ring_release(&s->keys);
  route_secrets_release(&s->secrets);
  s->directory = directory_hold(u->directory);
  s->keys = key_ring_hold(u->keys);
  s->secrets = route_secrets_hold(u->secrets);
}

/* Reads the directory from the store again: it has changed, or a command asks (`request`, else NULL). */
static void reload(struct supervisor *s, struct control_request *request) {
  struct reason why = {"out of memory"};
  if (s->stopping) {
    if (request) control_answer(request, "error: stopping");
    return;
  }
  struct update *u = calloc(1, sizeof *u);
  if (!u || read_directory(s, &u->directory, &u->keys, &u->secrets, &why) != OK) {
    log_event(LOG_ERROR_, NULL, "cannot read the configuration from the store", "reason", why.text, NULL);
    if (request) control_answer(request, "error: cannot read the store");
    free(u);
    return;
  }
  u->supervisor = s;
  u->request = request;
  keep_current(s, u);
  if (broadcast(&s->loop, apply_directory, every_loop_applied, u) == OK) return;
  if (request) control_answer(request, "error: out of memory");
  update_free(u);
}

/* --- the suppression lists --- */

static void each_notices(struct loop *on, struct broadcast_token *t) {
  notice_suppressions(on, t, broadcast_arg(t));
}

static void all_noticed(void *arg) {
  struct supervisor *s = arg;
  if (atomic_load(&s->suppression_notice.failed)) s->suppression_generation = -1; /* again, with the next poll */
}

/* A command that was not there to the end has told nobody. */
static void poll_suppressions(struct supervisor *s) {
  int64_t now = reader_suppression_generation(s->reader);
  if (now < 0 || now == s->suppression_generation) return;
  s->suppression_generation = now;
  if (broadcast(&s->loop, each_notices, all_noticed, s) != OK) s->suppression_generation = -1;
}

/* --- shutdown --- */

static void each_drain(struct loop *on, struct broadcast_token *t) {
  struct supervisor *s = broadcast_arg(t);
  worker_drain(s->workers[on->index], t);
}

static void each_stop(struct loop *on, struct broadcast_token *t) {
  struct supervisor *s = broadcast_arg(t);
  if (on->index == 0) suppression_notice_stop(&s->suppression_notice);
  worker_stop(s->workers[on->index], t);
}

static void each_finish(struct loop *on, struct broadcast_token *t) {
  struct supervisor *s = broadcast_arg(t);
  worker_finish(s->workers[on->index], t);
}

static void finished(void *arg) {
  struct supervisor *s = arg;
  for (size_t i = 0; i < SIGNAL_COUNT; i++) uv_close((uv_handle_t *)&s->signals[i], NULL);
  uv_close((uv_handle_t *)&s->poll, NULL);
  uv_close((uv_handle_t *)&s->stop_timeout, NULL);
  control_stop(&s->control);
  loop_finish(&s->loop);
}

static void exit_at_once(const char *reason) {
  log_event(LOG_ERROR_, NULL, "shutdown is cut short", "reason", reason, NULL);
  _exit(EXIT_FAILURE);
}

static void next_step(struct supervisor *s, void (*each)(struct loop *on, struct broadcast_token *t),
                      void (*done)(void *arg)) {
  if (broadcast(&s->loop, each, done, s) != OK) exit_at_once("out of memory");
}

static void deliveries_stopped(void *arg) {
  struct supervisor *s = arg;
  store_close(&s->gateway.store);
  next_step(s, each_finish, finished);
}

static void sessions_drained(void *arg) {
  next_step(arg, each_stop, deliveries_stopped);
}

static void on_stop_timeout(uv_timer_t *timer) {
  (void)timer;
  exit_at_once("it took too long");
}

static void begin_stop(struct supervisor *s) {
  if (s->stopping) return;
  s->stopping = true;
  log_event(LOG_INFO_, NULL, "stopping", NULL);
  service_stopping();
  watchdog_stop(&s->watchdog);
  uv_timer_stop(&s->poll);
  uv_timer_start(&s->stop_timeout, on_stop_timeout, STOP_TIMEOUT_MS, 0);
  next_step(s, each_drain, sessions_drained);
}

/* --- how it is, for the service manager --- */

static void describe(const struct supervisor *s, char *out, size_t room) {
  const char *problem = certificates_problem(s->certificates);
  if (problem)
    snprintf(out, room, "accepts mail; the certificate is not renewed: %.400s", problem);
  else
    snprintf(out, room, "accepts mail as %s", s->gateway.config->hostname);
}

static void show_change(struct supervisor *s) {
  char now[sizeof s->shown];
  describe(s, now, sizeof now);
  if (strcmp(now, s->shown) == 0) return;
  memcpy(s->shown, now, sizeof now);
  service_status(s->shown);
}

static void each_is_up(struct loop *on, struct broadcast_token *t) {
  (void)on;
  broadcast_return(t);
}

static void every_loop_is_up(void *arg) {
  struct supervisor *s = arg;
  if (s->stopping) return;
  describe(s, s->shown, sizeof s->shown);
  service_ready(s->shown);
}

/* Once every loop has done what it was asked before. */
static void ready_soon(struct supervisor *s) {
  if (broadcast(&s->loop, each_is_up, every_loop_is_up, s) != OK) every_loop_is_up(s);
}

/* --- once a second --- */

/* A store that does not come back by itself: a restart may find another, or none, and says so. */
static bool store_is_over(struct supervisor *s) {
  struct store_condition now;
  store_condition(s->gateway.store, &now);
  bool over = (now.state == STORE_LOST && now.for_ms >= STORE_LOST_MS) ||
              (now.state == STORE_FAILING && now.for_ms >= STORE_FAILING_MS);
  if (over) s->over = now.why;
  return over;
}

static void on_poll(uv_timer_t *timer) {
  struct supervisor *s = timer->data;
  if (store_is_over(s)) {
    log_event(LOG_ERROR_, NULL, "the gateway cannot go on", "reason", s->over.text, NULL);
    begin_stop(s);
    return;
  }
  int64_t now = reader_generation(s->reader);
  if (now >= 0 && now != s->directory->generation) reload(s, NULL);
  poll_suppressions(s);
  certificates_poll(s->certificates, &s->loop, clock_monotonic_ms());
  show_change(s);
  descriptors_poll();
}

static void on_signal(uv_signal_t *handle, int number) {
  struct supervisor *s = handle->data;
  if (number == SIGHUP && !s->stopping) {
    service_reloading();
    certificates_reload(s->certificates, &s->loop);
    shaping_table_reload(&s->loop);
    ready_soon(s);
  } else if (number != SIGHUP)
    begin_stop(s);
}

/* --- start --- */

static size_t loop_count(const struct config *c) {
  size_t n = c->loops ? c->loops : uv_available_parallelism();
  return n < LOOPS_MAX ? n : LOOPS_MAX;
}

/* What only root may be able to do; then becomes the configured user, who reads everything else. */
static int open_privileged(struct supervisor *s, struct reason *why) {
  const struct config *c = s->gateway.config;
  int rc = listener_bind(c, s->gateway.loop_count, &s->listeners, why);
  if (rc == OK) rc = privileges_drop(c->user, why);
  return rc == OK ? certificates_load(c, &s->certificates, why) : rc;
}

static int open_data(struct supervisor *s, struct reason *why) {
  const struct config *c = s->gateway.config;
  struct store_options options = {.log_retain_us = c->log_retain_us,
                                  .log_max_size = c->log_max_size,
                                  .idempotency_window_us = c->idempotency_window_us,
                                  .disk_reserve = c->disk_reserve};
  int rc = process_lock(c->data_dir, &s->lock_fd, why);
  if (rc == OK) rc = store_open(c->data_dir, &options, &s->gateway.store, why);
  if (rc == OK) rc = reader_open(c->data_dir, &s->reader, why);
  if (rc == OK) rc = read_directory(s, &s->directory, &s->keys, &s->secrets, why);
  if (rc == OK) rc = resolver_new(c, &s->gateway.resolver, why);
  return rc;
}

static int make_limits(struct supervisor *s, struct reason *why) {
  const struct config *c = s->gateway.config;
  struct ban_rules rules = {.per_address = c->login_failures_per_address,
                            .per_account = c->login_failures_per_account,
                            .window_ms = (uint64_t)c->login_window_us / 1000,
                            .ban_ms = (uint64_t)c->ban_us / 1000};
  s->limits = session_limits_new(c->max_sessions, c->max_sessions_per_address);
  s->bans = login_bans_new(&rules);
  s->expected = expected_new();
  return s->limits && s->bans && s->expected ? OK : fail(why, E_MEMORY, "out of memory");
}

static bool recall_site(void *arg, const struct site_note *n) {
  delivery_recall_site(arg, n);
  return true;
}

static bool recall_learning(void *arg, const struct site_learning_note *n) {
  delivery_recall_learning(arg, n);
  return true;
}

static void recall_warmup(void *arg, const struct warmup_note *n) {
  delivery_recall_warmup(arg, n);
}

static bool recall_policy(void *arg, const struct sts_note *n) {
  delivery_recall_policy(arg, n);
  return true;
}

static int make_dispatcher(struct supervisor *s, struct reason *why) {
  struct gateway *g = &s->gateway;
  int rc = dispatcher_new(g, &g->dispatcher, why);
  if (rc == OK && reader_sts_notes(s->reader, DELIVERY_POLICIES_MAX, recall_policy, g) != OK)
    log_event(LOG_WARN_, NULL, "MTA-STS policies cannot be read; they are fetched again", NULL);
  if (rc == OK && reader_warmup_notes(s->reader, recall_warmup, g) != OK)
    log_event(LOG_WARN_, NULL, "how far sources have warmed up cannot be read; they begin again", NULL);
  return rc;
}

static int make_workers(struct supervisor *s, struct reason *why) {
  struct gateway *g = &s->gateway;
  g->loops = s->loops;
  struct shared_state with = {.directory = s->directory,
                              .keys = s->keys,
                              .secrets = s->secrets,
                              .tls = certificates_current(s->certificates),
                              .submission = {s->limits, s->bans, s->expected}};
  struct shaping *shaping;
  int rc = shaping_table_load(g->config, &shaping, why);
  for (size_t i = 0; rc == OK && i < g->loop_count; i++) {
    rc = worker_new(g, i, &with, &s->workers[i], why);
    if (s->workers[i]) s->loops[i] = worker_loop(s->workers[i]);
    if (rc == OK) delivery_set_shaping(s->loops[i]->delivery, shaping);
  }
  shaping_release(&shaping);
  if (rc != OK) return rc;
  if (reader_site_notes(s->reader, SITE_NOTES_MOST, recall_site, g) != OK)
    log_event(LOG_WARN_, NULL, "what sites bore cannot be read; it is found out again", NULL);
  if (reader_site_learning(s->reader, NULL, SITE_NOTES_MOST, recall_learning, g) != OK)
    log_event(LOG_WARN_, NULL, "what was learnt of sites cannot be read; it is learnt again", NULL);
  return make_dispatcher(s, why);
}

static void on_control_reload(void *arg, struct control_request *r) {
  reload(arg, r);
}

static void on_control_status(void *arg, struct control_request *r) {
  struct supervisor *s = arg;
  status_ask(&s->loop, s->bans, s->certificates, s->directory, s->started_us, r);
}

static void on_control_attempts(void *arg, struct control_request *r) {
  attempts_ask(&((struct supervisor *)arg)->loop, r);
}

static void on_control_lanes(void *arg, struct control_request *r) {
  lanes_ask(&((struct supervisor *)arg)->loop, r);
}

static void on_control_sites(void *arg, struct control_request *r) {
  sites_ask(&((struct supervisor *)arg)->loop, r);
}

static void on_control_learnt(void *arg, const char *site, struct control_request *r) {
  site_learning_ask(&((struct supervisor *)arg)->loop, site, r);
}

static void on_control_forget_site(void *arg, const char *site, struct control_request *r) {
  site_forget_ask(&((struct supervisor *)arg)->loop, site, r);
}

static void on_control_resume_site(void *arg, const char *site, struct control_request *r) {
  site_resume_ask(&((struct supervisor *)arg)->loop, site, r);
}

static void on_control_tls_reports(void *arg, const char *text, struct control_request *r) {
  struct supervisor *s = arg;
  int64_t day;
  if (s->stopping)
    control_answer(r, "error: stopping");
  else if (!s->gateway.config->tls_report_from)
    control_answer(r, "error: no TLS reports are sent; say from whom, in the configuration: tls_reports { from }");
  else if (tls_day_parse(text, &day) != OK || day >= tls_day(clock_now_us()))
    control_answer(r, "error: the day is not over");
  else
    control_answer(r, worker_send_tls_reports(s->workers[0], day) == OK ? "ok" : "error: out of memory");
}

static void on_control_unban(void *arg, const char *what, struct control_request *r) {
  struct supervisor *s = arg;
  char answer[32];
  size_t lifted = login_bans_lift(s->bans, *what ? what : NULL);
  if (lifted) log_event(LOG_INFO_, NULL, "unbanned", "what", *what ? what : "all", NULL);
  snprintf(answer, sizeof answer, "ok %zu", lifted);
  control_answer(r, answer);
}

static void on_control_expect(void *arg, const char *what, struct control_request *r) {
  struct supervisor *s = arg;
  expect_ask(s->expected, s->directory, what, r);
}

static int start_supervisor(struct supervisor *s, struct reason *why) {
  static const int numbers[SIGNAL_COUNT] = {SIGTERM, SIGINT, SIGHUP};
  struct control_calls calls = {.reload = on_control_reload,
                                .status = on_control_status,
                                .attempts = on_control_attempts,
                                .lanes = on_control_lanes,
                                .sites = on_control_sites,
                                .learnt = on_control_learnt,
                                .forget_site = on_control_forget_site,
                                .resume_site = on_control_resume_site,
                                .tls_reports = on_control_tls_reports,
                                .unban = on_control_unban,
                                .expect = on_control_expect,
                                .arg = s};
  for (size_t i = 0; i < SIGNAL_COUNT; i++) {
    uv_signal_init(&s->loop.uv, &s->signals[i]);
    s->signals[i].data = s;
    uv_signal_start(&s->signals[i], on_signal, numbers[i]);
  }
  uv_timer_init(&s->loop.uv, &s->poll);
  uv_timer_init(&s->loop.uv, &s->stop_timeout);
  s->poll.data = s->stop_timeout.data = s;
  uv_timer_start(&s->poll, on_poll, POLL_MS, POLL_MS);
  return control_start(&s->loop, s->gateway.config->data_dir, &calls, &s->control, why);
}

static int run(struct supervisor *s, struct reason *why) {
  struct gateway *g = &s->gateway;
  int rc = start_supervisor(s, why);
  for (size_t i = 0; rc == OK && i < g->loop_count; i++) rc = worker_run(s->workers[i], s->listeners, why);
  if (rc != OK) { /* threads may be running; what they have accepted is committed */
    fprintf(stderr, "sendoff: %s\n", why->text);
    _exit(EXIT_FAILURE);
  }
  s->running = true;
  s->started_us = clock_now_us();
  log_event(LOG_INFO_, NULL, "ready", "hostname", g->config->hostname, "version", SENDOFF_VERSION, NULL);
  ready_soon(s);
  watchdog_start(&s->watchdog, &s->loop);
  loop_run(&s->loop);
  return s->over.text[0] ? fail(why, E_IO, "ended, because the store cannot go on: %.400s", s->over.text) : OK;
}

static void free_all(struct supervisor *s) {
  struct gateway *g = &s->gateway;
  if (g->store) store_close(&g->store);
  if (g->dispatcher) dispatcher_free(&g->dispatcher); /* the loops never ran; else loops[0] has freed it */
  for (size_t i = 0; i < g->loop_count; i++) worker_free(&s->workers[i]);
  if (g->resolver) resolver_free(&g->resolver);
  login_bans_free(&s->bans);
  expected_free(&s->expected);
  session_limits_free(&s->limits);
  listener_free(&s->listeners);
  certificates_free(&s->certificates);
  directory_release(&s->directory);
  key_ring_release(&s->keys);
  route_secrets_release(&s->secrets);
  if (s->reader) reader_close(&s->reader);
  if (s->running) loop_free(&s->loop);
  if (s->lock_fd >= 0) close(s->lock_fd);
  https_teardown();
  sasl_teardown();
  free(s);
}

/* Without a port to the store, to which it posts nothing: loop_init makes none for a gateway without a store. */
static int init_loop(struct supervisor *s, struct reason *why) {
  struct gateway without_store = s->gateway;
  without_store.store = NULL;
  int rc = loop_init(&s->loop, &without_store, s->gateway.loop_count, why);
  s->loop.gateway = &s->gateway;
  return rc;
}

int daemon_run(const struct config *config, struct reason *why) {
  struct supervisor *s = calloc(1, sizeof *s);
  if (!s) return fail(why, E_MEMORY, "out of memory");
  s->lock_fd = -1;
  s->gateway.config = config;
  s->gateway.loop_count = loop_count(config);
  process_set_up(s->gateway.loop_count);
  key_memory_open();
  process_check_files(config->max_sessions);
  int rc = sasl_setup() == OK ? OK : fail(why, E_MEMORY, "the SASL library cannot be set up");
  if (rc == OK && https_setup() != OK) rc = fail(why, E_MEMORY, "libcurl cannot be set up");
  if (rc == OK) rc = open_privileged(s, why);
  if (rc == OK) rc = open_data(s, why);
  if (rc == OK) rc = make_limits(s, why);
  if (rc == OK) rc = make_workers(s, why);
  if (rc == OK) rc = init_loop(s, why);
  if (rc == OK) rc = run(s, why);
  free_all(s);
  return rc;
}
