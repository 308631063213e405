#include "relay/daemon/certificates.h"

#include "base/log.h"
#include "relay/net/broadcast.h"
#include "relay/net/tls.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Which file it is, and in what state. Of a symbolic link, the file that it leads to: ACME clients renew a certificate
 * by changing the link. */
struct stamp {
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec modified;
};

struct certificates {
  const struct config *config;
  struct tls_server *tls; /* owns one reference; each loop has its own */
  /* of each certificate and key, one allocation: when they were loaded, at the poll before, at this one */
  struct stamp *loaded, *last_poll, *now;
};

static size_t stamp_count(const struct certificates *c) {
  return 2 * c->config->certificate_count;
}

static void take_stamp(const char *path, struct stamp *out) {
  struct stat st;
  memset(out, 0, sizeof *out);
  if (stat(path, &st) != 0) return; /* a missing file is a state, too */
  out->device = st.st_dev;
  out->inode = st.st_ino;
  out->size = st.st_size;
  out->modified = st.st_mtim;
}

static void take_stamps(const struct certificates *c, struct stamp *out) {
  for (size_t i = 0; i < c->config->certificate_count; i++) {
    take_stamp(c->config->certificates[i].certificate, &out[2 * i]);
    take_stamp(c->config->certificates[i].key, &out[2 * i + 1]);
  }
}

static bool same(const struct certificates *c, const struct stamp *a, const struct stamp *b) {
  return memcmp(a, b, stamp_count(c) * sizeof *a) == 0;
}

/* Stamped before they are read: the next poll finds a change in between. `*out` is the caller's reference. */
static int load(struct certificates *c, struct tls_server **out, struct reason *why) {
  take_stamps(c, c->loaded);
  memcpy(c->last_poll, c->loaded, stamp_count(c) * sizeof *c->last_poll);
  return tls_server_load(c->config->certificates, c->config->certificate_count, out, why);
}

int certificates_load(const struct config *config, struct certificates **out, struct reason *why) {
  struct certificates *c = *out = calloc(1, sizeof *c);
  if (!c) return fail(why, E_MEMORY, "out of memory");
  c->config = config;
  if (!config->certificate_count) return OK;
  c->loaded = calloc(3 * stamp_count(c), sizeof *c->loaded);
  if (!c->loaded) {
    certificates_free(out);
    return fail(why, E_MEMORY, "out of memory");
  }
  c->last_poll = c->loaded + stamp_count(c);
  c->now = c->last_poll + stamp_count(c);
  int rc = load(c, &c->tls, why);
  if (rc != OK) certificates_free(out);
  return rc;
}

void certificates_free(struct certificates **at) {
  struct certificates *c = *at;
  *at = NULL;
  if (!c) return;
  tls_server_release(&c->tls);
  free(c->loaded);
  free(c);
}

struct tls_server *certificates_current(const struct certificates *c) {
  return c->tls;
}

/* --- reload --- */

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
  int rc = load(c, out, why);
  if (rc != OK) return rc;
  rc = distribute(*out, supervisor);
  if (rc == OK) return OK;
  tls_server_release(out);
  memset(c->loaded, 0, stamp_count(c) * sizeof *c->loaded); /* differs from every file: the next polls try again */
  return fail(why, rc, "%s", result_text(rc));
}

void certificates_reload(struct certificates *c, struct loop *supervisor) {
  struct reason why;
  struct tls_server *fresh = NULL;
  if (!c->config->certificate_count) return;
  if (load_and_distribute(c, supervisor, &fresh, &why) != OK) {
    log_event(LOG_ERROR_, NULL, "the certificate was not reloaded; the old one stays", "reason", why.text, NULL);
    return;
  }
  tls_server_release(&c->tls);
  c->tls = fresh;
}

void certificates_poll(struct certificates *c, struct loop *supervisor) {
  if (!c->config->certificate_count) return;
  take_stamps(c, c->now);
  if (same(c, c->now, c->loaded)) return;
  bool settled = same(c, c->now, c->last_poll);
  memcpy(c->last_poll, c->now, stamp_count(c) * sizeof *c->last_poll);
  if (settled) certificates_reload(c, supervisor);
}
