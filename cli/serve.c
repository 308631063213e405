#include "cli/command.h"
#include "relay/daemon/daemon.h"

#include <stdlib.h>
#include <string.h>

static enum exit_status serve(struct cli *c) {
  struct reason why = {""};
  if (cli_config(c) != EXIT_DONE) return EXIT_NO;
  const char *level = cli_option(c, "log-level");
  enum log_level least = !level || strcmp(level, "info") == 0 ? LOG_INFO_
                         : strcmp(level, "debug") == 0        ? LOG_DEBUG_
                         : strcmp(level, "warn") == 0         ? LOG_WARN_
                         : strcmp(level, "error") == 0        ? LOG_ERROR_
                                                              : (enum log_level) - 1;
  if ((int)least < 0) return cli_fail(EXIT_USAGE, "--log-level is debug, info, warn or error");
  log_setup(least, c->config->log_format);
  int rc = daemon_run(c->config, &why);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

const struct verb serve_verbs[] = {
    {"serve", NULL, "[--log-level debug|info|warn|error]",
     "Runs the gateway in the foreground. SIGTERM ends it in order, SIGHUP reads the certificates again, "
     "also from paths that have changed.",
     "sendoff serve", 0, 0, serve},
    {0}};
