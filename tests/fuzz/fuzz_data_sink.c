/* The content of a message. The input picks the framing, how it is cut, and the sizes of BDAT's chunks; whole and cut
 * must give the same octets, consume as many, and find the same faults. The whole is also compared with what the RFCs
 * say in so many words: where the first CRLF "." CRLF is, and what kinds of octets there are. */
#include "tests/fuzz/fuzz.h"

#include "base/result.h"
#include "relay/mime/octets.h"
#include "relay/smtp/data_sink.h"

struct content {
  struct data_sink sink;
  struct buffer out;
  size_t used;
  bool done;
};

static void emit(void *arg, struct bytes run) {
  CHECK(run.len && buffer_add_bytes(arg, run) == OK);
}

/* Up to the end of the content or the chunk. */
static void feed(struct content *c, struct bytes text, struct bytes sizes) {
  struct cutter pieces = {.sizes = sizes, .rest = text};
  struct bytes piece;
  c->done = false;
  while (!c->done && cut(&pieces, &piece)) {
    size_t n = data_sink_feed(&c->sink, piece, emit, &c->out, &c->done);
    CHECK(n <= piece.len && (c->done || n == piece.len));
    c->used += n;
  }
  free(pieces.hold);
}

static void receive(struct content *c, enum data_framing framing, struct bytes text, struct bytes chunks,
                    struct bytes sizes) {
  *c = (struct content){.used = 0};
  data_sink_init(&c->sink, framing);
  buffer_init(&c->out, SIZE_MAX / 2);
  if (framing == DATA_DOTTED) {
    feed(c, text, sizes);
    return;
  }
  for (size_t i = 0; c->used < text.len; i++) {
    uint64_t octets =
        chunks.len ? (unsigned char)chunks.at[i % chunks.len] + i % 2 : text.len; /* BDAT 0, but not ever */
    size_t before = c->used;
    data_sink_chunk(&c->sink, octets);
    feed(c, bytes_from(text, before), sizes);
    CHECK(c->used - before == (c->done ? octets : text.len - before));
  }
  data_sink_last(&c->sink);
}

static void same(const struct content *a, const struct content *b) {
  const struct data_sink *x = &a->sink, *y = &b->sink;
  CHECK(a->used == b->used && a->done == b->done);
  CHECK(bytes_equal(buffer_bytes(&a->out), buffer_bytes(&b->out)));
  CHECK(x->bare_cr == y->bare_cr && x->bare_lf == y->bare_lf && x->nul == y->nul);
  CHECK(x->long_line == y->long_line && x->eight_bit == y->eight_bit && x->line == y->line);
  CHECK(x->last_long_line == y->last_long_line && x->last_eight_bit == y->last_eight_bit);
  CHECK(x->eight_bit_field == y->eight_bit_field && (!x->eight_bit_field || x->eight_bit));
}

/* RFC 5321 4.1.1.4: the end is CRLF "." CRLF, the first CRLF of which may be that of the DATA command. */
static void right_end(const struct content *c, struct bytes text) {
  const char *end = memmem(text.at, text.len, "\r\n.\r\n", 5);
  bool at_once = text.len >= 3 && memcmp(text.at, ".\r\n", 3) == 0;
  CHECK(c->done == (at_once || end));
  if (c->done) CHECK(c->used == (at_once ? 3 : (size_t)(end - text.at) + 5));
}

static void right_faults(const struct content *c) {
  struct octets o;
  octets_scan(buffer_bytes(&c->out), &o);
  CHECK((c->sink.nul != 0) == o.nul && (c->sink.eight_bit != 0) == (o.high > 0));
  if (c->sink.framing == DATA_CHUNKS) CHECK((c->sink.bare_cr != 0) == o.bare_cr);
  if (c->sink.bare_cr) return; /* such a message is refused, and nothing else is promised of it */
  CHECK(!o.bare_cr && (c->sink.bare_lf != 0) == o.bare_lf && (c->sink.long_line != 0) == o.long_line);
}

static void right_content(const struct content *c, struct bytes text) {
  if (c->sink.framing == DATA_DOTTED) {
    right_end(c, text);
    if (c->done) right_faults(c);
    return;
  }
  CHECK(bytes_equal(buffer_bytes(&c->out), text));
  if (c->sink.framing == DATA_CHUNKS)
    right_faults(c);
  else
    CHECK(!c->sink.bare_cr && !c->sink.bare_lf && !c->sink.nul && !c->sink.long_line && !c->sink.eight_bit);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes in = {(const char *)data, size};
  enum data_framing framing = (enum data_framing)(take_octet(&in) % 3);
  struct bytes sizes = take_list(&in), chunks = take_list(&in);
  struct content whole, cuts, octets;
  receive(&whole, framing, in, chunks, (struct bytes){0});
  receive(&cuts, framing, in, chunks, sizes);
  receive(&octets, framing, in, chunks, (struct bytes){"\0", 1});
  same(&whole, &cuts);
  same(&whole, &octets);
  right_content(&whole, in);
  buffer_free(&whole.out);
  buffer_free(&cuts.out);
  buffer_free(&octets.out);
  return 0;
}
