#include "cli/output/listing.h"

#include <stdio.h>

#define TABLE_MAX 1000 /* rows of a table; more are asked for */

void listing_begin(struct listing *l, const struct cli *c, const char *const *titles, size_t columns) {
  *l = (struct listing){.json = c->json, .table = c->json ? NULL : table_new(titles, columns)};
}

void listing_add(struct listing *l, json_t *object, const char *const *cells) {
  l->count++;
  if (l->json) {
    print_json(object);
    return;
  }
  table_add(l->table, cells);
  json_decref(object);
}

void listing_end(struct listing *l) {
  if (l->json) return;
  table_print(&l->table);
  if (!l->count && l->empty) puts(l->empty);
}

enum exit_status listing_read_limit(const struct cli *c, size_t *out) {
  const char *text = cli_option(c, "limit");
  uint64_t most = c->json ? 0 : TABLE_MAX;
  if (text && !bytes_to_u64(bytes_of(text), &most)) return cli_fail(EXIT_USAGE, "--limit is a number; 0 is no limit");
  *out = (size_t)most;
  return EXIT_DONE;
}

void listing_warn_cut(const struct listing *l, size_t limit) {
  if (limit && l->count == limit) cli_warn("these are the first %zu; for all: --limit 0", limit);
}
