#include "cli/import/postfix_parts.h"

#include <stdio.h>
#include <string.h>

const struct postfix_setting *postfix_asked(struct postfix *x, const char *name) {
  struct postfix_setting *found = NULL;
  for (size_t i = 0; i < x->conf.count; i++) {
    if (strcmp(x->conf.all[i].name, name) != 0) continue;
    found = &x->conf.all[i];
    found->seen = true;
  }
  return found;
}

const char *postfix_value(const struct postfix_conf *c, const char *name, char *out, size_t size) {
  struct buffer value;
  buffer_init(&value, POSTFIX_VALUE_MAX);
  bool good = postfix_conf_value(c, name, &value) == OK && bytes_copy(buffer_bytes(&value), out, size);
  buffer_free(&value);
  if (!good) *out = '\0';
  return out;
}

bool postfix_is_yes(const struct postfix_conf *c, const char *name) {
  char value[POSTFIX_TEXT];
  return strcmp(postfix_value(c, name, value, sizeof value), "yes") == 0;
}

struct postfix_finding *postfix_about(struct postfix *x, enum postfix_action action, const struct postfix_setting *s) {
  char value[POSTFIX_TEXT];
  struct buffer whole;
  buffer_init(&whole, POSTFIX_VALUE_MAX);
  bool good = postfix_conf_expand(&x->conf, s->value, &whole) == OK;
  bytes_copy(good ? buffer_bytes(&whole) : bytes_of(s->value), value, sizeof value);
  buffer_free(&whole);
  return postfix_find(&x->plan, action, "main.cf", s->line, "%s = %s", s->name, value);
}

static bool takes_mail(const struct postfix_service *s) {
  return strcmp(s->type, "inet") == 0 && (strcmp(s->command, "smtpd") == 0 || strcmp(s->command, "postscreen") == 0);
}

const struct postfix_service *postfix_submission(const struct postfix *x) {
  const struct postfix_service *any = NULL;
  for (size_t i = 0; i < x->services.count; i++) {
    const struct postfix_service *s = x->services.all[i];
    if (!takes_mail(s)) continue;
    if (postfix_is_yes(&s->own, "smtpd_sasl_auth_enable")) return s;
    if (!any) any = s;
  }
  return any;
}
