#include "relay/domain/key_service.h"

#include "dkim/key_name.h"
#include "dkim/keys.h"
#include "policy/dmarc/key_record.h"
#include "relay/domain/probe.h"

#include <arpa/nameser.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORD_MAX (16 * 1024)

__attribute__((format(printf, 3, 4))) static void say(struct key_service_finding *out, enum key_service service,
                                                      const char *format, ...) {
  va_list args;
  va_start(args, format);
  out->service = service;
  vsnprintf(out->text, sizeof out->text, format, args);
  va_end(args);
}

/* The first server that has something else. */
static bool find_wrong(const struct authority *a, const struct signing_key *k, struct key_service_finding *out) {
  struct key_verdict v;
  for (size_t i = 0; i < a->count; i++) {
    const struct authority_server *s = &a->servers[i];
    if (!s->answered) continue;
    key_judge(&s->answer, k->selector, k->domain, k->algorithm, k->public_base64, &v);
    if (v.state == PUBLISHED_MATCHES) continue;
    say(out, KEY_SERVICE_MISSING, "%.60s (%.45s): %.120s", s->name, s->address, v.why);
    return true;
  }
  return false;
}

/* All could be reached, and said something? */
static bool find_silent(const struct authority *a, struct key_service_finding *out) {
  size_t answered = 0;
  for (size_t i = 0; i < a->count; i++) {
    const struct authority_server *s = &a->servers[i];
    answered += s->answered;
    if (s->answered || s->unreachable) continue;
    say(out, KEY_SERVICE_UNKNOWN, "%.60s (%.45s) %.120s", s->name, s->address, s->why);
    return true;
  }
  if (!answered) say(out, KEY_SERVICE_UNKNOWN, "no server of %.200s can be reached from here", a->zone);
  return !answered;
}

static bool ask_authorities(const struct authority_plan *plan, const struct signing_key *k, uint64_t deadline_ms,
                            struct key_service_finding *out) {
  char name[KEY_NAME_MAX];
  struct reason why = {""};
  struct authority *a = calloc(1, sizeof *a);
  int rc = a ? key_name(k->selector, k->domain, name) : fail(&why, E_MEMORY, "out of memory");
  if (rc == E_TOO_BIG) fail(&why, rc, "the name of the record is longer than DNS has them");
  if (rc == OK) rc = authority_ask(plan, name, ns_t_txt, deadline_ms, a, &why);
  if (rc != OK) say(out, KEY_SERVICE_UNKNOWN, "%.250s", why.text);
  bool good = rc == OK && !find_wrong(a, k, out) && !find_silent(a, out);
  if (a) authority_clear(a);
  free(a);
  return good;
}

/* As mail is signed, by what is published: the same key, as key_check has found. */
static int try_signature(const struct signing_key *k, struct bytes private_pem, struct reason *why) {
  struct buffer record;
  buffer_init(&record, RECORD_MAX);
  int rc = key_record(k->algorithm, k->public_base64, &record);
  if (rc == OK) rc = buffer_add(&record, "", 1);
  if (rc == OK)
    rc = probe_key(k->domain, k->selector, private_pem, record.at, why);
  else
    fail(why, rc, "out of memory");
  buffer_free(&record);
  return rc;
}

void key_service_ask(const struct authority_plan *plan, const struct signing_key *k, struct bytes private_pem,
                     uint64_t deadline_ms, struct key_service_finding *out) {
  struct key_verdict v;
  struct reason why = {""};
  *out = (struct key_service_finding){.service = KEY_SERVICE_UNKNOWN};
  if (!ask_authorities(plan, k, deadline_ms, out)) return;
  key_check(plan->dns, k->selector, k->domain, k->algorithm, k->public_base64, deadline_ms, &v);
  if (v.state != PUBLISHED_MATCHES)
    say(out, v.state == PUBLISHED_UNKNOWN ? KEY_SERVICE_UNKNOWN : KEY_SERVICE_MISSING,
        "the servers have it, the resolver not yet: %.180s", v.why);
  else if (try_signature(k, private_pem, &why) != OK)
    say(out, KEY_SERVICE_UNKNOWN, "a signature was tried: %.220s", why.text);
  else
    say(out, KEY_SERVICE_WHOLE, "%s", "");
}
