/* What strangers say is logged. Whatever it is, a line is one line of clean UTF-8, and its fields are those that were
 * written, in both formats: JSON is read by a library, text by the few rules that it has. The input is an octet for the
 * format, then values up to an octet 1. */
#include "tests/fuzz/fuzz.h"

#include "base/log.h"

#include <jansson.h>

#define VALUES_MAX 12

static void clean(struct bytes line) {
  for (size_t i = 0; i < line.len; i++) {
    unsigned char c = (unsigned char)line.at[i];
    CHECK(c >= 32 && c != 127);
    if (c < 0x80) continue;
    size_t n = bytes_utf8_length(line, i);
    CHECK(n && !(c == 0xc2 && (unsigned char)line.at[i + 1] < 0xa0)); /* no U+0080 to U+009F */
    i += n - 1;
  }
}

/* A value of no more than `len` octets that JSON can hold as it is, was written as it is. */
static void json(struct log_line *l, struct bytes *values, size_t count) {
  char text[sizeof l->text + 16], key[24];
  snprintf(text, sizeof text, "%.*s}", (int)l->len, l->text);
  json_error_t error;
  json_t *object = json_loads(text, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, &error);
  CHECK(object);
  CHECK(l->cut || json_object_size(object) == 4 + count);
  for (size_t i = 0; i < count; i++) {
    snprintf(key, sizeof key, "k%zu", i);
    const char *read = json_string_value(json_object_get(object, key));
    bool plain = values[i].len < 64;
    for (size_t k = 0; k < values[i].len; k++) plain &= values[i].at[k] > 0;
    CHECK(l->cut || read);
    if (read && plain) CHECK(bytes_equal(bytes_of(read), values[i]));
  }
  json_decref(object);
}

/* key=value or key="value", where a backslash takes away the next octet's meaning; one space between them. */
static size_t fields(struct bytes line) {
  size_t count = 0;
  for (size_t i = 0; i < line.len; count++) {
    bool quotes = false;
    for (; i < line.len && (quotes || line.at[i] != ' '); i++) {
      if (line.at[i] == '\\')
        CHECK(quotes && ++i < line.len);
      else if (line.at[i] == '"')
        quotes = !quotes;
    }
    CHECK(!quotes);
    i++;
  }
  return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes in = {(const char *)data, size}, values[VALUES_MAX];
  bool as_json = take_octet(&in) & 1;
  size_t count = 0;
  for (size_t end; in.len && count < VALUES_MAX; in = bytes_from(in, end + 1)) {
    end = bytes_find(in, 1, 0);
    values[count++] = (struct bytes){in.at, end};
  }
  char *session = count ? bytes_dup(values[0]) : NULL, key[24];
  log_setup(LOG_INFO_, as_json ? LOG_JSON : LOG_TEXT);
  struct log_line l;
  log_begin(&l, LOG_INFO_, session, "event");
  for (size_t i = 0; i < count; i++) {
    snprintf(key, sizeof key, "k%zu", i);
    log_bytes(&l, key, values[i]);
  }
  struct bytes line = {l.text, l.len};
  CHECK(l.len <= sizeof l.text);
  clean(line);
  if (as_json)
    json(&l, values, count);
  else
    CHECK(l.cut ? fields(line) < 4 + count : fields(line) == 4 + count);
  free(session);
  return 0;
}
