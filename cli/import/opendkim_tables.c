#include "cli/import/opendkim_tables.h"

#include <string.h>

/* --- lines --- */

/* A '#' begins a comment wherever it stands: OpenDKIM knows no quotes. */
bool opendkim_next(struct opendkim_lines *l, struct bytes *line) {
  while (l->rest.len) {
    size_t end = bytes_find(l->rest, '\n', 0);
    *line = (struct bytes){l->rest.at, end};
    l->rest = bytes_from(l->rest, end + 1);
    l->number++;
    line->len = bytes_find(*line, '#', 0);
    *line = bytes_trim(*line);
    if (line->len) return true;
  }
  return false;
}

static size_t find_blank(struct bytes text) {
  size_t at = 0;
  while (at < text.len && text.at[at] != ' ' && text.at[at] != '\t') at++;
  return at;
}

/* What stands before the first blank, and what after it. */
static struct bytes split(struct bytes line, struct bytes *rest) {
  size_t end = find_blank(line);
  *rest = bytes_trim(bytes_from(line, end));
  return (struct bytes){line.at, end};
}

/* --- opendkim.conf --- */

/* OpenDKIM goes by the first letter. */
static bool is_yes(struct bytes value) {
  return value.len && value.at[0] && strchr("yYtT1", value.at[0]);
}

static struct bytes *text_named(struct opendkim_settings *s, struct bytes name) {
  const struct {
    struct bytes name, *value;
  } texts[] = {{BYTES("KeyTable"), &s->key_table}, {BYTES("SigningTable"), &s->signing_table},
               {BYTES("Domain"), &s->domain},      {BYTES("Selector"), &s->selector},
               {BYTES("KeyFile"), &s->key_file},   {BYTES("BaseDirectory"), &s->base_directory}};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
    if (bytes_equal_nocase(name, texts[i].name)) return texts[i].value;
  return NULL;
}

void opendkim_settings_read(struct bytes text, struct opendkim_settings *out) {
  struct opendkim_lines lines = {text, 0};
  struct bytes line, value;
  *out = (struct opendkim_settings){0};
  while (opendkim_next(&lines, &line)) {
    struct bytes name = split(line, &value), *at = text_named(out, name);
    if (at)
      *at = value;
    else if (bytes_equal_nocase(name, BYTES("SubDomains")))
      out->subdomains = is_yes(value);
    else if (bytes_equal_nocase(name, BYTES("MultipleSignatures")))
      out->all_matches = is_yes(value);
    else if (bytes_equal_nocase(name, BYTES("Include")))
      out->includes = true;
  }
}

/* --- data sets --- */

static bool starts(struct bytes text, const char *with) {
  return bytes_starts_nocase(text, bytes_of(with));
}

struct opendkim_set opendkim_set_read(struct bytes value) {
  static const char *const others[] = {"bdb:",  "db:",       "dsn:", "ldap:",   "ldaps:",  "ldapi:", "lua:",
                                       "mlua:", "memcache:", "mdb:", "repute:", "socket:", "erlang:"};
  static const char *const paths[] = {"/", "./", "../"};
  if (starts(value, "file:")) return (struct opendkim_set){OPENDKIM_FILE, bytes_trim(bytes_from(value, 5))};
  if (starts(value, "refile:")) return (struct opendkim_set){OPENDKIM_FILE, bytes_trim(bytes_from(value, 7))};
  if (starts(value, "csl:")) return (struct opendkim_set){OPENDKIM_LIST, bytes_trim(bytes_from(value, 4))};
  for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
    if (starts(value, others[i])) return (struct opendkim_set){OPENDKIM_OTHER, value};
  for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
    if (starts(value, paths[i])) return (struct opendkim_set){OPENDKIM_FILE, value};
  return (struct opendkim_set){OPENDKIM_LIST, value};
}

bool opendkim_list_next(struct bytes *list, struct bytes *out) {
  while (list->len) {
    size_t end = bytes_find(*list, ',', 0);
    *out = bytes_trim((struct bytes){list->at, end});
    *list = bytes_from(*list, end + 1);
    if (out->len) return true;
  }
  return false;
}

/* --- KeyTable --- */

static bool is_base64(char c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || strchr("+/=", c);
}

/* A path is one that begins like one; that some are written without "./" is no reason to take them for keys. DER of a
 * private key begins with 0x30, so its base64 with 'M'; the shortest, of Ed25519, has 64 characters. */
static bool is_key(struct bytes text) {
  if (starts(text, "-----BEGIN")) return true;
  if (text.len < 60 || text.at[0] != 'M') return false;
  for (size_t i = 0; i < text.len; i++)
    if (!text.at[i] || !is_base64(text.at[i])) return false;
  return true;
}

static struct bytes take_field(struct bytes *rest) {
  size_t end = bytes_find(*rest, ':', 0);
  struct bytes field = bytes_trim((struct bytes){rest->at, end});
  *rest = bytes_from(*rest, end + 1);
  return field;
}

int opendkim_key_read(struct bytes line, struct opendkim_key *out, struct reason *why) {
  struct bytes rest;
  *out = (struct opendkim_key){.name = split(line, &rest)};
  out->domain = take_field(&rest);
  out->selector = take_field(&rest);
  out->key = bytes_trim(rest);
  if (!out->domain.len || !out->selector.len || !out->key.len)
    return fail(why, E_SYNTAX, "a line is NAME DOMAIN:SELECTOR:FILE");
  out->is_inline = is_key(out->key);
  return OK;
}

/* Of a key that has its BEGIN and END on the same line: what stands between, and the label. */
static struct bytes take_label(struct bytes key, struct bytes *label) {
  struct bytes rest = bytes_from(key, strlen("-----BEGIN "));
  size_t end = bytes_find(rest, '-', 0);
  *label = (struct bytes){rest.at, end};
  rest = bytes_from(rest, end);
  while (rest.len && rest.at[0] == '-') rest = bytes_from(rest, 1);
  rest.len = bytes_find(rest, '-', 0);
  return rest;
}

int opendkim_key_pem(struct bytes key, bool pkcs8, struct buffer *out) {
  struct bytes label = pkcs8 ? BYTES("PRIVATE KEY") : BYTES("RSA PRIVATE KEY"), body = key;
  if (starts(key, "-----BEGIN ")) body = take_label(key, &label);
  int rc = buffer_addf(out, "-----BEGIN %.*s-----", (int)label.len, label.at);
  for (size_t i = 0, column = 64; rc == OK && i < body.len; i++) {
    if (!body.at[i] || !is_base64(body.at[i])) continue;
    if (column == 64) rc = buffer_add(out, "\n", 1);
    column = column == 64 ? 1 : column + 1;
    if (rc == OK) rc = buffer_add(out, &body.at[i], 1);
  }
  return rc == OK ? buffer_addf(out, "\n-----END %.*s-----\n", (int)label.len, label.at) : rc;
}

/* --- SigningTable --- */

static bool is_plain(struct bytes domain) {
  if (!domain.len) return false;
  for (size_t i = 0; i < domain.len; i++)
    if (strchr("*?[]@/:%\\", domain.at[i])) return false;
  return true;
}

/* Whom a pattern means, whichever type the table has: what has no meaning in one of them has that of the other. */
static void read_pattern(struct bytes p, struct opendkim_signing *out) {
  size_t at = bytes_find(p, '@', 0);
  bool has_user = at < p.len, all_users = !has_user || !at || (at == 1 && p.at[0] == '*');
  struct bytes domain = has_user ? bytes_from(p, at + 1) : p;
  bool below = starts(domain, "*.") || starts(domain, ".");
  out->senders = OPENDKIM_UNCLEAR;
  out->domain = below ? bytes_from(domain, domain.at[0] == '*' ? 2 : 1) : domain;
  if (all_users && bytes_equal(domain, BYTES("*")))
    out->senders = OPENDKIM_EVERYBODY;
  else if (has_user && !all_users)
    out->senders = OPENDKIM_USERS;
  else if (is_plain(out->domain))
    out->senders = below ? OPENDKIM_SUBDOMAINS : OPENDKIM_DOMAIN;
  if (!is_plain(out->domain) || (out->senders == OPENDKIM_USERS && below)) out->domain = (struct bytes){"", 0};
}

int opendkim_signing_read(struct bytes line, struct opendkim_signing *out, struct reason *why) {
  struct bytes rest;
  *out = (struct opendkim_signing){.pattern = split(line, &rest)};
  out->name = take_field(&rest);
  if (!out->name.len) return fail(why, E_SYNTAX, "a line is PATTERN NAME, and NAME one of the KeyTable");
  read_pattern(out->pattern, out);
  return OK;
}
