#include "relay/json/json.h"

#include <arpa/inet.h>

json_t *account_senders_json(const struct account *a) {
  json_t *list = json_array();
  for (size_t i = 0; i < a->sender_count; i++) json_array_append_new(list, json_text(a->senders[i]));
  return list;
}

static json_t *limits_json(const struct limit_list *l) {
  json_t *list = json_array();
  for (size_t i = 0; i < l->count; i++) json_array_append_new(list, json_text(l->limits[i].text));
  return list;
}

json_t *account_limits_json(const struct account *a) {
  return limits_json(&a->settings.all);
}

static json_t *texts_json(const char *const *texts, size_t count) {
  json_t *list = json_array();
  for (size_t i = 0; i < count; i++) json_array_append_new(list, json_text(texts[i]));
  return list;
}

json_t *settings_json(const struct settings *s) {
  json_t *modes = json_object();
  for (size_t i = 0; i < s->mode_count; i++)
    json_object_set_new(modes, s->modes[i].check, json_string(check_mode_name(s->modes[i].mode)));
  return json_pack("{s:o, s:o}", "limits", limits_json(&s->all), "checks", modes);
}

/* What a stream has of its own: {"bulk": {"limits": [], "pool": ""}}. */
static json_t *streams_json(const struct account *a) {
  json_t *all = json_object();
  for (int i = 0; i < STREAM_COUNT; i++)
    if (a->settings.stream[i].count || *a->stream_pool[i])
      json_object_set_new(
          all, stream_name((enum mail_stream)i),
          json_pack("{s:o, s:o}", "limits", limits_json(&a->settings.stream[i]), "pool", json_text(a->stream_pool[i])));
  return all;
}

json_t *account_client_ips_json(const struct account *a) {
  json_t *list = json_array();
  for (size_t i = 0; i < a->client_ip_count; i++) {
    char ip[INET6_ADDRSTRLEN] = "";
    inet_ntop(a->client_ips[i].family, a->client_ips[i].address, ip, sizeof ip);
    json_array_append_new(list, json_sprintf("%s/%u", ip, a->client_ips[i].prefix));
  }
  return list;
}

json_t *account_client_certs_json(const struct account *a) {
  json_t *list = json_array();
  for (size_t i = 0; i < a->client_cert_count; i++) {
    char text[FINGERPRINT_TEXT];
    fingerprint_format(&a->client_certs[i], text);
    json_array_append_new(list, json_string(text));
  }
  return list;
}

json_t *account_json(const struct account *a) {
  json_t *object =
      json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:s, s:s, s:s, s:o}", "account", json_text(a->name),
                "senders", account_senders_json(a), "limits", account_limits_json(a), "pool", json_text(a->pool),
                "client_ips", account_client_ips_json(a), "client_certs", account_client_certs_json(a), "state",
                a->suspended ? "suspended" : "active", "reason", json_text(a->suspend_reason), "eight_bit",
                a->accept_8bit ? "accept" : "refuse", "long_lines", a->convert_long_lines ? "convert" : "refuse",
                "idempotent", a->idempotent ? "on" : "off", "created", json_time(a->created_us));
  json_t *more = json_pack("{s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:i, s:s, s:o}", "local_users",
                           texts_json(a->local_users, a->local_user_count), "to", texts_json(a->to, a->to_count),
                           "not_to", texts_json(a->not_to, a->not_to_count), "rewrite_from", json_text(a->rewrite_from),
                           "time_zone", json_text(a->time_zone), "stream", stream_name(a->stream), "suppressed",
                           a->drop_suppressed ? "drop" : "refuse", "suppress_after", (int)a->suppress_after, "sandbox",
                           a->sandbox ? "on" : "off", "streams", streams_json(a));
  json_t *settings = settings_json(&a->settings);
  if (object) json_object_set(object, "checks", json_object_get(settings, "checks"));
  if (object) json_object_update(object, more);
  json_decref(settings);
  json_decref(more);
  return object;
}
