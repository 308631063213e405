#include "relay/json/json.h"

#include <arpa/inet.h>

json_t *account_senders_json(const struct account *a) {
  json_t *list = json_array();
  for (size_t i = 0; i < a->sender_count; i++) json_array_append_new(list, json_text(a->senders[i]));
  return list;
}

json_t *account_limits_json(const struct account *a) {
  json_t *list = json_array();
  for (size_t i = 0; i < a->limit_count; i++) json_array_append_new(list, json_text(a->limits[i].text));
  return list;
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
  return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:s, s:o, s:s, s:s, s:s, s:o}", "account", json_text(a->name),
                   "senders", account_senders_json(a), "limits", account_limits_json(a), "pool", json_text(a->pool),
                   "client_ips", account_client_ips_json(a), "client_certs", account_client_certs_json(a), "state",
                   a->suspended ? "suspended" : "active", "reason", json_text(a->suspend_reason), "eight_bit",
                   a->accept_8bit ? "accept" : "refuse", "long_lines", a->convert_long_lines ? "convert" : "refuse",
                   "idempotent", a->idempotent ? "on" : "off", "created", json_time(a->created_us));
}
