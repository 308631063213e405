/* Result codes shared by every folder. Any thread. */
#ifndef SENDOFF_BASE_RESULT_H
#define SENDOFF_BASE_RESULT_H

enum result {
  OK = 0,
  E_MEMORY = -1,  /* an allocation failed */
  E_TOO_BIG = -2, /* a bound was reached */
  E_SYNTAX = -3,  /* the input does not follow its grammar */
  E_NOT_FOUND = -4,
  E_EXISTS = -5,
  E_IO = -6,         /* disk or system call; see the reason that comes with it */
  E_LIMIT = -7,      /* a limit of the account says no */
  E_NEWER = -8,      /* the data was written by a newer version */
  E_BUSY = -9,       /* try again later: a queue is full, or the database is locked */
  E_DENIED = -10,    /* suspended, not allowed */
  E_TEMPORARY = -11, /* DNS or another outside party did not answer */
  E_FULL = -12,      /* no room on the disk */
};

/* A reason as text for a person; filled by functions that can fail in more ways than a code says. */
struct reason {
  char text[512];
};

/* Formats into `why` (NULL is allowed) and returns `code`, so that `return fail(why, E_IO, "...", ...)` reads well. */
int fail(struct reason *why, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* "not found", "limit reached", ...; static storage. */
const char *result_text(int code);

#endif
