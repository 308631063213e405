/* SMTP replies (RFC 5321 4.2), read from octets as they come. No I/O, no policy; one thread.
 *
 *   reply = *( code "-" [ text ] CRLF ) code [ SP [ text ] ] CRLF
 *   code  = %x32-35 DIGIT DIGIT                      the same in every line (4.2.1)
 *
 * Where codes differ all the same, that of the last line counts: it is what a client acts on that reads no further than
 * it must, and a message whose final reply is not understood would be sent again and again. The text is that of all
 * lines, also of those inside of a reply that have no code.
 *
 * A bare LF is taken as an end of line too: servers that send it exist, and nothing is decided by what stands between.
 * Text is kept up to a bound and made printable; a reply of more lines or octets than any honest server sends is an
 * error. */
#ifndef SENDOFF_RELAY_SMTP_REPLY_PARSER_H
#define SENDOFF_RELAY_SMTP_REPLY_PARSER_H

#include "base/bytes.h"

#define REPLY_TEXT_MAX 768 /* RFC 5321 4.5.3.1.5 allows a line of 512; several are joined */
#define REPLY_LINE_KEPT 1024
#define REPLY_LINES_MAX 128
#define REPLY_OCTETS_MAX (32 * 1024)
#define ENHANCED_TEXT 12 /* "5.123.123" */

struct smtp_reply {
  int code;                     /* 200 to 599; 0: no reply */
  char enhanced[ENHANCED_TEXT]; /* RFC 3463: the last that a line begins with, if it is of the code's class; else "" */
  char text[REPLY_TEXT_MAX];    /* lines joined by a space, without codes; printable ASCII or UTF-8 octets */
};

struct reply_parser {
  struct smtp_reply reply; /* valid when reply_parser_feed returned 1, until the next feed */
  void (*on_line)(void *arg, size_t index, struct bytes text); /* each line's text (EHLO); NULL */
  void *arg;
  char line[REPLY_LINE_KEPT];
  size_t line_len, lines, octets;
};

void reply_parser_init(struct reply_parser *p, void (*on_line)(void *arg, size_t index, struct bytes text), void *arg);
/* Takes octets off the front of `data`. 1: a whole reply is in p->reply, and `data` is what follows it. 0: `data` is
 * used up. E_SYNTAX: this is no SMTP reply; E_TOO_BIG: over the bounds above. After an error the parser is of no use.
 */
int reply_parser_feed(struct reply_parser *p, struct bytes *data);

#endif
