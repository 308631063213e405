#include "cli/backup/bundle.h"

#include "base/text/text.h"
#include "cli/backup/digest.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PART ((size_t)64 * 1024)
#define SYNC_EVERY ((size_t)16 * 1024 * 1024)

/* What both directions share. */
struct passage {
  struct archive *archive;
  int fd;
  bundle_part_fn *part;
  void *arg;
  struct reason *why;     /* of the call that is under way: what a callback of libarchive's fills */
  int failed;             /* what such a callback has met */
  struct buffer sums;     /* the lines of SHA256SUMS so far */
  struct digest *digest;  /* of the entry under way; NULL: there is none */
  char name[BUNDLE_NAME]; /* its */
  char octets[PART];
};
struct bundle_writer {
  struct passage p;
  size_t unsynced;
};
struct bundle_reader {
  struct passage p;
  bool has_entry, checked; /* checked: the checksums have been read, and nothing may follow */
  uint64_t size, taken;    /* of the entry */
};

static int no_memory(struct reason *why) {
  return fail(why, E_MEMORY, "out of memory");
}

/* libarchive's failure, unless one of our callbacks is its cause. */
static int trouble(struct passage *p, int otherwise) {
  if (p->failed) return p->failed;
  const char *text = archive_error_string(p->archive);
  char clean[200];
  snprintf(clean, sizeof clean, "%s", text ? text : "it cannot be read");
  text_clean(clean, true);
  return fail(p->why, archive_errno(p->archive) == ENOMEM ? E_MEMORY : otherwise, "%s", clean);
}

static int system_trouble(struct passage *p) {
  return p->failed = fail(p->why, errno == ENOSPC || errno == EDQUOT ? E_FULL : E_IO, "%s", strerror(errno));
}

static int on_part(struct passage *p, size_t octets) {
  if (p->part && (p->failed = p->part(p->arg, octets, p->why)) != OK) return p->failed;
  return OK;
}

static int begin_sum(struct passage *p, const char *name) {
  snprintf(p->name, sizeof p->name, "%s", name);
  p->digest = digest_new();
  return p->digest ? OK : no_memory(p->why);
}

static int end_sum(struct passage *p) {
  char text[DIGEST_TEXT];
  digest_end(&p->digest, text);
  int rc = buffer_addf(&p->sums, "%s  %s\n", text, p->name);
  if (rc == E_TOO_BIG) return fail(p->why, rc, "it has too many files");
  return rc == OK ? OK : no_memory(p->why);
}

static void clear(struct passage *p) {
  char text[DIGEST_TEXT];
  digest_end(&p->digest, text);
  buffer_free(&p->sums);
}

/* --- writing --- */

static int write_all(struct passage *p, int fd, const char *at, size_t len) {
  while (len) {
    ssize_t n = write(fd, at, len);
    if (n < 0 && errno == EINTR && on_part(p, 0) == OK) continue;
    if (p->failed) return p->failed;
    if (n <= 0) return system_trouble(p);
    at += n;
    len -= (size_t)n;
  }
  return OK;
}

static int sync_some(struct bundle_writer *w, size_t len) {
  w->unsynced += len;
  if (w->unsynced < SYNC_EVERY) return OK;
  w->unsynced = 0;
  return fdatasync(w->p.fd) == 0 || errno == EINVAL || errno == EROFS ? OK : system_trouble(&w->p); /* EINVAL: a pipe */
}

/* libarchive 3.6 leaks what it has when it hears of a failure here. So it does not: what comes after one is thrown
 * away, and whoever has called it looks at `failed`. */
static la_ssize_t on_write(struct archive *archive, void *arg, const void *data, size_t len) {
  struct bundle_writer *w = arg;
  (void)archive;
  if (!w->p.failed && on_part(&w->p, len) == OK && write_all(&w->p, w->p.fd, data, len) == OK) sync_some(w, len);
  return (la_ssize_t)len;
}

static int open_writer(struct bundle_writer *w) {
  struct archive *a = w->p.archive = archive_write_new();
  if (!a) return no_memory(w->p.why);
  bool good = archive_write_set_format_pax_restricted(a) == ARCHIVE_OK &&
              archive_write_add_filter_zstd(a) == ARCHIVE_OK &&
              archive_write_set_bytes_in_last_block(a, 1) == ARCHIVE_OK &&
              archive_write_open(a, w, NULL, on_write, NULL) == ARCHIVE_OK;
  return good ? OK : trouble(&w->p, E_IO);
}

int bundle_writer_new(int fd, bundle_part_fn *part, void *arg, struct bundle_writer **out, struct reason *why) {
  struct bundle_writer *w = *out = calloc(1, sizeof *w);
  if (!w) return no_memory(why);
  w->p = (struct passage){.fd = fd, .part = part, .arg = arg, .why = why};
  buffer_init(&w->p.sums, BUNDLE_SUMS_MAX);
  int rc = open_writer(w);
  if (rc != OK) bundle_writer_free(out);
  return rc;
}

/* One that is not ended is not finished either: what is written of it says so by its end. */
void bundle_writer_free(struct bundle_writer **at) {
  struct bundle_writer *w = *at;
  struct reason ignored;
  *at = NULL;
  if (!w) return;
  w->p.why = &ignored;
  if (!w->p.failed) w->p.failed = E_IO; /* nothing more is written */
  if (w->p.archive) archive_write_free(w->p.archive);
  clear(&w->p);
  free(w);
}

static int begin_entry(struct passage *p, const char *name, uint64_t size) {
  struct archive_entry *e = archive_entry_new();
  if (!e) return no_memory(p->why);
  archive_entry_set_pathname(e, name);
  archive_entry_set_size(e, (la_int64_t)size);
  archive_entry_set_filetype(e, AE_IFREG);
  archive_entry_set_perm(e, 0600);
  archive_entry_set_mtime(e, time(NULL), 0);
  int code = archive_write_header(p->archive, e);
  archive_entry_free(e);
  return code == ARCHIVE_OK && !p->failed ? begin_sum(p, name) : trouble(p, E_IO);
}

static int put(struct passage *p, struct bytes data) {
  while (data.len) {
    la_ssize_t n = archive_write_data(p->archive, data.at, data.len < PART ? data.len : PART);
    if (n <= 0 || p->failed) return trouble(p, E_IO);
    digest_add(p->digest, (struct bytes){data.at, (size_t)n});
    data = bytes_from(data, (size_t)n);
  }
  return OK;
}

int bundle_add_text(struct bundle_writer *w, const char *name, struct bytes text, struct reason *why) {
  w->p.why = why;
  int rc = begin_entry(&w->p, name, text.len);
  if (rc == OK) rc = put(&w->p, text);
  return rc == OK ? end_sum(&w->p) : rc;
}

static int put_file(struct passage *p, int fd, uint64_t size) {
  int rc = OK;
  while (rc == OK && size) {
    ssize_t n = read(fd, p->octets, size < PART ? (size_t)size : PART);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(p->why, E_IO, "%s: %s", p->name, strerror(errno));
    if (n == 0) return fail(p->why, E_IO, "%s is shorter than it was", p->name);
    rc = put(p, (struct bytes){p->octets, (size_t)n});
    size -= (uint64_t)n;
  }
  return rc;
}

int bundle_add_file(struct bundle_writer *w, const char *name, int fd, struct reason *why) {
  struct stat st;
  w->p.why = why;
  if (fstat(fd, &st) != 0) return fail(why, E_IO, "%s: %s", name, strerror(errno));
  if (!S_ISREG(st.st_mode)) return fail(why, E_IO, "%s is no regular file", name);
  int rc = begin_entry(&w->p, name, (uint64_t)st.st_size);
  if (rc == OK) rc = put_file(&w->p, fd, (uint64_t)st.st_size);
  return rc == OK ? end_sum(&w->p) : rc;
}

int bundle_writer_end(struct bundle_writer *w, struct reason *why) {
  struct buffer sums = w->p.sums;
  buffer_init(&w->p.sums, BUNDLE_SUMS_MAX);
  int rc = bundle_add_text(w, BUNDLE_SUMS, buffer_bytes(&sums), why);
  buffer_free(&sums);
  if (rc == OK && (archive_write_close(w->p.archive) != ARCHIVE_OK || w->p.failed)) rc = trouble(&w->p, E_IO);
  return rc;
}

/* --- reading --- */

static la_ssize_t on_read(struct archive *archive, void *arg, const void **out) {
  struct bundle_reader *r = arg;
  ssize_t n;
  do n = read(r->p.fd, r->p.octets, PART);
  while (n < 0 && errno == EINTR);
  *out = r->p.octets;
  if (n < 0) {
    archive_set_error(archive, errno, "%s", strerror(errno));
    system_trouble(&r->p);
    return ARCHIVE_FATAL;
  }
  return on_part(&r->p, (size_t)n) == OK ? (la_ssize_t)n : ARCHIVE_FATAL;
}

/* No other format and no other compression: each is code that a hostile file would get to. */
static int open_reader(struct bundle_reader *r) {
  struct archive *a = r->p.archive = archive_read_new();
  if (!a) return no_memory(r->p.why);
  bool good = archive_read_support_format_tar(a) == ARCHIVE_OK && archive_read_support_filter_zstd(a) == ARCHIVE_OK &&
              archive_read_open(a, r, NULL, on_read, NULL) == ARCHIVE_OK;
  return good ? OK : trouble(&r->p, E_SYNTAX);
}

int bundle_reader_new(int fd, bundle_part_fn *part, void *arg, struct bundle_reader **out, struct reason *why) {
  struct bundle_reader *r = *out = calloc(1, sizeof *r);
  if (!r) return no_memory(why);
  r->p = (struct passage){.fd = fd, .part = part, .arg = arg, .why = why};
  buffer_init(&r->p.sums, BUNDLE_SUMS_MAX);
  int rc = open_reader(r);
  if (rc != OK) bundle_reader_free(out);
  return rc;
}

void bundle_reader_free(struct bundle_reader **at) {
  struct bundle_reader *r = *at;
  struct reason ignored;
  *at = NULL;
  if (!r) return;
  r->p.why = &ignored;
  if (r->p.archive) archive_read_free(r->p.archive);
  clear(&r->p);
  free(r);
}

/* A part of the entry's content: how much; 0 at its end. */
static int take(struct bundle_reader *r, char *to, size_t size, size_t *taken) {
  la_ssize_t n = archive_read_data(r->p.archive, to, size);
  *taken = 0;
  if (n < 0) return trouble(&r->p, E_SYNTAX);
  if ((uint64_t)n > r->size - r->taken) return fail(r->p.why, E_SYNTAX, "%s is longer than it says", r->p.name);
  digest_add(r->p.digest, (struct bytes){to, (size_t)n});
  r->taken += (uint64_t)n;
  *taken = (size_t)n;
  if (n || r->taken == r->size) return OK;
  return fail(r->p.why, E_SYNTAX, "%s is shorter than it says", r->p.name);
}

static int end_entry(struct bundle_reader *r) {
  r->has_entry = false;
  return end_sum(&r->p);
}

int bundle_read_text(struct bundle_reader *r, struct buffer *out, struct reason *why) {
  size_t n = 1;
  r->p.why = why;
  while (n) {
    int rc = buffer_reserve(out, 4096);
    if (rc == OK) rc = take(r, out->at + out->len, 4096, &n);
    if (rc == E_TOO_BIG) return fail(why, rc, "%s is larger than it can be", r->p.name);
    if (rc != OK) return rc == E_MEMORY ? no_memory(why) : rc;
    out->len += n;
  }
  return end_entry(r);
}

int bundle_read_file(struct bundle_reader *r, int fd, struct reason *why) {
  static char part[PART];
  size_t n = 1;
  r->p.why = why;
  while (n) {
    int rc = take(r, part, sizeof part, &n);
    if (rc == OK) rc = write_all(&r->p, fd, part, n);
    if (rc != OK) return rc;
  }
  return end_entry(r);
}

/* The first line that differs says which file. */
static int name_difference(struct bundle_reader *r, struct bytes own, struct bytes theirs) {
  size_t at = 0;
  while (at < own.len && at < theirs.len && own.at[at] == theirs.at[at]) at++;
  while (at && own.at[at - 1] != '\n') at--;
  struct bytes line = bytes_from(own, at);
  line.len = bytes_find(line, '\n', 0);
  char name[BUNDLE_NAME] = "";
  bytes_copy(bytes_from(line, DIGEST_TEXT + 1), name, sizeof name);
  return fail(r->p.why, E_SYNTAX, "the checksum of %s is wrong", *name ? name : BUNDLE_SUMS);
}

static int check_sums(struct bundle_reader *r) {
  struct buffer own = r->p.sums, theirs;
  buffer_init(&r->p.sums, BUNDLE_SUMS_MAX);
  buffer_init(&theirs, own.len + 8192);
  int rc = bundle_read_text(r, &theirs, r->p.why);
  if (rc == OK && !bytes_equal(buffer_bytes(&own), buffer_bytes(&theirs)))
    rc = name_difference(r, buffer_bytes(&own), buffer_bytes(&theirs));
  buffer_free(&own);
  buffer_free(&theirs);
  r->checked = true;
  return rc;
}

/* Regular files, each of a size and a name that a backup can have, and nothing else. */
static int take_header(struct bundle_reader *r, struct archive_entry *e) {
  const char *name = archive_entry_pathname(e);
  struct reason *why = r->p.why;
  if (!name || !*name || strlen(name) >= BUNDLE_NAME || !text_has_no_controls(name))
    return fail(why, E_SYNTAX, "a file in it has a name that no backup has");
  if (archive_entry_filetype(e) != AE_IFREG || archive_entry_hardlink(e) || archive_entry_symlink(e))
    return fail(why, E_SYNTAX, "%s is no regular file", name);
  if (!archive_entry_size_is_set(e) || archive_entry_size(e) < 0)
    return fail(why, E_SYNTAX, "%s does not say how large it is", name);
  r->size = (uint64_t)archive_entry_size(e);
  r->taken = 0;
  r->has_entry = true;
  return begin_sum(&r->p, name);
}

static int read_header(struct bundle_reader *r) {
  struct archive_entry *e;
  int code = archive_read_next_header(r->p.archive, &e);
  if (code == ARCHIVE_EOF) {
    if (r->checked) return 0;
    return fail(r->p.why, E_SYNTAX, "it is cut off: it ends before its checksums");
  }
  if (code != ARCHIVE_OK) return trouble(&r->p, E_SYNTAX);
  if (r->checked) return fail(r->p.why, E_SYNTAX, "something follows its checksums");
  int rc = take_header(r, e);
  return rc == OK ? 1 : rc;
}

int bundle_next(struct bundle_reader *r, struct bundle_entry *out, struct reason *why) {
  r->p.why = why;
  if (r->has_entry) return fail(why, E_SYNTAX, "%s was not read", r->p.name);
  int rc = read_header(r);
  if (rc == 1 && strcmp(r->p.name, BUNDLE_SUMS) == 0) {
    rc = check_sums(r);
    if (rc == OK) rc = read_header(r);
  }
  if (rc != 1) return rc;
  snprintf(out->name, sizeof out->name, "%s", r->p.name);
  out->size = r->size;
  return 1;
}
