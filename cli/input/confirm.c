#include "cli/input/confirm.h"

#include <stdio.h>
#include <strings.h>
#include <unistd.h>

/* Not every verb that asks has --dry-run. */
static enum exit_status refuse_unasked(const struct cli *c) {
  return cli_fail(EXIT_USAGE, "nothing is changed; --yes does it without a question%s",
                  cli_knows(c, "dry-run") ? ", --dry-run only says what" : "");
}

enum exit_status confirm(const struct cli *c, const char *question) {
  char answer[16] = "";
  if (cli_switch(c, "yes")) return EXIT_DONE;
  if (c->json || !isatty(STDIN_FILENO)) return refuse_unasked(c);
  printf("%s [y/N] ", question);
  fflush(stdout);
  if (fgets(answer, sizeof answer, stdin) && (strcasecmp(answer, "y\n") == 0 || strcasecmp(answer, "yes\n") == 0))
    return EXIT_DONE;
  return cli_fail(EXIT_NO, "nothing is changed");
}
