#include "relay/mime/bulk_fields.h"

#include "base/text/header.h"

/* Past a comment that begins at `at` (RFC 5322 3.2.2): comments may stand in comments. */
static size_t skip_comment(struct bytes value, size_t at) {
  size_t depth = 0;
  for (; at < value.len; at++) {
    if (value.at[at] == '\\')
      at++;
    else if (value.at[at] == '(')
      depth++;
    else if (value.at[at] == ')' && !--depth)
      return at + 1;
  }
  return value.len;
}

/* Something after the scheme, and nothing that only a URI cut off has. Folds may stand in it (RFC 2369 2). */
static bool is_https(struct bytes uri) {
  static const struct bytes scheme = {"https://", 8};
  uri = bytes_trim(uri);
  return bytes_starts_nocase(uri, scheme) && uri.len > scheme.len;
}

/* RFC 2369 2: a list of URIs in angle brackets, with comments between. RFC 8058 3.1: one of them is https. */
static size_t count_https(struct bytes value) {
  size_t count = 0;
  for (size_t at = 0; at < value.len;) {
    if (value.at[at] == '(') {
      at = skip_comment(value, at);
      continue;
    }
    if (value.at[at++] != '<') continue;
    size_t end = bytes_find(value, '>', at);
    if (end >= value.len) return count;
    count += is_https((struct bytes){value.at + at, end - at});
    at = end + 1;
  }
  return count;
}

/* Of several of one name, no two receivers take the same one: then it counts as none. */
static struct bytes only(struct bytes block, const char *name) {
  struct field f;
  return header_find(block, name, &f) == 1 ? bytes_trim(f.value) : (struct bytes){"", 0};
}

void bulk_fields_find(struct bytes block, struct bulk_fields *out) {
  out->unsubscribe = count_https(only(block, "List-Unsubscribe")) == 1;
  out->one_click = bytes_equal_nocase(only(block, "List-Unsubscribe-Post"), BYTES("List-Unsubscribe=One-Click"));
  out->feedback_id = only(block, "Feedback-ID").len > 0;
}
