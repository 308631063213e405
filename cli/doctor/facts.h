/* What `sendoff doctor` knows of the machine, the gateway and DNS: gathered once, then judged by the checks
 * (cli/doctor/checks.h), which ask nobody. */
#ifndef SENDOFF_CLI_DOCTOR_FACTS_H
#define SENDOFF_CLI_DOCTOR_FACTS_H

#include "base/address/cidr.h"
#include "base/directory/config.h"
#include "base/directory/directory.h"
#include "base/usage/brake.h"
#include "policy/source_name.h"
#include "relay/domain/check.h"
#include "relay/net/certificate_facts.h"
#include "relay/smtp/reply_parser.h"

#include <jansson.h>

/* --- the configuration, and what it names, as the user that serves sees it --- */

enum named_kind { NAMED_USER, NAMED_CERTIFICATE, NAMED_SHAPING, NAMED_TRUST, NAMED_DNS_UPDATE, NAMED_DNS_HOOK };
struct named_file {
  enum named_kind kind;
  int rc; /* OK, or E_... with `why` */
  struct reason why;
  char path[256];                 /* of a certificate */
  struct certificate_facts facts; /* so, too */
  bool for_hostname;              /* so, too */
};
#define NAMED_MAX 128

/* --- the machine --- */

struct machine_facts {
  bool clock_known, clock_synchronised;
  int64_t newest_us; /* of the latest event in the log; 0: none */
  bool disk_known;
  uint64_t disk_free, disk_size, disk_reserve; /* octets */
  uint64_t inodes, inodes_free;                /* inodes 0: the file system has no such limit */
  bool process_known;                          /* of the running gateway: */
  uint64_t open_files;                         /* its limit */
  uint64_t locked_memory;                      /* octets that it has locked */
};

/* --- the store --- */

struct store_facts {
  int rc; /* of opening it */
  struct reason why;
  bool checked;           /* to the end, in the time that there was */
  char damage[300];       /* "": none was found */
  uint64_t database, wal; /* octets */
  char exposed[256];      /* a file that others may read; "" */
  char foreign[256];      /* a file that is not the service user's; "" */
  char owner[64];         /* whose it is */
  int64_t backup_us;      /* the last backup; 0: none was ever seen; -1: not known */
};

/* --- connections --- */

enum relay_outcome { RELAY_NOT_TRIED, RELAY_REFUSED, RELAY_OPEN };

/* A listen line, tried. */
struct listener_facts {
  const struct listen_config *listen;
  char text[80]; /* "127.0.0.1:587" */
  int rc;        /* of connecting; then of the greeting */
  struct reason why;
  bool connected;
  struct smtp_reply greeting; /* code 0: none */
  bool starttls;              /* offered */
  bool tls;                   /* the handshake was done */
  struct reason tls_why;      /* it failed, though it should not */
  char tls_text[80];
  bool trusted; /* a client that verifies would take the certificate */
  struct reason trust_why;
  enum relay_outcome relay;
  char relay_reply[300];
  char owner[64]; /* the process that listens there; "": not known */
};

/* A connection to somebody's exchanger. */
struct outgoing_facts {
  char source[IP_TEXT]; /* "": the system's choice */
  char to[300];         /* "mx.example.net[192.0.2.1]:25" */
  int rc;
  struct reason why;
  struct smtp_reply greeting;
};

/* --- names --- */

struct source_facts {
  const struct source *source;
  bool here, asked;
  struct source_name_finding name;
};

#define HOST_ADDRESSES_MAX 16
struct hostname_facts {
  bool asked, known; /* known: DNS has answered */
  bool here;         /* one of the addresses is this machine's */
  char addresses[HOST_ADDRESSES_MAX][IP_TEXT];
  size_t count;
};

struct domain_facts {
  const struct domain *domain;
  bool checked;
  struct check_report *report; /* NULL: out of memory */
};

/* --- accounts and the queue --- */

struct limit_facts {
  enum scope scope;
  const char *owner; /* of the directory; "": the gateway */
  const struct limit *limit;
  unsigned percent;
};
struct brake_facts {
  const char *account;
  enum brake_step step;
  enum check_mode mode;
};
struct waiting_facts {
  char domain[DOMAIN_MAX + 1], last[300];
  uint64_t queued, held;
  int64_t oldest_us, next_us;
};
struct paused_site_facts {
  char site[300], source[IP_TEXT], reason[300];
  int64_t until_us;
};

/* --- all of it --- */

enum gateway_state { GATEWAY_RUNS, GATEWAY_DOWN, GATEWAY_SILENT, GATEWAY_CLOSED /* we may not ask it */ };

struct doctor_facts {
  int64_t now_us;
  const struct config *config; /* NULL: it cannot be read */
  struct reason config_why;
  bool as_service_user; /* what is named was read as the user that serves */
  struct named_file *named;
  size_t named_count;
  enum gateway_state gateway;
  const json_t *status;              /* NULL unless it runs */
  const struct directory *directory; /* NULL: the store cannot be read */
  struct machine_facts machine;
  struct store_facts store;
  struct reason dns_why; /* why DNS cannot be asked at all; "": it can */
  struct hostname_facts hostname;
  struct listener_facts *listeners;
  size_t listener_count;
  struct outgoing_facts *outgoing;
  size_t outgoing_count;
  char outgoing_domains[300]; /* whose exchangers were looked for */
  struct source_facts *sources;
  size_t source_count;
  struct domain_facts *domains; /* those that were asked about: the first of the directory's */
  size_t domain_count;
  struct limit_facts *limits;
  size_t limit_count;
  struct brake_facts *brakes;
  size_t brake_count;
  struct waiting_facts *waiting;
  size_t waiting_count;
  uint64_t waiting_recipients;
  struct paused_site_facts *paused;
  size_t paused_count;
};

#endif
