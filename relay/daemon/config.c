#include "relay/daemon/config.h"

#include "base/address.h"
#include "base/quantity.h"
#include "relay/daemon/config_text.h"

#include <confuse.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_MIN SECOND_US

/* libconfuse reports errors through a callback without an argument of ours; configurations are read on one thread. */
static struct reason *report;
static const char *report_path;
static bool reported;

static void __attribute__((format(printf, 2, 0))) on_error(cfg_t *cfg, const char *format, va_list args) {
  char text[320];
  vsnprintf(text, sizeof text, format, args);
  if (reported) return; /* the first is the cause */
  reported = true;
  bool open_block = strstr(text, CONFIG_END_MARK) != NULL;
  fail(report, E_SYNTAX, "%s:%d: %s", report_path, cfg ? cfg->line - open_block : 0,
       open_block ? "a block is still open at the end of the file; a } is missing" : text);
}

/* --- values, checked where they stand, so that the line is known --- */

static int check_size(cfg_t *cfg, cfg_opt_t *opt) {
  uint64_t n;
  const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
  if (size_parse(text, &n) == OK && n >= 1024) return 0;
  cfg_error(cfg, "%s = \"%s\": write a size of 1K or more, as in \"36M\"", cfg_opt_name(opt), text);
  return -1;
}

static int check_duration(cfg_t *cfg, cfg_opt_t *opt) {
  int64_t us;
  const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
  if (cfg_opt_size(opt) > CONFIG_RETRIES_MAX) {
    cfg_error(cfg, "%s: %d durations at most", cfg_opt_name(opt), CONFIG_RETRIES_MAX);
    return -1;
  }
  if (duration_parse(text, &us) == OK && us >= SECOND_MIN) return 0;
  cfg_error(cfg, "%s: \"%s\" is no duration; write one of a second or more, as in \"90s\", \"15m\", \"5d\"",
            cfg_opt_name(opt), text);
  return -1;
}

static int check_hostname(cfg_t *cfg, cfg_opt_t *opt) {
  char name[DOMAIN_MAX + 1];
  const char *text = cfg_opt_getnstr(opt, 0);
  if (domain_valid(bytes_of(text)) && domain_normalize(bytes_of(text), name) == OK) return 0;
  cfg_error(cfg, "hostname = \"%s\": write the full name of this host, as in \"smtp.example.com\"", text);
  return -1;
}

/* Commands run in any folder: a path that depends on it would be another store each time. */
static int check_path(cfg_t *cfg, cfg_opt_t *opt) {
  const char *text = cfg_opt_getnstr(opt, 0);
  if (text[0] == '/') return 0;
  cfg_error(cfg, "%s = \"%s\": write the whole path, beginning with /", cfg_opt_name(opt), text);
  return -1;
}

static int check_user(cfg_t *cfg, cfg_opt_t *opt) {
  if (*cfg_opt_getnstr(opt, 0)) return 0;
  cfg_error(cfg, "user = \"\": write a user's name, or leave the line out");
  return -1;
}

static int check_server(cfg_t *cfg, cfg_opt_t *opt) {
  struct sockaddr_storage address;
  const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
  if (endpoint_parse(text, '@', &address) == OK || ip_parse(text, 53, &address) == OK) return 0;
  cfg_error(cfg, "servers: \"%s\" is no address; write ADDRESS@PORT, as in \"127.0.0.1@5353\"", text);
  return -1;
}

static bool parse_tls(const char *text, enum listen_tls *out) {
  static const char *const names[] = {"starttls", "implicit", "optional"};
  for (int i = 0; i < 3; i++)
    if (strcmp(text, names[i]) == 0) {
      *out = (enum listen_tls)i;
      return true;
    }
  return false;
}

static int check_tls(cfg_t *cfg, cfg_opt_t *opt) {
  enum listen_tls tls;
  const char *text = cfg_opt_getnstr(opt, 0);
  if (parse_tls(text, &tls)) return 0;
  cfg_error(cfg, "tls = \"%s\": write \"starttls\", \"implicit\" or \"optional\"", text);
  return -1;
}

static int check_proxy(cfg_t *cfg, cfg_opt_t *opt) {
  struct cidr network;
  const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
  if (cfg_opt_size(opt) > CONFIG_PROXIES_MAX) {
    cfg_error(cfg, "proxy: %d networks at most", CONFIG_PROXIES_MAX);
    return -1;
  }
  if (cidr_parse(text, &network) == OK) return 0;
  cfg_error(cfg,
            "proxy: \"%s\" is no network; write {\"192.0.2.7\", \"10.0.0.0/8\"}, with no bits set behind the prefix",
            text);
  return -1;
}

/* A time that a client is given: a day is more than enough, and less than what milliseconds in a timer can hold. */
static int check_patience(cfg_t *cfg, cfg_opt_t *opt) {
  int64_t us;
  const char *text = cfg_opt_getnstr(opt, 0);
  if (duration_parse(text, &us) == OK && us >= SECOND_MIN && us <= 86400 * SECOND_US) return 0;
  cfg_error(cfg, "%s = \"%s\": write a duration from a second to a day, as in \"90s\", \"5m\"", cfg_opt_name(opt),
            text);
  return -1;
}

/* Also none at all. */
static int check_span(cfg_t *cfg, cfg_opt_t *opt) {
  int64_t us;
  const char *text = cfg_opt_getnstr(opt, 0);
  if (duration_parse(text, &us) == OK && us <= 366 * 86400 * SECOND_US) return 0;
  cfg_error(cfg, "%s = \"%s\": write a duration up to a year, as in \"10m\", \"7d\", or \"0s\" for none",
            cfg_opt_name(opt), text);
  return -1;
}

static int check_format(cfg_t *cfg, cfg_opt_t *opt) {
  const char *text = cfg_opt_getnstr(opt, 0);
  if (strcmp(text, "text") == 0 || strcmp(text, "json") == 0) return 0;
  cfg_error(cfg, "format = \"%s\": write \"text\" or \"json\"", text);
  return -1;
}

static int check_range(cfg_t *cfg, cfg_opt_t *opt, long least, long most) {
  long n = cfg_opt_getnint(opt, 0);
  if (n >= least && n <= most) return 0;
  cfg_error(cfg, "%s = %ld: write a number from %ld to %ld", cfg_opt_name(opt), n, least, most);
  return -1;
}

static int check_port(cfg_t *cfg, cfg_opt_t *opt) {
  return check_range(cfg, opt, 1, 65535);
}
static int check_count(cfg_t *cfg, cfg_opt_t *opt) {
  return check_range(cfg, opt, 1, 1000000);
}
static int check_count_or_none(cfg_t *cfg, cfg_opt_t *opt) {
  return check_range(cfg, opt, 0, 1000000);
}
static int check_loops(cfg_t *cfg, cfg_opt_t *opt) {
  return check_range(cfg, opt, 0, 256);
}

static int check_listen(cfg_t *cfg, cfg_opt_t *opt) {
  struct sockaddr_storage address;
  cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
  const char *title = cfg_title(section);
  if (endpoint_parse(title, ':', &address) == OK) return 0;
  cfg_error(cfg, "listen \"%s\": write ADDRESS:PORT, as in \"0.0.0.0:587\" or \"[::]:587\"", title);
  return -1;
}

static int refuse_http(cfg_t *cfg, cfg_opt_t *opt) {
  (void)opt;
  cfg_error(cfg,
            "http: metrics over HTTP are not in this version; take the block out (sendoff status has the figures)");
  return -1;
}

/* --- the file's grammar --- */

static void set_checks(cfg_t *c) {
  cfg_set_validate_func(c, "hostname", check_hostname);
  cfg_set_validate_func(c, "data_dir", check_path);
  cfg_set_validate_func(c, "user", check_user);
  cfg_set_validate_func(c, "tls|certificate", check_path);
  cfg_set_validate_func(c, "tls|key", check_path);
  cfg_set_validate_func(c, "dns|trust_anchor", check_path);
  cfg_set_validate_func(c, "loops", check_loops);
  cfg_set_validate_func(c, "listen", check_listen);
  cfg_set_validate_func(c, "listen|tls", check_tls);
  cfg_set_validate_func(c, "listen|proxy", check_proxy);
  cfg_set_validate_func(c, "dns|servers", check_server);
  cfg_set_validate_func(c, "delivery|port", check_port);
  cfg_set_validate_func(c, "delivery|trust", check_path);
  cfg_set_validate_func(c, "delivery|retry", check_duration);
  cfg_set_validate_func(c, "delivery|expire", check_duration);
  cfg_set_validate_func(c, "delivery|delay_notice", check_duration);
  cfg_set_validate_func(c, "limits|max_message_size", check_size);
  cfg_set_validate_func(c, "limits|max_sessions", check_count);
  cfg_set_validate_func(c, "limits|max_sessions_per_address", check_count);
  cfg_set_validate_func(c, "limits|max_recipients", check_count);
  cfg_set_validate_func(c, "limits|command_timeout", check_patience);
  cfg_set_validate_func(c, "limits|data_timeout", check_patience);
  cfg_set_validate_func(c, "limits|handshake_timeout", check_patience);
  cfg_set_validate_func(c, "limits|minimum_rate", check_count_or_none);
  cfg_set_validate_func(c, "limits|login_failures_per_address", check_count_or_none);
  cfg_set_validate_func(c, "limits|login_failures_per_account", check_count_or_none);
  cfg_set_validate_func(c, "limits|login_window", check_patience);
  cfg_set_validate_func(c, "limits|ban", check_duration);
  cfg_set_validate_func(c, "limits|max_hold", check_span);
  cfg_set_validate_func(c, "limits|repeat_window", check_span);
  cfg_set_validate_func(c, "log|retain", check_duration);
  cfg_set_validate_func(c, "log|format", check_format);
  cfg_set_validate_func(c, "http", refuse_http);
}

static cfg_t *make_parser(void) {
  static cfg_opt_t listen_opts[] = {CFG_STR("tls", "starttls", CFGF_NONE), CFG_STR_LIST("proxy", NULL, CFGF_NONE),
                                    CFG_END()};
  static cfg_opt_t tls_opts[] = {CFG_STR("certificate", NULL, CFGF_NONE), CFG_STR("key", NULL, CFGF_NONE), CFG_END()};
  static cfg_opt_t dns_opts[] = {CFG_STR_LIST("servers", NULL, CFGF_NONE), CFG_STR("trust_anchor", NULL, CFGF_NONE),
                                 CFG_END()};
  static cfg_opt_t delivery_opts[] = {CFG_INT("port", 25, CFGF_NONE),
                                      CFG_STR("trust", NULL, CFGF_NONE),
                                      CFG_STR_LIST("retry", "{1m, 5m, 15m, 1h, 2h, 4h}", CFGF_NONE),
                                      CFG_STR("expire", "5d", CFGF_NONE),
                                      CFG_STR("delay_notice", "4h", CFGF_NONE),
                                      CFG_END()};
  static cfg_opt_t limits_opts[] = {
      CFG_STR("max_message_size", "36M", CFGF_NONE), CFG_INT("max_sessions", 2000, CFGF_NONE),
      CFG_INT("max_sessions_per_address", 100, CFGF_NONE), CFG_INT("max_recipients", 1000, CFGF_NONE),
      /* RFC 5321 4.5.3.2.7, 4.5.3.2.5 */
      CFG_STR("command_timeout", "5m", CFGF_NONE), CFG_STR("data_timeout", "3m", CFGF_NONE),
      CFG_STR("handshake_timeout", "30s", CFGF_NONE), CFG_INT("minimum_rate", 100, CFGF_NONE),
      CFG_INT("login_failures_per_address", 20, CFGF_NONE), CFG_INT("login_failures_per_account", 100, CFGF_NONE),
      CFG_STR("login_window", "10m", CFGF_NONE), CFG_STR("ban", "15m", CFGF_NONE), CFG_STR("max_hold", "7d", CFGF_NONE),
      CFG_STR("repeat_window", "10m", CFGF_NONE), CFG_END()};
  static cfg_opt_t log_opts[] = {CFG_STR("retain", "30d", CFGF_NONE), CFG_STR("format", "text", CFGF_NONE), CFG_END()};
  static cfg_opt_t http_opts[] = {CFG_STR("listen", NULL, CFGF_NONE), CFG_END()};
  static cfg_opt_t opts[] = {CFG_STR("hostname", NULL, CFGF_NONE),
                             CFG_STR("data_dir", "/var/lib/sendoff", CFGF_NONE),
                             CFG_STR("user", NULL, CFGF_NONE),
                             CFG_SEC("listen", listen_opts, CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES),
                             CFG_SEC("tls", tls_opts, CFGF_MULTI),
                             CFG_SEC("dns", dns_opts, CFGF_NONE),
                             CFG_SEC("delivery", delivery_opts, CFGF_NONE),
                             CFG_SEC("limits", limits_opts, CFGF_NONE),
                             CFG_SEC("log", log_opts, CFGF_NONE),
                             CFG_SEC("http", http_opts, CFGF_NODEFAULT),
                             CFG_INT("loops", 0, CFGF_NONE),
                             CFG_BOOL("received_client", cfg_false, CFGF_NONE),
                             CFG_BOOL(CONFIG_END_MARK, cfg_false, CFGF_NONE),
                             CFG_END()};
  cfg_t *c = cfg_init(opts, CFGF_NONE);
  if (!c) return NULL;
  cfg_set_error_function(c, on_error);
  set_checks(c);
  return c;
}

/* --- from libconfuse's values to ours --- */

static bool copy_text(const char *from, char **to) {
  *to = from ? strdup(from) : NULL;
  return !from || *to;
}

/* As the DNS and SMTP want it: lower case, A-labels (RFC 5321 2.3.5). */
static bool take_hostname(cfg_t *c, struct config *out) {
  char name[DOMAIN_MAX + 1];
  const char *text = cfg_getstr(c, "hostname");
  if (!text) return true; /* check_whole says so */
  return domain_normalize(bytes_of(text), name) == OK && copy_text(name, &out->hostname);
}

static bool take_proxies(cfg_t *section, struct listen_config *l) {
  size_t n = cfg_size(section, "proxy");
  l->proxies = calloc(n ? n : 1, sizeof *l->proxies);
  if (!l->proxies) return false;
  for (; l->proxy_count < n; l->proxy_count++) /* checked by check_proxy */
    cidr_parse(cfg_getnstr(section, "proxy", (unsigned)l->proxy_count), &l->proxies[l->proxy_count]);
  return true;
}

static bool take_listens(cfg_t *c, struct config *out) {
  size_t n = cfg_size(c, "listen");
  out->listens = calloc(n ? n : 1, sizeof *out->listens);
  if (!out->listens) return false;
  for (size_t i = 0; i < n; i++) {
    cfg_t *section = cfg_getnsec(c, "listen", (unsigned)i);
    struct listen_config *l = &out->listens[out->listen_count++];
    endpoint_parse(cfg_title(section), ':', &l->address); /* checked by check_listen */
    parse_tls(cfg_getstr(section, "tls"), &l->tls);
    if (!copy_text(cfg_title(section), &l->text) || !take_proxies(section, l)) return false;
  }
  return true;
}

static bool take_certificates(cfg_t *c, struct config *out) {
  size_t n = cfg_size(c, "tls");
  out->certificates = calloc(n ? n : 1, sizeof *out->certificates);
  if (!out->certificates) return false;
  for (size_t i = 0; i < n; i++) {
    cfg_t *section = cfg_getnsec(c, "tls", (unsigned)i);
    struct tls_files *f = &out->certificates[out->certificate_count++];
    if (!copy_text(cfg_getstr(section, "certificate"), &f->certificate) ||
        !copy_text(cfg_getstr(section, "key"), &f->key))
      return false;
  }
  return true;
}

static bool take_servers(cfg_t *dns, struct config *out) {
  size_t n = cfg_size(dns, "servers");
  out->dns_servers = calloc(n ? n : 1, sizeof *out->dns_servers);
  if (!out->dns_servers) return false;
  for (size_t i = 0; i < n; i++)
    if (!copy_text(cfg_getnstr(dns, "servers", (unsigned)i), &out->dns_servers[out->dns_server_count++])) return false;
  return true;
}

static void take_limits(cfg_t *limits, struct config *out) {
  size_parse(cfg_getstr(limits, "max_message_size"), &out->max_message_size);
  out->max_sessions = (unsigned)cfg_getint(limits, "max_sessions");
  out->max_sessions_per_address = (unsigned)cfg_getint(limits, "max_sessions_per_address");
  out->max_recipients = (unsigned)cfg_getint(limits, "max_recipients");
  duration_parse(cfg_getstr(limits, "command_timeout"), &out->command_timeout_us);
  duration_parse(cfg_getstr(limits, "data_timeout"), &out->data_timeout_us);
  duration_parse(cfg_getstr(limits, "handshake_timeout"), &out->handshake_timeout_us);
  out->minimum_rate = (unsigned)cfg_getint(limits, "minimum_rate");
  out->login_failures_per_address = (unsigned)cfg_getint(limits, "login_failures_per_address");
  out->login_failures_per_account = (unsigned)cfg_getint(limits, "login_failures_per_account");
  duration_parse(cfg_getstr(limits, "login_window"), &out->login_window_us);
  duration_parse(cfg_getstr(limits, "ban"), &out->ban_us);
  duration_parse(cfg_getstr(limits, "max_hold"), &out->max_hold_us);
  duration_parse(cfg_getstr(limits, "repeat_window"), &out->idempotency_window_us);
}

static bool take_all(cfg_t *c, struct config *out) {
  cfg_t *dns = cfg_getsec(c, "dns"), *delivery = cfg_getsec(c, "delivery");
  cfg_t *log = cfg_getsec(c, "log");
  take_limits(cfg_getsec(c, "limits"), out);
  out->delivery_port = (unsigned)cfg_getint(delivery, "port");
  duration_parse(cfg_getstr(delivery, "expire"), &out->expire_us);
  duration_parse(cfg_getstr(delivery, "delay_notice"), &out->delay_notice_us);
  out->retry_count = cfg_size(delivery, "retry");
  for (size_t i = 0; i < out->retry_count && i < CONFIG_RETRIES_MAX; i++)
    duration_parse(cfg_getnstr(delivery, "retry", (unsigned)i), &out->retry_us[i]);
  duration_parse(cfg_getstr(log, "retain"), &out->log_retain_us);
  out->log_format = strcmp(cfg_getstr(log, "format"), "json") == 0 ? LOG_JSON : LOG_TEXT;
  out->loops = (unsigned)cfg_getint(c, "loops");
  out->received_client = cfg_getbool(c, "received_client");
  return take_hostname(c, out) && copy_text(cfg_getstr(c, "data_dir"), &out->data_dir) &&
         copy_text(cfg_getstr(c, "user"), &out->user) && copy_text(cfg_getstr(delivery, "trust"), &out->trust) &&
         copy_text(cfg_getstr(dns, "trust_anchor"), &out->trust_anchor) && take_listens(c, out) &&
         take_certificates(c, out) && take_servers(dns, out);
}

/* What no single value shows. A block's line is the one it ends on. */
static int check_whole(cfg_t *c, const struct config *out, struct reason *why) {
  if (!out->hostname)
    return fail(why, E_SYNTAX, "%s: hostname is missing; write hostname = \"smtp.example.com\"", out->path);
  if (!out->listen_count)
    return fail(why, E_SYNTAX, "%s: there is no listen block; write listen \"0.0.0.0:587\" { tls = \"starttls\" }",
                out->path);
  for (size_t i = 0; i < out->certificate_count; i++)
    if (!out->certificates[i].certificate || !out->certificates[i].key)
      return fail(why, E_SYNTAX, "%s:%d: tls needs both certificate and key", out->path,
                  cfg_getnsec(c, "tls", (unsigned)i)->line);
  if (!out->retry_count)
    return fail(why, E_SYNTAX, "%s:%d: retry: write one duration at least, as in {\"15m\"}", out->path,
                cfg_getsec(c, "delivery")->line);
  for (size_t i = 0; i < out->listen_count; i++)
    if (out->listens[i].tls != LISTEN_OPTIONAL && !out->certificate_count)
      return fail(why, E_SYNTAX,
                  "%s:%d: listen \"%s\" needs a certificate; write tls { certificate = \"FILE\" key = \"FILE\" }",
                  out->path, cfg_getnsec(c, "listen", (unsigned)i)->line, out->listens[i].text);
  return OK;
}

static int parse(const char *path, const char *text, struct config *config, struct reason *why) {
  cfg_t *c = make_parser();
  if (!c) return fail(why, E_MEMORY, "out of memory");
  report = why;
  report_path = path;
  reported = false;
  int rc = OK;
  if (cfg_parse_buf(c, text) != CFG_SUCCESS)
    rc = reported ? E_SYNTAX : fail(why, E_SYNTAX, "%s: cannot be read", path);
  else if (!cfg_getbool(c, CONFIG_END_MARK))
    rc = fail(why, E_SYNTAX, "%s:%d: nothing is read from here on", path, c->line);
  report = NULL;
  if (rc == OK && (!take_all(c, config) || !copy_text(path, &config->path))) rc = fail(why, E_MEMORY, "out of memory");
  if (rc == OK) rc = check_whole(c, config, why);
  cfg_free(c);
  return rc;
}

int config_load(const char *path, struct config **out, struct reason *why) {
  struct buffer text;
  *out = NULL;
  struct config *config = calloc(1, sizeof *config);
  if (!config) return fail(why, E_MEMORY, "out of memory");
  int rc = config_text_read(path, &text, why);
  if (rc == OK) rc = parse(path, text.at, config, why);
  buffer_free(&text);
  if (rc != OK) config_free(&config);
  *out = config;
  return rc;
}

void config_free(struct config **at) {
  struct config *c = *at;
  *at = NULL;
  if (!c) return;
  for (size_t i = 0; i < c->listen_count; i++) {
    free(c->listens[i].text);
    free(c->listens[i].proxies);
  }
  for (size_t i = 0; i < c->dns_server_count; i++) free(c->dns_servers[i]);
  free(c->listens);
  free(c->dns_servers);
  free(c->path);
  free(c->hostname);
  free(c->data_dir);
  free(c->user);
  for (size_t i = 0; i < c->certificate_count; i++) {
    free(c->certificates[i].certificate);
    free(c->certificates[i].key);
  }
  free(c->certificates);
  free(c->trust_anchor);
  free(c->trust);
  free(c);
}

const char *config_path(const char *from_option) {
  const char *from_environment = getenv("SENDOFF_CONFIG");
  return from_option ? from_option : from_environment && *from_environment ? from_environment : CONFIG_DEFAULT_PATH;
}
