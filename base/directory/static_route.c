#include "base/directory/static_route.h"

#include "base/address/cidr.h"
#include "base/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- what it says --- */

unsigned static_route_port(const struct static_route *r, unsigned mx_port) {
  if (r->port) return r->port;
  if (r->implicit_tls) return SUBMISSIONS_PORT;
  return r->auth != ROUTE_AUTH_NONE ? SUBMISSION_PORT : mx_port;
}

const char *static_route_text(const struct static_route *r, char out[STATIC_ROUTE_TEXT]) {
  char port[8] = "";
  if (r->port) snprintf(port, sizeof port, ":%u", r->port & 0xffffu);
  if (r->lookup == ROUTE_DIRECT)
    snprintf(out, STATIC_ROUTE_TEXT, "direct");
  else
    snprintf(out, STATIC_ROUTE_TEXT, "%s%.255s%s", r->lookup == ROUTE_BY_MX ? "mx:" : "", r->host, port);
  return out;
}

bool static_route_is_local(const char *host) {
  size_t len = strlen(host), name = strlen(".localhost");
  return host[0] == '[' || !strcmp(host, "localhost") || (len > name && !strcmp(host + len - name, ".localhost"));
}

static const char *const tls_names[] = {
    [ROUTE_TLS_MAY] = "may", [ROUTE_TLS_NONE] = "none", [ROUTE_TLS_VERIFY] = "verify"};

const char *route_tls_name(enum route_tls tls) {
  return tls_names[tls];
}

int route_tls_parse(const char *name, enum route_tls *out) {
  for (size_t i = 0; i < sizeof tls_names / sizeof *tls_names; i++) {
    if (strcmp(name, tls_names[i]) != 0) continue;
    *out = (enum route_tls)i;
    return OK;
  }
  return E_NOT_FOUND;
}

const char *route_lookup_name(enum route_lookup lookup) {
  static const char *const names[] = {[ROUTE_BY_ADDRESS] = "address", [ROUTE_BY_MX] = "mx", [ROUTE_DIRECT] = "direct"};
  return names[lookup];
}

/* --- what is typed --- */

/* RFC 5321 4.1.3's form of an address; false: it is none. */
static bool write_literal(const char *text, char host[STATIC_ROUTE_HOST]) {
  struct sockaddr_storage address;
  char ip[IP_TEXT];
  if (bytes_starts_nocase(bytes_of(text), BYTES("IPv6:"))) text += strlen("IPv6:");
  if (ip_parse(text, 0, &address) != OK) return false;
  ip_format((const struct sockaddr *)&address, ip);
  snprintf(host, STATIC_ROUTE_HOST, "[%s%s]", strchr(ip, ':') ? "IPv6:" : "", ip);
  return true;
}

static int write_host(const char *text, char host[STATIC_ROUTE_HOST]) {
  if (write_literal(text, host)) return OK;
  struct bytes name = bytes_of(text);
  if (name.len > 1 && name.at[name.len - 1] == '.') name.len--; /* as in a zone file */
  if (!domain_valid(name) || domain_normalize(name, host) != OK) return E_SYNTAX;
  return domain_ends_in_number(bytes_of(host)) ? E_SYNTAX : OK; /* "192.0.2.300", "10025": a slip of the pen */
}

static int parse_port(const char *text, unsigned *port) {
  uint64_t n;
  if (!bytes_to_u64(bytes_of(text), &n) || n == 0 || n > 65535) return E_SYNTAX;
  *port = (unsigned)n;
  return OK;
}

/* Takes the port off the end of "HOST:PORT", "[HOST]:PORT". An IPv6 address without brackets has none. */
static int cut_port(char *text, unsigned *port) {
  char *bracket = strchr(text, ']'), *colon = bracket ? strchr(bracket, ':') : strchr(text, ':');
  if (bracket && bracket[1] && bracket + 1 != colon) return E_SYNTAX;
  if (!colon || (!bracket && strchr(colon + 1, ':'))) return OK;
  *colon = '\0';
  return parse_port(colon + 1, port);
}

/* Takes the brackets off. */
static int cut_brackets(char **text) {
  size_t len = strlen(*text);
  if ((*text)[0] != '[') return strchr(*text, ']') ? E_SYNTAX : OK;
  if ((*text)[len - 1] != ']') return E_SYNTAX;
  (*text)[len - 1] = '\0';
  ++*text;
  return OK;
}

int static_route_parse_host(const char *typed, enum route_lookup *lookup, char host[STATIC_ROUTE_HOST],
                            unsigned *port) {
  char copy[STATIC_ROUTE_TEXT], *text = copy;
  *port = 0;
  *host = '\0';
  *lookup = ROUTE_DIRECT;
  if (!strcmp(typed, "direct")) return OK;
  bool by_mx = !strncmp(typed, "mx:", 3);
  *lookup = by_mx ? ROUTE_BY_MX : ROUTE_BY_ADDRESS;
  if (!bytes_copy(bytes_of(by_mx ? typed + 3 : typed), copy, sizeof copy)) return E_SYNTAX;
  if (cut_port(text, port) != OK || (!by_mx && cut_brackets(&text) != OK) || write_host(text, host) != OK)
    return E_SYNTAX;
  return by_mx && host[0] == '[' ? E_SYNTAX : OK;
}

int static_route_parse_pattern(const char *typed, char out[STATIC_ROUTE_PATTERN]) {
  bool under = !strncmp(typed, "*.", 2);
  const char *name = under ? typed + 2 : typed;
  strcpy(out, under ? "*." : "*");
  if (!strcmp(typed, "*")) return OK;
  if (!domain_valid(bytes_of(name)) || domain_normalize(bytes_of(name), out + (under ? 2 : 0)) != OK) return E_SYNTAX;
  return OK;
}

/* --- which one --- */

int static_route_compare(const struct static_route *a, const struct static_route *b) {
  int order = strcmp(a->to, b->to);
  if (!order) order = strcmp(a->account, b->account);
  return order ? order : strcmp(a->sender, b->sender);
}

static int by_key(const void *a, const void *b) {
  return static_route_compare(a, b);
}

struct choice {
  const struct static_route *all;
  size_t count;
  struct static_route key;
};

static const struct static_route *find(const struct choice *c) {
  return bsearch(&c->key, c->all, c->count, sizeof *c->all, by_key);
}

/* The patterns that fit a domain, most exact first: itself, "*.PARENT" ..., "*". `use` ends the walk by not NULL. */
static const struct static_route *each_pattern(struct choice *c, const char *domain,
                                               const struct static_route *(*use)(struct choice *c, const char *pattern,
                                                                                 const void *arg),
                                               const void *arg) {
  char pattern[STATIC_ROUTE_PATTERN];
  const struct static_route *found = use(c, domain, arg);
  for (const char *dot = strchr(domain, '.'); !found && dot && domain[0] != '['; dot = strchr(dot + 1, '.')) {
    snprintf(pattern, sizeof pattern, "*%.*s", DOMAIN_MAX + 1, dot);
    found = use(c, pattern, arg);
  }
  return found ? found : use(c, "*", arg);
}

static const struct static_route *with_sender(struct choice *c, const char *pattern, const void *arg) {
  (void)arg;
  c->key.sender = pattern;
  return find(c);
}

/* For a sender that there is one pattern more: none, which is all of them. */
static const struct static_route *of_account(struct choice *c, const char *account, const char *sender) {
  c->key.account = account;
  const struct static_route *found = *sender ? each_pattern(c, sender, with_sender, NULL) : NULL;
  return found ? found : with_sender(c, "", NULL);
}

static const struct static_route *with_recipient(struct choice *c, const char *pattern, const void *arg) {
  const struct route_question *q = arg;
  c->key.to = pattern;
  const struct static_route *found = *q->account ? of_account(c, q->account, q->sender) : NULL;
  return found ? found : of_account(c, "", q->sender);
}

const struct static_route *static_route_find(const struct static_route *all, size_t count,
                                             const struct route_question *q) {
  struct choice c = {.all = all, .count = count};
  return count ? each_pattern(&c, q->to, with_recipient, q) : NULL;
}
