#include "cli/output/settings_show.h"

#include "policy/policy.h"

#include <stdio.h>
#include <string.h>

static const struct settings *own(const struct settings_place *p) {
  if (p->account) return &p->account->settings;
  return p->domain ? &p->domain->settings : &p->directory->gateway;
}

static enum check_mode mode_of(const struct settings_place *p, const struct check *c) {
  return directory_check_mode(p->directory, p->account, p->domain, c->name, c->otherwise);
}

enum check_mode settings_mode(const struct settings_place *p, const char *check) {
  for (size_t i = 0; i < policy_check_count; i++)
    if (strcmp(policy_checks[i].name, check) == 0) return mode_of(p, &policy_checks[i]);
  return CHECK_OFF;
}

json_t *settings_modes_json(const struct settings_place *p) {
  json_t *modes = json_object();
  for (size_t i = 0; i < policy_check_count; i++)
    if (!policy_checks[i].fixed)
      json_object_set_new(modes, policy_checks[i].name, json_string(check_mode_name(mode_of(p, &policy_checks[i]))));
  return modes;
}

void settings_print_limits(const struct settings_place *p) {
  const struct limit_list *l = &own(p)->all;
  for (size_t i = 0; i < l->count; i++) printf("%-14s %s\n", "limits", l->limits[i].text);
}

/* A domain's setting comes before the gateway's, and an account's mail may be of any domain. */
static const char *origin(const struct settings_place *p, const char *check) {
  enum check_mode mode;
  if (settings_check_mode(own(p), check, &mode)) return "set here";
  bool gateway = settings_check_mode(&p->directory->gateway, check, &mode);
  if (!p->account) return gateway ? "of the gateway" : "by default";
  return gateway ? "of the gateway, unless the domain has its own" : "by default, unless the domain has its own";
}

void settings_print_modes(const struct settings_place *p) {
  for (size_t i = 0; i < policy_check_count; i++) {
    const struct check *c = &policy_checks[i];
    if (!c->fixed) printf("%-14s %s, %s\n", c->name, check_mode_name(mode_of(p, c)), origin(p, c->name));
  }
}
