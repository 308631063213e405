#include "cli/account/account_belongings.h"

#include <stdio.h>
#include <string.h>

static enum exit_status count_routes(struct cli *c, const char *account, uint64_t *out) {
  struct directory *d;
  *out = 0;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  for (size_t i = 0; i < d->route_count; i++) *out += strcmp(d->routes[i].account, account) == 0;
  directory_release(&d);
  return EXIT_DONE;
}

enum exit_status account_belongings_read(struct cli *c, const char *account, struct account_belongings *out) {
  struct reader *r;
  enum exit_status s = count_routes(c, account, &out->routes);
  if (s == EXIT_DONE) s = cli_reader(c, &r);
  if (s != EXIT_DONE) return s;
  int rc = reader_suppression_count(r, account, &out->suppressed);
  reader_close(&r);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the suppression list cannot be read: %s", result_text(rc));
}

bool account_belongings_any(const struct account_belongings *b) {
  return b->routes || b->suppressed;
}

const char *account_belongings_text(const struct account_belongings *b, char out[ACCOUNT_BELONGINGS_TEXT]) {
  char routes[40] = "", suppressed[50] = "";
  if (b->routes)
    snprintf(routes, sizeof routes, "%llu route%s", (unsigned long long)b->routes, b->routes == 1 ? "" : "s");
  if (b->suppressed)
    snprintf(suppressed, sizeof suppressed, "%llu suppressed address%s", (unsigned long long)b->suppressed,
             b->suppressed == 1 ? "" : "es");
  snprintf(out, ACCOUNT_BELONGINGS_TEXT, "%s%s%s", routes, *routes && *suppressed ? " and " : "", suppressed);
  return out;
}
