#include "relay/smtp/reply_parser.h"

#include "base/result.h"

#include <stdio.h>
#include <string.h>

void reply_parser_init(struct reply_parser *p, void (*on_line)(void *arg, size_t index, struct bytes text), void *arg) {
  memset(p, 0, sizeof *p);
  p->on_line = on_line;
  p->arg = arg;
}

static bool digit(char c) {
  return c >= '0' && c <= '9';
}

/* RFC 3463 2: class "." subject "." detail, of at most three digits each. 0 when `text` does not begin with one. */
static size_t enhanced_length(struct bytes text, char class) {
  if (text.len < 5 || text.at[0] != class || text.at[1] != '.') return 0;
  size_t at = 2;
  for (int part = 0; part < 2; part++) {
    size_t digits = 0;
    while (at < text.len && digit(text.at[at]) && digits < 4) at++, digits++;
    if (digits < 1 || digits > 3) return 0;
    if (part == 0 && (at == text.len || text.at[at++] != '.')) return 0;
  }
  return at == text.len || text.at[at] == ' ' || text.at[at] == '\t' ? at : 0;
}

static void add_text(struct smtp_reply *r, struct bytes text) {
  size_t len = strlen(r->text);
  if (len && text.len && len + 1 < sizeof r->text) r->text[len++] = ' ';
  for (size_t i = 0; i < text.len && len + 1 < sizeof r->text; i++) {
    unsigned char c = (unsigned char)text.at[i];
    r->text[len++] = c < 0x20 || c == 0x7f ? (c == '\t' ? ' ' : '?') : (char)c;
  }
  r->text[len] = 0;
}

/* The last that is given counts, as the last code does. */
static struct bytes take_enhanced(struct smtp_reply *r, int code, struct bytes text) {
  size_t len = enhanced_length(text, (char)('0' + code / 100));
  if (!len) return text;
  bytes_copy((struct bytes){text.at, len}, r->enhanced, sizeof r->enhanced);
  return bytes_trim(bytes_from(text, len));
}

/* 0: this is no line of a reply. */
static int line_code(struct bytes line) {
  if (line.len < 3 || line.at[0] < '2' || line.at[0] > '5' || !digit(line.at[1]) || !digit(line.at[2])) return 0;
  if (line.len > 3 && line.at[3] != ' ' && line.at[3] != '-') return 0;
  return (line.at[0] - '0') * 100 + (line.at[1] - '0') * 10 + (line.at[2] - '0');
}

/* What stands inside of a reply and has no code is text of it: the reply is not over, so nothing else can have begun.
 */
static void take_stray_line(struct reply_parser *p, struct bytes line) {
  add_text(&p->reply, bytes_trim(line));
  p->lines++;
}

/* 1: the last line of a reply; 0: more follow; E_SYNTAX. */
static int take_line(struct reply_parser *p) {
  struct bytes line = {p->line, p->line_len};
  if (line.len && line.at[line.len - 1] == '\r') line.len--;
  int code = line_code(line);
  if (!code && !p->lines) return E_SYNTAX;
  if (!code) {
    take_stray_line(p, line);
    return 0;
  }
  if (!p->lines) p->reply = (struct smtp_reply){0};
  p->reply.code = code;
  struct bytes text = bytes_trim(bytes_from(line, 4));
  if (p->on_line) p->on_line(p->arg, p->lines, text);
  add_text(&p->reply, take_enhanced(&p->reply, code, text));
  p->lines++;
  if (line.len > 3 && line.at[3] == '-') return 0;
  if (p->reply.enhanced[0] != '0' + code / 100) p->reply.enhanced[0] = 0; /* a line of another class had it */
  return 1;
}

int reply_parser_feed(struct reply_parser *p, struct bytes *data) {
  while (data->len) {
    size_t end = bytes_find(*data, '\n', 0);
    size_t keep = end < REPLY_LINE_KEPT - p->line_len ? end : REPLY_LINE_KEPT - p->line_len;
    memcpy(p->line + p->line_len, data->at, keep);
    p->line_len += keep; /* the rest of an overlong line is passed over */
    p->octets += end;
    if (p->octets > REPLY_OCTETS_MAX || p->lines >= REPLY_LINES_MAX) return E_TOO_BIG;
    if (end == data->len) {
      *data = bytes_from(*data, end);
      return 0;
    }
    *data = bytes_from(*data, end + 1);
    int rc = take_line(p);
    p->line_len = 0;
    if (rc < 0) return rc;
    if (rc == 0) continue;
    p->lines = p->octets = 0;
    return 1;
  }
  return 0;
}
