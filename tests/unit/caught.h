/* What a piece of a program writes to standard output or error, for tests of the command line. */
#ifndef SENDOFF_TESTS_CAUGHT_H
#define SENDOFF_TESTS_CAUGHT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

struct caught {
  FILE *stream, *file; /* which of them, and where it goes meanwhile */
  int before;
};

static inline struct caught catch_stream(FILE *stream) {
  struct caught c = {.stream = stream, .file = tmpfile()};
  assert_non_null(c.file);
  fflush(stream);
  c.before = dup(fileno(stream));
  assert_true(c.before >= 0 && dup2(fileno(c.file), fileno(stream)) >= 0);
  return c;
}

/* Puts the stream back; what was written goes to `out`, NUL-terminated. */
static inline void release_stream(struct caught *c, char *out, size_t size) {
  fflush(c->stream);
  assert_true(dup2(c->before, fileno(c->stream)) >= 0);
  close(c->before);
  rewind(c->file);
  out[fread(out, 1, size - 1, c->file)] = '\0';
  fclose(c->file);
}

#endif
