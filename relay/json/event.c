#include "base/id.h"
#include "base/mail/event_notes.h"
#include "base/mail/refusal.h"
#include "base/mail/tls_facts.h"
#include "relay/json/json.h"

#include <string.h>

/* `notice` gets the id of the notice; "": none. */
static json_t *numbers_json(const char *numbers, char notice[ID_TEXT]) {
  json_t *object = json_object();
  const char *at = NULL;
  char name[32];
  int64_t value;
  notice[0] = '\0';
  while (numbers_next(numbers, &at, name, &value)) {
    if (strcmp(name, NUMBER_NOTICE) == 0)
      id_format(value, notice);
    else if (!tls_facts_owns(name)) /* fields of their own */
      json_object_set_new(object, name, json_integer(value));
  }
  return object;
}

/* "3 1 1" */
static json_t *tlsa_json(unsigned numbers) {
  return json_sprintf("%u %u %u", numbers / 100, numbers / 10 % 10, numbers % 10);
}

/* Of a delivery; other events, and those of older versions, have no such fields. */
static json_t *add_tls(json_t *object, const struct event *e) {
  struct tls_facts facts;
  if (!object || !tls_facts_read(e->numbers, &facts)) return object;
  json_object_set_new(object, "tls", json_string(tls_version_name(facts.version)));
  if (facts.cipher) json_object_set_new(object, "cipher", json_string(tls_cipher_name(facts.cipher)));
  if (e->kind == EVENT_ACCEPTED) return object; /* whom a client is, its login says */
  json_object_set_new(object, "verified", json_string(tls_proof_name(facts.proof)));
  if (facts.proof == TLS_BY_DANE && facts.tlsa) json_object_set_new(object, "tlsa", tlsa_json(facts.tlsa));
  if (facts.proof == TLS_BY_CA && facts.sts) json_object_set_new(object, "policy", json_string("mta-sts"));
  return object;
}

static json_t *common_json(const struct event *e) {
  char id[ID_TEXT], message[ID_TEXT] = "", notice[ID_TEXT];
  json_t *numbers = numbers_json(e->numbers, notice);
  id_format(e->id, id);
  if (e->message_id) id_format(e->message_id, message);
  return json_pack("{s:s, s:o, s:s, s:s, s:o, s:o, s:o, s:i, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:s, s:o}", "id",
                   id, "time", json_time(id_time_us(e->id)), "event", event_name(e->kind), "message", message,
                   "account", json_text(e->account), "from", json_text(e->from), "to", json_text(e->to), "code",
                   e->code, "enhanced", json_text(e->enhanced), "rule", json_text(e->rule), "numbers", numbers, "text",
                   json_text(e->text), "host", json_text(e->host), "source", json_text(e->source), "ref",
                   json_text(e->ref), "count", (json_int_t)e->count, "notice", notice, "first",
                   json_time(e->first_us ? e->first_us : id_time_us(e->id)));
}

static json_t *bytes_json(struct bytes text) {
  char copy[400];
  bytes_copy(text, copy, sizeof copy);
  return json_text(copy);
}

/* "account=pass; spf=refuse fail" as an object; empty where no check is noted. */
static json_t *checks_json(const char *notes) {
  json_t *object = json_object();
  const char *at = NULL;
  struct event_note n;
  while (event_notes_next(notes, &at, &n)) {
    char name[64];
    bytes_copy(n.name, name, sizeof name);
    if (event_note_is_check(&n)) json_object_set_new(object, name, bytes_json(n.value));
  }
  return object;
}

static json_t *signature_json(const struct event_signature *s) {
  return json_pack("{s:o, s:o, s:o}", "domain", bytes_json(s->domain), "selector", bytes_json(s->selector), "algorithm",
                   bytes_json(s->algorithm));
}

/* Those of accepted mail; [] where it was not signed. NULL: that is not known. */
static json_t *signatures_json(const char *notes) {
  struct event_note n;
  struct event_signature s;
  struct bytes any;
  const char *at = NULL;
  json_t *list = event_notes_find(notes, NOTE_SIGNED, &any) ? json_array() : NULL;
  while (list && event_notes_next(notes, &at, &n))
    if (event_note_signature(&n, &s)) json_array_append_new(list, signature_json(&s));
  return list;
}

static void add_note(json_t *object, const char *field, const char *notes, const char *name) {
  struct bytes value;
  if (event_notes_find(notes, name, &value)) json_object_set_new(object, field, bytes_json(value));
}

static void add_notes(json_t *object, const char *notes) {
  json_t *checks = checks_json(notes), *signatures = signatures_json(notes);
  if (signatures) json_object_set_new(object, "signed", signatures);
  add_note(object, "spf", notes, NOTE_SPF);
  add_note(object, "spf_reason", notes, NOTE_SPF_WHY);
  add_note(object, "dmarc", notes, NOTE_DMARC);
  if (json_object_size(checks))
    json_object_set_new(object, "checks", checks);
  else
    json_decref(checks);
}

/* That of what was refused before its content came is not known. */
static bool has_stream(const struct event *e) {
  bool described = (e->subject && *e->subject) || (e->header_id && *e->header_id);
  return e->message_id || described || e->stream == STREAM_BULK;
}

static json_t *add_decision(json_t *object, const struct event *e) {
  if (!object) return NULL;
  if (has_stream(e)) json_object_set_new(object, "stream", json_string(stream_name(e->stream)));
  if (e->domain && *e->domain) json_object_set_new(object, "domain", json_text(e->domain));
  if (e->subject && *e->subject) json_object_set_new(object, "subject", json_text(e->subject));
  if (e->header_id && *e->header_id) json_object_set_new(object, "message_id", json_text(e->header_id));
  add_notes(object, e->verdict);
  return object;
}

json_t *event_json(const struct event *e) {
  return add_decision(add_tls(common_json(e), e), e);
}
