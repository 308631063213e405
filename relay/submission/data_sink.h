/* Decodes the content that follows DATA (RFC 5321 4.5.2): finds the end, takes out stuffed dots, and notes what may not
 * be there. Pure and resumable: any cuts of the input give the same output. Only CRLF "." CRLF ends the content; a bare
 * CR or LF (RFC 5321 2.3.8) is never an end of line here, which is what defeats smuggling. */
#ifndef SENDOFF_RELAY_DATA_SINK_H
#define SENDOFF_RELAY_DATA_SINK_H

#include "base/bytes.h"

#define LINE_OCTETS_MAX 998 /* RFC 5322 2.1.1, without CRLF */

enum data_state { DATA_LINE_START, DATA_DOT, DATA_DOT_CR, DATA_TEXT, DATA_CR };

struct data_sink {
  enum data_state state;
  size_t line, line_octets;
  /* The first line (from 1) where each was seen; 0: nowhere. */
  size_t bare_cr, bare_lf, nul, long_line, eight_bit;
};

void data_sink_init(struct data_sink *d);
/* Reads from `in`; hands decoded runs (views into `in`) to `emit`. Returns the octets consumed: all of them, or up to
 * and with the end of the content, when *done is set. */
size_t data_sink_feed(struct data_sink *d, struct bytes in, void (*emit)(void *arg, struct bytes run), void *arg,
                      bool *done);

#endif
