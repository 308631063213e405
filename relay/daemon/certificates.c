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
  struct stamp *read, *seen, *now; /* of each certificate and key: as loaded, at the last poll, at this one */
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

/* Stamped before they are read: a change in between is found at the next poll. */
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

/* Every loop gets it. On failure it is the caller's alone, as before. */
static int hand_to_loops(struct loop *supervisor, struct tls_server *fresh) {
  struct tls_server *held = tls_server_hold(fresh); /* `applied` releases it */
  int rc = broadcast(supervisor, apply, applied, held);
  if (rc != OK) tls_server_release(&held);
  return rc;
}

static int replace(struct certificates *c, struct loop *supervisor, struct reason *why) {
  struct tls_server *fresh = NULL;
  int rc = load(c, &fresh, why);
  if (rc != OK) return rc;
  if (hand_to_loops(supervisor, fresh) != OK) {
    memset(c->read, 0, stamp_count(c) * sizeof *c->read); /* the next polls try again */
    tls_server_release(&fresh);
    return fail(why, E_MEMORY, "out of memory");
  }
  tls_server_release(&c->tls);
  c->tls = fresh;
  return OK;
}

void certificates_reload(struct certificates *c, struct loop *supervisor) {
  struct reason why;
  if (!c->config->certificate_count || replace(c, supervisor, &why) == OK) return;
  log_event(LOG_ERROR_, NULL, "the certificate was not reloaded; the old one stays", "reason", why.text, NULL);
}

void certificates_poll(struct certificates *c, struct loop *supervisor) {
  if (!c->config->certificate_count) return;
  take_stamps(c, c->now);
  if (same(c, c->now, c->read)) return;
  bool settled = same(c, c->now, c->seen);
  memcpy(c->seen, c->now, stamp_count(c) * sizeof *c->seen);
  if (settled) certificates_reload(c, supervisor);
}
