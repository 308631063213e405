#include "base/directory/mail_stream.h"

#include "base/bytes.h"
#include "base/result.h"

static const char *const streams[] = {"transactional", "bulk"};

const char *stream_name(enum mail_stream stream) {
  return streams[stream];
}

int stream_parse(const char *name, enum mail_stream *out) {
  for (int i = 0; i < STREAM_COUNT; i++)
    if (bytes_equal_nocase(bytes_of(name), bytes_of(streams[i]))) {
      *out = (enum mail_stream)i;
      return OK;
    }
  return E_NOT_FOUND;
}
