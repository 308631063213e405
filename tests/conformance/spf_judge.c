/* Runs spf_check against zones from standard input, for tests/conformance/spf_suite. A line each:
 *
 *   row TYPE STATUS NAME RDATA    one record of the zone; STATUS is 0, or an enum dns_status for all of this name and
 * type check IP PATH HELO            answered by "RESULT WHY" clear                         a new zone begins
 *
 * NAME, RDATA, PATH and HELO are hexadecimal with an "x" in front, since they may hold any octet or none. */
#include "tests/unit/policy_zone.h"

#define ROWS_MAX 500
#define FIELD_MAX 2048

static struct row rows[ROWS_MAX + 1]; /* the last one has no name */
static size_t count;

static void refuse(const char *line) {
  fprintf(stderr, "not understood: %s\n", line);
  exit(2);
}

/* NUL-terminated, the caller's to free. */
static struct bytes decode(const char *field) {
  size_t len = strlen(field + 1) / 2;
  char *out = calloc(1, len + 1);
  if (field[0] != 'x' || !out) refuse(field);
  for (size_t i = 0; i < len; i++) {
    unsigned octet;
    if (sscanf(field + 1 + 2 * i, "%2x", &octet) != 1) refuse(field);
    out[i] = (char)octet;
  }
  return (struct bytes){out, len};
}

static void free_bytes(const char *at) {
  free((void *)(uintptr_t)at);
}

static void add_row(const char *line) {
  char name[FIELD_MAX], rdata[FIELD_MAX];
  int type, status;
  if (count == ROWS_MAX || sscanf(line, "row %d %d %2047s %2047s", &type, &status, name, rdata) != 4) refuse(line);
  rows[count++] =
      (struct row){.name = decode(name).at, .type = type, .raw = decode(rdata), .trouble = (enum dns_status)status};
}

static void clear(void) {
  for (size_t i = 0; i < count; i++) {
    free_bytes(rows[i].name);
    free_bytes(rows[i].raw.at);
  }
  memset(rows, 0, sizeof rows);
  count = 0;
}

static void check(const char *line) {
  char ip[64], path[FIELD_MAX], helo[FIELD_MAX];
  if (sscanf(line, "check %63s %2047s %2047s", ip, path, helo) != 3) refuse(line);
  struct zone zone = {.rows = rows};
  struct dns_source dns = zone_source(&zone);
  struct bytes reverse_path = decode(path), name = decode(helo);
  struct spf_verdict verdict;
  spf_check(&dns, ip, reverse_path.at, name.at, &verdict);
  printf("%s %s\n", spf_result_name(verdict.result), verdict.why);
  free_bytes(reverse_path.at);
  free_bytes(name.at);
}

int main(void) {
  static char line[3 * FIELD_MAX];
  while (fgets(line, sizeof line, stdin)) {
    if (strncmp(line, "row ", 4) == 0)
      add_row(line);
    else if (strncmp(line, "check ", 6) == 0)
      check(line);
    else if (strcmp(line, "clear\n") == 0)
      clear();
    else
      refuse(line);
  }
  clear();
  return 0;
}
