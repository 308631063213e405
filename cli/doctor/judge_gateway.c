/* The configuration, the gateway itself, and what a new one still needs. */
#include "base/bytes.h"
#include "cli/doctor/checks.h"
#include "cli/machine/machine.h"

#include <string.h>

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text ? text : "";
}

/* --- configuration --- */

void judge_configuration(const struct doctor_facts *d, struct findings *f) {
  size_t before = f->count;
  if (!d->config) {
    findings_add(f, SEVERITY_ERROR, "", "%s", d->config_why.text);
    findings_fix(f, "sendoff config check");
    return;
  }
  for (size_t i = 0; i < d->named_count; i++) /* certificates have a check of their own */
    if (d->named[i].rc != OK && d->named[i].kind != NAMED_CERTIFICATE) {
      findings_add(f, SEVERITY_ERROR, "", "%s", d->named[i].why.text);
      findings_fix(f, "sendoff config check");
    }
  if (*d->dns_why.text) {
    findings_add(f, SEVERITY_ERROR, "", "DNS cannot be asked, and the gateway does not start: %s", d->dns_why.text);
    findings_fix(f, "dns { servers = {\"ADDRESS@53\"} }    (in %s)", d->config->path);
  }
  if (!d->as_service_user)
    findings_add(f, SEVERITY_NOTE, "",
                 "you are not root: whether %s may read what the configuration names, and some else, is not known",
                 d->config->user ? d->config->user : "the user that the gateway runs as");
  if (before == f->count) findings_add(f, SEVERITY_OK, "", "%s can be read, and what it names", d->config->path);
}

/* --- the gateway --- */

static void say_down(const struct doctor_facts *d, struct findings *f) {
  if (d->waiting_recipients)
    findings_add(f, SEVERITY_ERROR, "", "the gateway is not running; mail for %llu recipient%s waits for it",
                 (unsigned long long)d->waiting_recipients, d->waiting_recipients == 1 ? "" : "s");
  else
    findings_add(f, SEVERITY_ERROR, "", "the gateway is not running");
  findings_fix(f, "%s", machine_start_command());
}

static void check_condition(const struct doctor_facts *d, struct findings *f) {
  const char *store = text_of(d->status, "store"), *version = text_of(d->status, "version");
  if (*store && strcmp(store, "good") != 0) {
    findings_add(f, SEVERITY_ERROR, "", "the store is %s: %s", store, text_of(d->status, "store_reason"));
    findings_see(f, "docs/storage.md");
  }
  if (strcmp(version, SENDOFF_VERSION) != 0) {
    findings_add(f, SEVERITY_WARNING, "", "version %s runs, and version %s is installed", version, SENDOFF_VERSION);
    findings_fix(f, "systemctl restart sendoff");
  }
}

void judge_gateway(const struct doctor_facts *d, struct findings *f) {
  size_t before = f->count;
  switch (d->gateway) {
  case GATEWAY_DOWN: say_down(d, f); return;
  case GATEWAY_SILENT:
    findings_add(f, SEVERITY_ERROR, "", "the gateway runs, but does not answer on its control socket in %s",
                 d->config->data_dir);
    findings_fix(f, "journalctl -u sendoff -e\nsystemctl restart sendoff");
    return;
  case GATEWAY_CLOSED:
    findings_add(f, SEVERITY_NOTE, "", "you may not ask the gateway: whether it runs is not known");
    findings_fix(f, "sudo sendoff doctor");
    return;
  default: break;
  }
  check_condition(d, f);
  if (before == f->count) findings_add(f, SEVERITY_OK, "", "runs, version %s", SENDOFF_VERSION);
}

/* --- first steps --- */

void judge_first_steps(const struct doctor_facts *d, struct findings *f) {
  const struct directory *all = d->directory;
  if (!all->domain_count) {
    findings_add(f, SEVERITY_WARNING, "", "there is no domain yet: mail leaves without a DKIM signature");
    findings_fix(f, "sendoff domain add example.com");
  }
  if (!all->source_count) {
    findings_add(f, SEVERITY_NOTE, "",
                 "there is no source yet: mail leaves from whatever address the system chooses, with the HELO name %s",
                 d->config->hostname);
    findings_fix(f, "sendoff source add ADDRESS --helo %s", d->config->hostname);
  }
  if (!all->account_count) {
    findings_add(f, SEVERITY_WARNING, "", "there is no account yet: nobody can submit mail");
    findings_fix(f, "sendoff account add blog --sender %s", all->domain_count ? all->domains[0].name : "example.com");
  }
  if (all->domain_count && all->source_count && all->account_count)
    findings_add(f, SEVERITY_OK, "", "there are domains, sources and accounts");
}
