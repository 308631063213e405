/* Listeners: do they answer, as us, with TLS, and for nobody who is a stranger? */
#include "base/address/address_kind.h"
#include "base/bytes.h"
#include "cli/doctor/checks.h"

#include <stdio.h>
#include <string.h>

static bool is_loopback(const struct listen_config *l) {
  return address_kind_of((const struct sockaddr *)&l->address) == ADDRESS_LOOPBACK;
}

static bool is_ours(const struct smtp_reply *greeting) {
  return strstr(greeting->text, "Sendoff") != NULL;
}

/* --- who is there --- */

/* "postfix" of "220 mx.example.com ESMTP Postfix (Debian)": the service to stop. */
static const char *service_of(const struct listener_facts *l) {
  static const struct {
    const char *word, *service;
  } known[] = {{"postfix", "postfix"},
               {"exim", "exim4"},
               {"sendmail", "sendmail"},
               {"opensmtpd", "opensmtpd"},
               {"smtpd", "opensmtpd"}};
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
    if (strcasestr(l->greeting.text, known[i].word) || strcasestr(l->owner, known[i].word)) return known[i].service;
  return NULL;
}

static void say_taken(const struct listener_facts *l, struct findings *f) {
  char who[400];
  const char *service = service_of(l);
  if (l->greeting.code)
    snprintf(who, sizeof who, "it greets with \"%d %.200s\"", l->greeting.code, l->greeting.text);
  else
    snprintf(who, sizeof who, "it does not greet as an SMTP server");
  findings_add(f, SEVERITY_ERROR, l->text, "another program has this address and port%s%s: %s", *l->owner ? ", " : "",
               l->owner, who);
  if (service)
    findings_fix(f, "systemctl disable --now %s    (or another port in the listen line)", service);
  else
    findings_fix(f, "ss -ltnp 'sport = :%u'    (shows which; stop it, or choose another port in the listen line)",
                 ip_port((const struct sockaddr *)&l->listen->address));
}

/* --- what is wrong with one of ours --- */

static void say_silent(const struct listener_facts *l, struct findings *f) {
  if (l->connected)
    findings_add(f, SEVERITY_ERROR, l->text, "connects, and then there is no greeting: %s", l->why.text);
  else if (l->rc == E_NOT_FOUND)
    findings_add(f, SEVERITY_ERROR, l->text, "is no address of this machine: nobody can connect to it");
  else
    findings_add(f, SEVERITY_ERROR, l->text, "does not answer: %s", l->why.text);
  findings_fix(f, "systemctl restart sendoff    (and see its log: journalctl -u sendoff -e)");
}

static void check_tls(const struct doctor_facts *d, const struct listener_facts *l, struct findings *f) {
  bool secured = d->config->certificate_count > 0;
  if (secured && l->greeting.code == 220 && l->listen->tls != LISTEN_IMPLICIT && !l->starttls) {
    findings_add(f, SEVERITY_ERROR, l->text, "does not offer STARTTLS");
    findings_fix(f, "systemctl restart sendoff    (and see its log: journalctl -u sendoff -e)");
  }
  if (*l->tls_why.text) {
    findings_add(f, SEVERITY_ERROR, l->text, "the TLS handshake fails: %s", l->tls_why.text);
    findings_fix(f, "journalctl -u sendoff -e    (the gateway's side of it)");
  }
  if (secured || is_loopback(l->listen)) return;
  findings_add(f, SEVERITY_WARNING, l->text, "has no TLS: passwords and mail travel in the clear");
  findings_fix(f, "tls { certificate = \"...\"  key = \"...\" }    (in %s)", d->config->path);
  findings_see(f, "docs/authentication.md");
}

static void check_answer(const struct doctor_facts *d, const struct listener_facts *l, struct findings *f) {
  size_t before = f->count;
  if (l->greeting.code == 421) {
    findings_add(f, SEVERITY_WARNING, l->text, "turns clients away: %s", l->greeting.text);
    findings_fix(f, "sendoff status    (sessions, of limits { max_sessions } in %s)", d->config->path);
  } else if (l->greeting.code && !is_ours(&l->greeting))
    say_taken(l, f);
  else if (!*l->tls_why.text && (l->rc != OK || !l->greeting.code))
    say_silent(l, f);
  else
    check_tls(d, l, f);
  if (before == f->count)
    findings_add(f, SEVERITY_OK, l->text, "answers, %s", *l->tls_text ? l->tls_text : "without TLS");
}

/* systemd keeps a gateway's sockets while it is restarted (docs/install.md), also one that does not come up. */
static bool is_kept(const struct listener_facts *l) {
  return strcmp(l->owner, "systemd (process 1)") == 0;
}

void judge_ports(const struct doctor_facts *d, struct findings *f) {
  bool reachable = false;
  for (size_t i = 0; i < d->listener_count; i++) {
    const struct listener_facts *l = &d->listeners[i];
    if (!*l->text) continue; /* it has no port */
    reachable |= !is_loopback(l->listen);
    if (d->gateway == GATEWAY_RUNS || (d->gateway == GATEWAY_CLOSED && l->connected))
      check_answer(d, l, f);
    else if (d->gateway == GATEWAY_DOWN && l->connected && !is_kept(l))
      say_taken(l, f);
  }
  if (reachable || !d->listener_count || d->config->local_next_hops) return;
  findings_add(f, SEVERITY_NOTE, "",
               "every listen line is at a loopback address: only programs on this machine can "
               "submit mail");
  findings_fix(f, "listen \"0.0.0.0:587\" { tls = \"starttls\" }    (in %s)", d->config->path);
}

/* --- open relay --- */

#define WIDE_V4 8 /* a prefix that is shorter is no network of one's own */
#define WIDE_V6 19

static bool sends_as_anybody(const struct account *a) {
  for (size_t i = 0; i < a->sender_count; i++)
    if (strcmp(a->senders[i], "*") == 0) return true;
  return false;
}

static void check_client_ips(const struct account *a, struct findings *f) {
  for (size_t i = 0; i < a->client_ip_count; i++) {
    const struct cidr *n = &a->client_ips[i];
    if (n->prefix >= (n->family == AF_INET ? WIDE_V4 : WIDE_V6)) continue;
    findings_add(f, sends_as_anybody(a) ? SEVERITY_ERROR : SEVERITY_WARNING, a->name,
                 "takes mail without a login from a network of /%u: strangers may be in it%s", n->prefix,
                 sends_as_anybody(a) ? ", and may send as anybody" : "");
    findings_fix(f, "sendoff account set %s --client-ip ADDRESS", a->name);
    findings_see(f, "docs/authentication.md");
    return;
  }
}

void judge_relay(const struct doctor_facts *d, struct findings *f) {
  size_t before = f->count, refused = 0;
  for (size_t i = 0; i < d->listener_count; i++) {
    const struct listener_facts *l = &d->listeners[i];
    refused += l->relay == RELAY_REFUSED;
    if (l->relay != RELAY_OPEN) continue;
    findings_add(f, SEVERITY_ERROR, l->text, "is an open relay: a stranger may send to anybody: %s", l->relay_reply);
    findings_fix(f, "systemctl stop sendoff    (this must not happen: please report it)");
  }
  for (size_t i = 0; d->directory && i < d->directory->account_count; i++)
    check_client_ips(&d->directory->accounts[i], f);
  if (before == f->count && refused)
    findings_add(f, SEVERITY_OK, "", "strangers are refused at %zu listener%s", refused, refused == 1 ? "" : "s");
}
