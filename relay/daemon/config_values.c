#include "relay/daemon/config_values.h"

#include "base/address/address.h"
#include "base/result.h"
#include "base/text/quantity.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>

/* --- texts --- */

static int copy_text(const char *text, char **to) {
  *to = strdup(text);
  return *to ? OK : E_MEMORY;
}

static void release_text(void *value) {
  free(*(char **)value);
}

static int parse_text(const char *text, const struct config_range *range, void *to) {
  (void)range;
  return copy_text(text, to);
}

/* As the DNS and SMTP want it: lower case, A-labels (RFC 5321 2.3.5). */
static int parse_hostname(const char *text, const struct config_range *range, void *to) {
  (void)range;
  char name[DOMAIN_MAX + 1];
  if (!domain_valid(bytes_of(text)) || domain_normalize(bytes_of(text), name) != OK) return E_SYNTAX;
  return copy_text(name, to);
}

/* In ASCII: it stands in header fields of mail that must go everywhere. */
static int parse_mail_address(const char *text, const struct config_range *range, void *to) {
  (void)range;
  struct address a;
  char domain[DOMAIN_MAX + 1], whole[ADDRESS_MAX + 1];
  if (address_parse(bytes_of(text), &a) != OK || !a.domain.len || a.literal || domain_normalize(a.domain, domain) != OK)
    return E_SYNTAX;
  for (size_t i = 0; i < a.local.len; i++)
    if (a.local.at[i] <= ' ' || a.local.at[i] > '~' || strchr("<>\"\\", a.local.at[i])) return E_SYNTAX;
  int n = snprintf(whole, sizeof whole, "%.*s@%s", (int)a.local.len, a.local.at, domain);
  return (size_t)n < sizeof whole ? copy_text(whole, to) : E_SYNTAX;
}

/* Commands run in any folder: a path that depends on it would be another store each time. */
static int parse_path(const char *text, const struct config_range *range, void *to) {
  (void)range;
  return text[0] == '/' ? copy_text(text, to) : E_SYNTAX;
}

static int parse_user(const char *text, const struct config_range *range, void *to) {
  (void)range;
  return *text ? copy_text(text, to) : E_SYNTAX;
}

static int parse_dns_server(const char *text, const struct config_range *range, void *to) {
  (void)range;
  struct sockaddr_storage address;
  if (endpoint_parse(text, '@', &address) != OK && ip_parse(text, 53, &address) != OK) return E_SYNTAX;
  return copy_text(text, to);
}

const struct config_type config_type_text = {.size = sizeof(char *), .parse = parse_text, .release = release_text};
const struct config_type config_type_hostname = {
    .size = sizeof(char *),
    .parse = parse_hostname,
    .advice = "the full name of this host, as in \"smtp.example.com\"",
    .release = release_text,
};
const struct config_type config_type_mail_address = {
    .size = sizeof(char *),
    .parse = parse_mail_address,
    .advice = "a mail address, as in \"postmaster@example.com\"",
    .release = release_text,
};
const struct config_type config_type_path = {
    .size = sizeof(char *),
    .parse = parse_path,
    .advice = "the whole path, beginning with /",
    .release = release_text,
};
const struct config_type config_type_user = {
    .size = sizeof(char *),
    .parse = parse_user,
    .advice = "a user's name, or leave the line out",
    .release = release_text,
};
const struct config_type config_type_dns_server = {
    .size = sizeof(char *),
    .parse = parse_dns_server,
    .advice = "ADDRESS@PORT, as in \"127.0.0.1@5353\"",
    .release = release_text,
};

/* A name of one label is a slip of the pen, and asks the root servers. */
static int parse_zone(const char *text, const struct config_range *range, void *to) {
  (void)range;
  char name[DOMAIN_MAX + 1];
  if (!strchr(text, '.') || !domain_valid(bytes_of(text)) || domain_normalize(bytes_of(text), name) != OK)
    return E_SYNTAX;
  return copy_text(name, to);
}

const struct config_type config_type_zone = {.size = sizeof(char *),
                                             .parse = parse_zone,
                                             .advice = "a zone's name, as in \"dkim.example.net\"",
                                             .release = release_text};

const struct config_type config_type_simulator = {.size = sizeof(char *),
                                                  .parse = parse_zone,
                                                  .advice = "a domain, as in \"simulator.example.com\"",
                                                  .release = release_text};

static int parse_blocklist(const char *text, const struct config_range *range, void *to) {
  return strlen(text) <= BLOCKLIST_ZONE_MAX ? parse_zone(text, range, to) : E_SYNTAX;
}

/* Of RFC 8945 6 those that are not broken, and that libldns has. */
static int parse_tsig_algorithm(const char *text, const struct config_range *range, void *to) {
  (void)range;
  if (strcmp(text, "hmac-sha256") != 0 && strcmp(text, "hmac-sha512") != 0) return E_SYNTAX;
  return copy_text(text, to);
}

const struct config_type config_type_tsig_algorithm = {.size = sizeof(char *),
                                                       .parse = parse_tsig_algorithm,
                                                       .advice = "\"hmac-sha256\" or \"hmac-sha512\"",
                                                       .release = release_text};

const struct config_type config_type_blocklist = {
    .size = sizeof(char *),
    .parse = parse_blocklist,
    .advice = "the list's name in DNS, as in \"bl.example.org\"",
    .release = release_text,
};

static int parse_unused(const char *text, const struct config_range *range, void *to) {
  (void)text;
  (void)range;
  (void)to;
  return OK;
}

const struct config_type config_type_unused = {.parse = parse_unused};

/* --- quantities --- */

static bool within(int64_t value, const struct config_range *range) {
  return value >= range->least && value <= range->most;
}

static int parse_number(const char *text, const struct config_range *range, void *to) {
  char *end;
  errno = 0;
  long n = strtol(text, &end, 0);
  if (errno || end == text || *end || !within(n, range)) return E_SYNTAX;
  *(unsigned *)to = (unsigned)n;
  return OK;
}

static void advise_number(const struct config_range *range, char *out, size_t size) {
  snprintf(out, size, "a number from %lld to %lld", (long long)range->least, (long long)range->most);
}

static int parse_boolean(const char *text, const struct config_range *range, void *to) {
  static const char *const no[] = {"no", "false", "off"}, *const yes[] = {"yes", "true", "on"};
  (void)range;
  for (size_t i = 0; i < 3; i++) {
    bool is_yes = strcasecmp(text, yes[i]) == 0;
    if (!is_yes && strcasecmp(text, no[i]) != 0) continue;
    *(bool *)to = is_yes;
    return OK;
  }
  return E_SYNTAX;
}

static int parse_duration(const char *text, const struct config_range *range, void *to) {
  int64_t us;
  if (duration_parse(text, &us) != OK || !within(us, range)) return E_SYNTAX;
  *(int64_t *)to = us;
  return OK;
}

static void advise_duration(const struct config_range *range, char *out, size_t size) {
  char least[40], most[40];
  clock_format_span(range->least, least, sizeof least);
  clock_format_span(range->most, most, sizeof most);
  if (range->most == INT64_MAX)
    snprintf(out, size, "a duration of %s or more, as in \"90s\", \"15m\", \"5d\"", least);
  else if (range->least)
    snprintf(out, size, "a duration from %s to %s, as in \"90s\", \"5m\"", least, most);
  else
    snprintf(out, size, "a duration up to %s, as in \"10m\", \"7d\", or \"0s\" for none", most);
}

static int parse_delay(const char *text, const struct config_range *range, void *to) {
  if (strcmp(text, "never") != 0 && strcmp(text, "0") != 0) return parse_duration(text, range, to);
  *(int64_t *)to = 0;
  return OK;
}

static int parse_size(const char *text, const struct config_range *range, void *to) {
  uint64_t n;
  if (size_parse(text, &n) != OK || n > INT64_MAX || !within((int64_t)n, range)) return E_SYNTAX;
  *(uint64_t *)to = n;
  return OK;
}

static void advise_size(const struct config_range *range, char *out, size_t size) {
  snprintf(out, size, "a size of %lldK or more, as in \"36M\"", (long long)range->least / 1024);
}

static int parse_reserve(const char *text, const struct config_range *range, void *to) {
  uint64_t n = UINT64_MAX;
  (void)range;
  if (strcmp(text, "auto") != 0 && (size_parse(text, &n) != OK || n > INT64_MAX)) return E_SYNTAX;
  *(uint64_t *)to = n;
  return OK;
}

const struct config_type config_type_reserve = {
    .size = sizeof(uint64_t),
    .parse = parse_reserve,
    .advice = "a size, as in \"2G\", \"0\" for none, or \"auto\"",
};
const struct config_type config_type_number = {
    .size = sizeof(unsigned), .bare = true, .parse = parse_number, .advise = advise_number};
const struct config_type config_type_boolean = {
    .size = sizeof(bool), .bare = true, .parse = parse_boolean, .advice = "yes or no"};
const struct config_type config_type_duration = {
    .size = sizeof(int64_t), .parse = parse_duration, .advise = advise_duration};
const struct config_type config_type_delay = {
    .size = sizeof(int64_t), .parse = parse_delay, .advice = "a duration, as in \"4h\", or \"never\""};
const struct config_type config_type_size = {.size = sizeof(uint64_t), .parse = parse_size, .advise = advise_size};

/* --- addresses --- */

/* "unix:/PATH", and "unix:none", whose path is empty. */
static int parse_unix(const char *path, struct sockaddr_un *to) {
  bool none = strcmp(path, "none") == 0;
  if (!none && (path[0] != '/' || strlen(path) >= sizeof to->sun_path)) return E_SYNTAX;
  memset(to, 0, sizeof *to);
  to->sun_family = AF_UNIX;
  if (!none) strcpy(to->sun_path, path);
  return OK;
}

static int parse_endpoint(const char *text, const struct config_range *range, void *to) {
  (void)range;
  if (strncmp(text, "unix:", 5) == 0) return parse_unix(text + 5, to);
  return endpoint_parse(text, ':', to) == OK ? OK : E_SYNTAX;
}

static int parse_network(const char *text, const struct config_range *range, void *to) {
  (void)range;
  return cidr_parse(text, to) == OK ? OK : E_SYNTAX;
}

const struct config_type config_type_endpoint = {
    .size = sizeof(struct sockaddr_storage),
    .parse = parse_endpoint,
    .advice = "ADDRESS:PORT, as in \"0.0.0.0:587\" or \"[::]:587\", or unix:PATH, as in "
              "\"unix:/run/sendoff/submission.sock\" (107 octets at most), or \"unix:none\"",
};
const struct config_type config_type_network = {
    .size = sizeof(struct cidr),
    .parse = parse_network,
    .advice = "networks, as in {\"192.0.2.7\", \"10.0.0.0/8\"}, with no bits set after the prefix",
};

/* --- choices --- */

static int parse_listen_tls(const char *text, const struct config_range *range, void *to) {
  static const char *const names[] = {
      [LISTEN_STARTTLS] = "starttls", [LISTEN_IMPLICIT] = "implicit", [LISTEN_OPTIONAL] = "optional"};
  (void)range;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    if (strcmp(text, names[i]) != 0) continue;
    *(enum listen_tls *)to = (enum listen_tls)i;
    return OK;
  }
  return E_SYNTAX;
}

static int parse_log_format(const char *text, const struct config_range *range, void *to) {
  (void)range;
  bool json = strcmp(text, "json") == 0;
  if (!json && strcmp(text, "text") != 0) return E_SYNTAX;
  *(enum log_format *)to = json ? LOG_JSON : LOG_TEXT;
  return OK;
}

static int parse_blocklist_kind(const char *text, const struct config_range *range, void *to) {
  (void)range;
  bool domain = strcmp(text, "domain") == 0;
  if (!domain && strcmp(text, "ip") != 0) return E_SYNTAX;
  *(enum blocklist_kind *)to = domain ? BLOCKLIST_DOMAIN : BLOCKLIST_IP;
  return OK;
}

static int parse_mechanism(const char *text, const struct config_range *range, void *to) {
  (void)range;
  return auth_mechanism_parse(bytes_of(text), to) == OK ? OK : E_SYNTAX;
}

const struct config_type config_type_listen_tls = {
    .size = sizeof(enum listen_tls),
    .parse = parse_listen_tls,
    .advice = "\"starttls\", \"implicit\" or \"optional\"",
};
const struct config_type config_type_log_format = {
    .size = sizeof(enum log_format), .parse = parse_log_format, .advice = "\"text\" or \"json\""};
const struct config_type config_type_blocklist_kind = {
    .size = sizeof(enum blocklist_kind), .parse = parse_blocklist_kind, .advice = "\"ip\" or \"domain\""};
const struct config_type config_type_mechanism = {
    .size = sizeof(enum auth_mechanism),
    .parse = parse_mechanism,
    .advice = "\"PLAIN\", \"LOGIN\", \"SCRAM-SHA-256\", \"SCRAM-SHA-256-PLUS\" or \"EXTERNAL\"",
};
