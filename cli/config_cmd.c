#include "cli/command.h"
#include "cli/output.h"
#include "relay/net/tls.h"

#include <pwd.h>
#include <stdio.h>

static enum exit_status check_trust(const char *file) {
  struct reason why = {""};
  struct tls_client *tls = NULL;
  int rc = tls_client_new(&tls);
  if (rc == OK) rc = tls_client_trust(tls, file, &why);
  if (tls) tls_client_free(&tls);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

/* What the file names and `sendoff serve` will need. */
static enum exit_status check_named(const struct config *c) {
  struct reason why = {""};
  struct tls_server *tls = NULL;
  if (c->user && !getpwnam(c->user))
    return cli_fail(EXIT_NO, "%s: user %s is not on this machine; make it: adduser --system --group %s", c->path,
                    c->user, c->user);
  if (c->certificate_count) {
    int rc = tls_server_load(c->certificates, c->certificate_count, &tls, &why);
    if (rc != OK) return cli_failed(rc, &why);
    tls_server_release(&tls);
  }
  return c->trust ? check_trust(c->trust) : EXIT_DONE;
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

const struct verb config_verbs[] = {
    {"config", "check", "", "",
     "Reads the configuration file and what it names, and says what is wrong, with file and line.",
     "sendoff config check --config /etc/sendoff/sendoff.conf", 0, 0, check},
    {0}};
