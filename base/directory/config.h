/* The configuration as everybody reads it: plain data, immutable while the gateway runs. relay/daemon/config.h fills it
 * from the file. Any thread. */
#ifndef SENDOFF_BASE_CONFIG_H
#define SENDOFF_BASE_CONFIG_H

#include "base/address/cidr.h"
#include "base/clock.h"
#include "base/directory/auth_mechanism.h"
#include "base/directory/blocklist.h"
#include "base/log.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A certificate chain in order, and its key; PEM. */
struct tls_files {
  char *certificate, *key;
  bool cbc; /* with any of them: CBC cipher suites are offered, for devices that know no others */
};

#define CONFIG_RETRIES_MAX 32
#define CONFIG_PROXIES_MAX 64
/* Where the local socket is when the configuration names none; what sendmail (sendmail/) connects to. */
#define CONFIG_LOCAL_SOCKET "/run/sendoff/submission.sock"

/* LISTEN_LOCAL: a UNIX socket, where users of this machine are known by who they are; never written, it goes with the
 * address. */
enum listen_tls { LISTEN_STARTTLS, LISTEN_IMPLICIT, LISTEN_OPTIONAL, LISTEN_LOCAL };
struct listen_config {
  char *text;
  struct sockaddr_storage address; /* AF_INET, AF_INET6; AF_UNIX with a path */
  enum listen_tls tls;
  struct cidr *proxies; /* from these the PROXY protocol's header is required; from all others there is none */
  size_t proxy_count;
};

/* A DNS blocklist that the sources are looked up in. */
struct blocklist_config {
  char *zone; /* as in DNS, without a final dot */
  enum blocklist_kind kind;
  int64_t every_us; /* between two questions about one source */
};

/* A zone that records are published in by updates (RFC 2136). */
struct dns_update_config {
  char *zone;      /* as in DNS, without a final dot */
  char *server;    /* "addr@port" */
  char *key_name;  /* of TSIG (RFC 8945) */
  char *algorithm; /* "hmac-sha256" */
  char *key_file;
};

struct config {
  char *path;                       /* the file it came from */
  char *hostname, *data_dir, *user; /* user NULL: stay who we are */
  struct listen_config *listens;
  size_t listen_count;
  /* The local socket of a configuration that says nothing of one: the gateway goes on without it where it cannot be
     made. text NULL: there is none. */
  struct listen_config default_local;
  struct tls_files *certificates;                       /* the first for clients that name no other's host */
  size_t certificate_count;                             /* 0: no TLS (then only "optional" listeners are possible) */
  enum auth_mechanism mechanisms[AUTH_MECHANISM_COUNT]; /* of AUTH, as they are announced */
  size_t mechanism_count;
  char **dns_servers;
  size_t dns_server_count; /* "addr@port"; none: resolv.conf */
  char *trust_anchor;      /* NULL: the distribution's */
  struct dns_update_config *dns_updates;
  size_t dns_update_count;
  char *dns_hook; /* the program that publishes records; NULL: none does */
  struct blocklist_config *blocklists;
  size_t blocklist_count;
  unsigned delivery_port;
  bool local_next_hops; /* mail may go to loopback and to this machine's own addresses: tests, labs */
  char *simulator;      /* the domain that is played, not delivered to (base/mail/simulator.h); NULL: none */
  bool learning;        /* what sites answer decides when and from where they are tried next (docs/learning.md) */
  bool dane;            /* TLSA records of next hops are looked up and followed (RFC 7672) */
  bool mta_sts;         /* policies of next hops' domains are looked up and followed (RFC 8461) */
  char *shaping;        /* base/site/shaping.h's file; NULL: the one that was installed with the program */
  char *https_trust;    /* roots for HTTPS, of token endpoints and MTA-STS policies, PEM; NULL: the system's */
  char *trust;          /* roots for next hops whose certificate is verified, PEM; NULL: the system's */
  int64_t retry_us[CONFIG_RETRIES_MAX];
  size_t retry_count; /* the last repeats */
  int64_t expire_us;
  int64_t reply_timeout_us; /* the longest wait for a next hop's reply; 0: as RFC 5321 has it (client_parts.h) */
  int64_t delay_notice_us;  /* a sender who wants it (NOTIFY=DELAY) gets a notice of delay after this long */
  uint64_t max_message_size;
  unsigned max_sessions, max_sessions_per_address, max_recipients;
  unsigned max_connections; /* to next hops, of all event loops together; 0: 1000 for each of these */
  int64_t command_timeout_us, data_timeout_us, handshake_timeout_us;
  unsigned minimum_rate;                                           /* octets of content a second; 0: none */
  unsigned login_failures_per_address, login_failures_per_account; /* within the window; 0: any number */
  int64_t login_window_us, ban_us;
  int64_t max_hold_us;           /* FUTURERELEASE (RFC 4865): the longest; 0: not offered */
  int64_t idempotency_window_us; /* how long the same submission is answered, not sent again; 0: never */
  int64_t log_retain_us;
  uint64_t log_max_size; /* octets; 0: no limit */
  bool log_subject;
  char *tls_report_from;                              /* the address that TLS reports come from; NULL: none are sent */
  char *tls_report_organization, *tls_report_contact; /* NULL: the host name, tls_report_from */
  int64_t suppression_keep_us;                        /* how long a recipient that bounced stays suppressed */
  uint64_t disk_reserve; /* octets of the disk that mail may not take; UINT64_MAX: by the size of the disk; 0: none */
  enum log_format log_format;
  unsigned loops;       /* 0: one per core */
  bool received_client; /* put the client's address into Received; default no */
};

#endif
