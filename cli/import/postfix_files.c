#include "cli/import/postfix_files.h"

#include "cli/import/postfix_conf.h"
#include "cli/input/small_file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define USUAL "/etc/postfix"

/* --- where files are --- */

int postfix_place_find(const char *dir, struct postfix_place *out, struct reason *why) {
  char path[PATH_MAX];
  *out = (struct postfix_place){0};
  if (!realpath(dir, path) || strlen(path) >= sizeof out->dir)
    return fail(why, E_NOT_FOUND, "%s is no folder here", dir);
  snprintf(out->dir, sizeof out->dir, "%s", path);
  size_t n = strlen(path), usual = strlen(USUAL);
  if (n >= usual && strcmp(path + n - usual, USUAL) == 0)
    snprintf(out->root, sizeof out->root, "%.*s", (int)(n - usual), path);
  out->here = strcmp(path, USUAL) == 0;
  return OK;
}

static bool is_file(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool in(const char *folder, struct bytes name, char out[OPENDKIM_PATH]) {
  int n = snprintf(out, OPENDKIM_PATH, "%s/%.*s", folder, (int)name.len, name.at);
  return n > 0 && n < OPENDKIM_PATH && is_file(out);
}

/* Never a file of this machine for one of another's. */
bool postfix_place_path(const struct postfix_place *p, struct bytes named, char out[OPENDKIM_PATH]) {
  struct bytes base = named;
  for (size_t at; (at = bytes_find(base, '/', 0)) < base.len;) base = bytes_from(base, at + 1);
  *out = '\0';
  if (!base.len || named.len >= OPENDKIM_PATH) return false;
  if (named.at[0] != '/') return in(p->dir, named, out);
  if (p->here) return in("", bytes_from(named, 1), out);
  return (*p->root && in(p->root, bytes_from(named, 1), out)) || in(p->dir, base, out);
}

/* --- lists --- */

static bool parts(char c) {
  return c == ' ' || c == '\t' || c == ',' || c == '\n' || c == '\r';
}

bool postfix_list_next(struct bytes *list, struct bytes *out) {
  size_t n = 0, level = 0;
  while (list->len && parts(list->at[0])) *list = bytes_from(*list, 1);
  for (; n < list->len && (level || !parts(list->at[n])); n++) {
    if (list->at[n] == '{') level++;
    if (list->at[n] == '}' && level) level--;
  }
  *out = (struct bytes){list->at, n};
  *list = bytes_from(*list, n);
  return n > 0;
}

/* --- tables --- */

void postfix_table_free(struct postfix_table *t) {
  for (size_t i = 0; i < t->count; i++) {
    if (t->rows[i].value) wipe(t->rows[i].value, strlen(t->rows[i].value));
    free(t->rows[i].key);
    free(t->rows[i].value);
  }
  free(t->rows);
  *t = (struct postfix_table){0};
}

const char *postfix_table_find(const struct postfix_table *t, const char *key) {
  for (size_t i = 0; i < t->count; i++)
    if (strcasecmp(t->rows[i].key, key) == 0) return t->rows[i].value;
  return NULL;
}

static int add_row(struct postfix_table *t, struct bytes key, struct bytes value, unsigned line) {
  if (t->count == POSTFIX_TABLE_ROWS) return E_TOO_BIG;
  if (t->count == t->room) {
    size_t room = t->room ? 2 * t->room : 64;
    struct postfix_row *more = reallocarray(t->rows, room, sizeof *more);
    if (!more) return E_MEMORY;
    t->rows = more;
    t->room = room;
  }
  struct postfix_row *r = &t->rows[t->count];
  *r = (struct postfix_row){bytes_dup(key), bytes_dup(bytes_trim(value)), line};
  t->count++;
  return r->key && r->value ? OK : E_SYNTAX;
}

/* "key  value"; a key in quotes may hold blanks. */
static int add_line(struct postfix_table *t, struct bytes line, unsigned number) {
  size_t n = 0;
  bool quoted = line.len && line.at[0] == '"';
  for (; n < line.len && (quoted || (line.at[n] != ' ' && line.at[n] != '\t')); n++)
    if (n && line.at[n] == '"') quoted = false;
  struct bytes key = {line.at, n};
  if (key.len > 1 && key.at[0] == '"' && key.at[key.len - 1] == '"') key = (struct bytes){key.at + 1, key.len - 2};
  return add_row(t, key, bytes_from(line, n), number);
}

static int read_text(struct postfix_table *t, struct bytes text, struct reason *why) {
  struct postfix_lines lines = {.rest = text};
  struct buffer line;
  int rc;
  buffer_init_secret(&line, POSTFIX_LINE_MAX);
  while ((rc = postfix_next_line(&lines, &line)) == 1)
    if ((rc = add_line(t, buffer_bytes(&line), lines.number)) != OK) break;
  buffer_wipe_free(&line);
  return rc == OK ? OK : fail(why, rc, "%s:%u cannot be read", t->path, lines.number);
}

static int read_file(struct postfix_table *t, struct reason *why) {
  struct buffer text;
  buffer_init_secret(&text, POSTFIX_TABLE_MAX + 4096);
  int rc = small_file_read(t->path, POSTFIX_TABLE_MAX, false, &text, why);
  if (rc == OK) rc = read_text(t, buffer_bytes(&text), why);
  buffer_wipe_free(&text);
  return rc;
}

/* "{ key = value }, { ... }" or "key = value, ..." */
static int read_inline(struct postfix_table *t, struct bytes spec, struct reason *why) {
  struct bytes one;
  spec = bytes_trim(spec);
  if (spec.len > 1 && spec.at[0] == '{' && spec.at[spec.len - 1] == '}')
    spec = (struct bytes){spec.at + 1, spec.len - 2};
  while (postfix_list_next(&spec, &one)) {
    if (one.len > 1 && one.at[0] == '{') one = (struct bytes){one.at + 1, one.len - 2};
    size_t equals = bytes_find(one, '=', 0);
    if (equals == one.len) return fail(why, E_SYNTAX, "an inline table that cannot be read");
    int rc = add_row(t, bytes_trim((struct bytes){one.at, equals}), bytes_from(one, equals + 1), 0);
    if (rc != OK) return fail(why, rc, "%s", result_text(rc));
  }
  return OK;
}

enum kind { KIND_TEXT, KIND_INLINE, KIND_SQL, KIND_PATTERN, KIND_OTHER };

static enum kind kind_of(struct bytes type) {
  static const struct {
    const char *name;
    enum kind kind;
  } all[] = {{"hash", KIND_TEXT},   {"btree", KIND_TEXT},     {"lmdb", KIND_TEXT},     {"cdb", KIND_TEXT},
             {"dbm", KIND_TEXT},    {"sdbm", KIND_TEXT},      {"texthash", KIND_TEXT}, {"inline", KIND_INLINE},
             {"mysql", KIND_SQL},   {"pgsql", KIND_SQL},      {"sqlite", KIND_SQL},    {"ldap", KIND_SQL},
             {"mongodb", KIND_SQL}, {"regexp", KIND_PATTERN}, {"pcre", KIND_PATTERN},  {"cidr", KIND_PATTERN}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (bytes_equal(type, bytes_of(all[i].name))) return all[i].kind;
  return KIND_OTHER;
}

static int other_kind(struct bytes type, enum kind kind, struct reason *why) {
  int n = (int)(type.len < 30 ? type.len : 30);
  if (kind == KIND_SQL)
    return fail(
        why, E_SYNTAX,
        "%.*s: is a database, which is not asked; write what it has into a file of the same kind as the text of a "
        "hash: table, and name that",
        n, type.at);
  if (kind == KIND_PATTERN) return fail(why, E_SYNTAX, "%.*s: holds patterns, which have no counterpart", n, type.at);
  return fail(why, E_SYNTAX, "%.*s: is not read", n, type.at);
}

/* The text that an indexed table was made from is beside it; the index itself is not read. */
static int find_text(const struct postfix_place *p, struct bytes type, struct bytes path, struct postfix_table *t,
                     struct reason *why) {
  static const char *const endings[] = {".db", ".lmdb", ".cdb", ".pag", ".dir"};
  char index[OPENDKIM_PATH], named[OPENDKIM_PATH];
  if (postfix_place_path(p, path, t->path)) return OK;
  for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
    int n = snprintf(named, sizeof named, "%.*s%s", (int)path.len, path.at, endings[i]);
    if (n < 0 || n >= (int)sizeof named || !postfix_place_path(p, bytes_of(named), index)) continue;
    return fail(
        why, E_NOT_FOUND,
        "%s is there without the text that it was made from, and is not read; on the machine with Postfix: postmap "
        "-s %.*s:%.*s > %.*s",
        index, (int)type.len, type.at, (int)path.len, path.at, (int)path.len, path.at);
  }
  return fail(why, E_NOT_FOUND, "%.*s is not here", (int)path.len, path.at);
}

int postfix_table_read(const struct postfix_place *p, struct bytes spec, struct postfix_table *t, struct reason *why) {
  static const char *const before[] = {"proxy:", "fail:"};
  for (size_t i = 0; i < sizeof before / sizeof before[0]; i++)
    if (bytes_starts_nocase(spec, bytes_of(before[i]))) spec = bytes_from(spec, strlen(before[i]));
  size_t colon = bytes_find(spec, ':', 0);
  struct bytes type = {spec.at, colon < spec.len ? colon : 0}, path = bytes_from(spec, type.len ? type.len + 1 : 0);
  enum kind kind = type.len ? kind_of(type) : KIND_TEXT;
  if (kind == KIND_INLINE) return read_inline(t, path, why);
  if (kind != KIND_TEXT) return other_kind(type, kind, why);
  int rc = find_text(p, type.len ? type : BYTES("hash"), path, t, why);
  return rc == OK ? read_file(t, why) : rc;
}
