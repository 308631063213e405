#include "relay/daemon/config_table.h"

#include "base/address.h"
#include "base/quantity.h"
#include "relay/daemon/config_checks.h"
#include "relay/daemon/config_text.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

struct key;

/* How a kind of value is written, and how it is taken: from block `in` to `at`. False without memory. */
enum option_type { OPTION_TEXT, OPTION_LIST, OPTION_NUMBER, OPTION_YES_NO };
struct kind {
  enum option_type type;
  bool (*take)(cfg_t *in, const struct key *k, void *at);
};

struct key {
  const char *block; /* NULL: outside of blocks */
  const char *name;
  const struct kind *kind;
  const char *standard; /* the default as it would be written; NULL: none */
  cfg_validate_callback_t check;
  size_t offset; /* of its value, in struct config; of a block that may come more than once, in its own struct */
};

/* --- kinds --- */

static bool copy_text(const char *from, char **to) {
  *to = from ? strdup(from) : NULL;
  return !from || *to;
}

static bool take_text(cfg_t *in, const struct key *k, void *at) {
  return copy_text(cfg_getstr(in, k->name), at);
}

/* As the DNS and SMTP want it: lower case, A-labels (RFC 5321 2.3.5). */
static bool take_hostname(cfg_t *in, const struct key *k, void *at) {
  char name[DOMAIN_MAX + 1];
  const char *text = cfg_getstr(in, k->name);
  if (!text) return true; /* config.c says that it is missing */
  return domain_normalize(bytes_of(text), name) == OK && copy_text(name, at);
}

static bool take_duration(cfg_t *in, const struct key *k, void *at) {
  const char *text = cfg_getstr(in, k->name);
  if (text) duration_parse(text, at); /* an older name of the key is not there, mostly */
  return true;
}

static bool take_size(cfg_t *in, const struct key *k, void *at) {
  size_parse(cfg_getstr(in, k->name), at);
  return true;
}

static bool take_number(cfg_t *in, const struct key *k, void *at) {
  *(unsigned *)at = (unsigned)cfg_getint(in, k->name);
  return true;
}

static bool take_yes_no(cfg_t *in, const struct key *k, void *at) {
  *(bool *)at = cfg_getbool(in, k->name);
  return true;
}

static bool take_log_format(cfg_t *in, const struct key *k, void *at) {
  *(enum log_format *)at = strcmp(cfg_getstr(in, k->name), "json") == 0 ? LOG_JSON : LOG_TEXT;
  return true;
}

bool config_parse_tls(const char *text, enum listen_tls *out) {
  static const char *const names[] = {"starttls", "implicit", "optional"};
  for (int i = 0; i < 3; i++)
    if (strcmp(text, names[i]) == 0) {
      *out = (enum listen_tls)i;
      return true;
    }
  return false;
}

static bool take_listen_tls(cfg_t *in, const struct key *k, void *at) {
  config_parse_tls(cfg_getstr(in, k->name), at);
  return true;
}

/* Lists are counted beside their values, so `at` is the struct that has both. */
static bool take_retries(cfg_t *in, const struct key *k, void *at) {
  struct config *out = at;
  out->retry_count = cfg_size(in, k->name);
  for (size_t i = 0; i < out->retry_count && i < CONFIG_RETRIES_MAX; i++)
    duration_parse(cfg_getnstr(in, k->name, (unsigned)i), &out->retry_us[i]);
  return true;
}

static bool take_servers(cfg_t *in, const struct key *k, void *at) {
  struct config *out = at;
  size_t n = cfg_size(in, k->name);
  out->dns_servers = calloc(n ? n : 1, sizeof *out->dns_servers);
  if (!out->dns_servers) return false;
  for (size_t i = 0; i < n; i++)
    if (!copy_text(cfg_getnstr(in, k->name, (unsigned)i), &out->dns_servers[out->dns_server_count++])) return false;
  return true;
}

static bool take_proxies(cfg_t *in, const struct key *k, void *at) {
  struct listen_config *l = at;
  size_t n = cfg_size(in, k->name);
  l->proxies = calloc(n ? n : 1, sizeof *l->proxies);
  if (!l->proxies) return false;
  for (; l->proxy_count < n; l->proxy_count++) /* checked by check_proxy */
    cidr_parse(cfg_getnstr(in, k->name, (unsigned)l->proxy_count), &l->proxies[l->proxy_count]);
  return true;
}

/* Read, and its meaning is elsewhere. */
static bool take_nothing(cfg_t *in, const struct key *k, void *at) {
  (void)in, (void)k, (void)at;
  return true;
}

static const struct kind text = {OPTION_TEXT, take_text}, hostname = {OPTION_TEXT, take_hostname},
                         duration = {OPTION_TEXT, take_duration}, octets = {OPTION_TEXT, take_size},
                         number = {OPTION_NUMBER, take_number}, yes_no = {OPTION_YES_NO, take_yes_no},
                         format = {OPTION_TEXT, take_log_format}, listen_tls = {OPTION_TEXT, take_listen_tls},
                         retries = {OPTION_LIST, take_retries}, servers = {OPTION_LIST, take_servers},
                         proxies = {OPTION_LIST, take_proxies}, end_mark = {OPTION_YES_NO, take_nothing},
                         unused = {OPTION_TEXT, take_nothing};

/* --- the table --- */

#define AT(member) offsetof(struct config, member)

static const struct key keys[] = {
    {NULL, "hostname", &hostname, NULL, check_hostname, AT(hostname)},
    {NULL, "data_dir", &text, "/var/lib/sendoff", check_path, AT(data_dir)},
    {NULL, "user", &text, NULL, check_user, AT(user)},
    {NULL, "loops", &number, "0", check_loops, AT(loops)},
    {NULL, "received_client", &yes_no, "no", NULL, AT(received_client)},
    {NULL, CONFIG_END_MARK, &end_mark, "no", NULL, 0},

    {"listen", "tls", &listen_tls, "starttls", check_tls, offsetof(struct listen_config, tls)},
    {"listen", "proxy", &proxies, NULL, check_proxy, 0},

    {"tls", "certificate", &text, NULL, check_path, offsetof(struct tls_files, certificate)},
    {"tls", "key", &text, NULL, check_path, offsetof(struct tls_files, key)},

    {"dns", "servers", &servers, NULL, check_server, 0},
    {"dns", "trust_anchor", &text, NULL, check_path, AT(trust_anchor)},

    {"delivery", "port", &number, "25", check_port, AT(delivery_port)},
    {"delivery", "trust", &text, NULL, check_path, AT(trust)},
    {"delivery", "retry", &retries, "{1m, 5m, 15m, 1h, 2h, 4h}", check_duration, 0},
    {"delivery", "expire", &duration, "5d", check_duration, AT(expire_us)},
    {"delivery", "delay_notice", &duration, "4h", check_duration, AT(delay_notice_us)},

    {"limits", "max_message_size", &octets, "36M", check_size, AT(max_message_size)},
    {"limits", "max_sessions", &number, "2000", check_count, AT(max_sessions)},
    {"limits", "max_sessions_per_address", &number, "100", check_count, AT(max_sessions_per_address)},
    {"limits", "max_recipients", &number, "1000", check_count, AT(max_recipients)},
    {"limits", "command_timeout", &duration, "5m", check_timeout, AT(command_timeout_us)}, /* RFC 5321 4.5.3.2.7 */
    {"limits", "data_timeout", &duration, "3m", check_timeout, AT(data_timeout_us)},       /* RFC 5321 4.5.3.2.5 */
    {"limits", "handshake_timeout", &duration, "30s", check_timeout, AT(handshake_timeout_us)},
    {"limits", "minimum_rate", &number, "100", check_count_or_none, AT(minimum_rate)},
    {"limits", "login_failures_per_address", &number, "20", check_count_or_none, AT(login_failures_per_address)},
    {"limits", "login_failures_per_account", &number, "100", check_count_or_none, AT(login_failures_per_account)},
    {"limits", "login_window", &duration, "10m", check_timeout, AT(login_window_us)},
    {"limits", "ban", &duration, "15m", check_duration, AT(ban_us)},
    {"limits", "max_hold", &duration, "7d", check_span, AT(max_hold_us)},
    {"limits", "idempotency_window", &duration, "10m", check_span, AT(idempotency_window_us)},
    {"limits", "repeat_window", &duration, NULL, check_span, AT(idempotency_window_us)}, /* its older name */

    {"log", "retain", &duration, "30d", check_duration, AT(log_retain_us)},
    {"log", "format", &format, "text", check_format, AT(log_format)},

    {"http", "listen", &unused, NULL, NULL, 0},
};
#define KEYS (sizeof keys / sizeof keys[0])

static const struct block {
  const char *name;
  cfg_flag_t flags;
  cfg_validate_callback_t check;
} blocks[] = {
    {"listen", CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES, check_listen},
    {"tls", CFGF_MULTI, NULL},
    {"dns", CFGF_NONE, NULL},
    {"delivery", CFGF_NONE, NULL},
    {"limits", CFGF_NONE, NULL},
    {"log", CFGF_NONE, NULL},
    {"http", CFGF_NODEFAULT, refuse_http},
};
#define BLOCKS (sizeof blocks / sizeof blocks[0])

static bool is_in(const struct key *k, const char *block) {
  return k->block && block ? strcmp(k->block, block) == 0 : k->block == block;
}

/* --- the parser --- */

static cfg_opt_t option_of(const struct key *k) {
  char *standard = (char *)(uintptr_t)k->standard; /* libconfuse copies it */
  cfg_opt_t one_text = CFG_STR(k->name, k->standard, CFGF_NONE), list = CFG_STR_LIST(k->name, standard, CFGF_NONE),
            integer = CFG_INT(k->name, k->standard ? strtol(k->standard, NULL, 10) : 0, CFGF_NONE),
            boolean = CFG_BOOL(k->name, cfg_false, CFGF_NONE);
  switch (k->kind->type) {
  case OPTION_LIST: return list;
  case OPTION_NUMBER: return integer;
  case OPTION_YES_NO: return boolean;
  case OPTION_TEXT: break;
  }
  return one_text;
}

/* The options of a block, NULL: those outside of blocks. `out` has room for all, and for the end. */
static size_t add_options(const char *block, cfg_opt_t *out) {
  cfg_opt_t end = CFG_END();
  size_t n = 0;
  for (size_t i = 0; i < KEYS; i++)
    if (is_in(&keys[i], block)) out[n++] = option_of(&keys[i]);
  out[n] = end;
  return n;
}

static void set_checks(cfg_t *c) {
  for (size_t i = 0; i < KEYS; i++) {
    const struct key *k = &keys[i];
    char path[80];
    snprintf(path, sizeof path, "%s%s%s", k->block ? k->block : "", k->block ? "|" : "", k->name);
    if (k->check) cfg_set_validate_func(c, path, k->check);
  }
  for (size_t i = 0; i < BLOCKS; i++)
    if (blocks[i].check) cfg_set_validate_func(c, blocks[i].name, blocks[i].check);
}

cfg_t *config_parser(void) {
  cfg_opt_t top[KEYS + BLOCKS + 1], inner[BLOCKS][KEYS + 1], end = CFG_END();
  size_t n = add_options(NULL, top);
  for (size_t i = 0; i < BLOCKS; i++) {
    add_options(blocks[i].name, inner[i]);
    cfg_opt_t section = CFG_SEC(blocks[i].name, inner[i], blocks[i].flags);
    top[n++] = section;
  }
  top[n] = end;
  cfg_t *c = cfg_init(top, CFGF_NONE); /* copies */
  if (c) set_checks(c);
  return c;
}

/* --- what was parsed --- */

/* Lists are taken into the struct itself; offset 0 is its begin. */
static bool take_block(cfg_t *in, const char *block, void *out) {
  for (size_t i = 0; i < KEYS; i++)
    if (is_in(&keys[i], block) && !keys[i].kind->take(in, &keys[i], (char *)out + keys[i].offset)) return false;
  return true;
}

static bool take_listens(cfg_t *c, struct config *out) {
  size_t n = cfg_size(c, "listen");
  out->listens = calloc(n ? n : 1, sizeof *out->listens);
  if (!out->listens) return false;
  for (size_t i = 0; i < n; i++) {
    cfg_t *in = cfg_getnsec(c, "listen", (unsigned)i);
    struct listen_config *l = &out->listens[out->listen_count++];
    endpoint_parse(cfg_title(in), ':', &l->address); /* checked by check_listen */
    if (!copy_text(cfg_title(in), &l->text) || !take_block(in, "listen", l)) return false;
  }
  return true;
}

static bool take_certificates(cfg_t *c, struct config *out) {
  size_t n = cfg_size(c, "tls");
  out->certificates = calloc(n ? n : 1, sizeof *out->certificates);
  if (!out->certificates) return false;
  for (size_t i = 0; i < n; i++)
    if (!take_block(cfg_getnsec(c, "tls", (unsigned)i), "tls", &out->certificates[out->certificate_count++]))
      return false;
  return true;
}

bool config_take(cfg_t *c, struct config *out) {
  if (!take_block(c, NULL, out)) return false;
  for (size_t i = 0; i < BLOCKS; i++)
    if (blocks[i].flags == CFGF_NONE && !take_block(cfg_getsec(c, blocks[i].name), blocks[i].name, out)) return false;
  return take_listens(c, out) && take_certificates(c, out);
}
