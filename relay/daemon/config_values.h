/* What a configuration key may hold: how its text becomes a value, and what to write in place of a bad one. Pure; any
 * thread. */
#ifndef SENDOFF_RELAY_DAEMON_CONFIG_VALUES_H
#define SENDOFF_RELAY_DAEMON_CONFIG_VALUES_H

#include "base/directory/config.h"

/* Of a number, a duration in microseconds, or a size in octets; both bounds are allowed values. */
struct config_range {
  int64_t least, most;
};

struct config_type {
  size_t size; /* of the value */
  bool bare;   /* written without quotes */
  /* OK: the value is at `to`. E_SYNTAX: `text` is not allowed. E_MEMORY. */
  int (*parse)(const char *text, const struct config_range *range, void *to);
  const char *advice;                                                       /* what to write, or */
  void (*advise)(const struct config_range *range, char *out, size_t size); /* the same, with the range */
  void (*release)(void *value); /* NULL: the value owns no memory. Safe on a value that was never set (zeros). */
};

/* Room for a value of any type. */
union config_value {
  int64_t duration;
  uint64_t size;
  unsigned number;
  bool boolean;
  char *text;
  enum listen_tls tls;
  enum log_format log_format;
  enum blocklist_kind blocklist_kind;
  enum auth_mechanism mechanism;
  struct sockaddr_storage endpoint;
  struct cidr network;
};

/* Text: a char * that the value owns. */
extern const struct config_type config_type_text, config_type_hostname, config_type_mail_address, config_type_path,
    config_type_user, config_type_dns_server, config_type_blocklist, config_type_zone, config_type_simulator,
    config_type_tsig_algorithm;
extern const struct config_type config_type_unused; /* any text, and no value */
/* unsigned, bool, int64_t (microseconds), uint64_t (octets) */
extern const struct config_type config_type_number, config_type_boolean, config_type_duration, config_type_size;
extern const struct config_type config_type_delay;   /* int64_t (microseconds); "never" is 0 */
extern const struct config_type config_type_reserve; /* uint64_t (octets); "auto" is UINT64_MAX */
/* struct sockaddr_storage, struct cidr, enum listen_tls, enum log_format, enum auth_mechanism, enum blocklist_kind */
extern const struct config_type config_type_endpoint, config_type_network, config_type_listen_tls,
    config_type_log_format, config_type_mechanism, config_type_blocklist_kind;

#endif
