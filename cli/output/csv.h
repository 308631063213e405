/* Comma-separated values (RFC 4180): read record by record from any stream, with bounds, and written. The one user of
 * libcsv. One thread. */
#ifndef SENDOFF_CLI_OUTPUT_CSV_H
#define SENDOFF_CLI_OUTPUT_CSV_H

#include "base/bytes.h"
#include "base/result.h"

#define CSV_FIELDS_MAX 64
#define CSV_RECORD_MAX ((size_t)16 * 1024) /* octets */

struct csv_reader;
/* Fills `out` with up to `size` octets: how many; 0 at the end; below 0: a failure. */
typedef long csv_read_fn(void *arg, char *out, size_t size);

/* A record. Fields live until the next. */
struct csv_record {
  uint64_t line; /* that it begins in; the first is 1 */
  size_t count;
  const char *fields[CSV_FIELDS_MAX]; /* without the white space around them */
};

struct csv_reader *csv_reader_new(csv_read_fn *read, void *arg); /* NULL without memory */
void csv_reader_free(struct csv_reader **r);
/* 1: a record (empty lines are none). 0: the end. E_SYNTAX, with `why`: the line record->line cannot be read; the next
 * call goes on with the line after it. E_IO, E_MEMORY: no call may follow. */
int csv_next(struct csv_reader *r, struct csv_record *record, struct reason *why);

/* Appends a field, in quotes where it needs them. */
int csv_add_field(struct buffer *out, const char *text);

#endif
