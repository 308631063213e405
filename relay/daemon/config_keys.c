#include "relay/daemon/config_keys.h"

#include <string.h>

#define DAY (86400 * SECOND_US)
#define COUNT_MAX 1000000

const struct config_block config_blocks[] = {
    {.name = CONFIG_TOP},
    {.name = "listen",
     .repeated = true,
     .titled = true,
     .array = offsetof(struct config, listens),
     .count = offsetof(struct config, listen_count),
     .element_size = sizeof(struct listen_config)},
    {.name = "tls",
     .repeated = true,
     .array = offsetof(struct config, certificates),
     .count = offsetof(struct config, certificate_count),
     .element_size = sizeof(struct tls_files)},
    {.name = "auth"},
    {.name = "dns"},
    {.name = "blocklist",
     .repeated = true,
     .titled = true,
     .array = offsetof(struct config, blocklists),
     .count = offsetof(struct config, blocklist_count),
     .most = BLOCKLISTS_MAX,
     .element_size = sizeof(struct blocklist_config)},
    {.name = "dns_update",
     .repeated = true,
     .titled = true,
     .array = offsetof(struct config, dns_updates),
     .count = offsetof(struct config, dns_update_count),
     .element_size = sizeof(struct dns_update_config)},
    {.name = "delivery"},
    {.name = "limits"},
    {.name = "log"},
    {.name = "suppression"},
    {.name = "tls_reports"},
    {.name = "store"},
    {.name = "http",
     .refusal = "metrics over HTTP are not in this version; take the block out (sendoff status has the counters)"},
};
const size_t config_block_count = sizeof config_blocks / sizeof config_blocks[0];

static const struct config_list servers = {.count = offsetof(struct config, dns_server_count), .most = SIZE_MAX};
static const struct config_list mechanisms = {
    .count = offsetof(struct config, mechanism_count), .most = AUTH_MECHANISM_COUNT, .in_place = true};
static const struct config_list retries = {
    .count = offsetof(struct config, retry_count), .most = CONFIG_RETRIES_MAX, .in_place = true};
static const struct config_list proxies = {.count = offsetof(struct listen_config, proxy_count),
                                           .most = CONFIG_PROXIES_MAX};

/* The offset of a field; a field of another type than `type` does not compile. */
#define FIELD(owner, field, type)                                                                                      \
  (offsetof(struct owner, field) + 0 * sizeof(&((struct owner *)NULL)->field == (type *)NULL))

#define TEXT(block, name, type, preset, owner, field)                                                                  \
  { block, name, &config_type_##type, preset, FIELD(owner, field, char *), {0, 0}, NULL }
#define NUMBER(block, name, preset, field, least, most)                                                                \
  { block, name, &config_type_number, preset, FIELD(config, field, unsigned), {least, most}, NULL }
#define DURATION(block, name, preset, field, least, most)                                                              \
  { block, name, &config_type_duration, preset, FIELD(config, field, int64_t), {least, most}, NULL }
#define SIZE(block, name, preset, field, least, most)                                                                  \
  { block, name, &config_type_size, preset, FIELD(config, field, uint64_t), {least, most}, NULL }
#define OTHER(block, name, type, preset, owner, field, field_type)                                                     \
  { block, name, &config_type_##type, preset, FIELD(owner, field, field_type), {0, 0}, NULL }
#define LIST(block, name, type, preset, owner, field, field_type, list)                                                \
  { block, name, &config_type_##type, preset, FIELD(owner, field, field_type), {0, 0}, &(list) }
#define DELAY(block, name, preset, field)                                                                              \
  { block, name, &config_type_delay, preset, FIELD(config, field, int64_t), {0, INT64_MAX}, NULL }
#define DURATIONS(block, name, preset, field, list, least, most)                                                       \
  { block, name, &config_type_duration, preset, FIELD(config, field, int64_t), {least, most}, &(list) }

/* clang-format off: one row a key */
const struct config_key config_keys[] = {
    TEXT(CONFIG_TOP, "hostname", hostname, NULL, config, hostname),
    TEXT(CONFIG_TOP, "data_dir", path, "/var/lib/sendoff", config, data_dir),
    TEXT(CONFIG_TOP, "user", user, NULL, config, user),
    NUMBER(CONFIG_TOP, "loops", "0", loops, 0, 256),
    OTHER(CONFIG_TOP, "received_client", boolean, "no", config, received_client, bool),

    TEXT("listen", CONFIG_TITLE, text, NULL, listen_config, text),
    OTHER("listen", CONFIG_TITLE, endpoint, NULL, listen_config, address, struct sockaddr_storage),
    OTHER("listen", "tls", listen_tls, "starttls", listen_config, tls, enum listen_tls),
    LIST("listen", "proxy", network, NULL, listen_config, proxies, struct cidr *, proxies),

    TEXT("tls", "certificate", path, NULL, tls_files, certificate),
    TEXT("tls", "key", path, NULL, tls_files, key),
    OTHER("tls", "cbc", boolean, "no", tls_files, cbc, bool),

    LIST("auth", "mechanisms", mechanism, "{PLAIN, LOGIN, SCRAM-SHA-256, SCRAM-SHA-256-PLUS, EXTERNAL}", config,
         mechanisms[0], enum auth_mechanism, mechanisms),

    LIST("dns", "servers", dns_server, NULL, config, dns_servers, char **, servers),
    TEXT("dns", "trust_anchor", path, NULL, config, trust_anchor),

    TEXT(CONFIG_TOP, "dns_hook", path, NULL, config, dns_hook),
    TEXT("dns_update", CONFIG_TITLE, zone, NULL, dns_update_config, zone),
    TEXT("dns_update", "server", dns_server, NULL, dns_update_config, server),
    TEXT("dns_update", "key_name", text, NULL, dns_update_config, key_name),
    TEXT("dns_update", "algorithm", tsig_algorithm, "hmac-sha256", dns_update_config, algorithm),
    TEXT("dns_update", "key_file", path, NULL, dns_update_config, key_file),

    TEXT("blocklist", CONFIG_TITLE, blocklist, NULL, blocklist_config, zone),
    OTHER("blocklist", "kind", blocklist_kind, "ip", blocklist_config, kind, enum blocklist_kind),
    {"blocklist",
     "every",
     &config_type_duration,
     "4h",
     FIELD(blocklist_config, every_us, int64_t),
     {SECOND_US, 7 * DAY},
     NULL},

    NUMBER("delivery", "port", "25", delivery_port, 1, 65535),
    OTHER("delivery", "local_next_hops", boolean, "no", config, local_next_hops, bool),
    OTHER("delivery", "learning", boolean, "yes", config, learning, bool),
    OTHER("delivery", "dane", boolean, "yes", config, dane, bool),
    OTHER("delivery", "mta_sts", boolean, "yes", config, mta_sts, bool),
    TEXT("delivery", "simulator", simulator, NULL, config, simulator),
    TEXT("delivery", "shaping", path, NULL, config, shaping),
    TEXT("delivery", "trust", path, NULL, config, trust),
    TEXT("delivery", "https_trust", path, NULL, config, https_trust),
    DURATIONS("delivery", "retry", "{1m, 5m, 15m, 1h, 2h, 4h}", retry_us[0], retries, SECOND_US, INT64_MAX),
    DURATION("delivery", "expire", "5d", expire_us, SECOND_US, INT64_MAX),
    DELAY("delivery", "delay_notice", "4h", delay_notice_us),
    DELAY("delivery", "delay_warning", NULL, delay_notice_us), /* its other name */
    DURATION("delivery", "reply_timeout", "10m", reply_timeout_us, SECOND_US, DAY),

    SIZE("limits", "max_message_size", "36M", max_message_size, 1024, INT64_MAX),
    NUMBER("limits", "max_sessions", "2000", max_sessions, 1, COUNT_MAX),
    NUMBER("limits", "max_sessions_per_address", "100", max_sessions_per_address, 1, COUNT_MAX),
    NUMBER("limits", "max_connections", "0", max_connections, 0, COUNT_MAX),
    NUMBER("limits", "max_recipients", "1000", max_recipients, 1, COUNT_MAX),
    /* RFC 5321 4.5.3.2.7 and 4.5.3.2.5. In milliseconds, a day fits every timer. */
    DURATION("limits", "command_timeout", "5m", command_timeout_us, SECOND_US, DAY),
    DURATION("limits", "data_timeout", "3m", data_timeout_us, SECOND_US, DAY),
    DURATION("limits", "handshake_timeout", "30s", handshake_timeout_us, SECOND_US, DAY),
    NUMBER("limits", "minimum_rate", "100", minimum_rate, 0, COUNT_MAX),
    NUMBER("limits", "login_failures_per_address", "20", login_failures_per_address, 0, COUNT_MAX),
    NUMBER("limits", "login_failures_per_account", "100", login_failures_per_account, 0, COUNT_MAX),
    DURATION("limits", "login_window", "10m", login_window_us, SECOND_US, DAY),
    DURATION("limits", "ban", "15m", ban_us, SECOND_US, INT64_MAX),
    DURATION("limits", "max_hold", "7d", max_hold_us, 0, 366 * DAY),
    DURATION("limits", "idempotency_window", "10m", idempotency_window_us, 0, 366 * DAY),
    DURATION("limits", "repeat_window", NULL, idempotency_window_us, 0, 366 * DAY), /* its older name */

    DURATION("log", "retain", "30d", log_retain_us, SECOND_US, INT64_MAX),
    SIZE("log", "max_size", "0", log_max_size, 0, INT64_MAX),
    OTHER("log", "subject", boolean, "yes", config, log_subject, bool),
    OTHER("log", "format", log_format, "text", config, log_format, enum log_format),

    DURATION("suppression", "keep", "30d", suppression_keep_us, SECOND_US, 36500 * DAY),

    TEXT("tls_reports", "from", mail_address, NULL, config, tls_report_from),
    TEXT("tls_reports", "organization", text, NULL, config, tls_report_organization),
    TEXT("tls_reports", "contact", mail_address, NULL, config, tls_report_contact),

    OTHER("store", "disk_reserve", reserve, "auto", config, disk_reserve, uint64_t),

    {"http", "listen", &config_type_unused, NULL, 0, {0, 0}, NULL}, /* so that the block is what is refused */
};
/* clang-format on */
const size_t config_key_count = sizeof config_keys / sizeof config_keys[0];

const struct config_key *config_key_find(const char *block, const char *name) {
  for (size_t i = 0; i < config_key_count; i++)
    if (strcmp(config_keys[i].block, block) == 0 && strcmp(config_keys[i].name, name) == 0) return &config_keys[i];
  return NULL;
}
