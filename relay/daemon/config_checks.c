#include "relay/daemon/config_checks.h"

#include "base/address.h"
#include "base/quantity.h"
#include "base/result.h"
#include "relay/daemon/config_table.h"

#include <string.h>

int check_size(cfg_t *cfg, cfg_opt_t *opt) {
  uint64_t n;
  const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
  if (size_parse(text, &n) == OK && n >= 1024) return 0;
  cfg_error(cfg, "%s = \"%s\": write a size of 1K or more, as in \"36M\"", cfg_opt_name(opt), text);
  return -1;
}

int check_duration(cfg_t *cfg, cfg_opt_t *opt) {
  int64_t us;
  const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
  if (cfg_opt_size(opt) > CONFIG_RETRIES_MAX) {
    cfg_error(cfg, "%s: %d durations at most", cfg_opt_name(opt), CONFIG_RETRIES_MAX);
    return -1;
  }
  if (duration_parse(text, &us) == OK && us >= SECOND_US) return 0;
  cfg_error(cfg, "%s: \"%s\" is no duration; write one of a second or more, as in \"90s\", \"15m\", \"5d\"",
            cfg_opt_name(opt), text);
  return -1;
}

int check_hostname(cfg_t *cfg, cfg_opt_t *opt) {
  char name[DOMAIN_MAX + 1];
  const char *text = cfg_opt_getnstr(opt, 0);
  if (domain_valid(bytes_of(text)) && domain_normalize(bytes_of(text), name) == OK) return 0;
  cfg_error(cfg, "hostname = \"%s\": write the full name of this host, as in \"smtp.example.com\"", text);
  return -1;
}

/* Commands run in any folder: a path that depends on it would be another store each time. */
int check_path(cfg_t *cfg, cfg_opt_t *opt) {
  const char *text = cfg_opt_getnstr(opt, 0);
  if (text[0] == '/') return 0;
  cfg_error(cfg, "%s = \"%s\": write the whole path, beginning with /", cfg_opt_name(opt), text);
  return -1;
}

int check_user(cfg_t *cfg, cfg_opt_t *opt) {
  if (*cfg_opt_getnstr(opt, 0)) return 0;
  cfg_error(cfg, "user = \"\": write a user's name, or leave the line out");
  return -1;
}

int check_server(cfg_t *cfg, cfg_opt_t *opt) {
  struct sockaddr_storage address;
  const char *text = cfg_opt_getnstr(opt, cfg_opt_size(opt) - 1);
  if (endpoint_parse(text, '@', &address) == OK || ip_parse(text, 53, &address) == OK) return 0;
  cfg_error(cfg, "servers: \"%s\" is no address; write ADDRESS@PORT, as in \"127.0.0.1@5353\"", text);
  return -1;
}

int check_tls(cfg_t *cfg, cfg_opt_t *opt) {
  enum listen_tls tls;
  const char *text = cfg_opt_getnstr(opt, 0);
  if (config_parse_tls(text, &tls)) return 0;
  cfg_error(cfg, "tls = \"%s\": write \"starttls\", \"implicit\" or \"optional\"", text);
  return -1;
}

int check_proxy(cfg_t *cfg, cfg_opt_t *opt) {
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

/* A timeout of a client: a day is more than enough, and less than what milliseconds in a timer can hold. */
int check_timeout(cfg_t *cfg, cfg_opt_t *opt) {
  int64_t us;
  const char *text = cfg_opt_getnstr(opt, 0);
  if (duration_parse(text, &us) == OK && us >= SECOND_US && us <= 86400 * SECOND_US) return 0;
  cfg_error(cfg, "%s = \"%s\": write a duration from a second to a day, as in \"90s\", \"5m\"", cfg_opt_name(opt),
            text);
  return -1;
}

/* Also none at all. */
int check_span(cfg_t *cfg, cfg_opt_t *opt) {
  int64_t us;
  const char *text = cfg_opt_getnstr(opt, 0);
  if (duration_parse(text, &us) == OK && us <= 366 * 86400 * SECOND_US) return 0;
  cfg_error(cfg, "%s = \"%s\": write a duration up to a year, as in \"10m\", \"7d\", or \"0s\" for none",
            cfg_opt_name(opt), text);
  return -1;
}

int check_format(cfg_t *cfg, cfg_opt_t *opt) {
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

int check_port(cfg_t *cfg, cfg_opt_t *opt) {
  return check_range(cfg, opt, 1, 65535);
}
int check_count(cfg_t *cfg, cfg_opt_t *opt) {
  return check_range(cfg, opt, 1, 1000000);
}
int check_count_or_none(cfg_t *cfg, cfg_opt_t *opt) {
  return check_range(cfg, opt, 0, 1000000);
}
int check_loops(cfg_t *cfg, cfg_opt_t *opt) {
  return check_range(cfg, opt, 0, 256);
}

int check_listen(cfg_t *cfg, cfg_opt_t *opt) {
  struct sockaddr_storage address;
  cfg_t *section = cfg_opt_getnsec(opt, cfg_opt_size(opt) - 1);
  const char *title = cfg_title(section);
  if (endpoint_parse(title, ':', &address) == OK) return 0;
  cfg_error(cfg, "listen \"%s\": write ADDRESS:PORT, as in \"0.0.0.0:587\" or \"[::]:587\"", title);
  return -1;
}

int refuse_http(cfg_t *cfg, cfg_opt_t *opt) {
  (void)opt;
  cfg_error(cfg,
            "http: metrics over HTTP are not in this version; take the block out (sendoff status has the counters)");
  return -1;
}
