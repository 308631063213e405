#include "cli/log/log_compact.h"

#include "base/text/quantity.h"
#include "cli/output/output.h"
#include "relay/daemon/process.h"

#include <stdio.h>
#include <unistd.h>

static void print(const struct cli *c, uint64_t before, uint64_t after) {
  char from[40], to[40];
  size_format(before, from, sizeof from);
  size_format(after, to, sizeof to);
  if (c->json)
    print_json(json_pack("{s:I, s:I}", "before", (json_int_t)before, "after", (json_int_t)after));
  else
    printf("the store's file: %s before, %s now\n", from, to);
}

/* No gateway may be there: the file is written anew, and mail would have to wait for all of that. */
enum exit_status log_compact(struct cli *c) {
  struct admin *a;
  struct reason why = {""};
  uint64_t before = 0, after = 0;
  int fd = -1;
  if (cli_config(c) != EXIT_DONE) return EXIT_NO;
  if (process_lock(c->config->data_dir, &fd, &why) != OK)
    return cli_fail(EXIT_NO, "stop the gateway first (%s)", why.text);
  enum exit_status s = cli_admin(c, &a);
  if (s == EXIT_DONE) {
    int rc = admin_compact(a, cli_switch(c, "forget-subjects"), &before, &after, &why);
    admin_close(&a);
    if (rc == OK)
      print(c, before, after);
    else
      s = cli_failed(rc, &why);
  }
  close(fd);
  return s;
}
