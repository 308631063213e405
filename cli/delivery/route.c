#include "base/address/cidr.h"
#include "base/directory/static_route.h"
#include "base/text/text.h"
#include "cli/command.h"
#include "cli/delivery/route_oauth2.h"
#include "cli/input/named.h"
#include "cli/input/secret_line.h"
#include "cli/output/listing.h"
#include "cli/output/output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What was typed; `route` points into it, and into argv. */
struct draft {
  struct static_route route;
  char to[STATIC_ROUTE_PATTERN], sender[STATIC_ROUTE_PATTERN], host[STATIC_ROUTE_HOST];
  char password[SECRET_LINE_MAX + 1];
  struct oauth2_draft oauth2;
  struct route_keys keys;
  bool has_keys; /* else those that the route has stay */
};

/* --- what was typed --- */

/* Which route it is: DOMAIN|*, --account, --sender. */
static enum exit_status read_key(struct cli *c, struct draft *d) {
  const char *account = cli_option(c, "account"), *sender = cli_option(c, "sender");
  if (static_route_parse_pattern(c->arguments[0], d->to) != OK)
    return cli_fail(EXIT_USAGE, "%s is no domain; write example.net, *.example.net or '*' (in quotes)",
                    c->arguments[0]);
  if (sender && strcmp(sender, "*") != 0 && static_route_parse_pattern(sender, d->sender) != OK)
    return cli_fail(EXIT_USAGE, "--sender %s is no domain; write example.com or *.example.com", sender);
  if (account && !cli_name_ok(account))
    return cli_fail(EXIT_USAGE, "--account %s: an account's name is 1 to 64 letters, digits and . _ @ + -", account);
  d->route.to = d->to;
  d->route.account = account ? account : "";
  d->route.sender = d->sender;
  d->route.oauth2 = (struct route_oauth2){.endpoint = "", .client_id = "", .scope = "", .failure = ""};
  return EXIT_DONE;
}

static enum exit_status read_host(struct cli *c, struct draft *d) {
  d->route.host = d->host;
  if (static_route_parse_host(c->arguments[1], &d->route.lookup, d->host, &d->route.port) == OK) return EXIT_DONE;
  return cli_fail(EXIT_USAGE,
                  "%s is no next hop; write smtp.example.com, smtp.example.com:587, 192.0.2.25, [2001:db8::25]:587, "
                  "mx:example.com (its mail exchangers) or direct (the recipient's)",
                  c->arguments[1]);
}

static enum exit_status read_tls(struct cli *c, struct draft *d) {
  const char *tls = cli_option(c, "tls");
  d->route.implicit_tls = cli_switch(c, "implicit-tls");
  d->route.tls = cli_option(c, "user") ? ROUTE_TLS_VERIFY : ROUTE_TLS_MAY;
  if (tls && route_tls_parse(tls, &d->route.tls) != OK)
    return cli_fail(EXIT_USAGE, "--tls is none, may or verify, not %s", tls);
  if (!d->route.implicit_tls) return EXIT_DONE;
  if (d->route.tls == ROUTE_TLS_NONE)
    return cli_fail(EXIT_USAGE, "--implicit-tls and --tls none contradict each other; leave one out");
  if (d->route.lookup == ROUTE_BY_ADDRESS) return EXIT_DONE;
  return cli_fail(EXIT_USAGE, "--implicit-tls is for one host: mail exchangers speak STARTTLS; name the host instead");
}

static enum exit_status read_oauth2(struct cli *c, struct draft *d, bool changing) {
  d->route.user = cli_option(c, "user");
  d->route.auth = ROUTE_AUTH_OAUTH2;
  if (d->route.lookup != ROUTE_BY_ADDRESS)
    return cli_fail(EXIT_USAGE, "a login is for one host, not for whatever DNS names: write the host instead of %s",
                    c->arguments[1]);
  if (d->route.tls == ROUTE_TLS_NONE)
    return cli_fail(EXIT_USAGE, "a token is good for whoever has it, so it needs TLS: leave --tls none out");
  enum exit_status s = oauth2_options_read(c, changing, &d->oauth2);
  d->route.oauth2 = d->oauth2.oauth2;
  d->has_keys = d->oauth2.has_secrets;
  return s;
}

/* `changing`: the password may stay as it is. */
static enum exit_status read_login(struct cli *c, struct draft *d, bool changing) {
  const char *user = cli_option(c, "user");
  if (cli_option(c, "oauth2")) return read_oauth2(c, d, changing);
  bool password = cli_switch(c, "password-stdin");
  d->route.user = user ? user : "";
  if (!user && !password) return EXIT_DONE;
  if (!user || !*user || strlen(user) > STATIC_ROUTE_USER || !text_has_no_controls(user))
    return cli_fail(EXIT_USAGE, "--user NAME is needed: whom to log in as, at most %d octets", STATIC_ROUTE_USER);
  if (!password && !changing)
    return cli_fail(EXIT_USAGE, "--password-stdin is needed with --user: the password comes on standard input");
  if (d->route.lookup != ROUTE_BY_ADDRESS)
    return cli_fail(EXIT_USAGE, "a login is for one host, not for whatever DNS names: write the host instead of %s",
                    c->arguments[1]);
  d->route.auth = ROUTE_AUTH_PASSWORD;
  d->has_keys = password;
  enum exit_status s =
      password ? secret_line_read("password-stdin", "password", d->password, sizeof d->password) : EXIT_DONE;
  if (s == EXIT_DONE && password && !*d->password) return cli_fail(EXIT_NO, "--password-stdin: the password is empty");
  d->keys.of[ROUTE_PASSWORD] = bytes_of(d->password);
  return s;
}

static enum exit_status read_draft(struct cli *c, struct draft *d, bool changing) {
  enum exit_status s = read_key(c, d);
  if (s == EXIT_DONE) s = read_host(c, d);
  if (s == EXIT_DONE) s = read_tls(c, d);
  return s == EXIT_DONE ? read_login(c, d, changing) : s;
}

static enum exit_status finish(struct draft *d, enum exit_status status) {
  oauth2_draft_clear(&d->oauth2);
  wipe(d, sizeof *d);
  free(d);
  return status;
}

/* --- verbs that change --- */

/* What goes to loopback leads nobody's way. */
static bool stays_here(const char *host) {
  char address[STATIC_ROUTE_HOST];
  struct sockaddr_storage at;
  bool literal = host[0] == '[', six = !strncmp(host, "[IPv6:", 6);
  snprintf(address, sizeof address, "%s", host + (six ? 6 : literal ? 1 : 0));
  address[strcspn(address, "]")] = '\0';
  if (ip_parse(address, 0, &at) != OK) return strcmp(host, "localhost") == 0;
  const struct in6_addr *a = &((const struct sockaddr_in6 *)&at)->sin6_addr;
  return at.ss_family == AF_INET6 ? IN6_IS_ADDR_LOOPBACK(a)
                                  : ntohl(((const struct sockaddr_in *)&at)->sin_addr.s_addr) >> 24 == 127;
}

/* RFC 4954 4 wants a password protected by TLS; RFC 8314 3.1 wants to know by whose. */
static void warn(const struct static_route *r) {
  if (r->auth == ROUTE_AUTH_NONE || stays_here(r->host)) return;
  if (r->tls == ROUTE_TLS_NONE)
    cli_warn("with --tls none the password of %s goes to %s in the clear: anybody on the way can read it", r->user,
             r->host);
  if (r->tls == ROUTE_TLS_MAY)
    cli_warn("with --tls may the login of %s goes to whoever answers for %s; --tls verify makes sure that it is",
             r->user, r->host);
}

static bool same_key(const struct static_route *a, const struct static_route *b) {
  return static_route_compare(a, b) == 0;
}

static const struct static_route *find(const struct directory *dir, const struct static_route *key) {
  for (size_t i = 0; i < dir->route_count; i++)
    if (same_key(&dir->routes[i], key)) return &dir->routes[i];
  return NULL;
}

static bool same_login(const struct static_route *a, const struct static_route *b) {
  return a->auth == b->auth && !strcmp(a->user, b->user) && !strcmp(a->host, b->host) &&
         !strcmp(a->oauth2.endpoint, b->oauth2.endpoint) && !strcmp(a->oauth2.client_id, b->oauth2.client_id);
}

/* The other of a token's two secrets stays for the same login. It goes to the endpoint alone, however the host is
 * spoken to. */
static enum exit_status complete(struct cli *c, struct draft *d, bool changing) {
  struct directory *dir;
  if (d->route.auth != ROUTE_AUTH_OAUTH2 || !d->has_keys) return EXIT_DONE;
  if (cli_directory(c, &dir) != EXIT_DONE) return EXIT_NO;
  const struct static_route *now = changing ? find(dir, &d->route) : NULL;
  enum exit_status s = oauth2_complete(c, now && same_login(now, &d->route) ? now : NULL, &d->oauth2);
  directory_release(&dir);
  d->route.oauth2 = d->oauth2.oauth2;
  return s;
}

/* A token that the endpoint gives may be the end of the one before, so what the store would refuse is refused first. */
static enum exit_status fetch(struct cli *c, struct draft *d, bool changing) {
  struct directory *dir;
  const char *account = d->route.account;
  if (d->route.auth != ROUTE_AUTH_OAUTH2 || !d->has_keys) return EXIT_DONE;
  if (cli_directory(c, &dir) != EXIT_DONE) return EXIT_NO;
  bool there = find(dir, &d->route), has_account = !*account || directory_account(dir, bytes_of(account));
  directory_release(&dir);
  if (!has_account) return named_unknown(c, NAMED_ACCOUNT, account);
  if (there != changing)
    return cli_fail(EXIT_NO,
                    there ? "there is a route for %s already; change it with: sendoff route set"
                          : "there is no route for %s; see: sendoff route list",
                    d->to);
  return oauth2_fetch(c, &d->oauth2, &d->keys);
}

static enum exit_status print_route(struct cli *c, const struct static_route *key, const char *done);

static enum exit_status add(struct cli *c) {
  struct draft *d = calloc(1, sizeof *d);
  struct admin *a;
  struct reason why = {""};
  if (!d) return cli_fail(EXIT_NO, "out of memory");
  enum exit_status s = read_draft(c, d, false);
  if (s == EXIT_DONE) s = complete(c, d, false);
  if (s == EXIT_DONE) s = fetch(c, d, false);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s == EXIT_DONE) s = cli_admin_done(c, &a, admin_route_add(a, &d->route, &d->keys, &why), &why);
  if (s == EXIT_DONE) s = print_route(c, &d->route, "added");
  if (s == EXIT_DONE) warn(&d->route);
  return finish(d, s);
}

/* 0: a login may be read on the way; 1: by whoever answers; 2: by the host alone. */
static int protection(enum route_tls tls) {
  return tls == ROUTE_TLS_NONE ? 0 : tls == ROUTE_TLS_MAY ? 1 : 2;
}

static enum exit_status need_secret(const struct static_route *r, const char *why) {
  return cli_fail(EXIT_USAGE, "--%s is needed: %s",
                  r->auth == ROUTE_AUTH_OAUTH2 ? "secret-stdin or --refresh-token-stdin" : "password-stdin", why);
}

/* What stays goes to the host, the user and the endpoint that it was given for, protected as it was, and asks for what
 * it did. */
static enum exit_status check_same(struct cli *c, const struct static_route *now, struct draft *d) {
  char why[STATIC_ROUTE_USER + STATIC_ROUTE_HOST + 40];
  struct static_route *r = &d->route;
  snprintf(why, sizeof why, "the route has none of %s at %s", r->user, r->host);
  if (!same_login(now, r)) return need_secret(r, why);
  if (protection(r->tls) < protection(now->tls)) return need_secret(r, "the TLS is weaker than what it was given for");
  if (cli_option(c, "scope") && strcmp(r->oauth2.scope, now->oauth2.scope) != 0)
    return need_secret(r, "the scope is another one, for which a token has to be fetched");
  enum exit_status s = oauth2_scope_keep(&d->oauth2, now);
  r->oauth2.scope = d->oauth2.oauth2.scope;
  return s;
}

static enum exit_status check_kept(struct cli *c, struct draft *d) {
  struct directory *dir;
  if (d->has_keys || d->route.auth == ROUTE_AUTH_NONE) return EXIT_DONE;
  if (cli_directory(c, &dir) != EXIT_DONE) return EXIT_NO;
  const struct static_route *now = find(dir, &d->route);
  enum exit_status s = now ? check_same(c, now, d) : EXIT_DONE; /* the store says that it is not there */
  directory_release(&dir);
  return s;
}

static enum exit_status set(struct cli *c) {
  struct draft *d = calloc(1, sizeof *d);
  struct admin *a;
  struct reason why = {""};
  if (!d) return cli_fail(EXIT_NO, "out of memory");
  enum exit_status s = read_draft(c, d, true);
  if (s == EXIT_DONE) s = check_kept(c, d);
  if (s == EXIT_DONE) s = complete(c, d, true);
  if (s == EXIT_DONE) s = fetch(c, d, true);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s != EXIT_DONE) return finish(d, s);
  s = cli_admin_done(c, &a, admin_route_set(a, &d->route, d->has_keys ? &d->keys : NULL, &why), &why);
  if (s == EXIT_DONE) s = print_route(c, &d->route, "changed");
  if (s == EXIT_DONE) {
    warn(&d->route);
    if (!c->json)
      printf("mail that waits goes that way with its next attempt; at once with: sendoff queue retry --to '*@%s'\n",
             d->to);
  }
  return finish(d, s);
}

/* --- the list --- */

/* How exact a pattern is: a name, then its parents from the longest on, then all. */
static size_t exactness(const char *pattern) {
  if (!*pattern || !strcmp(pattern, "*")) return 0;
  if (pattern[0] != '*') return SIZE_MAX;
  size_t labels = 0;
  for (const char *at = pattern; (at = strchr(at, '.')); at++) labels++;
  return labels;
}

static int more_exact(const char *a, const char *b) {
  size_t x = exactness(a), y = exactness(b);
  return x != y ? (x > y ? -1 : 1) : strcmp(a, b);
}

/* As static_route_find looks at them. */
static int in_order(const void *one, const void *other) {
  const struct static_route *a = *(const struct static_route *const *)one,
                            *b = *(const struct static_route *const *)other;
  int order = more_exact(a->to, b->to);
  if (!order && !*a->account != !*b->account) order = *a->account ? -1 : 1;
  if (!order) order = strcmp(a->account, b->account);
  return order ? order : more_exact(a->sender, b->sender);
}

static json_t *text_or_null(const char *text) {
  return *text ? json_text(text) : json_null();
}

static json_t *oauth2_json(const struct static_route *r) {
  const struct route_oauth2 *o = &r->oauth2;
  if (r->auth != ROUTE_AUTH_OAUTH2) return json_null();
  return json_pack("{s:o, s:o, s:o, s:o, s:o}", "endpoint", json_text(o->endpoint), "client_id",
                   json_text(o->client_id), "scope", text_or_null(o->scope), "token_until",
                   json_time(o->token_until_us), "failure", text_or_null(o->failure));
}

static json_t *route_json(const struct static_route *r, unsigned mx_port) {
  static const char *const logins[] = {
      [ROUTE_AUTH_NONE] = NULL, [ROUTE_AUTH_PASSWORD] = "password", [ROUTE_AUTH_OAUTH2] = "oauth2"};
  return json_pack("{s:s, s:o, s:o, s:o, s:i, s:s, s:s, s:b, s:o, s:s?, s:o, s:o}", "to", r->to, "account",
                   text_or_null(r->account), "sender", text_or_null(r->sender), "host", text_or_null(r->host), "port",
                   (int)static_route_port(r, mx_port), "lookup", route_lookup_name(r->lookup), "tls",
                   route_tls_name(r->tls), "implicit_tls", r->implicit_tls, "user", text_or_null(r->user), "login",
                   logins[r->auth], "oauth2", oauth2_json(r), "created", json_time(r->created_us));
}

static void add_row(struct listing *l, const struct static_route *r, unsigned mx_port) {
  char host[STATIC_ROUTE_TEXT], of[STATIC_ROUTE_PATTERN + 80], tls[24];
  snprintf(of, sizeof of, "%.64s%s%.257s", r->account, *r->account && *r->sender ? ", " : "", r->sender);
  snprintf(tls, sizeof tls, "%s%s", route_tls_name(r->tls), r->implicit_tls ? ", implicit" : "");
  listing_add(l, route_json(r, mx_port),
              (const char *const[]){r->to, *of ? of : "all", static_route_text(r, host), tls, r->user});
}

/* Below the table, where there is room for it. */
static void print_failures(const struct directory *d) {
  for (size_t i = 0; i < d->route_count; i++) {
    if (!*d->routes[i].oauth2.failure) continue;
    printf("\n%s: no new token for %s: ", d->routes[i].to, d->routes[i].user);
    print_safe(d->routes[i].oauth2.failure);
    putchar('\n');
  }
}

static enum exit_status list(struct cli *c) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  const struct static_route **all = calloc(d->route_count + 1, sizeof *all);
  struct listing l;
  for (size_t i = 0; all && i < d->route_count; i++) all[i] = &d->routes[i];
  if (all) qsort(all, d->route_count, sizeof *all, in_order);
  listing_begin(&l, c, (const char *const[]){"TO~", "MAIL OF~", "NEXT HOP~", "TLS", "USER~"}, 5);
  for (size_t i = 0; all && i < d->route_count; i++) add_row(&l, all[i], c->config->delivery_port);
  if (all) l.empty = "no routes: all mail goes to its recipients' mail exchangers";
  listing_end(&l);
  if (!c->json) print_failures(d);
  enum exit_status s = all ? EXIT_DONE : cli_fail(EXIT_NO, "out of memory");
  free(all);
  directory_release(&d);
  return s;
}

/* --- after a change --- */

static enum exit_status print_route(struct cli *c, const struct static_route *key, const char *done) {
  struct directory *dir;
  char host[STATIC_ROUTE_TEXT];
  if (cli_directory(c, &dir) != EXIT_DONE) return EXIT_NO;
  const struct static_route *r = find(dir, key);
  if (r && c->json)
    print_json(route_json(r, c->config->delivery_port));
  else if (r)
    printf("route for %s is %s: to %s, tls %s%s%s%s\n", r->to, done, static_route_text(r, host), route_tls_name(r->tls),
           r->implicit_tls ? ", implicit" : "", *r->user ? ", as " : "", r->user);
  directory_release(&dir);
  return EXIT_DONE;
}

/* Of one with this pattern, the store says what is there. */
static enum exit_status check_there(struct cli *c, const struct draft *d) {
  struct directory *dir;
  if (cli_directory(c, &dir) != EXIT_DONE) return EXIT_NO;
  bool there = false;
  for (size_t i = 0; i < dir->route_count; i++) there |= strcmp(dir->routes[i].to, d->to) == 0;
  directory_release(&dir);
  return there ? EXIT_DONE : named_unknown(c, NAMED_ROUTE, d->to);
}

static enum exit_status remove_route(struct cli *c) {
  struct draft *d = calloc(1, sizeof *d);
  struct admin *a;
  struct reason why = {""};
  if (!d) return cli_fail(EXIT_NO, "out of memory");
  enum exit_status s = read_key(c, d);
  if (s == EXIT_DONE) s = check_there(c, d);
  if (s == EXIT_DONE) s = cli_admin(c, &a);
  if (s == EXIT_DONE) s = cli_admin_done(c, &a, admin_route_remove(a, &d->route, &why), &why);
  if (s == EXIT_DONE && c->json)
    print_json(json_pack("{s:s, s:o, s:o, s:b}", "to", d->to, "account", text_or_null(d->route.account), "sender",
                         text_or_null(d->route.sender), "removed", 1));
  else if (s == EXIT_DONE)
    printf("route for %s is removed; mail that waits goes its usual way with its next attempt\n", d->to);
  return finish(d, s);
}

#define KEY_TEXT "[--account NAME] [--sender DOMAIN]"
#define OPTIONS_TEXT                                                                                                   \
  "[--tls none|may|verify] [--implicit-tls] [--user U --password-stdin] [--user U --oauth2 "                           \
  "microsoft365|google|custom --client-id ID] [--secret-stdin] [--refresh-token-stdin] [--tenant NAME] "               \
  "[--token-endpoint URL] [--scope S] " KEY_TEXT

const struct verb route_verbs[] = {
    {"route", "add", "DOMAIN|* HOST[:PORT]|mx:DOMAIN|direct " OPTIONS_TEXT,
     "Mail for a domain goes to that host, and not to the domain's mail exchangers.\n"
     "DOMAIN: also *.DOMAIN, its subdomains; * is for all.\n"
     "HOST: mx:DOMAIN is the mail exchangers of that domain; direct is an exception from another route.\n"
     "--account, --sender: that account's mail, or from that domain, alone.\n"
     "--user U: logs in, with a password, or with access tokens (--oauth2; docs/routes.md).\n"
     "--tls: may uses TLS where it is offered, verify wants it with a good certificate (the default with --user), "
     "none uses no STARTTLS.\n"
     "--implicit-tls: TLS from the first octet, as at port 465.",
     "sendoff route add '*' smtp.example.com:587 --user relay@example.com --password-stdin < password", 2, 2, add},
    {"route", "list", "", "All routes, in the order in which they are looked at: the first that fits is taken.",
     "sendoff route list", 0, 0, list},
    {"route", "set", "DOMAIN|* HOST[:PORT]|mx:DOMAIN|direct " OPTIONS_TEXT,
     "Replaces a route, whole; its password or secret stays when host and user do and no other is given.",
     "sendoff route set '*' smtp.example.com:587 --user relay@example.com --password-stdin < new-password", 2, 2, set},
    {"route", "remove", "DOMAIN|* " KEY_TEXT,
     "Removes one, with its password. Mail that waits goes its usual way with its next attempt.",
     "sendoff route remove '*'", 1, 1, remove_route},
    {0}};
