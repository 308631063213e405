#include "sendmail/qualify.h"

#include "base/result.h"

#include <string.h>

/* One address of the list, or what is between its angle brackets, as far as it has been read. */
struct item {
  size_t words, end; /* end: behind its last word */
  bool at_sign, angle, encoded;
};

struct walk {
  struct bytes value;
  size_t at, written; /* written: so much of `value` is in `out` */
  const char *domain;
  struct buffer *out;
};

/* A NUL is none: strchr would find it. */
static bool is_one_of(char c, const char *set) {
  return c && strchr(set, c);
}

static bool blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* Behind the quoted string that begins here. */
static size_t skip_quoted(struct bytes v, size_t at) {
  for (at++; at < v.len && v.at[at] != '"'; at++)
    if (v.at[at] == '\\') at++;
  return at < v.len ? at + 1 : v.len;
}

/* Behind the comment that begins here; it may hold others (RFC 5322 3.2.2). */
static size_t skip_comment(struct bytes v, size_t at) {
  size_t depth = 0;
  for (; at < v.len; at++) {
    if (v.at[at] == '\\')
      at++;
    else if (v.at[at] == '(')
      depth++;
    else if (v.at[at] == ')' && --depth == 0)
      return at + 1;
  }
  return v.len;
}

static size_t skip_word(struct bytes v, size_t at) {
  while (at < v.len && !blank(v.at[at]) && !is_one_of(v.at[at], "\"(),:;<>@")) at++;
  return at;
}

static int end_item(struct walk *w, const struct item *i) {
  if (i->words != 1 || i->at_sign || i->angle || i->encoded) return OK;
  int rc = buffer_add(w->out, w->value.at + w->written, i->end - w->written);
  w->written = i->end;
  return rc == OK ? buffer_addf(w->out, "@%s", w->domain) : rc;
}

static void take_word(struct walk *w, struct item *i) {
  size_t from = w->at;
  bool quoted = w->value.at[from] == '"';
  w->at = quoted ? skip_quoted(w->value, from) : skip_word(w->value, from);
  if (w->at == from) w->at++;                                                 /* a parenthesis that closes nothing */
  i->encoded |= w->at - from > 2 && memcmp(w->value.at + from, "=?", 2) == 0; /* RFC 2047: a name, never an address */
  i->words++;
  i->end = w->at;
}

static int step(struct walk *w, struct item *outer, struct item *inner, bool *inside) {
  struct item *i = *inside ? inner : outer;
  char c = w->value.at[w->at];
  int rc = OK;
  if (c == '(') {
    w->at = skip_comment(w->value, w->at);
    return OK;
  }
  if (!blank(c) && !is_one_of(c, ",:;<>@")) {
    take_word(w, i);
    return OK;
  }
  if (c == '@') {
    i->at_sign = true;
  } else if (c == '<') {
    outer->angle = *inside = true;
    *inner = (struct item){0};
  } else if (c == '>' && *inside) {
    rc = end_item(w, inner);
    *inside = false;
  } else if (is_one_of(c, ",;") && !*inside) {
    rc = end_item(w, outer);
    *outer = (struct item){0};
  } else if (c == ':' && !*inside) { /* what was before is a group's name */
    *outer = (struct item){0};
  }
  w->at++;
  return rc;
}

int qualify(struct bytes value, const char *domain, struct buffer *out) {
  struct walk w = {.value = value, .domain = domain, .out = out};
  struct item outer = {0}, inner = {0};
  bool inside = false;
  int rc = OK;
  while (rc == OK && w.at < value.len) rc = step(&w, &outer, &inner, &inside);
  if (rc == OK && !inside) rc = end_item(&w, &outer);
  return rc == OK ? buffer_add(out, value.at + w.written, value.len - w.written) : rc;
}
