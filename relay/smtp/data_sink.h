/* Where the content of a message arrives, from DATA or from BDAT: finds its end and notes what may not be there. Pure
 * and resumable: any cuts of the input give the same output.
 *
 * After DATA (RFC 5321 4.5.2) stuffed dots are taken out, and only CRLF "." CRLF ends the content. After BDAT (RFC 3030
 * 2) a chunk ends after as many octets as it announced, and a dot is nothing special. In both a bare CR or LF (RFC 5321
 * 2.3.8) is never an end of line, which is what defeats smuggling; BODY=BINARYMIME alone may hold any octets. */
#ifndef SENDOFF_RELAY_SMTP_DATA_SINK_H
#define SENDOFF_RELAY_SMTP_DATA_SINK_H

#include "base/bytes.h"

#define LINE_OCTETS_MAX 998 /* RFC 5322 2.1.1, without CRLF */

enum data_state { DATA_LINE_START, DATA_DOT, DATA_DOT_CR, DATA_TEXT, DATA_CR };
enum data_framing { DATA_DOTTED, DATA_CHUNKS, DATA_BINARY_CHUNKS };

struct data_sink {
  enum data_framing framing;
  enum data_state state;
  uint64_t chunk_left; /* octets of this chunk that have not come yet */
  size_t line, line_octets;
  unsigned hyphens; /* at the beginning of this line, two at most */
  bool in_fields;   /* behind a line that begins with "--", while lines look like fields: of a part, perhaps */
  bool named;       /* this line has had the colon of a field, or is a fold */
  /* The first line (from 1) where each was seen; 0: nowhere. */
  size_t bare_cr, bare_lf, nul, long_line, eight_bit;
  size_t last_long_line, last_eight_bit; /* and the last */
  size_t eight_bit_field;                /* the first line `in_fields` with octets over 127 */
};

void data_sink_init(struct data_sink *d, enum data_framing framing);
/* A chunk of so many octets comes next. */
void data_sink_chunk(struct data_sink *d, uint64_t octets);
/* Reads from `in`; hands decoded runs (views into `in`) to `emit`. Returns the octets consumed: all of them, or up to
 * and with the end of the content or the chunk, when *done is set. */
size_t data_sink_feed(struct data_sink *d, struct bytes in, void (*emit)(void *arg, struct bytes run), void *arg,
                      bool *done);
/* The last chunk has come: notes what its end leaves open. */
void data_sink_last(struct data_sink *d);

#endif
