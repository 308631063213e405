/* The file of a backup: a tar archive (pax), compressed by zstd, of regular files alone, and behind them their SHA-256
 * in a file of its own, SHA256SUMS, as sha256sum reads it. The one user of libarchive. One thread. Functions return OK,
 * or E_SYNTAX (it is no such file, or not whole), E_TOO_BIG, E_FULL, E_IO, E_MEMORY with `why` (not NULL). */
#ifndef SENDOFF_CLI_BACKUP_BUNDLE_H
#define SENDOFF_CLI_BACKUP_BUNDLE_H

#include "base/bytes.h"
#include "base/result.h"

#define BUNDLE_NAME 64 /* of an entry, with its NUL */
#define BUNDLE_SUMS "SHA256SUMS"
#define BUNDLE_SUMS_MAX ((size_t)256 * 1024 * 1024) /* some 2.5 million entries */

/* Called for each part that is taken in or given out; not OK (with `why`) ends it. NULL: nothing is called. */
typedef int bundle_part_fn(void *arg, size_t octets, struct reason *why);

/* --- writing --- */

struct bundle_writer;
/* To `fd`, which stays the caller's, and which is synced now and then on the way, so that a disk that is shared with
 * the gateway's does not have to write all of it at once. */
int bundle_writer_new(int fd, bundle_part_fn *part, void *arg, struct bundle_writer **out, struct reason *why);
int bundle_add_text(struct bundle_writer *w, const char *name, struct bytes text, struct reason *why);
/* All of the file that `fd` is at the start of, which nobody changes meanwhile. */
int bundle_add_file(struct bundle_writer *w, const char *name, int fd, struct reason *why);
int bundle_writer_end(struct bundle_writer *w, struct reason *why); /* the checksums, and all that is not written yet */
void bundle_writer_free(struct bundle_writer **w);

/* --- reading --- */

struct bundle_reader;
struct bundle_entry {
  char name[BUNDLE_NAME]; /* whatever it says: to be compared, never to be opened */
  uint64_t size;
};
int bundle_reader_new(int fd, bundle_part_fn *part, void *arg, struct bundle_reader **out, struct reason *why);
/* 1: an entry, whose content is to be read next. 0: the end, and the checksums are right. */
int bundle_next(struct bundle_reader *r, struct bundle_entry *out, struct reason *why);
int bundle_read_text(struct bundle_reader *r, struct buffer *out, struct reason *why); /* within its bound */
int bundle_read_file(struct bundle_reader *r, int fd, struct reason *why);
void bundle_reader_free(struct bundle_reader **r);

#endif
