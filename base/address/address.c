#include "base/address/address.h"

#include "base/address/cidr.h"
#include "base/result.h"

#include <stdlib.h>
#include <string.h>

/* --- octets --- */

static bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_atext(char c) { /* RFC 5322 3.2.3 */
  return is_alnum(c) || (c && strchr("!#$%&'*+-/=?^_`{|}~", c));
}

/* --- local part --- */

/* Dot-string (RFC 5321 4.1.2, RFC 6531 3.3), with dots anywhere: the offset behind it, or 0. */
static size_t dot_string(struct bytes text, size_t start) {
  size_t i = start;
  bool atom = false;
  while (i < text.len) {
    if (is_atext(text.at[i])) {
      i++;
      atom = true;
    } else if (text.at[i] == '.') {
      i++;
    } else {
      size_t n = (unsigned char)text.at[i] >= 0x80 ? bytes_utf8_length(text, i) : 0;
      if (!n) break;
      i += n;
      atom = true;
    }
  }
  return atom ? i : 0;
}

/* Quoted-string: the offset behind the closing quote, or 0. */
static size_t quoted_string(struct bytes text, size_t start) {
  for (size_t i = start + 1; i < text.len;) {
    unsigned char c = (unsigned char)text.at[i];
    if (c == '"') return i + 1;
    if (c == '\\') {
      if (i + 1 >= text.len || text.at[i + 1] < 32 || text.at[i + 1] > 126) return 0;
      i += 2;
    } else if (c >= 0x80) {
      size_t n = bytes_utf8_length(text, i);
      if (!n) return 0;
      i += n;
    } else if (c < 32 || c == 127) {
      return 0;
    } else {
      i++;
    }
  }
  return 0;
}

/* --- domain --- */

/* Four octets a character, at most 63 of them: as long as a U-label can be. What its A-label measures, libidn2 says. */
#define U_LABEL_MAX ((size_t)4 * 63)
#define A_LABEL_MAX ((size_t)63) /* RFC 1035 2.3.4 */

/* The offset behind the label that begins at `start`, or `start` when there is none. */
static size_t label_end(struct bytes text, size_t start) {
  size_t i = start, max = A_LABEL_MAX;
  while (i < text.len) {
    char c = text.at[i];
    size_t n = is_alnum(c) || c == '-' || c == '_'; /* '_' is in no host name, but mail domains in use have it */
    if ((unsigned char)c >= 0x80 && (n = bytes_utf8_length(text, i))) max = U_LABEL_MAX;
    if (!n) break;
    i += n;
  }
  if (i == start || i - start > max || text.at[start] == '-' || text.at[i - 1] == '-') return start;
  return i;
}

/* The offset behind the domain that begins at `start`, or `start` when there is none. */
static size_t domain_end(struct bytes text, size_t start) {
  for (size_t label = start;;) {
    size_t end = label_end(text, label);
    if (end == label) return label > start ? label - 1 : start; /* before a dot that nothing follows */
    if (end >= text.len || text.at[end] != '.') return end;
    label = end + 1;
  }
}

bool domain_valid(struct bytes text) {
  return text.len && text.len <= DOMAIN_MAX && domain_end(text, 0) == text.len;
}

bool domain_ends_in_number(struct bytes text) {
  size_t digits = 0;
  while (digits < text.len && text.at[text.len - 1 - digits] >= '0' && text.at[text.len - 1 - digits] <= '9') digits++;
  return digits && (digits == text.len || text.at[text.len - 1 - digits] == '.');
}

bool address_literal_valid(struct bytes text) {
  char inside[IP_TEXT];
  struct sockaddr_storage address;
  if (text.len < 3 || text.at[0] != '[' || text.at[text.len - 1] != ']') return false;
  struct bytes t = {text.at + 1, text.len - 2};
  bool six = bytes_starts_nocase(t, BYTES("IPv6:"));
  if (six) t = bytes_from(t, 5);
  if (!bytes_copy(t, inside, sizeof inside) || memchr(t.at, '\0', t.len) || ip_parse(inside, 0, &address) != OK)
    return false;
  return six == (address.ss_family == AF_INET6);
}

/* --- mailbox --- */

/* local@domain from `start`; the offset behind it goes to *end. */
static int read_mailbox(struct bytes text, size_t start, struct address *out, size_t *end) {
  size_t local = start < text.len && text.at[start] == '"' ? quoted_string(text, start) : dot_string(text, start);
  if (!local || local >= text.len || text.at[local] != '@') return E_SYNTAX;
  size_t domain = local + 1, stop;
  bool literal = domain < text.len && text.at[domain] == '[';
  if (literal) {
    stop = bytes_find(text, ']', domain);
    stop += stop < text.len;
  } else {
    stop = domain_end(text, domain);
    stop += stop > domain && stop < text.len && text.at[stop] == '.';
  }
  *out = (struct address){.whole = {text.at + start, stop - start},
                          .local = {text.at + start, local - start},
                          .domain = {text.at + domain, stop - domain},
                          .literal = literal};
  if (!out->domain.len || (literal && !address_literal_valid(out->domain))) return E_SYNTAX;
  if (out->domain.len > DOMAIN_MAX || out->whole.len > ADDRESS_MAX) return E_TOO_BIG;
  for (size_t i = 0; i < out->whole.len; i++) out->utf8 |= (unsigned char)out->whole.at[i] >= 0x80;
  *end = stop;
  return OK;
}

int address_parse(struct bytes text, struct address *out) {
  size_t end;
  int rc = read_mailbox(text, 0, out, &end);
  return rc == OK && end != text.len ? E_SYNTAX : rc;
}

int bare_path_parse(struct bytes text, struct address *out, size_t *used) {
  *out = (struct address){0};
  int rc = read_mailbox(text, 0, out, used);
  return rc == OK && *used < text.len && text.at[*used] != ' ' ? E_SYNTAX : rc;
}

/* The next octet of what a local part means; false at its end. */
static bool next_octet(struct bytes local, size_t *at, char *c) {
  bool quoted = local.len > 1 && local.at[0] == '"';
  size_t begin = quoted ? 1 : 0, end = local.len - begin;
  if (*at < begin) *at = begin;
  if (quoted && *at + 1 < end && local.at[*at] == '\\') ++*at;
  if (*at >= end) return false;
  *c = local.at[(*at)++];
  if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a');
  return true;
}

bool local_parts_equal(struct bytes a, struct bytes b) {
  size_t i = 0, j = 0;
  char x = 0, y = 0;
  bool more_a, more_b;
  do {
    more_a = next_octet(a, &i, &x);
    more_b = next_octet(b, &j, &y);
    if (more_a != more_b || (more_a && x != y)) return false;
  } while (more_a);
  return true;
}

/* What it means, in lower case; then in quotes, unless it is a dot-string. Never longer than it was. */
static size_t write_local_key(struct bytes local, char *out) {
  size_t i = 0, n = 0;
  char c;
  while (next_octet(local, &i, &c)) out[n++] = c;
  if (n && dot_string((struct bytes){out, n}, 0) == n) return n;
  i = n = 0;
  out[n++] = '"';
  while (next_octet(local, &i, &c)) {
    if (c == '"' || c == '\\') out[n++] = '\\';
    out[n++] = c;
  }
  out[n++] = '"';
  return n;
}

int address_key(struct bytes text, char out[ADDRESS_KEY]) {
  struct address a;
  int rc = address_parse(text, &a);
  if (rc != OK) return rc;
  size_t n = write_local_key(a.local, out);
  out[n++] = '@';
  if (!a.literal) return domain_normalize(a.domain, out + n);
  for (size_t i = 0; i < a.domain.len; i++) {
    char c = a.domain.at[i];
    out[n++] = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
  }
  out[n] = '\0';
  return OK;
}

/* A source route is read and dropped (RFC 5321 4.1.1.3, Appendix C). */
static size_t skip_route(struct bytes text, size_t i) {
  while (i < text.len && text.at[i] == '@') {
    size_t end = domain_end(text, i + 1);
    if (end == i + 1 || end >= text.len) return text.len;
    i = end + 1;
    if (text.at[end] == ':') return i;
    if (text.at[end] != ',') return text.len;
  }
  return text.len;
}

int path_parse(struct bytes text, struct address *out, size_t *used) {
  *out = (struct address){0};
  if (!text.len || text.at[0] != '<') return E_SYNTAX;
  if (text.len > 1 && text.at[1] == '>') {
    *out = (struct address){.whole = {text.at + 1, 0}, .is_null = true};
    *used = 2;
    return OK;
  }
  if (bytes_starts_nocase(text, BYTES("<postmaster>"))) {
    *out = (struct address){.whole = {text.at + 1, 10}, .local = {text.at + 1, 10}};
    *used = 12;
    return OK;
  }
  size_t start = text.len > 1 && text.at[1] == '@' ? skip_route(text, 1) : 1, end;
  int rc = read_mailbox(text, start, out, &end);
  if (rc != OK) return rc;
  if (end >= text.len || text.at[end] != '>') return E_SYNTAX;
  *used = end + 1;
  return OK;
}
