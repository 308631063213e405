/* Where mail leaves from, and where it goes: sources and routes. */
#include "cli/import/postfix_parts.h"

#include "base/address/cidr.h"

#include <stdio.h>
#include <string.h>

/* --- sources --- */

static bool has_source(const struct postfix *x, const char *address) {
  for (size_t i = 0; i < x->there->source_count; i++)
    if (strcmp(x->there->sources[i].address, address) == 0) return true;
  return false;
}

/* Loopback and "any" are none: the kernel chooses. */
static bool is_source(const char *address) {
  struct sockaddr_storage a;
  return ip_parse(address, 0, &a) == OK && strncmp(address, "127.", 4) != 0 && strcmp(address, "::1") != 0 &&
         strcmp(address, "0.0.0.0") != 0 && strcmp(address, "::") != 0;
}

static bool add_source(struct postfix *x, const struct postfix_setting *s, const char *address) {
  char helo[POSTFIX_TEXT];
  if (!is_source(address)) return false;
  postfix_value(&x->conf, "smtp_helo_name", helo, sizeof helo);
  bool there = has_source(x, address);
  struct postfix_finding *f = postfix_about(x, there ? POSTFIX_PRESENT : POSTFIX_TAKE, s);
  postfix_words(&x->plan, f, "sendoff", "source", "add", address, "--helo", *helo ? helo : x->config->hostname, NULL);
  return true;
}

/* "When inet_interfaces specifies just one IPv4 and/or IPv6 address, and that address isn't loopback, the SMTP client
 * uses it as source" (postconf(5), smtp_bind_address). */
static bool add_interface_source(struct postfix *x) {
  const struct postfix_setting *s = postfix_conf_find(&x->conf, "inet_interfaces");
  char value[POSTFIX_TEXT], found[2][64] = {"", ""};
  if (!s) return false;
  struct bytes list = bytes_of(postfix_value(&x->conf, "inet_interfaces", value, sizeof value)), one;
  while (postfix_list_next(&list, &one)) {
    char address[64];
    if (!bytes_copy(one, address, sizeof address) || !is_source(address)) continue;
    char *to = found[strchr(address, ':') != NULL];
    if (*to) return false; /* one of several: the kernel chooses */
    snprintf(to, sizeof found[0], "%s", address);
  }
  bool added = false;
  for (int i = 0; i < 2; i++) added |= *found[i] && add_source(x, s, found[i]);
  return added;
}

static void take_sources(struct postfix *x) {
  static const char *const names[] = {"smtp_bind_address", "smtp_bind_address6"};
  char address[POSTFIX_TEXT], helo[POSTFIX_TEXT];
  bool added = false;
  for (size_t i = 0; i < 2; i++) {
    const struct postfix_setting *s = postfix_asked(x, names[i]);
    if (s) added |= add_source(x, s, postfix_value(&x->conf, names[i], address, sizeof address));
  }
  const struct postfix_setting *s = postfix_asked(x, "smtp_helo_name");
  if (s) postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, s), "said with the source");
  if (added || add_interface_source(x) || x->there->source_count) return;
  postfix_value(&x->conf, "smtp_helo_name", helo, sizeof helo);
  struct postfix_finding *f =
      postfix_find(&x->plan, POSTFIX_LEFT_OUT, "main.cf", 0, "smtp_bind_address is not set: the kernel chooses");
  postfix_text(&x->plan, f, "say from which address of this machine mail is to leave");
  postfix_words(&x->plan, f, "sendoff", "source", "add", "ADDRESS", "--helo", *helo ? helo : x->config->hostname, NULL);
}

/* --- next hops --- */

struct next_hop {
  char text[300], host[280]; /* as it was written; without brackets and port */
  unsigned port;             /* 0: none was named */
  bool brackets;             /* its address; else its mail exchangers */
};

/* "[host]:port", "host:port", "host". */
static bool read_next_hop(struct bytes text, struct next_hop *out) {
  uint64_t port = 0;
  *out = (struct next_hop){.brackets = text.len && text.at[0] == '['};
  if (!text.len || !bytes_copy(text, out->text, sizeof out->text)) return false;
  size_t end = bytes_find(text, out->brackets ? ']' : ':', 0);
  struct bytes host = {text.at + out->brackets, end - out->brackets}, rest = bytes_from(text, end + out->brackets);
  if (out->brackets && end == text.len) return false;
  if (rest.len && (rest.at[0] != ':' || !bytes_to_u64(bytes_from(rest, 1), &port) || !port || port > 65535)) {
    if (bytes_equal(rest, BYTES(":submission")))
      port = 587;
    else if (bytes_equal(rest, BYTES(":smtps")) || bytes_equal(rest, BYTES(":submissions")))
      port = 465;
    else if (!bytes_equal(rest, BYTES(":smtp")))
      return false;
  }
  out->port = (unsigned)port;
  return bytes_copy(host, out->host, sizeof out->host) && *out->host;
}

struct login {
  char user[STATIC_ROUTE_USER + 1], password[1024];
};

/* "user:password" */
static bool split_login(const char *value, struct login *out) {
  const char *colon = strchr(value, ':');
  return colon && colon != value && colon[1] &&
         bytes_copy((struct bytes){value, (size_t)(colon - value)}, out->user, sizeof out->user) &&
         bytes_copy(bytes_of(colon + 1), out->password, sizeof out->password);
}

/* Postfix asks for the next hop as it was written, then for the host. `sender`: before both, "@example.com"; NULL. */
static bool find_login(const struct postfix_table *t, const struct next_hop *hop, const char *sender,
                       struct login *out) {
  const char *const keys[] = {sender ? sender : "", hop->text, hop->host};
  for (size_t i = 0; i < 3; i++) {
    const char *value = *keys[i] ? postfix_table_find(t, keys[i]) : NULL;
    if (value) return split_login(value, out);
  }
  return false;
}

static bool has_route(const struct postfix *x, const char *to, const char *sender) {
  for (size_t i = 0; i < x->there->route_count; i++) {
    const struct static_route *r = &x->there->routes[i];
    if (!strcmp(r->to, to) && !strcmp(r->sender, sender) && !*r->account) return true;
  }
  return false;
}

/* Postfix's levels by what the route can say. */
static void add_tls(struct postfix *x, struct postfix_finding *f, bool login) {
  char level[POSTFIX_TEXT];
  postfix_value(&x->conf, "smtp_tls_security_level", level, sizeof level);
  bool wants = !strcmp(level, "verify") || !strcmp(level, "secure") || !strcmp(level, "encrypt") ||
               !strcmp(level, "fingerprint");
  if (wants && !login) postfix_words(&x->plan, f, "--tls", "verify", NULL);
  if (postfix_is_yes(&x->conf, "smtp_tls_wrappermode")) postfix_word(&x->plan, f, "--implicit-tls");
  if (!strcmp(level, "encrypt") || !strcmp(level, "fingerprint") || (login && !wants))
    postfix_text(
        &x->plan, f,
        "its certificate must be good for its name (--tls verify), which Postfix did not ask for; with --tls may "
        "it need not");
}

static void add_route(struct postfix *x, struct postfix_finding *f, const char *to, const char *sender,
                      const struct next_hop *hop, const struct login *login) {
  char port[16] = "";
  bool by_mx = !hop->brackets && !*login->user;
  /* Postfix's port is 25 with a login, too. */
  if (hop->port || *login->user) snprintf(port, sizeof port, ":%u", hop->port ? hop->port : 25);
  if (has_route(x, to, sender)) f->action = POSTFIX_PRESENT;
  postfix_words(&x->plan, f, "sendoff", "route", "add", to, NULL);
  if (strchr(hop->host, ':'))
    postfix_word(&x->plan, f, "[%s]%s", hop->host, port);
  else
    postfix_word(&x->plan, f, "%s%s%s", by_mx ? "mx:" : "", hop->host, port);
  if (*sender) postfix_words(&x->plan, f, "--sender", sender, NULL);
  add_tls(x, f, *login->user);
  if (!*login->user) return;
  postfix_words(&x->plan, f, "--user", login->user, "--password-stdin", NULL);
  f->input_name = "password";
  if (buffer_addf(&f->input, "%s\n", login->password) != OK) x->plan.no_memory = true;
}

/* --- tables --- */

/* All tables of a setting together; those that cannot be read are said. */
static void read_tables(struct postfix *x, const struct postfix_setting *s, struct postfix_table *out) {
  char value[POSTFIX_TEXT];
  struct bytes list = bytes_of(postfix_value(&x->conf, s->name, value, sizeof value)), one;
  while (postfix_list_next(&list, &one)) {
    struct reason why = {""};
    if (postfix_table_read(&x->place, one, out, &why) == OK) continue;
    postfix_text(&x->plan, postfix_about(x, POSTFIX_LEFT_OUT, s), "%s", why.text);
  }
}

static void read_passwords(struct postfix *x, struct postfix_table *out) {
  const struct postfix_setting *s = postfix_asked(x, "smtp_sasl_password_maps");
  if (s && postfix_is_yes(&x->conf, "smtp_sasl_auth_enable")) {
    size_t before = x->plan.count;
    read_tables(x, s, out);
    if (x->plan.count == before)
      postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, s), "its logins are taken with their routes");
  } else if (s) {
    postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, s),
                 "smtp_sasl_auth_enable is not set, so Postfix has no use for it");
  }
}

/* --- relayhost --- */

/* "smtp:[host]:25", "relay:", ":[host]". */
static const char *transport_next_hop(const char *value, bool *smtp) {
  const char *colon = strchr(value, ':');
  size_t n = colon ? (size_t)(colon - value) : 0;
  *smtp = colon && (!n || (n == 4 && !strncmp(value, "smtp", n)) || (n == 5 && !strncmp(value, "relay", n)));
  return colon ? colon + 1 : "";
}

/* The next hop of all mail, as `typed`. */
static void take_default_hop(struct postfix *x, const struct postfix_setting *s, const char *typed,
                             const struct postfix_table *passwords) {
  struct next_hop hop;
  struct login login = {"", ""};
  struct bytes list = bytes_of(typed), first;
  if (!postfix_list_next(&list, &first)) {
    postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, s), "mail goes to the mail exchangers of its domains");
    return;
  }
  if (!read_next_hop(first, &hop)) {
    postfix_text(&x->plan, postfix_about(x, POSTFIX_LEFT_OUT, s), "that is no host");
    return;
  }
  bool wants_login = postfix_is_yes(&x->conf, "smtp_sasl_auth_enable");
  bool has_login = wants_login && find_login(passwords, &hop, NULL, &login);
  struct postfix_finding *f = postfix_about(x, POSTFIX_TAKE, s);
  add_route(x, f, "*", "", &hop, &login);
  if (wants_login && !has_login)
    postfix_text(&x->plan, f, "smtp_sasl_password_maps has no login for it, so it goes there without one");
  if (list.len && postfix_list_next(&list, &first))
    postfix_text(&x->plan, f, "of several next hops the first is taken; a route has one");
  wipe(&login, sizeof login);
}

/* A next hop of default_transport counts more than relayhost (trivial-rewrite's resolve.c). */
static void take_relayhost(struct postfix *x, const struct postfix_table *passwords) {
  const struct postfix_setting *s = postfix_asked(x, "relayhost"), *d = postfix_asked(x, "default_transport");
  char value[POSTFIX_TEXT];
  bool smtp = true;
  const char *at = d ? postfix_value(&x->conf, d->name, value, sizeof value) : "";
  bool bare = !*at || strcmp(at, "smtp") == 0 || strcmp(at, "relay") == 0;
  if (!bare) at = transport_next_hop(at, &smtp);
  if (d && (bare || (smtp && !*at)))
    postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, d), "that is how it is without the setting");
  else if (d && !smtp)
    postfix_text(&x->plan, postfix_about(x, POSTFIX_LEFT_OUT, d), "only mail by SMTP is routed: smtp:, relay:");
  else if (d)
    take_default_hop(x, d, at, passwords);
  if (s && d && smtp && !bare && *at)
    postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, s), "the next hop of default_transport counts");
  else if (s)
    take_default_hop(x, s, postfix_value(&x->conf, s->name, value, sizeof value), passwords);
}

/* --- transport_maps --- */

/* A key as a route has it: "example.net", ".example.net" (subdomains), "*". */
static bool route_pattern(const char *key, char out[STATIC_ROUTE_PATTERN]) {
  char text[STATIC_ROUTE_PATTERN + 1];
  if (strchr(key, '@')) return false;
  snprintf(text, sizeof text, "%s%s", key[0] == '.' ? "*" : "", key);
  return static_route_parse_pattern(text, out) == OK;
}

static void take_transport_row(struct postfix *x, const struct postfix_table *t, const struct postfix_row *r,
                               const struct postfix_table *passwords) {
  char to[STATIC_ROUTE_PATTERN];
  bool smtp;
  struct next_hop hop;
  struct login login = {"", ""};
  const char *file = strrchr(t->path, '/'), *at = transport_next_hop(r->value, &smtp);
  struct postfix_finding *f =
      postfix_find(&x->plan, POSTFIX_LEFT_OUT, file ? file + 1 : "transport_maps", r->line, "%s  %s", r->key, r->value);
  if (!route_pattern(r->key, to)) {
    postfix_text(&x->plan, f, "routes are by domain, not by address");
  } else if (!smtp) {
    postfix_text(&x->plan, f, "only mail by SMTP is routed: smtp:, relay:");
  } else if (!*at) {
    f->action = has_route(x, to, "") ? POSTFIX_PRESENT : POSTFIX_TAKE;
    postfix_words(&x->plan, f, "sendoff", "route", "add", to, "direct", NULL);
  } else if (!read_next_hop(bytes_of(at), &hop)) {
    postfix_text(&x->plan, f, "that is no host");
  } else {
    f->action = POSTFIX_TAKE;
    if (postfix_is_yes(&x->conf, "smtp_sasl_auth_enable")) find_login(passwords, &hop, NULL, &login);
    add_route(x, f, to, "", &hop, &login);
  }
  wipe(&login, sizeof login);
}

static void take_transports(struct postfix *x, const struct postfix_table *passwords) {
  const struct postfix_setting *s = postfix_asked(x, "transport_maps");
  struct postfix_table t = {0};
  if (!s) return;
  size_t before = x->plan.count;
  read_tables(x, s, &t);
  for (size_t i = 0; i < t.count; i++) take_transport_row(x, &t, &t.rows[i], passwords);
  if (x->plan.count == before) postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, s), "it is empty");
  postfix_table_free(&t);
}

/* --- by sender --- */

static void take_sender_row(struct postfix *x, const struct postfix_table *t, const struct postfix_row *r,
                            const struct postfix_table *passwords) {
  char sender[STATIC_ROUTE_PATTERN];
  struct next_hop hop;
  struct login login = {"", ""};
  const char *file = strrchr(t->path, '/');
  struct postfix_finding *f =
      postfix_find(&x->plan, POSTFIX_LEFT_OUT, file ? file + 1 : "sender_dependent_relayhost_maps", r->line, "%s  %s",
                   r->key, r->value);
  if (r->key[0] != '@' || static_route_parse_pattern(r->key + 1, sender) != OK) {
    postfix_text(&x->plan, f, "routes are by the sender's domain or by account, not by address; by account");
    postfix_words(&x->plan, f, "sendoff", "route", "add", "*", "HOST", "--account", "NAME", NULL);
  } else if (!read_next_hop(bytes_of(r->value), &hop)) {
    postfix_text(&x->plan, f, "that is no host");
  } else {
    f->action = POSTFIX_TAKE;
    bool by_sender = postfix_is_yes(&x->conf, "smtp_sender_dependent_authentication");
    if (postfix_is_yes(&x->conf, "smtp_sasl_auth_enable"))
      find_login(passwords, &hop, by_sender ? r->key : NULL, &login);
    add_route(x, f, "*", sender, &hop, &login);
  }
  wipe(&login, sizeof login);
}

static void take_sender_routes(struct postfix *x, const struct postfix_table *passwords) {
  const struct postfix_setting *s = postfix_asked(x, "sender_dependent_relayhost_maps");
  struct postfix_table t = {0};
  if (!s) return;
  read_tables(x, s, &t);
  for (size_t i = 0; i < t.count; i++) take_sender_row(x, &t, &t.rows[i], passwords);
  postfix_table_free(&t);
}

/* Of mail exchangers; the route of all mail has its own. */
static bool demands_tls(const struct postfix *x, const struct postfix_setting *s) {
  static const char *const levels[] = {"encrypt", "dane-only", "fingerprint", "verify", "secure"};
  char value[POSTFIX_TEXT];
  if (strcmp(s->name, "smtp_tls_security_level") != 0) return false;
  if (*postfix_value(&x->conf, "relayhost", value, sizeof value)) return false;
  postfix_value(&x->conf, s->name, value, sizeof value);
  for (size_t i = 0; i < sizeof levels / sizeof levels[0]; i++)
    if (strcmp(value, levels[i]) == 0) return true;
  return false;
}

void postfix_take_sending(struct postfix *x) {
  static const char *const with_routes[] = {"smtp_sasl_auth_enable", "smtp_tls_security_level", "smtp_tls_wrappermode",
                                            "smtp_sender_dependent_authentication", "smtp_use_tls"};
  struct postfix_table passwords = {0};
  take_sources(x);
  read_passwords(x, &passwords);
  take_relayhost(x, &passwords);
  take_transports(x, &passwords);
  take_sender_routes(x, &passwords);
  postfix_table_free(&passwords);
  for (size_t i = 0; i < sizeof with_routes / sizeof with_routes[0]; i++) {
    const struct postfix_setting *s = postfix_asked(x, with_routes[i]);
    if (s && demands_tls(x, s))
      postfix_text(&x->plan, postfix_about(x, POSTFIX_LEFT_OUT, s),
                   "to mail exchangers TLS is used wherever it is offered, and required where a domain's DANE or "
                   "MTA-STS records do");
    else if (s)
      postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, s),
                   "said with the routes; to mail exchangers TLS is used wherever it is offered");
  }
}
