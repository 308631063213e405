#include "cli/account_filter.h"

#include <string.h>
#include <strings.h>

#define NAME_MAX_OCTETS 64 /* of an account */
#define SLIPS_MAX 2        /* letters that a mistyped name is away from what was meant */

static size_t least(size_t a, size_t b) {
  return a < b ? a : b;
}

/* How many letters must be changed, added or taken out (Levenshtein); names over the bound: SIZE_MAX. */
static size_t slips(const char *a, const char *b) {
  size_t row[NAME_MAX_OCTETS + 1], n = strlen(a), m = strlen(b);
  if (n > NAME_MAX_OCTETS || m > NAME_MAX_OCTETS) return SIZE_MAX;
  for (size_t k = 0; k <= m; k++) row[k] = k;
  for (size_t i = 1; i <= n; i++) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t k = 1; k <= m; k++) {
      size_t above = row[k];
      row[k] = least(diagonal + (a[i - 1] != b[k - 1]), least(above, row[k - 1]) + 1);
      diagonal = above;
    }
  }
  return row[m];
}

/* NULL: none is near. */
static const char *nearest(const struct directory *d, const char *name) {
  const char *found = NULL;
  size_t fewest = least(SLIPS_MAX, strlen(name) / 2) + 1; /* of a short name, little may be wrong */
  for (size_t i = 0; i < d->account_count; i++) {
    const char *other = d->accounts[i].name;
    size_t n = strcasecmp(other, name) == 0 ? 0 : slips(name, other);
    if (n >= fewest) continue;
    fewest = n;
    found = other;
  }
  return found;
}

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
  const char *meant = known ? NULL : nearest(d, name);
  enum exit_status s = EXIT_DONE;
  if (!known)
    s = cli_fail(EXIT_NO, "there is no account %s; %s%s%ssee: sendoff account list", name, meant ? "perhaps " : "",
                 meant ? meant : "", meant ? "? " : "");
  directory_release(&d);
  return s;
}
