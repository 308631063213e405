#include "cli/command.h"
#include "cli/output/output.h"
#include "relay/daemon/privileges.h"
#include "relay/daemon/shaping_file.h"
#include "relay/domain/dns_update.h"
#include "relay/net/tls.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static enum exit_status check_trust(const char *file) {
  struct reason why = {""};
  struct tls_client *tls = NULL;
  int rc = tls_client_new(&tls);
  if (rc == OK) rc = tls_client_trust(tls, file, &why);
  if (tls) tls_client_free(&tls);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

/* Everything is looked at as the user who will serve, where that is possible. */
static enum exit_status become_user(const struct config *c) {
  struct reason why = {""};
  if (!privileges_serves(c->user, c->data_dir)) {
    const char *user = c->user ? c->user : "the user that the gateway runs as";
    cli_warn("whether %s may read the certificates, only root or %s can check", user, c->user ? user : "that user");
  }
  if (!c->user) return EXIT_DONE;
  const struct passwd *p = getpwnam(c->user);
  if (!p)
    return cli_fail(EXIT_NO, "%s: user %s is not on this machine; make it: adduser --system --group %s", c->path,
                    c->user, c->user);
  if (geteuid() != 0) return EXIT_DONE;
  int rc = privileges_drop(c->user, &why);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

static enum exit_status check_shaping(const char *file) {
  struct reason why;
  struct shaping *shaping = NULL;
  int rc = shaping_load(file, &shaping, &why);
  shaping_release(&shaping);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

static void warn_of_end(const struct tls_certificate *c) {
  int64_t now_us = clock_now_us(), left_us = c->facts.expires_us - now_us;
  char left[40];
  clock_format_span(left_us < 0 ? -left_us : left_us, left, sizeof left);
  switch (certificate_life(&c->facts, now_us)) {
  case CERTIFICATE_GOOD: break;
  case CERTIFICATE_SOON: cli_warn("%s expires in %s", c->file, left); break;
  case CERTIFICATE_OVER: cli_warn("%s has expired, %s ago; clients refuse it", c->file, left); break;
  }
}

static enum exit_status check_certificates(const struct config *c) {
  struct reason why = {""};
  struct tls_server *tls = NULL;
  size_t count;
  int rc = tls_server_load(c->certificates, c->certificate_count, &tls, &why);
  if (rc == E_DENIED && !privileges_serves(c->user, c->data_dir)) return EXIT_DONE; /* which is said */
  if (rc != OK) return cli_failed(rc, &why);
  const struct tls_certificate *all = tls_server_certificates(tls, &count);
  for (size_t i = 0; i < count; i++) warn_of_end(&all[i]);
  tls_server_release(&tls);
  return EXIT_DONE;
}

static enum exit_status check_publishing(const struct config *c) {
  struct reason why = {""};
  for (size_t i = 0; i < c->dns_update_count; i++) {
    int rc = dns_update_check(&c->dns_updates[i], &why);
    if (rc != OK) return cli_failed(rc, &why);
  }
  if (c->dns_hook && access(c->dns_hook, X_OK) != 0)
    return cli_fail(EXIT_NO, "%s: dns_hook %s cannot be run: %s", c->path, c->dns_hook, strerror(errno));
  return EXIT_DONE;
}

/* What the file names and `sendoff serve` will need. */
static enum exit_status check_named(const struct config *c) {
  enum exit_status s = become_user(c);
  if (s == EXIT_DONE && c->certificate_count) s = check_certificates(c);
  if (s == EXIT_DONE) s = check_shaping(c->shaping);
  if (s == EXIT_DONE && c->trust) s = check_trust(c->trust);
  if (s == EXIT_DONE) s = check_publishing(c);
  return s == EXIT_DONE && c->https_trust ? check_trust(c->https_trust) : s;
}

static enum exit_status check(struct cli *c) {
  if (cli_config(c) != EXIT_DONE || check_named(c->config) != EXIT_DONE) return EXIT_NO;
  const struct config *k = c->config;
  if (c->json)
    print_json(json_pack("{s:o, s:o, s:o, s:b}", "file", json_text(k->path), "hostname", json_text(k->hostname),
                         "data_dir", json_text(k->data_dir), "ok", 1));
  else
    printf("%s is fine: %s, %zu listener%s, data in %s\n", k->path, k->hostname, k->listen_count,
           k->listen_count == 1 ? "" : "s", k->data_dir);
  return EXIT_DONE;
}

const struct verb config_verbs[] = {{"config", "check", "",
                                     "Reads the configuration file and what it names, as the user that will serve, and "
                                     "says what is wrong, with file and "
                                     "line.",
                                     "sendoff config check --config /etc/sendoff/sendoff.conf", 0, 0, check},
                                    {0}};
