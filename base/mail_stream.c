#include "base/mail_stream.h"

#include "base/result.h"

#include <string.h>

static const char *const streams[] = {"transactional", "bulk"};

const char *stream_name(enum mail_stream stream) {
  return streams[stream];
}

int stream_parse(const char *name, enum mail_stream *out) {
  for (int i = 0; i < STREAM_COUNT; i++)
    if (strcmp(name, streams[i]) == 0) {
      *out = (enum mail_stream)i;
      return OK;
    }
  return E_NOT_FOUND;
}
