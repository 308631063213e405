#include "store/wal_file.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* What is gathered at most: SQLite's largest page, and so the most that the file beneath takes at once. */
#define GATHER (64 * 1024)

/* The file that SQLite holds; the one beneath follows it in the same memory. */
struct wal_file {
  sqlite3_file base;
  char *gathered; /* GATHER octets, or NULL before the first write */
  sqlite3_int64 at;
  int len;
};

static sqlite3_vfs layer;

static struct wal_file *wal_of(sqlite3_file *file) {
  return (struct wal_file *)file;
}

static sqlite3_file *beneath(sqlite3_file *file) {
  return (sqlite3_file *)(wal_of(file) + 1);
}

/* What could not be written is forgotten, as it is where there is no such layer: the transaction fails. */
static int flush(sqlite3_file *file) {
  struct wal_file *w = wal_of(file);
  int len = w->len;
  w->len = 0;
  return len ? beneath(file)->pMethods->xWrite(beneath(file), w->gathered, len, w->at) : SQLITE_OK;
}

static int wal_write(sqlite3_file *file, const void *data, int len, sqlite3_int64 at) {
  struct wal_file *w = wal_of(file);
  int rc = w->len && (at != w->at + w->len || len > GATHER - w->len) ? flush(file) : SQLITE_OK;
  if (rc != SQLITE_OK) return rc;
  if (!w->gathered && !(w->gathered = malloc(GATHER))) return SQLITE_NOMEM;
  if (len > GATHER) return beneath(file)->pMethods->xWrite(beneath(file), data, len, at);
  if (!w->len) w->at = at;
  memcpy(w->gathered + w->len, data, (size_t)len);
  w->len += len;
  return SQLITE_OK;
}

static int wal_sync(sqlite3_file *file, int flags) {
  int rc = flush(file);
  return rc == SQLITE_OK ? beneath(file)->pMethods->xSync(beneath(file), flags) : rc;
}

static int wal_read(sqlite3_file *file, void *data, int len, sqlite3_int64 at) {
  int rc = flush(file);
  return rc == SQLITE_OK ? beneath(file)->pMethods->xRead(beneath(file), data, len, at) : rc;
}

static int wal_truncate(sqlite3_file *file, sqlite3_int64 size) {
  int rc = flush(file);
  return rc == SQLITE_OK ? beneath(file)->pMethods->xTruncate(beneath(file), size) : rc;
}

static int wal_size(sqlite3_file *file, sqlite3_int64 *size) {
  int rc = flush(file);
  return rc == SQLITE_OK ? beneath(file)->pMethods->xFileSize(beneath(file), size) : rc;
}

static int wal_close(sqlite3_file *file) {
  int rc = flush(file), closed = beneath(file)->pMethods->xClose(beneath(file));
  free(wal_of(file)->gathered);
  wal_of(file)->gathered = NULL;
  return rc == SQLITE_OK ? closed : rc;
}

static int wal_lock(sqlite3_file *file, int level) {
  return beneath(file)->pMethods->xLock(beneath(file), level);
}

static int wal_unlock(sqlite3_file *file, int level) {
  return beneath(file)->pMethods->xUnlock(beneath(file), level);
}

static int wal_reserved(sqlite3_file *file, int *out) {
  return beneath(file)->pMethods->xCheckReservedLock(beneath(file), out);
}

static int wal_control(sqlite3_file *file, int op, void *arg) {
  return beneath(file)->pMethods->xFileControl(beneath(file), op, arg);
}

static int wal_sector(sqlite3_file *file) {
  return beneath(file)->pMethods->xSectorSize(beneath(file));
}

static int wal_characteristics(sqlite3_file *file) {
  return beneath(file)->pMethods->xDeviceCharacteristics(beneath(file));
}

/* Version 1: what a log needs; shared memory and memory maps are the database file's. */
static const sqlite3_io_methods methods = {
    .iVersion = 1,
    .xClose = wal_close,
    .xRead = wal_read,
    .xWrite = wal_write,
    .xTruncate = wal_truncate,
    .xSync = wal_sync,
    .xFileSize = wal_size,
    .xLock = wal_lock,
    .xUnlock = wal_unlock,
    .xCheckReservedLock = wal_reserved,
    .xFileControl = wal_control,
    .xSectorSize = wal_sector,
    .xDeviceCharacteristics = wal_characteristics,
};

static sqlite3_vfs *plain(void) {
  return layer.pAppData;
}

/* Any other file is the plain one itself. */
static int open_file(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags) {
  (void)vfs;
  if (!(flags & SQLITE_OPEN_WAL)) return plain()->xOpen(plain(), name, file, flags, out_flags);
  *wal_of(file) = (struct wal_file){0};
  int rc = plain()->xOpen(plain(), name, beneath(file), flags, out_flags);
  if (rc == SQLITE_OK) file->pMethods = &methods;
  return rc;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int registered = SQLITE_ERROR;

static void make_layer(void) {
  sqlite3_vfs *p = sqlite3_vfs_find(NULL);
  if (!p) return;
  layer = *p; /* all else is done by it, which finds what it needs in pAppData only when it opens a file */
  layer.pNext = NULL;
  layer.zName = WAL_FILE_VFS;
  layer.szOsFile = (int)sizeof(struct wal_file) + p->szOsFile;
  layer.pAppData = p;
  layer.xOpen = open_file;
  registered = sqlite3_vfs_register(&layer, 0);
}

int wal_file_register(void) {
  pthread_once(&once, make_layer);
  return registered;
}
