#include "cli/input/account_filter.h"

#include "cli/input/named.h"

static bool is_there(void *arg, const struct event *e) {
  (void)e;
  *(bool *)arg = true;
  return false;
}

/* Removed accounts live on in the log. */
static bool was_there(struct reader *r, const char *name) {
  bool found = false;
  struct log_filter f = {.account = name, .kind = -1, .limit = 1};
  reader_log(r, &f, is_there, &found);
  return found;
}

enum exit_status account_filter_check(struct cli *c, const char *name) {
  struct reader *r;
  struct directory *d = NULL;
  struct reason why = {""};
  if (!name) return EXIT_DONE;
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  int rc = reader_directory(r, &d, &why);
  bool known = rc == OK && (directory_account(d, bytes_of(name)) || was_there(r, name));
  reader_close(&r);
  if (rc != OK) return cli_failed(rc, &why);
  directory_release(&d);
  return known ? EXIT_DONE : named_unknown(c, NAMED_ACCOUNT, name);
}
