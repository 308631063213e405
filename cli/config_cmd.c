#include "cli/command.h"
#include "cli/output.h"

#include <stdio.h>

static enum exit_status check(struct cli *c) {
  if (cli_config(c) != EXIT_DONE) return EXIT_NO;
  if (c->json)
    print_json(json_pack("{s:s, s:s, s:b}", "file", c->config->path, "hostname", c->config->hostname, "ok", 1));
  else
    printf("%s is fine: %s, %zu listener%s, data in %s\n", c->config->path, c->config->hostname,
           c->config->listen_count, c->config->listen_count == 1 ? "" : "s", c->config->data_dir);
  return EXIT_DONE;
}

const struct verb config_verbs[] = {{"config", "check", "", "",
                                     "Reads the configuration file and says what is wrong with it, with file and line.",
                                     "sendoff config check --config /etc/sendoff/sendoff.conf", 0, 0, check},
                                    {0}};
