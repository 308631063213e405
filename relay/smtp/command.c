#include "relay/smtp/command.h"

#include "base/result.h"

#include <ctype.h>

int command_parse(struct bytes line, struct command *out) {
  for (size_t i = 0; i < line.len; i++) {
    unsigned char c = (unsigned char)line.at[i];
    if ((c < 32 && c != '\t') || c == 127) return E_SYNTAX;
  }
  size_t end = 0;
  while (end < line.len && line.at[end] != ' ' && line.at[end] != '\t') end++;
  if (!end) return E_SYNTAX;
  out->verb = (struct bytes){line.at, end};
  out->rest = bytes_trim(bytes_from(line, end));
  return OK;
}

static bool keyword_octet(char c, bool first) {
  return isalnum((unsigned char)c) || (!first && c == '-'); /* RFC 5321 4.1.2 esmtp-keyword */
}

int parameter_next(struct bytes text, size_t *at, struct parameter *out) {
  size_t i = *at, start;
  while (i < text.len && text.at[i] == ' ') i++;
  if (i == text.len) return 0;
  if (i == *at) return E_SYNTAX; /* no space between the path or the last value and this */
  start = i;
  while (i < text.len && keyword_octet(text.at[i], i == start)) i++;
  if (i == start) return E_SYNTAX;
  *out = (struct parameter){.keyword = {text.at + start, i - start}};
  if (i < text.len && text.at[i] == '=') {
    start = ++i;
    while (i < text.len && text.at[i] != ' ' && text.at[i] != '=') i++;
    out->value = (struct bytes){text.at + start, i - start};
    out->has_value = true;
    if (!out->value.len) return E_SYNTAX;
  }
  if (i < text.len && text.at[i] != ' ') return E_SYNTAX;
  *at = i;
  return 1;
}

int path_argument_parse(struct bytes rest, const char *word, struct address *out, size_t *at) {
  struct bytes prefix = bytes_of(word);
  if (!bytes_starts_nocase(rest, prefix)) return E_SYNTAX;
  size_t i = prefix.len;
  while (i < rest.len && rest.at[i] == ' ') i++;
  size_t used;
  struct bytes path = bytes_from(rest, i);
  bool bare = path.len && path.at[0] != '<';
  int rc = bare ? bare_path_parse(path, out, &used) : path_parse(path, out, &used);
  if (rc != OK) return rc;
  *at = i + used;
  return OK;
}
