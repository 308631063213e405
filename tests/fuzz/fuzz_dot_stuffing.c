/* Content that is sent on by DATA: whatever it is and however it is cut, who reads it as this gateway does gets the
 * same octets, and the end is where it ends: no content can be the end of itself (RFC 5321 4.5.2). */
#include "tests/fuzz/fuzz.h"

#include "relay/smtp/data_sink.h"
#include "relay/smtp/dot_stuffing.h"

static void stuff(struct bytes content, struct bytes sizes, struct buffer *out) {
  struct dot_stuffing d;
  struct cutter pieces = {.sizes = sizes, .rest = content};
  dot_stuffing_init(&d);
  buffer_init(out, SIZE_MAX / 2);
  for (struct bytes piece; cut(&pieces, &piece);) {
    size_t before = out->len;
    CHECK(dot_stuffing_add(&d, piece, out) == OK && out->len - before <= 2 * piece.len);
  }
  size_t before = out->len;
  CHECK(dot_stuffing_end(&d, out) == OK && out->len - before <= 5);
}

static void emit(void *arg, struct bytes run) {
  CHECK(buffer_add_bytes(arg, run) == OK);
}

static void read_back(struct bytes wire, struct bytes content) {
  struct data_sink sink;
  struct buffer out;
  bool done;
  data_sink_init(&sink, DATA_DOTTED);
  buffer_init(&out, SIZE_MAX / 2);
  CHECK(data_sink_feed(&sink, wire, emit, &out, &done) == wire.len && done);
  bool ended = !content.len || (content.len > 1 && memcmp(content.at + content.len - 2, "\r\n", 2) == 0);
  CHECK(out.len == content.len + (ended ? 0 : 2));
  CHECK(bytes_equal((struct bytes){out.at, content.len}, content));
  buffer_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes in = {(const char *)data, size}, sizes = take_list(&in);
  struct buffer whole, cuts;
  stuff(in, (struct bytes){0}, &whole);
  stuff(in, sizes, &cuts);
  CHECK(bytes_equal(buffer_bytes(&whole), buffer_bytes(&cuts)));
  read_back(buffer_bytes(&whole), in);
  buffer_free(&whole);
  buffer_free(&cuts);
  return 0;
}
