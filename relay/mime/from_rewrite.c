#include "relay/mime/from_rewrite.h"

#include "base/address/address.h"
#include "relay/mime/from_repair.h"

#include <stdlib.h>
#include <string.h>

#define FIELD_ROOM ((size_t)1024 * 1024)
#define REPLY_TO_ROOM 900 /* what fits on a line: nobody answers to more */

/* Who is in a From field. */
struct authors {
  size_t count;
  bool unreadable;
  bool others;         /* one of them is not the address that it gets */
  struct buffer *list; /* those others, as far as they fit, for Reply-To; NULL: nobody asks */
};

static int note(struct authors *a, const struct address *author, const char *own) {
  a->count++;
  if (bytes_equal_nocase(author->whole, bytes_of(own))) return OK;
  a->others = true;
  if (!a->list || author->utf8 || a->list->len + 2 + author->whole.len > a->list->max) return OK;
  int rc = a->list->len ? buffer_add(a->list, ", ", 2) : OK;
  return rc == OK ? buffer_add_bytes(a->list, author->whole) : rc;
}

static int read_authors(struct bytes value, const char *own, struct authors *out) {
  char *scratch = malloc(value.len + 1);
  struct address a;
  size_t at = 0;
  int rc = OK, more = scratch ? 1 : E_MEMORY;
  while (rc == OK && more == 1 && (more = mailbox_next(value, &at, &a, scratch, value.len)) == 1)
    rc = note(out, &a, own);
  free(scratch);
  out->unreadable = more == E_SYNTAX;
  return more == E_MEMORY ? more : rc;
}

/* It is the one address that it gets, and nobody else. */
static bool is_one(const struct authors *a) {
  return !a->unreadable && a->count == 1 && !a->others;
}

/* --- the name --- */

/* The offset behind the quoted string or the comment that begins at `at`. */
static size_t skip_nested(struct bytes text, size_t at) {
  char close = text.at[at] == '"' ? '"' : ')';
  size_t depth = 1;
  for (at++; at < text.len && depth; at++) {
    char c = text.at[at];
    if (c == '\\')
      at++;
    else if (c == close)
      depth--;
    else if (c == '(' && close == ')')
      depth++;
  }
  return at < text.len ? at : text.len;
}

/* Where `c` stands outside of quotes and, unless it begins one, comments; text.len: nowhere. */
static size_t find_bare(struct bytes text, char c) {
  size_t at = 0;
  while (at < text.len && text.at[at] != c)
    at = text.at[at] == '"' || text.at[at] == '(' ? skip_nested(text, at) : at + 1;
  return at;
}

/* "Scanner" of Scanner <root@localhost>, or "(Cron Daemon)" of root@localhost (Cron Daemon). */
static struct bytes name_of_one(struct bytes value, bool *comment) {
  size_t angle = find_bare(value, '<'), open = find_bare(value, '(');
  *comment = angle == value.len;
  if (!*comment) return bytes_trim((struct bytes){value.at, angle});
  return open < value.len ? (struct bytes){value.at + open, skip_nested(value, open) - open} : BYTES("");
}

/* Whatever stands where a name would: "Scanner" of Scanner <>, or of Scanner alone. */
static struct bytes name_of_rest(struct bytes value) {
  return bytes_trim((struct bytes){value.at, bytes_find(value, '<', 0)});
}

/* It reads as the one address and nobody else, or is made to, with quotes around its name. 1: so it is in `out`. */
static int settle(struct bytes value, const char *own, struct buffer *out) {
  struct authors a = {0};
  size_t ignored;
  int rc = from_repair(value, false, "", out, &ignored);
  if (rc == OK) rc = buffer_add_bytes(out, value);
  if (rc < 0) return rc == E_SYNTAX ? OK : rc;
  if ((rc = read_authors(buffer_bytes(out), own, &a)) != OK) return rc;
  if (is_one(&a)) return 1;
  buffer_free(out);
  return OK;
}

/* `name` beside the address; without it where there is none, or none that can stand there. */
static int add_field(struct bytes name, bool comment, const char *own, struct buffer *out) {
  struct buffer value, settled;
  buffer_init(&value, FIELD_ROOM);
  buffer_init(&settled, FIELD_ROOM);
  int rc = comment ? buffer_addf(&value, " %s ", own) : buffer_add(&value, " ", 1);
  if (rc == OK) rc = buffer_add_bytes(&value, name);
  if (rc == OK && !comment) rc = buffer_addf(&value, " <%s>", own);
  int named = rc == OK && name.len ? settle(buffer_bytes(&value), own, &settled) : rc;
  rc = named < 0 ? named : named ? buffer_add(out, "From:", 5) : buffer_addf(out, "From: %s", own);
  if (rc == OK) rc = buffer_add_bytes(out, buffer_bytes(&settled));
  if (rc == OK) rc = buffer_add(out, "\r\n", 2);
  buffer_free(&value);
  buffer_free(&settled);
  return rc;
}

/* --- */

static int add_reply_to(struct from_rewrite *r, const struct buffer *old) {
  if (!r->reply_to || !old->len) return OK;
  int rc = buffer_add(r->reply_to, "Reply-To: ", 10);
  if (rc == OK) rc = buffer_add_bytes(r->reply_to, buffer_bytes(old));
  return rc == OK ? buffer_add(r->reply_to, "\r\n", 2) : rc;
}

/* A group's name, as in "nobody:; Scanner <root@localhost>", is none of its author. */
static struct bytes find_name(struct bytes value, const struct authors *a, bool *comment) {
  struct bytes name = a->unreadable ? name_of_rest(value) : a->count == 1 ? name_of_one(value, comment) : BYTES("");
  return !a->unreadable && find_bare(name, ';') < name.len ? BYTES("") : name;
}

/* `value` can be read, unless nothing could be made of it. */
static int rewrite(struct bytes value, struct from_rewrite *r, struct buffer *out) {
  struct buffer old;
  buffer_init(&old, REPLY_TO_ROOM);
  struct authors a = {.list = &old};
  bool comment = false;
  int rc = read_authors(value, r->address, &a);
  r->changed = !is_one(&a);
  struct bytes name = find_name(value, &a, &comment);
  if (rc == OK && !a.unreadable && r->changed) rc = add_reply_to(r, &old);
  if (rc == OK && r->changed) rc = add_field(name, comment, r->address, out);
  buffer_free(&old);
  return rc;
}

int from_rewrite(struct bytes value, struct from_rewrite *r, struct buffer *out) {
  struct buffer repaired;
  size_t ignored;
  buffer_init(&repaired, FIELD_ROOM);
  int rc = from_repair(value, false, "", &repaired, &ignored);
  if (rc == 1) value = buffer_bytes(&repaired);
  rc = rc < 0 && rc != E_SYNTAX ? rc : rewrite(value, r, out);
  buffer_free(&repaired);
  return rc;
}
