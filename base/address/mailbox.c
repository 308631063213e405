/* RFC 5322 3.4 address lists, obsolete forms included (4.4). This decides whom a message claims to be from, so it never
 * guesses: what it cannot read, or what the readers at the far end are known to read in different ways, is E_SYNTAX,
 * and a caller must then refuse.
 *
 *   list    = [item] *("," [item])          item  = group / mailbox
 *   group   = phrase ":" [mailboxes] ";"    mailbox = [phrase] "<" [route] addr-spec ">" / addr-spec
 *
 * The walk reads one item at a time. Words (atoms, quoted strings, dots, "@") that come before "<" are a display name;
 * when "," or the end comes instead, they were the addr-spec. Comments and folding are passed over between words.
 *
 * Every octet that is kept is kept once, so that the scratch never needs more octets than the value has. */
#include "base/address/address.h"
#include "base/result.h"

#include <string.h>

#define COMMENT_DEPTH_MAX 16

struct walk {
  struct bytes value;
  size_t at;
  char *scratch;
  size_t scratch_size, len;
};

/* What stood between two stops. */
struct words {
  struct bytes text; /* in the scratch, without what stood between the words */
  bool side_by_side; /* two words without "." or "@" between them: a phrase, never an addr-spec */
  bool at_sign;      /* an "@" outside quotes: an addr-spec, never a phrase */
};

static bool more(const struct walk *w) {
  return w->at < w->value.len;
}
static char peek(const struct walk *w) {
  return (char)(more(w) ? w->value.at[w->at] : '\0');
}

/* strchr would find the NUL that ends `set`, and a NUL from a stranger would pass for every stop there is. */
static bool one_of(char c, const char *set) {
  return c && strchr(set, c);
}

static bool blank(char c) {
  return c == ' ' || c == '\t';
}

/* The length of a fold (RFC 5322 2.2.3), or of the line end that ends the value; 0 for a CR or LF of any other kind. */
static size_t fold_at(const struct walk *w) {
  struct bytes rest = bytes_from(w->value, w->at);
  if (rest.len < 2 || rest.at[0] != '\r' || rest.at[1] != '\n') return 0;
  return rest.len == 2 || blank(rest.at[2]) ? 2 : 0;
}

/* The length of the character at `at` if text may have it there: printable ASCII, blanks and UTF-8 (RFC 6532 3.2). */
static size_t character_at(const struct walk *w, size_t at) {
  if (at >= w->value.len) return 0;
  unsigned char c = (unsigned char)w->value.at[at];
  if (c >= 0x80) return bytes_utf8_length(w->value, at);
  return c == '\t' || (c >= 32 && c < 127) ? 1 : 0;
}

/* White space, folds and comments (RFC 5322 3.2.2). False: a comment does not end, or an octet may not be there. */
static bool skip_cfws(struct walk *w) {
  unsigned depth = 0;
  while (more(w)) {
    char c = peek(w);
    size_t n = c == '\r' || c == '\n' ? fold_at(w) : character_at(w, w->at);
    if (!n) return false;
    if (c == '(') {
      if (++depth > COMMENT_DEPTH_MAX) return false;
    } else if (depth && c == ')') {
      depth--;
    } else if (depth && c == '\\') {
      n = character_at(w, w->at + 1);
      if (!n++) return false;
    } else if (!depth && !blank(c) && c != '\r') {
      break;
    }
    w->at += n;
  }
  return depth == 0;
}

static bool keep(struct walk *w, size_t n) {
  if (n > w->scratch_size - w->len) return false;
  memcpy(w->scratch + w->len, w->value.at + w->at, n);
  w->len += n;
  w->at += n;
  return true;
}

/* RFC 5322 3.2.4; folds inside are taken out. */
static bool read_quoted(struct walk *w) {
  if (!keep(w, 1)) return false;
  while (more(w)) {
    char c = peek(w);
    if (c == '"') return keep(w, 1);
    if (c == '\r' || c == '\n') {
      size_t fold = fold_at(w);
      if (!fold) return false;
      w->at += fold;
      continue;
    }
    size_t n =
        character_at(w, w->at + (c == '\\')); /* RFC 5322 3.2.1: what stands behind a backslash loses its meaning */
    if (!n || !keep(w, n + (c == '\\'))) return false;
  }
  return false;
}

/* "[" to "]". Narrower than RFC 5322's dtext: an address literal needs no more, and "[<a@b>]" must not hide a mailbox.
 */
static bool read_literal(struct walk *w) {
  size_t n = 1;
  while (w->at + n < w->value.len && w->value.at[w->at + n] != ']') {
    char c = w->value.at[w->at + n++];
    bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && !one_of(c, ".:-")) return false;
  }
  return w->at + n < w->value.len && keep(w, n + 1);
}

static bool read_atom(struct walk *w) {
  size_t start = w->at;
  while (more(w) && !blank(peek(w)) && !one_of(peek(w), "()<>[]:;@\\,.\"")) {
    size_t n = character_at(w, w->at);
    if (!n || !keep(w, n)) break;
  }
  return w->at > start;
}

/* Words up to one of `stops` or the end, put together without what stood between them. */
static bool read_words(struct walk *w, const char *stops, struct words *out) {
  size_t start = w->len;
  char before = '\0'; /* '.', '@', 'w' for a word */
  *out = (struct words){{w->scratch + start, 0}, false, false};
  for (;;) {
    if (!skip_cfws(w)) return false;
    char c = peek(w);
    if (!more(w) || one_of(c, stops)) break;
    if (c == '.' || c == '@') {
      out->at_sign |= c == '@';
      if (!keep(w, 1)) return false;
      before = c;
      continue;
    }
    out->side_by_side |= before == 'w';
    if (c == '[' && before != '@') return false;
    if (!(c == '"' ? read_quoted(w) : c == '[' ? read_literal(w) : read_atom(w))) return false;
    before = 'w';
  }
  out->text.len = w->len - start;
  return true;
}

/* RFC 2047 5 forbids encoded-words in an addr-spec; a reader that decodes them all the same would see another address.
 * Nor does an honest author's quoted local part hold another address's punctuation. */
static bool misleading(struct bytes local) {
  for (size_t i = 0; i < local.len; i++) {
    if (one_of(local.at[i], "<>@")) return true;
    if (local.at[i] == '=' && i + 1 < local.len && local.at[i + 1] == '?') return true;
  }
  return false;
}

static int take_address(const struct words *words, struct address *out) {
  if (words->side_by_side || address_parse(words->text, out) != OK || misleading(out->local)) return E_SYNTAX;
  return OK;
}

/* An obsolete route, "@a,@b:" (RFC 5322 4.4): it says nothing about who the author is. */
static bool skip_route(struct walk *w) {
  struct words hop;
  while (peek(w) == '@') {
    if (!read_words(w, ",:;<>", &hop) || hop.side_by_side || !domain_valid(bytes_from(hop.text, 1))) return false;
    char stop = peek(w);
    if (stop != ',' && stop != ':') return false;
    w->at++;
    if (!skip_cfws(w)) return false;
    if (stop == ':') return true;
  }
  return false;
}

/* At "<": an obsolete route, then the addr-spec, then ">". A display name that holds an "@" outside quotes is no
 * phrase, and some readers take it for the author: let it pass only where it is that same address again. */
static int read_angle(struct walk *w, const struct words *name, struct address *out) {
  struct words words;
  w->at++;
  if (!skip_cfws(w) || (peek(w) == '@' && !skip_route(w))) return E_SYNTAX;
  if (!read_words(w, "<>,;:", &words) || peek(w) != '>' || take_address(&words, out) != OK) return E_SYNTAX;
  w->at++;
  if (name->at_sign && (name->side_by_side || !bytes_equal_nocase(name->text, out->whole))) return E_SYNTAX;
  return OK;
}

/* After a mailbox only the next item, or the end of its group, may come. */
static int end_item(struct walk *w, size_t *at) {
  if (!skip_cfws(w) || (more(w) && !one_of(peek(w), ",;"))) return E_SYNTAX;
  *at = w->at;
  return 1;
}

/* Behind a group's ":": is there a ";" to end it, and no group inside it? Looks only up to that ";", so that a value of
 * many groups still costs one look at each octet. */
static bool group_ends(struct walk ahead) {
  struct words words;
  bool angle = false;
  while (read_words(&ahead, "<>,;:", &words) && more(&ahead)) {
    char c = peek(&ahead);
    if (c == ';') return !angle;
    if (c == ':' && !angle) return false;
    if (c == '<' || c == '>') angle = c == '<';
    ahead.at++;
  }
  return false;
}

/* Empty items are allowed (RFC 5322 4.4); so is ";" for ",", as some mail programs write. A group's name is passed over
 * like a display name: its mailboxes come out like any others, which is all that a check of every mailbox needs. */
int mailbox_next(struct bytes value, size_t *at, struct address *out, char *scratch, size_t scratch_size) {
  struct walk w = {.value = value, .at = *at, .scratch = scratch, .scratch_size = scratch_size};
  struct words words;
  for (;;) {
    if (!read_words(&w, "<>,;:", &words)) return E_SYNTAX;
    bool end = !more(&w);
    char c = peek(&w);
    if (c == '<') return read_angle(&w, &words, out) == OK ? end_item(&w, at) : E_SYNTAX;
    if (c == '>') return E_SYNTAX;
    if (c == ':') {
      w.at++;
      if (!words.text.len || words.at_sign || !group_ends(w)) return E_SYNTAX;
    } else if (words.text.len) {
      return take_address(&words, out) == OK ? end_item(&w, at) : E_SYNTAX;
    } else if (end) {
      *at = w.at;
      return 0;
    } else {
      w.at++;
    }
  }
}
