#include "relay/delivery/site/destination_login.h"

#include "base/clock.h"
#include "base/log.h"
#include "relay/delivery/route/route_secrets.h"
#include "relay/delivery/route/token_due.h"
#include "relay/delivery/site/connection.h"
#include "relay/delivery/site/site.h"

#include <stdio.h>

#define TOKEN_AWAITED_US (60 * SECOND_US) /* mail stays in memory for a token so long; an endpoint has less */
#define TOKEN_AGAIN_US (10 * SECOND_US)

static struct gateway *gateway_of(const struct destination *d) {
  return d->delivery->loop->gateway;
}

/* NULL: the route has none, or was changed meanwhile. */
static const struct route_login *login_of(const struct destination *d) {
  return d->route->terms.login ? route_secrets_find(d->delivery->secrets, d->route->terms.by) : NULL;
}

static const char *user_of(const struct destination *d) {
  const struct route_login *l = login_of(d);
  return l ? l->user : "";
}

/* --- may it log in? --- */

/* While the pause lasts, its mail waits without another try. */
static bool is_paused(const struct destination *d, struct incident *out) {
  const char *reason = "";
  char span[40];
  int64_t now = clock_now_us();
  int64_t until = login_pause_until(d->delivery->login_pauses, d->route->terms.by, now, &reason);
  if (!until) return false;
  clock_format_span(until - now, span, sizeof span);
  *out = (struct incident){.stage = STAGE_AUTH, .trouble = TROUBLE_LOGIN, .local = true, .again_us = until};
  snprintf(out->text, sizeof out->text, "the login at %.60s was refused (%.120s); it is tried again in %.20s",
           d->route->site, reason, span);
  return true;
}

static bool has_token(const struct destination *d, const struct route_login *l) {
  return l->of[ROUTE_ACCESS_TOKEN].len && l->token_until_us > clock_now_us() &&
         !login_token_is_refused(d->delivery->login_pauses, l->id, l->token_from_us);
}

static void defer(struct destination *d, const struct incident *incident) {
  const struct outcome_place nowhere = {.host = "", .source = d->source_text, .site = d->site->name, .tls = ""};
  if (!d->connections) destination_defer_jobs(d, incident, &nowhere);
}

/* As if nothing had been tried. */
static void give_back(struct destination *d) {
  struct job_result result = {.not_before_us = clock_now_us() + TOKEN_AGAIN_US};
  struct job *j;
  while (!d->connections && (j = destination_next_job(d))) job_finish(gateway_of(d), j, &result);
}

/* It comes with the next delivery_refresh, within seconds; delivery_tick looks after it. */
static void await_token(struct destination *d) {
  int64_t now = clock_now_us(), since = d->token_since_us;
  if (!since || since > now) d->token_since_us = now;
  if (since && now - since >= TOKEN_AWAITED_US) give_back(d);
}

/* True: it has to. */
static bool wait_for_token(struct destination *d, const struct route_login *l) {
  if (has_token(d, l)) {
    d->token_since_us = 0;
    return false;
  }
  if (!*l->failure) {
    await_token(d);
    return true;
  }
  d->token_since_us = 0;
  struct incident incident = {.stage = STAGE_AUTH, .trouble = TROUBLE_LOGIN, .local = true};
  snprintf(incident.text, sizeof incident.text, "no access token for %.60s: %.150s", l->user, l->failure);
  defer(d, &incident);
  return true;
}

bool destination_login_is_ready(struct destination *d) {
  struct incident paused;
  if (!d->route->terms.login || !d->queue.count) return true;
  if (is_paused(d, &paused)) {
    defer(d, &paused);
    return false;
  }
  const struct route_login *l = login_of(d);
  return !l || l->auth != ROUTE_AUTH_OAUTH2 || !wait_for_token(d, l);
}

/* --- what came of it --- */

/* One that was just made is not at fault. */
static bool is_fresh(const struct route_login *l) {
  int64_t age = clock_now_us() - l->token_from_us, quarter = (l->token_until_us - l->token_from_us) / 4;
  return age < (quarter < TOKEN_FRESH_US ? quarter : TOKEN_FRESH_US);
}

bool destination_token_refused(struct destination *d, const struct incident *incident, int64_t token_from_us) {
  const struct route_login *l = login_of(d);
  if (!l || !token_from_us || incident->reply.code / 100 != 5) return false;
  if (l->token_from_us != token_from_us) return true; /* there is another by now */
  if (is_fresh(l)) return false;
  if (login_token_is_refused(d->delivery->login_pauses, l->id, token_from_us)) return true;
  login_token_refuse(d->delivery->login_pauses, l->id, token_from_us);
  log_event(LOG_WARN_, NULL, "token refused", "site", d->route->site, "user", l->user, "reason", incident->reply.text,
            "next", "another is fetched", NULL);
  delivery_token_refused(gateway_of(d), l->login, token_from_us);
  return true;
}

void destination_login_refused(struct destination *d, const struct incident *i, const struct outcome_place *where) {
  char reason[LOGIN_REASON_MAX], until[40];
  int64_t now = clock_now_us(), first = verdict_site_pause(gateway_of(d)->config), over, before;
  const char *known;
  if (i->reply.code)
    snprintf(reason, sizeof reason, "%d %s %.150s", i->reply.code, i->reply.enhanced, i->reply.text);
  else
    snprintf(reason, sizeof reason, "%.190s", i->text);
  before = login_pause_until(d->delivery->login_pauses, d->route->terms.by, now, &known);
  over = login_pause_begin(d->delivery->login_pauses, d->route->terms.by, first, reason, now);
  if (before == over) return; /* one of several that were under way */
  clock_format_span(over - now, until, sizeof until);
  log_event(LOG_ERROR_, NULL, "login refused", "host", where->host, "user", user_of(d), "reason", reason, "mail",
            "waits", "again_in", until, "do",
            "check the user, and the password or the application's rights, there; then: sendoff route set (sendoff "
            "route list has them)",
            NULL);
}

void destination_logged_in(struct destination *d) {
  if (d->route->terms.login && login_pause_end(d->delivery->login_pauses, d->route->terms.by))
    log_event(LOG_INFO_, NULL, "login accepted", "site", d->route->site, "user", user_of(d), NULL);
}
