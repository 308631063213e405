/* What the configuration names, read as the user that serves: in a child process, since nobody becomes root again. */
#include "base/clock.h"
#include "cli/doctor/gather.h"
#include "relay/daemon/privileges.h"
#include "relay/daemon/shaping_file.h"
#include "relay/domain/dns_update.h"
#include "relay/net/tls.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* One write each, which a pipe does not tear. */
static void tell(int fd, const struct named_file *n) {
  if (write(fd, n, sizeof *n) != (ssize_t)sizeof *n) _exit(EXIT_FAILURE);
}

static void tell_certificate(int fd, const struct tls_files *files, const char *hostname) {
  struct named_file n = {.kind = NAMED_CERTIFICATE};
  struct tls_server *tls = NULL;
  size_t count;
  snprintf(n.path, sizeof n.path, "%s", files->certificate);
  n.rc = tls_server_load(files, 1, &tls, &n.why);
  if (n.rc == OK) {
    n.facts = tls_server_certificates(tls, &count)[0].facts;
    n.for_hostname = certificate_file_is_for(files->certificate, hostname);
    tls_server_release(&tls);
  }
  tell(fd, &n);
}

static void tell_trust(int fd, const char *file) {
  struct named_file n = {.kind = NAMED_TRUST};
  struct tls_client *tls = NULL;
  if (!file) return;
  n.rc = tls_client_new(&tls);
  if (n.rc == OK) n.rc = tls_client_trust(tls, file, &n.why);
  if (tls) tls_client_free(&tls);
  tell(fd, &n);
}

static void tell_publishing(int fd, const struct config *c) {
  for (size_t i = 0; i < c->dns_update_count; i++) {
    struct named_file n = {.kind = NAMED_DNS_UPDATE};
    n.rc = dns_update_check(&c->dns_updates[i], &n.why);
    tell(fd, &n);
  }
  struct named_file n = {.kind = NAMED_DNS_HOOK};
  if (!c->dns_hook) return;
  if (access(c->dns_hook, X_OK) != 0)
    n.rc = fail(&n.why, E_IO, "dns_hook %s cannot be run: %s", c->dns_hook, strerror(errno));
  tell(fd, &n);
}

static void tell_all(int fd, const struct config *c) {
  struct named_file shaping = {.kind = NAMED_SHAPING};
  struct shaping *table = NULL;
  for (size_t i = 0; i < c->certificate_count; i++) tell_certificate(fd, &c->certificates[i], c->hostname);
  shaping.rc = shaping_load(c->shaping, &table, &shaping.why);
  shaping_release(&table);
  tell(fd, &shaping);
  tell_trust(fd, c->trust);
  tell_trust(fd, c->https_trust);
  tell_publishing(fd, c);
}

/* Whether it can be that user from here on; if it is not on this machine, that is told. */
static bool become_user(int fd, const struct config *c) {
  struct named_file n = {.kind = NAMED_USER};
  const struct passwd *p = c->user ? getpwnam(c->user) : NULL;
  if (!c->user) return true;
  if (p && geteuid() != 0) return geteuid() == p->pw_uid;
  n.rc = privileges_drop(c->user, &n.why);
  tell(fd, &n);
  return n.rc == OK;
}

static void read_told(struct gathering *g, int fd) {
  struct named_file n, *list = calloc(NAMED_MAX, sizeof *list);
  struct doctor_facts *d = g->facts;
  d->named = list;
  while (list && d->named_count < NAMED_MAX && read(fd, &n, sizeof n) == (ssize_t)sizeof n) list[d->named_count++] = n;
}

void gather_named(struct gathering *g) {
  const struct config *c = g->facts->config;
  int ends[2];
  if (!c || pipe(ends) != 0) return;
  g->facts->as_service_user = privileges_serves(c->user, c->data_dir);
  pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    become_user(ends[1], c);
    tell_all(ends[1], c);
    _exit(EXIT_SUCCESS);
  }
  close(ends[1]);
  if (child > 0) read_told(g, ends[0]);
  close(ends[0]); /* before it is waited for: it may have more to tell than there is room for */
  if (child > 0) waitpid(child, NULL, 0);
}
