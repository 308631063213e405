#include "relay/daemon/config_text.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int read_file(const char *path, struct buffer *out, struct reason *why) {
  char chunk[4096];
  FILE *f = fopen(path, "re");
  if (!f)
    return fail(why, E_IO, "%s: %s%s", path, strerror(errno),
                errno == ENOENT ? "; make one with: sendoff init --hostname NAME, or name it with --config FILE" : "");
  int rc = OK;
  for (size_t n; rc == OK && (n = fread(chunk, 1, sizeof chunk, f)) > 0;) rc = buffer_add(out, chunk, n);
  if (rc == OK && ferror(f)) rc = fail(why, E_IO, "%s: %s", path, strerror(errno));
  fclose(f);
  if (rc == E_TOO_BIG) return fail(why, E_SYNTAX, "%s: the file is over %d octets", path, CONFIG_FILE_MAX);
  return rc == E_MEMORY ? fail(why, rc, "out of memory") : rc;
}

/* The place of the closing quote; NULL when the line ends before. */
static char *string_end(char *at) {
  char quote = *at++;
  for (; *at && *at != '\n' && *at != quote; at++)
    if (*at == '\\' && at[1] && at[1] != '\n') at++;
  return *at == quote ? at : NULL;
}

/* Blanks up to `end`, which it returns. */
static char *blank(char *at, char *end) {
  for (; at < end; at++)
    if (*at != '\n') *at = ' ';
  return at;
}

/* "//" and "/" "*" begin a comment only where a word may begin: /srv//mail is a path. */
static bool word_may_begin(const char *text, const char *at) {
  return at == text || strchr(" \t\r\n{}()=,\"'", at[-1]) != NULL;
}

static int blank_comments(const char *path, char *text, struct reason *why) {
  int line = 1;
  for (char *at = text; *at; at++) {
    bool slash = *at == '/' && word_may_begin(text, at);
    char *end;
    if (*at == '\n') {
      line++;
    } else if (*at == '"' || *at == '\'') {
      end = string_end(at);
      if (!end) return fail(why, E_SYNTAX, "%s:%d: a string is still open at the end of the line", path, line);
      at = end;
    } else if (*at == '#' || (slash && at[1] == '/')) {
      at = blank(at, at + strcspn(at, "\n")) - 1;
    } else if (slash && at[1] == '*') {
      end = strstr(at + 2, "*/");
      if (!end) return fail(why, E_SYNTAX, "%s:%d: this comment is never closed; a */ is missing", path, line);
      for (char *c = at; c < end; c++) line += *c == '\n';
      at = blank(at, end + 2) - 1;
    }
  }
  return OK;
}

int config_text_read(const char *path, struct buffer *out, struct reason *why) {
  buffer_init(out, CONFIG_FILE_MAX + 64);
  int rc = read_file(path, out, why);
  if (rc != OK) return rc;
  if (out->len && memchr(out->at, '\0', out->len)) return fail(why, E_SYNTAX, "%s: the file is not text", path);
  const char *line_end = out->len && out->at[out->len - 1] != '\n' ? "\n" : "";
  if (buffer_addf(out, "%s" CONFIG_END_MARK " = true\n%c", line_end, 0) != OK)
    return fail(why, E_MEMORY, "out of memory");
  return blank_comments(path, out->at, why);
}
