#include "relay/net/sts_policy.h"

#include "base/address/address.h"

#include <stdlib.h>
#include <string.h>

/*   policy = field *WSP *(term field *WSP) [term]      RFC 8461 3.2
 *   field  = name ":" *WSP value                       term = LF / CRLF
 *   name   = (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / ".") */

#define NAME_MAX_OCTETS 32

const char *sts_mode_name(enum sts_mode mode) {
  static const char *const names[] = {
      [STS_MODE_NONE] = "none", [STS_MODE_TESTING] = "testing", [STS_MODE_ENFORCE] = "enforce"};
  return names[mode];
}

/* --- fields --- */

/* Which of those that may be there once have been. */
struct seen {
  bool version, mode, max_age;
};

static bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static bool is_name(struct bytes name) {
  if (!name.len || name.len > NAME_MAX_OCTETS || !is_alphanumeric(name.at[0])) return false;
  for (size_t i = 1; i < name.len; i++)
    if (!is_alphanumeric(name.at[i]) && !memchr("_-.", name.at[i], 3)) return false;
  return true;
}

/* Printable ASCII, spaces within, and UTF-8. */
static bool is_value(struct bytes value) {
  if (!value.len) return false;
  for (size_t i = 0; i < value.len;) {
    unsigned char c = (unsigned char)value.at[i];
    size_t octets = c < 0x80 ? (c >= 0x20 && c != 0x7f) : bytes_utf8_length(value, i);
    if (!octets) return false;
    i += octets;
  }
  return true;
}

static int read_mode(struct bytes value, struct sts_policy *p, struct reason *why) {
  for (enum sts_mode mode = STS_MODE_NONE; mode <= STS_MODE_ENFORCE; mode++) {
    if (!bytes_equal(value, bytes_of(sts_mode_name(mode)))) continue;
    p->mode = mode;
    return OK;
  }
  return fail(why, E_SYNTAX, "its mode is none of enforce, testing and none");
}

static int read_max_age(struct bytes value, struct sts_policy *p, struct reason *why) {
  uint64_t seconds;
  if (value.len > 10 || !bytes_to_u64(value, &seconds)) return fail(why, E_SYNTAX, "its max_age is no number");
  if (seconds > STS_MAX_AGE_MOST)
    return fail(why, E_SYNTAX, "its max_age is more than a year (%u seconds)", (unsigned)STS_MAX_AGE_MOST);
  p->max_age = (uint32_t)seconds;
  return OK;
}

/* mx-value = ["*."] Domain */
static int read_mx(struct bytes value, struct sts_policy *p, struct reason *why) {
  char pattern[2 + DOMAIN_MAX + 1] = "*.";
  bool wild = value.len > 2 && value.at[0] == '*' && value.at[1] == '.';
  int rc = domain_normalize(bytes_from(value, wild ? 2 : 0), wild ? pattern + 2 : pattern);
  if (rc == E_MEMORY) return fail(why, rc, "out of memory");
  if (rc != OK) return fail(why, E_SYNTAX, "an mx of it is no name of a host");
  p->mx[p->mx_count] = strdup(pattern);
  if (!p->mx[p->mx_count]) return fail(why, E_MEMORY, "out of memory");
  p->mx_count++;
  p->octets += strlen(pattern) + 1;
  return OK;
}

static bool is_first(bool *seen) {
  bool first = !*seen;
  *seen = true;
  return first;
}

static int read_field(struct bytes name, struct bytes value, struct seen *seen, struct sts_policy *p,
                      struct reason *why) {
  if (bytes_equal(name, BYTES("mx"))) return read_mx(value, p, why);
  if (bytes_equal(name, BYTES("mode")) && is_first(&seen->mode)) return read_mode(value, p, why);
  if (bytes_equal(name, BYTES("max_age")) && is_first(&seen->max_age)) return read_max_age(value, p, why);
  if (bytes_equal(name, BYTES("version")) && is_first(&seen->version) && !bytes_equal(value, BYTES("STSv1")))
    return fail(why, E_SYNTAX, "its version is not STSv1");
  return OK;
}

/* --- lines --- */

static struct bytes without_last_space(struct bytes line) {
  while (line.len && (line.at[line.len - 1] == ' ' || line.at[line.len - 1] == '\t')) line.len--;
  return line;
}

static int keep_line(struct bytes line, struct sts_policy *p, struct reason *why) {
  p->lines[p->line_count] = bytes_dup(line);
  if (!p->lines[p->line_count]) return fail(why, E_MEMORY, "out of memory");
  p->line_count++;
  p->octets += line.len + 1;
  return OK;
}

static int read_line(struct bytes line, struct seen *seen, struct sts_policy *p, struct reason *why) {
  line = without_last_space(line);
  size_t colon = bytes_find(line, ':', 0);
  struct bytes name = {line.at, colon}, value = bytes_from(line, colon + 1);
  if (!line.len) return OK;
  while (value.len && (value.at[0] == ' ' || value.at[0] == '\t')) value = bytes_from(value, 1);
  if (colon == line.len || !is_name(name) || !is_value(value))
    return fail(why, E_SYNTAX, "its line %zu is no field (NAME: VALUE)", p->line_count + 1);
  int rc = read_field(name, value, seen, p, why);
  return rc == OK ? keep_line(line, p, why) : rc;
}

static int read_lines(struct bytes text, struct seen *seen, struct sts_policy *p, struct reason *why) {
  for (size_t at = 0, end; at < text.len; at = end + 1) {
    end = bytes_find(text, '\n', at);
    struct bytes line = {text.at + at, end - at};
    if (line.len && end < text.len && line.at[line.len - 1] == '\r') line.len--;
    int rc = read_line(line, seen, p, why);
    if (rc != OK) return rc;
  }
  return OK;
}

static int check_whole(const struct seen *seen, const struct sts_policy *p, struct reason *why) {
  if (!seen->version) return fail(why, E_SYNTAX, "it has no version");
  if (!seen->mode) return fail(why, E_SYNTAX, "it has no mode");
  if (!seen->max_age) return fail(why, E_SYNTAX, "it has no max_age");
  if (!p->mx_count && p->mode != STS_MODE_NONE) return fail(why, E_SYNTAX, "it has no mx");
  return OK;
}

static size_t count_lines(struct bytes text) {
  size_t n = 1;
  for (size_t at = bytes_find(text, '\n', 0); at < text.len; at = bytes_find(text, '\n', at + 1)) n++;
  return n;
}

/* --- the policy --- */

static struct sts_policy *policy_new(size_t lines) {
  struct sts_policy *p = calloc(1, sizeof *p);
  if (!p) return NULL;
  p->references = 1;
  p->octets = sizeof *p + 2 * lines * sizeof *p->lines;
  p->lines = calloc(lines, sizeof *p->lines);
  p->mx = calloc(lines, sizeof *p->mx);
  if (!p->lines || !p->mx) sts_policy_release(&p);
  return p;
}

int sts_policy_read(struct bytes text, struct sts_policy **out, struct reason *why) {
  struct seen seen = {0};
  size_t lines = count_lines(text);
  *out = NULL;
  if (text.len > STS_POLICY_MAX || lines > STS_LINES_MAX)
    return fail(why, E_TOO_BIG, "it is larger than %u octets or %u lines", (unsigned)STS_POLICY_MAX,
                (unsigned)STS_LINES_MAX);
  struct sts_policy *p = policy_new(lines);
  if (!p) return fail(why, E_MEMORY, "out of memory");
  int rc = read_lines(text, &seen, p, why);
  if (rc == OK) rc = check_whole(&seen, p, why);
  if (rc != OK) sts_policy_release(&p);
  *out = p;
  return rc;
}

struct sts_policy *sts_policy_hold(struct sts_policy *p) {
  if (p) __atomic_add_fetch(&p->references, 1, __ATOMIC_RELAXED);
  return p;
}

void sts_policy_release(struct sts_policy **at) {
  struct sts_policy *p = *at;
  *at = NULL;
  if (!p || __atomic_sub_fetch(&p->references, 1, __ATOMIC_ACQ_REL)) return;
  for (size_t i = 0; i < p->line_count; i++) free(p->lines[i]);
  for (size_t i = 0; i < p->mx_count; i++) free(p->mx[i]);
  free(p->lines);
  free(p->mx);
  free(p);
}

bool sts_policy_same(const struct sts_policy *a, const struct sts_policy *b) {
  if (!a || !b || a->line_count != b->line_count) return a == b;
  for (size_t i = 0; i < a->line_count; i++)
    if (strcmp(a->lines[i], b->lines[i]) != 0) return false;
  return true;
}

/* --- names --- */

/* RFC 8461 4.1: the wildcard stands for one label, the first. */
static bool matches(const char *pattern, const char *host) {
  if (strncmp(pattern, "*.", 2) != 0) return strcmp(pattern, host) == 0;
  const char *dot = strchr(host, '.');
  return dot && dot > host && strcmp(pattern + 1, dot) == 0;
}

bool sts_policy_names(const struct sts_policy *p, const char *host) {
  char name[DOMAIN_MAX + 1];
  if (domain_normalize(bytes_of(host), name) != OK) return false;
  for (size_t i = 0; i < p->mx_count; i++)
    if (matches(p->mx[i], name)) return true;
  return false;
}
