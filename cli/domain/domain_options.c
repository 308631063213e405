#include "cli/domain/domain_options.h"

#include "base/clock.h"
#include "base/text/quantity.h"
#include "dkim/key_name.h"
#include "dkim/rotation.h"

#include <stdio.h>
#include <string.h>

static enum exit_status read_switch(struct cli *c, const char *option, enum domain_part part,
                                    struct domain_options *out, bool *value) {
  const char *typed = cli_option(c, option);
  if (!typed) return EXIT_DONE;
  *value = strcmp(typed, "on") == 0;
  if (!*value && strcmp(typed, "off") != 0) return cli_fail(EXIT_USAGE, "--%s is on or off", option);
  out->parts |= part;
  return EXIT_DONE;
}

static enum exit_status read_rotate(struct cli *c, struct domain_options *out) {
  const char *typed = cli_option(c, "rotate");
  if (!typed) return EXIT_DONE;
  out->parts |= DOMAIN_ROTATE;
  if (strcmp(typed, "never") == 0) return EXIT_DONE;
  if (duration_parse(typed, &out->domain.rotate_us) != OK || out->domain.rotate_us < ROTATION_LEAST_US)
    return cli_fail(EXIT_USAGE, "--rotate %s: write an age of a day at least, as in 90d, or never", typed);
  return EXIT_DONE;
}

static enum exit_status read_delegation(struct cli *c, struct domain_options *out) {
  const char *typed = cli_option(c, "delegate");
  char name[KEY_NAME_MAX];
  if (!typed) return EXIT_DONE;
  out->parts |= DOMAIN_DELEGATION;
  if (strcmp(typed, "none") == 0) return EXIT_DONE;
  if (domain_normalize(bytes_of(typed), out->delegation) != OK || !strchr(out->delegation, '.'))
    return cli_fail(EXIT_USAGE, "--delegate %s: write a zone that is yours, as in dkim.example.net, or none", typed);
  if (key_record_name(delegated_selector(KEY_RSA, 0), out->domain.name, out->delegation, name) != OK)
    return cli_fail(EXIT_USAGE, "--delegate %s: names below it would be longer than DNS has them", typed);
  return EXIT_DONE;
}

enum exit_status domain_options_read(struct cli *c, const char *name, struct domain_options *out) {
  *out = (struct domain_options){.domain = {.name = name}};
  out->domain.delegation = out->delegation;
  enum exit_status s = read_switch(c, "subdomains", DOMAIN_SUBDOMAINS, out, &out->domain.subdomains);
  if (s == EXIT_DONE) s = read_switch(c, "fallback", DOMAIN_FALLBACK, out, &out->domain.fallback);
  if (s == EXIT_DONE) s = read_rotate(c, out);
  return s == EXIT_DONE ? read_delegation(c, out) : s;
}

static void rotate_text(const struct domain *d, char out[40]) {
  snprintf(out, 40, "never");
  if (d->rotate_us) clock_format_span(d->rotate_us, out, 40);
}

void domain_options_json(const struct domain *d, json_t *into) {
  char rotate[40];
  rotate_text(d, rotate);
  json_object_set_new(into, "subdomains", json_boolean(d->subdomains));
  json_object_set_new(into, "fallback", json_boolean(d->fallback));
  json_object_set_new(into, "rotate", d->rotate_us ? json_text(rotate) : json_null());
  json_object_set_new(into, "delegation", *d->delegation ? json_text(d->delegation) : json_null());
}

void domain_options_print(const struct domain *d) {
  char rotate[40];
  rotate_text(d, rotate);
  printf("%-14s %s\n", "subdomains", d->subdomains ? "are signed for, too" : "are not signed for");
  if (d->fallback) printf("%-14s signs mail from domains that have no key here\n", "fallback");
  printf("%-14s %s\n", "rotate", rotate);
  if (*d->delegation) printf("%-14s keys are in %s\n", "delegation", d->delegation);
}
