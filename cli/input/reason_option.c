#include "cli/input/reason_option.h"

#include "base/text/text.h"

#include <string.h>

#define REASON_MAX 160

enum exit_status reason_option(const struct cli *c, const char **reason) {
  *reason = cli_option(c, "reason");
  if (!*reason || (strlen(*reason) <= REASON_MAX && text_has_no_controls(*reason))) return EXIT_DONE;
  return cli_fail(EXIT_USAGE, "--reason is one line of %d octets at most", REASON_MAX);
}
