/* sendmail's command line: the options that programs have given it since the eighties. One table says which letters
 * there are, and which take a value, so that none is taken for a recipient. Pure. */
#ifndef SENDOFF_SENDMAIL_OPTIONS_H
#define SENDOFF_SENDMAIL_OPTIONS_H

#include "base/result.h"

#include <stdbool.h>
#include <stddef.h>

enum mode {
  MODE_SEND,  /* a message from standard input */
  MODE_SMTP,  /* -bs: SMTP on standard input and output */
  MODE_QUEUE, /* -bp, mailq */
  MODE_NONE,  /* -q, -bi, newaliases: nothing to do here */
};

struct options {
  enum mode mode;
  bool recipients_in_header;                   /* -t */
  bool dot_is_text;                            /* -i, -oi: a line with a dot alone does not end the message */
  bool verbose;                                /* -v */
  const char *sender;                          /* -f, -r; NULL: not given */
  const char *full_name;                       /* -F; NULL */
  const char *envid;                           /* -V; NULL */
  char notify[sizeof "SUCCESS,FAILURE,DELAY"]; /* -N, as RCPT has it (RFC 3461 4.1); "": not given */
  const char *ret;                             /* -R: "FULL", "HDRS" (RFC 3461 4.3); NULL */
  bool seven_bit;                              /* -B7BIT */
  char *const *recipients;                     /* what is left of the command line; of argv */
  size_t recipient_count;
};

/* argv[0] may be mailq or newaliases. OK; E_SYNTAX with what is wrong. */
int options_read(int argc, char *const argv[], struct options *out, struct reason *why);

#endif
