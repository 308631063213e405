/* A folder of a test's own, and its end with all that is in it. */
#ifndef SENDOFF_TESTS_FOLDER_H
#define SENDOFF_TESTS_FOLDER_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

static inline void folder_make(char *out, size_t size) {
  const char *tmp = getenv("TMPDIR");
  snprintf(out, size, "%s/sendoff-unit-XXXXXX", tmp ? tmp : "/tmp");
  assert_non_null(mkdtemp(out));
}

static inline int folder_remove_entry(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st, (void)type, (void)at;
  return remove(path);
}

static inline void folder_remove(const char *path) {
  nftw(path, folder_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
