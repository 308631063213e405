#include "policy/tag_list.h"

static bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_name(struct bytes name) {
  if (!name.len || !is_letter(name.at[0])) return false;
  for (size_t i = 1; i < name.len; i++)
    if (!is_letter(name.at[i]) && !(name.at[i] >= '0' && name.at[i] <= '9') && name.at[i] != '_') return false;
  return true;
}

static bool is_value(struct bytes value) {
  for (size_t i = 0; i < value.len; i++) {
    unsigned char c = (unsigned char)value.at[i];
    if ((c < 32 || c > 126) && c != '\t' && c != '\r' && c != '\n') return false;
  }
  return true;
}

static int read_tag(struct bytes piece, struct tag *out) {
  size_t equals = bytes_find(piece, '=', 0);
  if (equals == piece.len) return E_SYNTAX;
  out->name = bytes_trim((struct bytes){piece.at, equals});
  out->value = bytes_trim(bytes_from(piece, equals + 1));
  return is_name(out->name) && is_value(out->value) ? 1 : E_SYNTAX;
}

int tag_next(struct bytes text, size_t *at, struct tag *out) {
  while (*at < text.len) {
    size_t end = bytes_find(text, ';', *at);
    struct bytes piece = bytes_trim((struct bytes){text.at + *at, end - *at});
    *at = end < text.len ? end + 1 : end;
    if (piece.len) return read_tag(piece, out);
  }
  return 0;
}
