/* Checks of values as the configuration is read, where the line is known: libconfuse's callbacks. 0, or -1 with the
 * error reported. Private to relay/daemon/config*.c; one thread. */
#ifndef SENDOFF_RELAY_DAEMON_CONFIG_CHECKS_H
#define SENDOFF_RELAY_DAEMON_CONFIG_CHECKS_H

#include <confuse.h>

int check_size(cfg_t *cfg, cfg_opt_t *opt);
int check_duration(cfg_t *cfg, cfg_opt_t *opt);
int check_hostname(cfg_t *cfg, cfg_opt_t *opt);
int check_path(cfg_t *cfg, cfg_opt_t *opt);
int check_user(cfg_t *cfg, cfg_opt_t *opt);
int check_server(cfg_t *cfg, cfg_opt_t *opt);
int check_tls(cfg_t *cfg, cfg_opt_t *opt);
int check_proxy(cfg_t *cfg, cfg_opt_t *opt);
int check_timeout(cfg_t *cfg, cfg_opt_t *opt);
int check_span(cfg_t *cfg, cfg_opt_t *opt);
int check_format(cfg_t *cfg, cfg_opt_t *opt);
int check_port(cfg_t *cfg, cfg_opt_t *opt);
int check_count(cfg_t *cfg, cfg_opt_t *opt);
int check_count_or_none(cfg_t *cfg, cfg_opt_t *opt);
int check_loops(cfg_t *cfg, cfg_opt_t *opt);
int check_listen(cfg_t *cfg, cfg_opt_t *opt);
int refuse_http(cfg_t *cfg, cfg_opt_t *opt);

#endif
