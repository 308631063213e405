#include "relay/daemon/certificates.h"

#include "base/log.h"
#include "relay/daemon/certificate_files.h"
#include "relay/daemon/config.h"
#include "relay/net/broadcast.h"

#include <stdlib.h>
#include <string.h>

#define PROBLEM_EVERY_MS UINT64_C(3600000)
#define EXPIRY_EVERY_MS UINT64_C(86400000)

struct certificates {
  char *config_path;
  struct certificate_files *files; /* as the configuration has them now */
  struct tls_server *tls;          /* owns one reference; each loop has its own */
  struct reason problem;           /* with the files; "": none */
  struct reason paths_problem;     /* with the configuration that names them; so, too */
  uint64_t problem_ms, expiry_ms;  /* when each is logged next */
};

int certificates_load(const struct config *config, struct certificates **out, struct reason *why) {
  struct certificates *c = *out = calloc(1, sizeof *c);
  if (!c) return fail(why, E_MEMORY, "out of memory");
  c->config_path = config->path ? strdup(config->path) : NULL;
  c->files = certificate_files_new(config->certificates, config->certificate_count);
  int rc = c->files ? OK : fail(why, E_MEMORY, "out of memory");
  if (rc == OK) rc = certificate_files_load(c->files, &c->tls, why);
  if (rc != OK) certificates_free(out);
  return rc;
}

void certificates_free(struct certificates **at) {
  struct certificates *c = *at;
  *at = NULL;
  if (!c) return;
  tls_server_release(&c->tls);
  certificate_files_free(&c->files);
  free(c->config_path);
  free(c);
}

struct tls_server *certificates_current(const struct certificates *c) {
  return c->tls;
}

const char *certificates_problem(const struct certificates *c) {
  return *c->problem.text ? c->problem.text : *c->paths_problem.text ? c->paths_problem.text : NULL;
}

/* --- to every loop --- */

static void take_server(struct loop *on, struct broadcast_token *t) {
  tls_server_release(&on->tls);
  on->tls = tls_server_hold(broadcast_arg(t));
  broadcast_return(t);
}

static void every_loop_took_it(void *arg) {
  struct tls_server *held = arg;
  log_event(LOG_INFO_, NULL, "certificate reloaded", NULL);
  tls_server_release(&held);
}

/* The broadcast holds a reference of its own until every loop has one: `c` may reload again, and release, before. */
static int distribute(struct tls_server *tls, struct loop *supervisor) {
  struct tls_server *held = tls_server_hold(tls);
  int rc = broadcast(supervisor, take_server, every_loop_took_it, held);
  if (rc != OK) tls_server_release(&held);
  return rc;
}

/* `*out` is the caller's reference; NULL on failure. */
static int load_and_distribute(struct certificates *c, struct loop *supervisor, struct tls_server **out,
                               struct reason *why) {
  int rc = certificate_files_load(c->files, out, why);
  if (rc != OK) return rc;
  rc = distribute(*out, supervisor);
  if (rc == OK) return OK;
  tls_server_release(out);
  certificate_files_distrust(c->files); /* the next polls try again */
  return fail(why, rc, "%s", result_text(rc));
}

/* --- what is logged --- */

/* The one in use that ends first; NULL: there is none. */
static const struct tls_certificate *first_to_end(const struct certificates *c) {
  size_t count = 0;
  const struct tls_certificate *all = c->tls ? tls_server_certificates(c->tls, &count) : NULL, *first = NULL;
  for (size_t i = 0; i < count; i++)
    if (!first || all[i].facts.expires_us < first->facts.expires_us) first = &all[i];
  return first;
}

static void log_certificate(enum log_level level, const char *event, const char *reason,
                            const struct tls_certificate *t) {
  struct log_line l;
  char expires[40];
  log_begin(&l, level, NULL, event);
  if (reason) log_str(&l, "reason", reason);
  if (t) {
    clock_format_iso(t->facts.expires_us, expires, sizeof expires);
    log_str(&l, "in_use", t->file);
    log_str(&l, "expires", expires);
  }
  log_end(&l);
}

/* `problem` is set: the gateway goes on with what it has. */
static void log_problem(struct certificates *c) {
  log_certificate(LOG_ERROR_, "the certificate was not reloaded; the old one stays", c->problem.text, first_to_end(c));
}

static void log_expiry(const struct certificates *c) {
  size_t count = 0;
  const struct tls_certificate *all = c->tls ? tls_server_certificates(c->tls, &count) : NULL;
  int64_t now = clock_now_us();
  for (size_t i = 0; i < count; i++) switch (certificate_life(&all[i].facts, now)) {
    case CERTIFICATE_GOOD: break;
    case CERTIFICATE_SOON: log_certificate(LOG_WARN_, "certificate expires soon", NULL, &all[i]); break;
    case CERTIFICATE_OVER: log_certificate(LOG_ERROR_, "certificate has expired", NULL, &all[i]); break;
    }
}

/* --- reload --- */

static void load_again(struct certificates *c, struct loop *supervisor) {
  struct tls_server *fresh = NULL;
  struct reason why;
  if (load_and_distribute(c, supervisor, &fresh, &why) != OK) {
    c->problem = why;
    c->problem_ms = 0; /* the poll says when */
    log_problem(c);
    return;
  }
  tls_server_release(&c->tls);
  c->tls = fresh;
  c->problem.text[0] = '\0';
  c->expiry_ms = 0;
}

/* The paths that the configuration has now, in place of those that it had. */
static void read_paths(struct certificates *c) {
  struct config *config;
  struct reason why;
  int rc = config_load(c->config_path, &config, &why);
  struct certificate_files *files = NULL;
  if (rc == OK && !config->certificate_count && c->tls) rc = fail(&why, E_DENIED, "to do without TLS takes a restart");
  if (rc == OK && !certificate_files_are(c->files, config->certificates, config->certificate_count)) {
    files = certificate_files_new(config->certificates, config->certificate_count);
    if (!files) rc = fail(&why, E_MEMORY, "out of memory");
  }
  c->paths_problem.text[0] = '\0';
  if (rc != OK) {
    c->paths_problem = why;
    c->problem_ms = 0;
    log_event(LOG_ERROR_, NULL, "the certificates' paths were not read again", "reason", why.text, NULL);
  }
  config_free(&config);
  if (!files) return;
  certificate_files_free(&c->files);
  c->files = files;
}

void certificates_reload(struct certificates *c, struct loop *supervisor) {
  if (c->config_path) read_paths(c);
  if (certificate_files_any(c->files)) load_again(c, supervisor);
}

void certificates_poll(struct certificates *c, struct loop *supervisor, uint64_t now_ms) {
  if (!certificate_files_any(c->files)) return;
  bool due = certificates_problem(c) && c->problem_ms && now_ms >= c->problem_ms;
  if (certificate_files_changed(c->files) || due) certificates_reload(c, supervisor);
  if (!c->problem_ms) c->problem_ms = now_ms + PROBLEM_EVERY_MS;
  if (now_ms < c->expiry_ms) return;
  c->expiry_ms = now_ms + EXPIRY_EVERY_MS;
  log_expiry(c);
}
