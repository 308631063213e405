/* What a list prints, row by row: one JSON object a line for scripts, else a table. One thread. */
#ifndef SENDOFF_CLI_OUTPUT_LISTING_H
#define SENDOFF_CLI_OUTPUT_LISTING_H

#include "cli/command.h"
#include "cli/output/output.h"
#include "cli/output/table.h"

struct listing {
  struct table *table;
  bool json;
  size_t count;      /* rows so far */
  const char *empty; /* what is said where there are none; NULL: nothing. Not in JSON */
};

void listing_begin(struct listing *l, const struct cli *c, const char *const *titles, size_t columns);
/* One row in both of its forms: releases the object, copies the cells. */
void listing_add(struct listing *l, json_t *object, const char *const *cells);
void listing_end(struct listing *l);

/* --limit N: how many rows at most, 0: all. A table is made in memory, so it has a bound; JSON goes out as it comes. */
enum exit_status listing_read_limit(const struct cli *c, size_t *out);
/* Says so when there may be more than this limit has let through. */
void listing_warn_cut(const struct listing *l, size_t limit);

#endif
