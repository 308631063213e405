#include "relay/daemon/certificates.h"

#include "base/log.h"
#include "relay/net/broadcast.h"
#include "relay/net/tls.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Which file it is, and in what state; links are followed, as certificates are often renewed by changing one. */
struct stamp {
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec modified;
};

struct certificates {
  const struct config *config;
  struct tls_server *tls;
  struct stamp *read, *seen, *now; /* of each certificate and key: as loaded, at the last look, at this one */
};

static size_t stamp_count(const struct certificates *c) {
  return 2 * c->config->certificate_count;
}

static void take_stamp(const char *path, struct stamp *out) {
  struct stat st;
  memset(out, 0, sizeof *out);
  if (stat(path, &st) != 0) return; /* no file is a state, too */
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

/* Stamped before they are read: a change in between is found at the next look. */
static int load(struct certificates *c, struct tls_server **out, struct reason *why) {
  take_stamps(c, c->read);
  memcpy(c->seen, c->read, stamp_count(c) * sizeof *c->seen);
  return tls_server_load(c->config->certificates, c->config->certificate_count, out, why);
}

int certificates_load(const struct config *config, struct certificates **out, struct reason *why) {
  struct certificates *c = *out = calloc(1, sizeof *c);
  if (!c) return fail(why, E_MEMORY, "out of memory");
  c->config = config;
  if (!config->certificate_count) return OK;
  c->read = calloc(3 * stamp_count(c), sizeof *c->read);
  if (!c->read) {
    certificates_free(out);
    return fail(why, E_MEMORY, "out of memory");
  }
  c->seen = c->read + stamp_count(c);
  c->now = c->seen + stamp_count(c);
  int rc = load(c, &c->tls, why);
  if (rc != OK) certificates_free(out);
  return rc;
}

void certificates_free(struct certificates **at) {
  struct certificates *c = *at;
  *at = NULL;
  if (!c) return;
  tls_server_release(&c->tls);
  free(c->read);
  free(c);
}

struct tls_server *certificates_current(const struct certificates *c) {
  return c->tls;
}

/* --- again --- */

static void apply(struct loop *on, struct broadcast_token *t) {
  tls_server_release(&on->tls);
  on->tls = tls_server_hold(broadcast_arg(t));
  broadcast_return(t);
}

static void applied(void *arg) {
  struct tls_server *fresh = arg;
  log_event(LOG_INFO_, NULL, "certificate reloaded", NULL);
  tls_server_release(&fresh);
}

void certificates_reload(struct certificates *c, struct loop *supervisor) {
  struct reason why;
  struct tls_server *fresh = NULL;
  if (!c->config->certificate_count) return;
  if (load(c, &fresh, &why) != OK) {
    log_event(LOG_ERROR_, NULL, "the certificate was not reloaded; the old one stays", "reason", why.text, NULL);
    return;
  }
  if (broadcast(supervisor, apply, applied, tls_server_hold(fresh)) == OK) {
    tls_server_release(&c->tls);
    c->tls = fresh;
    return;
  }
  log_event(LOG_ERROR_, NULL, "the certificate was not reloaded; the old one stays", "reason", "out of memory", NULL);
  memset(c->read, 0, stamp_count(c) * sizeof *c->read); /* the next looks try again */
  tls_server_release(&(struct tls_server *){fresh});
  tls_server_release(&fresh);
}

void certificates_look(struct certificates *c, struct loop *supervisor) {
  if (!c->config->certificate_count) return;
  take_stamps(c, c->now);
  if (same(c, c->now, c->read)) return;
  bool settled = same(c, c->now, c->seen);
  memcpy(c->seen, c->now, stamp_count(c) * sizeof *c->seen);
  if (settled) certificates_reload(c, supervisor);
}
