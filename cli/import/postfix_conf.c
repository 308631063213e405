#include "cli/import/postfix_conf.h"

#include <stdlib.h>
#include <string.h>

#define DEPTH_MOST 20    /* of values within values */
#define STEPS_MOST 10000 /* of one value */

static bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r' || c == '\v' || c == '\f' || c == '\n';
}

static struct bytes trim(struct bytes text) {
  while (text.len && is_blank(text.at[0])) text = bytes_from(text, 1);
  while (text.len && is_blank(text.at[text.len - 1])) text.len--;
  return text;
}

/* --- lines --- */

/* The physical line at the front, without its end. */
static struct bytes front(struct bytes rest) {
  return (struct bytes){rest.at, bytes_find(rest, '\n', 0)};
}

static void skip_front(struct postfix_lines *l) {
  l->rest = bytes_from(l->rest, front(l->rest).len + 1);
  l->next++;
}

static bool says_nothing(struct bytes line) {
  struct bytes text = trim(line);
  return !text.len || text.at[0] == '#';
}

static int add_continuations(struct postfix_lines *l, struct buffer *line) {
  int rc = OK;
  while (rc == OK && l->rest.len) {
    struct bytes next = front(l->rest);
    if (!says_nothing(next) && !is_blank(next.at[0])) break;
    if (!says_nothing(next)) rc = buffer_add_bytes(line, next);
    skip_front(l);
  }
  return rc;
}

int postfix_next_line(struct postfix_lines *l, struct buffer *line) {
  line->len = 0;
  while (l->rest.len && says_nothing(front(l->rest))) skip_front(l);
  if (!l->rest.len) return 0;
  l->number = l->next + 1;
  int rc = buffer_add_bytes(line, front(l->rest));
  skip_front(l);
  if (rc == OK) rc = add_continuations(l, line);
  if (rc != OK) return rc;
  struct bytes text = trim(buffer_bytes(line));
  size_t before = (size_t)(text.at - line->at);
  buffer_consume(line, before);
  line->len = text.len;
  return 1;
}

/* --- settings --- */

int postfix_conf_set(struct postfix_conf *c, const char *name, const char *value, unsigned line) {
  if (c->count == POSTFIX_SETTINGS_MAX) return E_TOO_BIG;
  if (c->count == c->room) {
    size_t room = c->room ? 2 * c->room : 64;
    struct postfix_setting *more = reallocarray(c->all, room, sizeof *more);
    if (!more) return E_MEMORY;
    c->all = more;
    c->room = room;
  }
  struct postfix_setting s = {.name = strdup(name), .value = strdup(value), .line = line};
  if (!s.name || !s.value) {
    free(s.name);
    free(s.value);
    return E_MEMORY;
  }
  c->all[c->count++] = s;
  return OK;
}

static bool is_name(struct bytes text) {
  for (size_t i = 0; i < text.len; i++) {
    char c = text.at[i];
    bool good =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
    if (!good) return false;
  }
  return text.len > 0;
}

/* "name = value". */
static int set_from(struct postfix_conf *c, struct bytes text, unsigned line, struct reason *why) {
  size_t equals = bytes_find(text, '=', 0);
  struct bytes name = trim((struct bytes){text.at, equals});
  if (equals == text.len || !is_name(name))
    return fail(why, E_SYNTAX, "line %u is no setting: write NAME = VALUE", line);
  char *n = bytes_dup(name), *v = bytes_dup(trim(bytes_from(text, equals + 1)));
  int rc = n && v ? postfix_conf_set(c, n, v, line) : E_SYNTAX;
  free(n);
  free(v);
  if (rc == E_SYNTAX) return fail(why, rc, "line %u cannot be read", line);
  return rc == OK ? OK : fail(why, rc, "line %u: %s", line, result_text(rc));
}

int postfix_conf_read(struct bytes text, struct postfix_conf *c, struct reason *why) {
  struct postfix_lines lines = {.rest = text};
  struct buffer line;
  int rc;
  buffer_init(&line, POSTFIX_LINE_MAX);
  while ((rc = postfix_next_line(&lines, &line)) == 1)
    if ((rc = set_from(c, buffer_bytes(&line), lines.number, why)) != OK) break;
  buffer_free(&line);
  return rc == E_TOO_BIG && !*why->text ? fail(why, rc, "line %u is too long", lines.number) : rc;
}

const struct postfix_setting *postfix_conf_find(const struct postfix_conf *c, const char *name) {
  for (; c; c = c->under)
    for (size_t i = c->count; i-- > 0;)
      if (strcmp(c->all[i].name, name) == 0) return &c->all[i];
  return NULL;
}

void postfix_conf_free(struct postfix_conf *c) {
  for (size_t i = 0; i < c->count; i++) {
    free(c->all[i].name);
    free(c->all[i].value);
  }
  free(c->all);
  *c = (struct postfix_conf){0};
}

/* --- values --- */

static unsigned steps; /* so far: what refers to others many times over takes a power of that */
static int expand(const struct postfix_conf *c, struct bytes text, struct buffer *out, unsigned depth);

static const char *default_of(const char *name) {
  static const struct {
    const char *name, *value;
  } all[] = {{"anvil_rate_time_unit", "60s"},
             {"config_directory", "/etc/postfix"},
             {"default_database_type", "hash"},
             {"inet_interfaces", "all"},
             {"maximal_queue_lifetime", "5d"},
             {"message_size_limit", "10240000"},
             {"mydestination", "$myhostname, localhost.$mydomain, localhost"},
             {"mynetworks_style", "host"},
             {"myorigin", "$myhostname"},
             {"smtp_helo_name", "$myhostname"},
             {"smtp_sasl_auth_enable", "no"},
             {"smtp_tls_wrappermode", "no"},
             {"smtpd_relay_restrictions", "permit_mynetworks, permit_sasl_authenticated, defer_unauth_destination"},
             {"smtpd_sasl_auth_enable", "no"},
             {"smtpd_sasl_path", "smtpd"},
             {"smtpd_sasl_type", "cyrus"},
             {"smtpd_tls_key_file", "$smtpd_tls_cert_file"},
             {"smtpd_tls_wrappermode", "no"}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (strcmp(all[i].name, name) == 0) return all[i].value;
  return "";
}

/* What follows the first dot of myhostname. */
static int expand_mydomain(const struct postfix_conf *c, struct buffer *out, unsigned depth) {
  struct buffer host;
  buffer_init(&host, POSTFIX_VALUE_MAX);
  int rc = expand(c, BYTES("$myhostname"), &host, depth);
  struct bytes all = buffer_bytes(&host);
  if (rc == OK) rc = buffer_add_bytes(out, bytes_from(all, bytes_find(all, '.', 0) + 1));
  buffer_free(&host);
  return rc;
}

static int expand_name(const struct postfix_conf *c, struct bytes name, struct buffer *out, unsigned depth) {
  char text[128];
  if (!bytes_copy(name, text, sizeof text)) return E_SYNTAX;
  const struct postfix_setting *s = postfix_conf_find(c, text);
  if (!s && strcmp(text, "mydomain") == 0) return expand_mydomain(c, out, depth + 1);
  return expand(c, bytes_of(s ? s->value : default_of(text)), out, depth + 1);
}

/* The length of what is in braces or parentheses that begin at `at`, with both; 0: they do not end. */
static size_t enclosed(struct bytes text, size_t at) {
  char opens = text.at[at], closes = opens == '{' ? '}' : ')';
  size_t level = 0;
  for (size_t i = at; i < text.len; i++) {
    if (text.at[i] == opens) level++;
    if (text.at[i] == closes && --level == 0) return i + 1 - at;
  }
  return 0;
}

/* A part in braces at the front, which is taken off; false: there is none. */
static bool take_braced(struct bytes *rest, struct bytes *out) {
  *rest = trim(*rest);
  if (!rest->len || rest->at[0] != '{') return false;
  size_t n = enclosed(*rest, 0);
  if (!n) return false;
  *out = (struct bytes){rest->at + 1, n - 2};
  *rest = bytes_from(*rest, n);
  return true;
}

/* "?{yes}:{no}", "?yes", ":{no}", ":no"; without braces it goes to the end. */
static int expand_choice(const struct postfix_conf *c, struct bytes rest, bool is, struct buffer *out, unsigned depth) {
  struct bytes yes = {"", 0}, no = {"", 0};
  rest = trim(rest);
  if (rest.len && rest.at[0] == '?') {
    rest = bytes_from(rest, 1);
    if (!take_braced(&rest, &yes)) {
      yes = rest;
      rest.len = 0;
    }
    rest = trim(rest);
  }
  if (rest.len && rest.at[0] == ':') {
    rest = bytes_from(rest, 1);
    if (!take_braced(&rest, &no)) {
      no = rest;
      rest.len = 0;
    }
  }
  if (trim(rest).len) return E_SYNTAX;
  return expand(c, is ? yes : no, out, depth + 1);
}

static int expand_pair(const struct postfix_conf *c, struct bytes a, struct bytes b, struct buffer *left,
                       struct buffer *right, unsigned depth) {
  int rc = expand(c, a, left, depth + 1);
  return rc == OK ? expand(c, b, right, depth + 1) : rc;
}

/* Numbers where both are, text otherwise. */
static int compare(struct bytes a, struct bytes b) {
  uint64_t x, y;
  if (bytes_to_u64(a, &x) && bytes_to_u64(b, &y)) return x < y ? -1 : x > y;
  int order = memcmp(a.at ? a.at : "", b.at ? b.at : "", a.len < b.len ? a.len : b.len);
  return order ? order : a.len < b.len ? -1 : a.len > b.len;
}

static bool take_operator(struct bytes *rest, struct bytes *out) {
  size_t n = 0;
  *rest = trim(*rest);
  while (n < rest->len && n < 2 && strchr("=!<>", rest->at[n]) && rest->at[n]) n++;
  *out = (struct bytes){rest->at, n};
  *rest = bytes_from(*rest, n);
  return n > 0;
}

static bool holds(struct bytes operator, int order) {
  if (bytes_equal(operator, BYTES("=="))) return order == 0;
  if (bytes_equal(operator, BYTES("!="))) return order != 0;
  if (bytes_equal(operator, BYTES("<"))) return order < 0;
  if (bytes_equal(operator, BYTES("<="))) return order <= 0;
  if (bytes_equal(operator, BYTES(">"))) return order > 0;
  return bytes_equal(operator, BYTES(">=")) && order >= 0;
}

/* "{a} == {b} ? {yes} : {no}" */
static int expand_comparison(const struct postfix_conf *c, struct bytes rest, struct buffer *out, unsigned depth) {
  struct bytes a, b, operator;
  struct buffer left, right;
  if (!take_braced(&rest, &a) || !take_operator(&rest, &operator) || !take_braced(&rest, &b)) return E_SYNTAX;
  buffer_init(&left, POSTFIX_VALUE_MAX);
  buffer_init(&right, POSTFIX_VALUE_MAX);
  int rc = expand_pair(c, a, b, &left, &right, depth);
  bool is = rc == OK && holds(operator, compare(buffer_bytes(&left), buffer_bytes(&right)));
  buffer_free(&left);
  buffer_free(&right);
  return rc == OK ? expand_choice(c, rest, is, out, depth) : rc;
}

/* What stood in the braces. */
static int expand_braced(const struct postfix_conf *c, struct bytes inner, struct buffer *out, unsigned depth) {
  struct buffer value;
  inner = trim(inner);
  if (inner.len && inner.at[0] == '{') return expand_comparison(c, inner, out, depth);
  size_t n = 0;
  while (n < inner.len && is_name((struct bytes){inner.at + n, 1})) n++;
  struct bytes name = {inner.at, n}, rest = trim(bytes_from(inner, n));
  if (!n) return E_SYNTAX;
  if (!rest.len) return expand_name(c, name, out, depth);
  if (rest.at[0] != '?' && rest.at[0] != ':') return E_SYNTAX;
  buffer_init(&value, POSTFIX_VALUE_MAX);
  int rc = expand_name(c, name, &value, depth);
  bool is = value.len > 0;
  buffer_free(&value);
  return rc == OK ? expand_choice(c, rest, is, out, depth) : rc;
}

/* What stands behind "$" at `at`; *used: how much of it. */
static int expand_reference(const struct postfix_conf *c, struct bytes text, size_t at, size_t *used,
                            struct buffer *out, unsigned depth) {
  char first = at < text.len ? text.at[at] : '\0';
  *used = 1;
  if (first == '$') return buffer_add(out, "$", 1);
  if (first == '{' || first == '(') {
    size_t n = enclosed(text, at);
    *used = n;
    return n ? expand_braced(c, (struct bytes){text.at + at + 1, n - 2}, out, depth) : E_SYNTAX;
  }
  size_t n = 0;
  while (at + n < text.len && is_name((struct bytes){text.at + at + n, 1}) && text.at[at + n] != '-' &&
         text.at[at + n] != '.')
    n++;
  *used = n;
  return n ? expand_name(c, (struct bytes){text.at + at, n}, out, depth) : E_SYNTAX;
}

static int expand(const struct postfix_conf *c, struct bytes text, struct buffer *out, unsigned depth) {
  int rc = OK;
  if (depth > DEPTH_MOST || ++steps > STEPS_MOST) return E_SYNTAX;
  for (size_t at = 0; rc == OK && at < text.len;) {
    size_t dollar = bytes_find(text, '$', at), used = 0;
    rc = buffer_add(out, text.at + at, dollar - at);
    at = dollar + 1;
    if (rc != OK || dollar == text.len) break;
    rc = expand_reference(c, text, at, &used, out, depth);
    at += used;
  }
  return rc;
}

int postfix_conf_expand(const struct postfix_conf *c, const char *text, struct buffer *out) {
  steps = 0;
  return expand(c, bytes_of(text), out, 0);
}

int postfix_conf_value(const struct postfix_conf *c, const char *name, struct buffer *out) {
  steps = 0;
  return expand_name(c, bytes_of(name), out, 0);
}

/* --- master.cf --- */

/* A word, or what stands in braces; taken off the front. */
static bool take_word(struct bytes *rest, struct bytes *out) {
  size_t n = 0;
  *rest = trim(*rest);
  if (take_braced(rest, out)) return true;
  while (n < rest->len && !is_blank(rest->at[n])) n++;
  *out = (struct bytes){rest->at, n};
  *rest = bytes_from(*rest, n);
  return n > 0;
}

static int read_options(struct bytes rest, struct postfix_service *s, struct reason *why) {
  struct bytes word;
  int rc = OK;
  while (rc == OK && take_word(&rest, &word)) {
    if (word.len < 2 || word.at[0] != '-' || word.at[1] != 'o') continue;
    if (word.len > 2)
      word = bytes_from(word, 2);
    else if (!take_word(&rest, &word))
      return fail(why, E_SYNTAX, "line %u: -o without a setting", s->line);
    rc = set_from(&s->own, word, s->line, why);
  }
  return rc;
}

/* "name type private unprivileged chroot wakeup maxproc command arguments" */
static int read_service(struct bytes line, struct postfix_service *s, struct reason *why) {
  struct bytes words[8];
  for (size_t i = 0; i < 8; i++)
    if (!take_word(&line, &words[i]))
      return fail(why, E_SYNTAX, "line %u is no service: it has less than 8 words", s->line);
  s->name = bytes_dup(words[0]);
  s->type = bytes_dup(words[1]);
  s->command = bytes_dup(words[7]);
  if (!s->name || !s->type || !s->command) return fail(why, E_SYNTAX, "line %u cannot be read", s->line);
  return read_options(line, s, why);
}

static struct postfix_service *add_service(struct postfix_services *s) {
  if (s->count == POSTFIX_SETTINGS_MAX) return NULL;
  if (s->count == s->room) {
    size_t room = s->room ? 2 * s->room : 32;
    struct postfix_service **more = reallocarray(s->all, room, sizeof *more);
    if (!more) return NULL;
    s->all = more;
    s->room = room;
  }
  struct postfix_service *one = calloc(1, sizeof *one);
  if (one) s->all[s->count++] = one;
  return one;
}

int postfix_services_read(struct bytes text, const struct postfix_conf *under, struct postfix_services *s,
                          struct reason *why) {
  struct postfix_lines lines = {.rest = text};
  struct buffer line;
  int rc;
  buffer_init(&line, POSTFIX_LINE_MAX);
  while ((rc = postfix_next_line(&lines, &line)) == 1) {
    struct postfix_service *one = add_service(s);
    if (!one) {
      rc = fail(why, E_MEMORY, "line %u: out of memory", lines.number);
      break;
    }
    one->line = lines.number;
    one->own.under = under;
    if ((rc = read_service(buffer_bytes(&line), one, why)) != OK) break;
  }
  buffer_free(&line);
  return rc == E_TOO_BIG && !*why->text ? fail(why, rc, "line %u is too long", lines.number) : rc;
}

void postfix_services_free(struct postfix_services *s) {
  for (size_t i = 0; i < s->count; i++) {
    free(s->all[i]->name);
    free(s->all[i]->type);
    free(s->all[i]->command);
    postfix_conf_free(&s->all[i]->own);
    free(s->all[i]);
  }
  free(s->all);
  *s = (struct postfix_services){0};
}
