/* What is read from standard input: the beginning in memory, what is beyond it in a temporary file that has no name any
 * more. Lines end with CRLF, however they came. One thread. */
#ifndef SENDOFF_SENDMAIL_SPOOL_H
#define SENDOFF_SENDMAIL_SPOOL_H

#include "base/bytes.h"
#include "base/result.h"

#define SPOOL_MEMORY (4 * 1024 * 1024) /* also the largest header */
#define SPOOL_MOST                                                                                                     \
  (UINT64_C(1) << 30) /* the gateway's own limit is lower; a producer without end must not fill the disk */

struct spool {
  struct buffer head; /* the first SPOOL_MEMORY octets */
  int fd;             /* the rest; -1: there is none */
  uint64_t octets;    /* in all */
  bool eight_bit;     /* has octets over 127 */
};

/* Reads `from` to its end, or, with `dot_ends`, to a line with a dot alone. CR before LF is part of the line's end, how
 * many there may be; any other CR stays (submit.c: in the header it could begin another field).
 * OK; E_IO with the reason (the disk is full); E_TOO_BIG; E_MEMORY. */
int spool_read(struct spool *s, int from, bool dot_ends, struct reason *why);
/* Calls `take` with what is there from the offset on, in order, until it returns another than OK. `in` is of the
 * caller's: what is given lasts until the next call. E_IO when it cannot be read back. */
int spool_each(const struct spool *s, uint64_t offset, int (*take)(void *arg, struct bytes piece), void *arg);
void spool_free(struct spool *s);

#endif
