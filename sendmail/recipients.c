#include "sendmail/recipients.h"

#include "base/text/header.h"
#include "sendmail/qualify.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define HERE "localhost"
#define ALIAS_DEPTH 10
#define LIST_ROOM (SIZE_MAX / 4) /* a header is bounded already; each name grows by its domain */

static int add_one(struct recipients *r, struct bytes address, struct reason *why) {
  if (r->count == RECIPIENTS_MAX) return fail(why, E_TOO_BIG, "the message has over %d recipients", RECIPIENTS_MAX);
  if (r->count == r->room) {
    size_t room = r->room ? 2 * r->room : 16;
    struct to *all = realloc(r->all, room * sizeof *all);
    if (!all) return fail(why, E_MEMORY, "out of memory");
    r->all = all;
    r->room = room;
  }
  char *copy = bytes_dup(address);
  if (!copy) return fail(why, E_MEMORY, "out of memory");
  r->all[r->count] = (struct to){.address = copy, .order = r->count};
  r->count++;
  return OK;
}

/* The alias that is being read. */
struct within {
  struct bytes name;
  int depth; /* so many have led to it */
};

static int add_list(struct recipients *r, struct bytes list, const struct aliases *a, const struct within *in,
                    struct reason *why);

static int add_alias(struct recipients *r, struct bytes name, struct bytes value, const struct aliases *a,
                     const struct within *by, struct reason *why) {
  bool program = value.len && (strchr("|/\"", value.at[0]) || bytes_starts_nocase(value, BYTES(":include:")));
  if (program)
    return fail(why, E_SYNTAX, "the alias of %.*s is a file or a program, and only addresses are delivered to",
                (int)name.len, name.at);
  const struct within in = {name, by ? by->depth + 1 : 0};
  if (in.depth == ALIAS_DEPTH)
    return fail(why, E_SYNTAX, "the alias of %.*s leads in a circle", (int)name.len, name.at);
  return add_list(r, value, a, &in, why);
}

/* An alias that names itself ("root: root, admin@example.com") means the mailbox, as with Postfix and Sendmail. */
static int add_here(struct recipients *r, const struct address *to, const struct aliases *a, const struct within *in,
                    struct reason *why) {
  struct bytes value;
  struct buffer whole;
  bool itself = in && bytes_equal_nocase(in->name, to->local);
  if (!itself && aliases_find(a, to->local, &value)) return add_alias(r, to->local, value, a, in, why);
  buffer_init(&whole, 2 * ADDRESS_MAX + DOMAIN_MAX);
  int rc = buffer_addf(&whole, "%.*s@%s", (int)to->local.len, to->local.at, a->domain);
  rc = rc == OK ? add_one(r, buffer_bytes(&whole), why) : fail(why, rc, "%s", result_text(rc));
  buffer_free(&whole);
  return rc;
}

static int refuse(struct bytes list, size_t at, struct reason *why) {
  char rest[81];
  header_unfold(bytes_from(list, at), rest, sizeof rest);
  return fail(why, E_SYNTAX, "cannot be read as addresses from here on: \"%s\"", rest);
}

static int add_each(struct recipients *r, struct bytes list, const struct aliases *a, const struct within *in,
                    struct reason *why) {
  struct address to;
  size_t at = 0;
  char *scratch = malloc(list.len + 1);
  int rc = scratch ? OK : fail(why, E_MEMORY, "out of memory"), more = 1;
  while (rc == OK && (more = mailbox_next(list, &at, &to, scratch, list.len)) == 1)
    rc = bytes_equal_nocase(to.domain, BYTES(HERE)) ? add_here(r, &to, a, in, why) : add_one(r, to.whole, why);
  free(scratch);
  return rc == OK && more < 0 ? refuse(list, at, why) : rc;
}

static int add_list(struct recipients *r, struct bytes list, const struct aliases *a, const struct within *in,
                    struct reason *why) {
  struct buffer named;
  buffer_init(&named, LIST_ROOM);
  int rc = qualify(list, HERE, &named);
  rc = rc == OK ? add_each(r, buffer_bytes(&named), a, in, why) : fail(why, rc, "%s", result_text(rc));
  buffer_free(&named);
  return rc;
}

int recipients_add(struct recipients *r, struct bytes list, const struct aliases *a, struct reason *why) {
  return add_list(r, list, a, NULL, why);
}

/* --- the header --- */

static bool is_named(const struct field *f, const char *const names[3]) {
  for (size_t i = 0; i < 3; i++)
    if (bytes_equal_nocase(f->name, bytes_of(names[i]))) return true;
  return false;
}

static int add_fields(struct recipients *r, struct bytes header, const char *const names[3], const struct aliases *a,
                      size_t *found, struct reason *why) {
  struct field f;
  struct reason inner;
  size_t at = 0;
  int rc = OK;
  while (rc == OK && header_next(header, &at, &f) == 1) {
    if (!is_named(&f, names)) continue;
    ++*found;
    rc = recipients_add(r, f.value, a, &inner);
    if (rc != OK) fail(why, rc, "%.*s: %s", (int)f.name.len, f.name.at, inner.text);
  }
  return rc;
}

int recipients_add_header(struct recipients *r, struct bytes header, const struct aliases *a, struct reason *why) {
  static const char *const plain[3] = {"To", "Cc", "Bcc"}, *const resent[3] = {"Resent-To", "Resent-Cc", "Resent-Bcc"};
  size_t found = 0;
  int rc = add_fields(r, header, resent, a, &found, why);
  return rc == OK && !found ? add_fields(r, header, plain, a, &found, why) : rc;
}

/* --- each once --- */

static int compare(const char *a, const char *b) {
  const char *at = strrchr(a, '@'), *bt = strrchr(b, '@');
  size_t n = at ? (size_t)(at - a) : strlen(a), m = bt ? (size_t)(bt - b) : strlen(b);
  int order = memcmp(a, b, n < m ? n : m);
  if (!order) order = (n > m) - (n < m);
  return order ? order : strcasecmp(at ? at : "", bt ? bt : "");
}

static int by_address(const void *a, const void *b) {
  const struct to *x = a, *y = b;
  int order = compare(x->address, y->address);
  return order ? order : (x->order > y->order) - (x->order < y->order);
}

static int by_order(const void *a, const void *b) {
  const struct to *x = a, *y = b;
  return (x->order > y->order) - (x->order < y->order);
}

void recipients_unite(struct recipients *r) {
  size_t kept = 0;
  if (!r->count) return;
  qsort(r->all, r->count, sizeof *r->all, by_address);
  for (size_t i = 1; i < r->count; i++)
    if (compare(r->all[kept].address, r->all[i].address) == 0)
      free(r->all[i].address);
    else
      r->all[++kept] = r->all[i];
  r->count = kept + 1;
  qsort(r->all, r->count, sizeof *r->all, by_order);
}

void recipients_free(struct recipients *r) {
  for (size_t i = 0; i < r->count; i++) free(r->all[i].address);
  free(r->all);
  *r = (struct recipients){0};
}
