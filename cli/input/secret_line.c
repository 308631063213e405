#include "cli/input/secret_line.h"

#include <stdio.h>
#include <string.h>

enum exit_status secret_line_read(const char *option, const char *what, char *out, size_t size) {
  if (!fgets(out, (int)size, stdin)) return cli_fail(EXIT_NO, "--%s: nothing came on standard input", option);
  size_t n = strcspn(out, "\n");
  if (n == size - 1 && getchar() != EOF) return cli_fail(EXIT_NO, "a %s has %zu octets at most", what, size - 2);
  out[n] = '\0';
  if (n && out[n - 1] == '\r') out[n - 1] = '\0';
  return EXIT_DONE;
}
