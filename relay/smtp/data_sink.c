#include "relay/smtp/data_sink.h"

#include <string.h>

void data_sink_init(struct data_sink *d, enum data_framing framing) {
  *d = (struct data_sink){.framing = framing, .state = DATA_LINE_START, .line = 1};
}

void data_sink_chunk(struct data_sink *d, uint64_t octets) {
  d->chunk_left = octets;
}

static void note(size_t *first, size_t line) {
  if (!*first) *first = line;
}

static void note_both(size_t *first, size_t *last, size_t line) {
  note(first, line);
  *last = line;
}

/* Eight at a time: every octet of every message passes here. */
static bool has_eight_bit(struct bytes run) {
  uint64_t seen = 0, eight;
  size_t i = 0;
  for (; i + sizeof eight <= run.len; i += sizeof eight) {
    memcpy(&eight, run.at + i, sizeof eight);
    seen |= eight;
  }
  for (; i < run.len; i++) seen |= (unsigned char)run.at[i];
  return seen & 0x8080808080808080u;
}

/* "-- " begins a signature, too: what follows is a field only if it looks like one. */
static void read_field(struct data_sink *d, struct bytes run) {
  size_t i = 0;
  if (!d->line_octets && (run.at[0] == ' ' || run.at[0] == '\t')) d->named = true;
  for (; d->in_fields && !d->named && i < run.len; i++) {
    d->named = run.at[i] == ':';
    d->in_fields = d->named || (run.at[i] > 32 && run.at[i] < 127);
  }
}

/* Octets of one line (no CR among them): counts them, and looks for what must not be there. */
static void inspect(struct data_sink *d, struct bytes run) {
  if (!run.len) return;
  if (d->in_fields) read_field(d, run);
  if (has_eight_bit(run)) {
    note_both(&d->eight_bit, &d->last_eight_bit, d->line);
    if (d->in_fields) note(&d->eight_bit_field, d->line);
  }
  for (size_t i = 0; d->line_octets + i < 2 && i < run.len; i++) d->hyphens += run.at[i] == '-';
  if (memchr(run.at, '\0', run.len)) note(&d->nul, d->line);
  if (memchr(run.at, '\n', run.len)) note(&d->bare_lf, d->line);
  d->line_octets += run.len;
  if (d->line_octets > LINE_OCTETS_MAX) note_both(&d->long_line, &d->last_long_line, d->line);
}

/* A line "--boundary" begins the fields of a part (RFC 2046 5.1.1), an empty one ends them. */
static void end_line(struct data_sink *d) {
  if (d->hyphens == 2)
    d->in_fields = true;
  else if (!d->line_octets || !d->named)
    d->in_fields = false;
  d->hyphens = 0;
  d->named = false;
  d->line++;
  d->line_octets = 0;
}

/* What follows a CR: LF ends the line, anything else makes the CR a bare one. */
static void after_cr(struct data_sink *d, char c, size_t *i) {
  if (c == '\n') {
    d->state = DATA_LINE_START;
    end_line(d);
    ++*i;
    return;
  }
  note(&d->bare_cr, d->line);
  d->state = DATA_TEXT;
}

static void read_text(struct data_sink *d, struct bytes in, size_t *i) {
  struct bytes rest = bytes_from(in, *i);
  const char *cr = rest.len ? memchr(rest.at, '\r', rest.len) : NULL;
  size_t n = cr ? (size_t)(cr - rest.at) : rest.len;
  inspect(d, (struct bytes){rest.at, n});
  *i += n;
  if (cr) {
    d->state = DATA_CR;
    ++*i;
  }
}

/* --- DATA --- */

static size_t feed_dotted(struct data_sink *d, struct bytes in, void (*emit)(void *arg, struct bytes run), void *arg,
                          bool *done) {
  size_t i = 0, start = 0; /* in[start, i) is a run that is not yet handed out */
  *done = false;
  while (i < in.len) {
    char c = in.at[i];
    switch (d->state) {
    case DATA_LINE_START:
      if (c != '.') {
        d->state = DATA_TEXT;
        break;
      }
      if (i > start) emit(arg, (struct bytes){in.at + start, i - start});
      start = ++i; /* a leading dot is never content: it is stuffing, or the end */
      d->state = DATA_DOT;
      break;
    case DATA_DOT:
      if (c != '\r') {
        d->state = DATA_TEXT;
        break;
      }
      start = ++i;
      d->state = DATA_DOT_CR;
      break;
    case DATA_DOT_CR:
      if (c == '\n') {
        *done = true;
        return i + 1;
      }
      note(&d->bare_cr, d->line); /* "." CR and no LF: the message is refused, so the lost CR does not matter */
      d->state = DATA_TEXT;
      break;
    case DATA_TEXT: read_text(d, in, &i); break;
    case DATA_CR: after_cr(d, c, &i); break;
    }
  }
  if (i > start) emit(arg, (struct bytes){in.at + start, i - start});
  return i;
}

/* --- BDAT --- */

/* Every octet is content; the lines are read for what may not be in them. */
static void read_lines(struct data_sink *d, struct bytes in) {
  size_t i = 0;
  while (i < in.len) {
    if (d->state == DATA_CR)
      after_cr(d, in.at[i], &i);
    else
      read_text(d, in, &i);
  }
}

static size_t feed_chunk(struct data_sink *d, struct bytes in, void (*emit)(void *arg, struct bytes run), void *arg,
                         bool *done) {
  if (in.len > d->chunk_left) in.len = (size_t)d->chunk_left;
  d->chunk_left -= in.len;
  if (d->framing == DATA_CHUNKS) read_lines(d, in);
  if (in.len) emit(arg, in);
  *done = d->chunk_left == 0;
  return in.len;
}

void data_sink_last(struct data_sink *d) {
  if (d->state == DATA_CR) note(&d->bare_cr, d->line);
}

size_t data_sink_feed(struct data_sink *d, struct bytes in, void (*emit)(void *arg, struct bytes run), void *arg,
                      bool *done) {
  return d->framing == DATA_DOTTED ? feed_dotted(d, in, emit, arg, done) : feed_chunk(d, in, emit, arg, done);
}
