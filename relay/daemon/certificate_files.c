#include "relay/daemon/certificate_files.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Which file it is, and in what state. Of a symbolic link, the file that it leads to: ACME clients renew a certificate
 * by changing the link. `changed` moves with its owner and mode, too, so that a file which is made readable is read. */
struct stamp {
  dev_t device;
  ino_t inode;
  off_t size;
  struct timespec modified, changed;
};

struct certificate_files {
  struct tls_files *files;
  size_t count;
  /* of each certificate and key, one allocation: when they were loaded, at the poll before, at this one */
  struct stamp *loaded, *last_poll, *now;
};

static size_t stamp_count(const struct certificate_files *f) {
  return 2 * f->count;
}

static bool copy_paths(struct certificate_files *f, const struct tls_files *files, size_t count) {
  f->files = calloc(count, sizeof *f->files);
  f->loaded = calloc(6 * count, sizeof *f->loaded);
  if (!f->files || !f->loaded) return false;
  for (f->count = 0; f->count < count; f->count++) {
    const struct tls_files *from = &files[f->count];
    struct tls_files *to = &f->files[f->count];
    *to = (struct tls_files){strdup(from->certificate), strdup(from->key), from->cbc};
    if (to->certificate && to->key) continue;
    free(to->certificate);
    free(to->key);
    return false;
  }
  f->last_poll = f->loaded + stamp_count(f);
  f->now = f->last_poll + stamp_count(f);
  return true;
}

struct certificate_files *certificate_files_new(const struct tls_files *files, size_t count) {
  struct certificate_files *f = calloc(1, sizeof *f);
  if (f && count && !copy_paths(f, files, count)) certificate_files_free(&f);
  return f;
}

void certificate_files_free(struct certificate_files **at) {
  struct certificate_files *f = *at;
  *at = NULL;
  if (!f) return;
  for (size_t i = 0; i < f->count; i++) {
    free(f->files[i].certificate);
    free(f->files[i].key);
  }
  free(f->files);
  free(f->loaded);
  free(f);
}

bool certificate_files_any(const struct certificate_files *f) {
  return f->count > 0;
}

bool certificate_files_are(const struct certificate_files *f, const struct tls_files *files, size_t count) {
  if (count != f->count) return false;
  for (size_t i = 0; i < count; i++)
    if (strcmp(files[i].certificate, f->files[i].certificate) != 0 || strcmp(files[i].key, f->files[i].key) != 0 ||
        files[i].cbc != f->files[i].cbc)
      return false;
  return true;
}

/* --- their state --- */

static void take_stamp(const char *path, struct stamp *out) {
  struct stat st;
  memset(out, 0, sizeof *out);
  if (stat(path, &st) != 0) return; /* a missing file is a state, too, and one that cannot be reached */
  out->device = st.st_dev;
  out->inode = st.st_ino;
  out->size = st.st_size;
  out->modified = st.st_mtim;
  out->changed = st.st_ctim;
}

static void take_stamps(const struct certificate_files *f, struct stamp *out) {
  for (size_t i = 0; i < f->count; i++) {
    take_stamp(f->files[i].certificate, &out[2 * i]);
    take_stamp(f->files[i].key, &out[2 * i + 1]);
  }
}

static bool same(const struct certificate_files *f, const struct stamp *a, const struct stamp *b) {
  return memcmp(a, b, stamp_count(f) * sizeof *a) == 0;
}

/* Stamped before they are read: the next poll finds a change in between. */
int certificate_files_load(struct certificate_files *f, struct tls_server **out, struct reason *why) {
  *out = NULL;
  if (!f->count) return OK;
  take_stamps(f, f->loaded);
  memcpy(f->last_poll, f->loaded, stamp_count(f) * sizeof *f->last_poll);
  return tls_server_load(f->files, f->count, out, why);
}

void certificate_files_distrust(struct certificate_files *f) {
  if (f->count) memset(f->loaded, 0, stamp_count(f) * sizeof *f->loaded); /* differs from every file */
}

bool certificate_files_changed(struct certificate_files *f) {
  if (!f->count) return false;
  take_stamps(f, f->now);
  if (same(f, f->now, f->loaded)) return false;
  bool settled = same(f, f->now, f->last_poll);
  memcpy(f->last_poll, f->now, stamp_count(f) * sizeof *f->last_poll);
  return settled;
}
