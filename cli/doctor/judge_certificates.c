#include "base/bytes.h"
#include "base/clock.h"
#include "cli/doctor/checks.h"

#include <stdio.h>
#include <string.h>

#define DAY_US (INT64_C(86400) * SECOND_US)
#define SOON_US (20 * DAY_US) /* certbot and others renew 30 days before */
#define LAST_US (3 * DAY_US)
#define CHECK "sendoff config check    (until both files are right; the gateway then takes them by itself)"
#define RENEW "certbot renew    (its deploy hook: /usr/share/sendoff/certbot-hook)"

static void say_renew(const struct named_file *n, struct findings *f) {
  if (n->facts.self_signed)
    findings_fix(f, "sendoff init --help    (makes a self-signed one; better: certbot certonly)");
  else
    findings_fix(f, RENEW);
  findings_see(f, "docs/authentication.md");
}

static void check_time(const struct doctor_facts *d, const struct named_file *n, struct findings *f) {
  int64_t left = n->facts.expires_us - d->now_us;
  char span[40];
  clock_format_span(left < 0 ? -left : left, span, sizeof span);
  if (left < 0)
    findings_add(f, SEVERITY_ERROR, n->path, "has expired %s ago: clients that verify it refuse to send", span);
  else if (left < SOON_US)
    findings_add(f, left < LAST_US ? SEVERITY_ERROR : SEVERITY_WARNING, n->path,
                 "expires in %s, and has not been renewed", span);
  else
    return;
  say_renew(n, f);
}

static void check_issuer(const struct doctor_facts *d, const struct named_file *n, struct findings *f) {
  if (!n->facts.self_signed) return;
  findings_add(f, SEVERITY_WARNING, n->path,
               "is self-signed: WordPress, and every client that verifies certificates, refuses to send");
  findings_fix(f, "certbot certonly --standalone -d %s --deploy-hook /usr/share/sendoff/certbot-hook",
               d->config->hostname);
  findings_see(f, "docs/authentication.md");
}

/* Of several, one for the host name is enough. */
static void check_names(const struct doctor_facts *d, struct findings *f) {
  const struct named_file *first = NULL;
  for (size_t i = 0; i < d->named_count; i++) {
    const struct named_file *n = &d->named[i];
    if (n->kind != NAMED_CERTIFICATE || n->rc != OK) continue;
    if (n->for_hostname) return;
    if (!first) first = n;
  }
  if (!first) return;
  findings_add(f, SEVERITY_WARNING, first->path, "is for %s, and not for %s, which clients are told to connect to",
               first->facts.names, d->config->hostname);
  findings_fix(f, "certbot certonly --standalone -d %s --deploy-hook /usr/share/sendoff/certbot-hook",
               d->config->hostname);
}

/* What clients see, whose system has the usual roots: an intermediate certificate may be missing. */
static void check_trust(const struct doctor_facts *d, struct findings *f) {
  for (size_t i = 0; i < d->listener_count; i++) {
    const struct listener_facts *l = &d->listeners[i];
    if (!l->tls || l->trusted) continue;
    findings_add(f, SEVERITY_WARNING, l->text, "clients that verify certificates refuse this one: %s",
                 l->trust_why.text);
    findings_fix(f, "tls { certificate = \"...\" }    (the whole chain, for certbot fullchain.pem; in %s)",
                 d->config->path);
    findings_see(f, "docs/authentication.md");
    return;
  }
}

static void check_in_use(const struct doctor_facts *d, struct findings *f) {
  const char *problem = json_string_value(json_object_get(d->status, "certificates_problem"));
  if (!problem) return;
  findings_add(f, SEVERITY_ERROR, "", "a renewed certificate cannot be used, and the old one stays in use: %s",
               problem);
  findings_fix(f, CHECK);
  findings_see(f, "docs/authentication.md");
}

void judge_certificates(const struct doctor_facts *d, struct findings *f) {
  size_t before = f->count, count = 0;
  for (size_t i = 0; i < d->named_count; i++) {
    const struct named_file *n = &d->named[i];
    if (n->kind != NAMED_CERTIFICATE) continue;
    if (n->rc == E_DENIED && !d->as_service_user) continue; /* judge_gateway says that it is not known */
    count++;
    if (n->rc != OK) {
      findings_add(f, SEVERITY_ERROR, n->path, "%s", n->why.text);
      findings_fix(f, CHECK);
      findings_see(f, "docs/authentication.md");
      continue;
    }
    check_time(d, n, f);
    check_issuer(d, n, f);
  }
  check_names(d, f);
  check_in_use(d, f);
  if (before == f->count) check_trust(d, f);
  if (before == f->count && count)
    findings_add(f, SEVERITY_OK, "", "valid, for %s, and not about to expire", d->config->hostname);
}
