#include "cli/delivery/route_oauth2.h"

#include "base/clock.h"
#include "base/text/text.h"
#include "cli/input/secret_line.h"
#include "relay/net/resolver.h"

#include <stdio.h>
#include <string.h>

/* Providers' documents, November 2026. An endpoint with %s is one for each tenant. `refresh` is the scope of a user's
 * consent, `client` that of the application itself; NULL: the provider has no such grant for SMTP. */
static const struct provider {
  const char *name, *endpoint, *refresh, *client;
} providers[] = {
    {"microsoft365", "https://login.microsoftonline.com/%s/oauth2/v2.0/token",
     "https://outlook.office.com/SMTP.Send offline_access", "https://outlook.office365.com/.default"},
    {"google", "https://oauth2.googleapis.com/token", "https://mail.google.com/", NULL},
    {"custom", NULL, "", ""},
};

static const struct provider *find_provider(const char *name) {
  for (size_t i = 0; i < sizeof providers / sizeof *providers; i++)
    if (strcmp(providers[i].name, name) == 0) return &providers[i];
  return NULL;
}

/* A directory (tenant) of Microsoft's: its id, or one of its domains. */
static bool is_tenant(const char *text) {
  size_t n = strspn(text, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-");
  return n && !text[n] && n < 256;
}

static enum exit_status read_endpoint(struct cli *c, const struct provider *p, struct oauth2_draft *d) {
  const char *tenant = cli_option(c, "tenant"), *typed = cli_option(c, "token-endpoint");
  bool wants_tenant = p->endpoint && strstr(p->endpoint, "%s");
  char host[256];
  unsigned port;
  if (tenant && (!wants_tenant || typed))
    return cli_fail(EXIT_USAGE, "--tenant is for --oauth2 microsoft365 without --token-endpoint");
  if (tenant && !is_tenant(tenant))
    return cli_fail(EXIT_USAGE, "--tenant %s is neither a directory's id nor its domain", tenant);
  if (!typed && wants_tenant && !tenant)
    return cli_fail(EXIT_USAGE, "--tenant is needed: the id of the Microsoft 365 directory, or its domain");
  if (!typed && !p->endpoint) return cli_fail(EXIT_USAGE, "--token-endpoint URL is needed with --oauth2 custom");
  const char *prefix = p->endpoint ? p->endpoint : "", *rest = wants_tenant ? strstr(prefix, "%s") : NULL;
  if (typed)
    snprintf(d->endpoint, sizeof d->endpoint, "%.1999s", typed);
  else if (rest)
    snprintf(d->endpoint, sizeof d->endpoint, "%.*s%.255s%s", (int)(rest - prefix), prefix, tenant, rest + 2);
  else
    snprintf(d->endpoint, sizeof d->endpoint, "%s", prefix);
  d->oauth2.endpoint = d->endpoint;
  if ((!typed || strlen(typed) < sizeof d->endpoint) && https_url_check(d->endpoint, host, &port) == OK)
    return EXIT_DONE;
  return cli_fail(EXIT_USAGE, "--token-endpoint %.200s is no https URL", d->endpoint);
}

static enum exit_status take_scope(struct oauth2_draft *d, const char *scope) {
  if (strlen(scope) >= sizeof d->scope || !text_has_no_controls(scope))
    return cli_fail(EXIT_USAGE, "--scope is longer than %zu octets, or has control characters", sizeof d->scope - 1);
  snprintf(d->scope, sizeof d->scope, "%s", scope);
  d->oauth2.scope = d->scope;
  return EXIT_DONE;
}

/* With both, two lines: the client's secret, then the refresh token. */
static enum exit_status read_secrets(struct cli *c, struct oauth2_draft *d) {
  enum exit_status s = EXIT_DONE;
  if (cli_switch(c, "secret-stdin")) s = secret_line_read("secret-stdin", "client secret", d->secret, sizeof d->secret);
  if (s == EXIT_DONE && cli_switch(c, "refresh-token-stdin"))
    s = secret_line_read("refresh-token-stdin", "refresh token", d->refresh, sizeof d->refresh);
  if (s == EXIT_DONE && d->has_secrets && !*d->secret && !*d->refresh)
    return cli_fail(EXIT_NO, "the secret on standard input is empty");
  return s;
}

enum exit_status oauth2_options_read(struct cli *c, bool changing, struct oauth2_draft *d) {
  const struct provider *p = find_provider(cli_option(c, "oauth2"));
  const char *user = cli_option(c, "user");
  token_answer_init(&d->answer);
  d->oauth2 = (struct route_oauth2){.client_id = cli_option(c, "client-id"), .failure = ""};
  d->has_secrets = cli_switch(c, "secret-stdin") || cli_switch(c, "refresh-token-stdin");
  if (!p) return cli_fail(EXIT_USAGE, "--oauth2 is microsoft365, google or custom, not %s", cli_option(c, "oauth2"));
  if (cli_switch(c, "password-stdin"))
    return cli_fail(EXIT_USAGE, "--password-stdin and --oauth2 contradict each other; leave one out");
  if (!user || !*user || strlen(user) > STATIC_ROUTE_USER || !text_has_no_controls(user))
    return cli_fail(EXIT_USAGE, "--user ADDRESS is needed: the mailbox that the mail is sent as");
  if (!d->oauth2.client_id || !*d->oauth2.client_id || !text_has_no_controls(d->oauth2.client_id))
    return cli_fail(EXIT_USAGE, "--client-id ID is needed: the application's, as the provider has registered it");
  if (!d->has_secrets && !changing)
    return cli_fail(EXIT_USAGE,
                    "--secret-stdin or --refresh-token-stdin is needed: the secret comes on standard input");
  enum exit_status s = read_endpoint(c, p, d);
  if (s == EXIT_DONE) s = take_scope(d, cli_option(c, "scope") ? cli_option(c, "scope") : "");
  return s == EXIT_DONE ? read_secrets(c, d) : s;
}

/* --- what stays --- */

/* "" where it has none of that kind. */
static enum exit_status read_kept(struct reader *r, const struct static_route *now, enum route_secret kind,
                                  char out[TOKEN_MAX]) {
  struct buffer b;
  struct reason why = {""};
  out[0] = '\0';
  buffer_init_secret(&b, TOKEN_MAX);
  int rc = reader_route_secret(r, now->login, kind, &b, &why);
  if (rc == E_NOT_FOUND) rc = OK;
  if (rc == OK && !bytes_copy(buffer_bytes(&b), out, TOKEN_MAX)) rc = fail(&why, E_TOO_BIG, "its secret is too long");
  buffer_wipe_free(&b);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

enum exit_status oauth2_scope_keep(struct oauth2_draft *d, const struct static_route *now) {
  return take_scope(d, now->oauth2.scope);
}

static enum exit_status keep_rest(struct cli *c, const struct static_route *now, struct oauth2_draft *d,
                                  bool *refreshed) {
  char refresh[TOKEN_MAX] = "";
  struct reader *r;
  if (cli_reader(c, &r) != EXIT_DONE) return EXIT_NO;
  enum exit_status s = read_kept(r, now, ROUTE_REFRESH_TOKEN, refresh);
  if (s == EXIT_DONE && !*d->secret) s = read_kept(r, now, ROUTE_CLIENT_SECRET, d->secret);
  reader_close(&r);
  *refreshed = *refresh != '\0';
  if (!*d->refresh) memcpy(d->refresh, refresh, sizeof refresh);
  wipe(refresh, sizeof refresh);
  return s;
}

enum exit_status oauth2_complete(struct cli *c, const struct static_route *now, struct oauth2_draft *d) {
  const struct provider *p = find_provider(cli_option(c, "oauth2"));
  bool refreshed = false;
  enum exit_status s = now ? keep_rest(c, now, d, &refreshed) : EXIT_DONE;
  if (s != EXIT_DONE || cli_option(c, "scope")) return s;
  bool same_grant = now && refreshed == (*d->refresh != '\0');
  const char *usual = *d->refresh ? p->refresh : p->client;
  if (!usual)
    return cli_fail(EXIT_USAGE, "--refresh-token-stdin is needed: %s gives no application a token for SMTP by itself",
                    p->name);
  return take_scope(d, same_grant || (now && !*usual) ? now->oauth2.scope : usual);
}

/* --- the first token --- */

static enum exit_status ask(struct cli *c, struct oauth2_draft *d) {
  struct resolver *resolver;
  struct reason why = {""};
  int rc = https_setup();
  if (rc == OK) rc = resolver_new(c->config, &resolver, &why);
  if (rc != OK) return cli_failed(rc, &why);
  const struct dns_source dns = {resolver, resolver_lookup, resolver_release};
  const struct https h = {.dns = &dns, .trust = c->config->https_trust};
  const struct token_request q = {.endpoint = d->endpoint,
                                  .client_id = d->oauth2.client_id,
                                  .scope = d->oauth2.scope,
                                  .client_secret = bytes_of(d->secret),
                                  .refresh_token = bytes_of(d->refresh)};
  rc = token_fetch(&h, &q, &d->answer, &why);
  resolver_free(&resolver);
  https_teardown();
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "no token, so nothing was changed: %s", why.text);
}

enum exit_status oauth2_fetch(struct cli *c, struct oauth2_draft *d, struct route_keys *keys) {
  enum exit_status s = cli_config(c);
  if (s == EXIT_DONE) s = ask(c, d);
  if (s != EXIT_DONE) return s;
  bool rotated = d->answer.refresh.len > 0; /* then the one that was given is good no more (RFC 6749 6) */
  keys->of[ROUTE_CLIENT_SECRET] = bytes_of(d->secret);
  keys->of[ROUTE_REFRESH_TOKEN] = rotated ? buffer_bytes(&d->answer.refresh) : bytes_of(d->refresh);
  keys->of[ROUTE_ACCESS_TOKEN] = buffer_bytes(&d->answer.access);
  keys->token_from_us = clock_now_us();
  keys->token_until_us = keys->token_from_us + d->answer.life_s * SECOND_US;
  return s;
}

void oauth2_draft_clear(struct oauth2_draft *d) {
  token_answer_clear(&d->answer);
}
