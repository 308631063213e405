/* An immutable snapshot of everything that is configured by command: accounts, domains, the public side of their keys,
 * sources, routes. The store builds one (reader_directory, store/read.h); it is shared by reference count and replaced
 * as a whole when something changed. It holds no private key and no password of a route: the store gives those by id,
 * and only the daemon asks. Any thread may read one that it holds a reference to. Pointers into it live as long as the
 * reference. */
#ifndef SENDOFF_BASE_DIRECTORY_H
#define SENDOFF_BASE_DIRECTORY_H

#include "base/address/cidr.h"
#include "base/bytes.h"
#include "base/directory/blocklist.h"
#include "base/directory/domain_note.h"
#include "base/directory/fingerprint.h"
#include "base/directory/key_algorithm.h"
#include "base/directory/mail_stream.h"
#include "base/directory/static_route.h"
#include "base/site/site_note.h"
#include "base/text/limit.h"

/* A user of this machine, as an account has it: the login name, or the numeric id of one that has no name here. Each
 * belongs to one account only. Octets, without the NUL. */
#define LOCAL_USER_MAX 32

/* SCRAM-SHA-256 verifier (RFC 5802 3, RFC 7677): what is kept of a password. */
struct scram_verifier {
  unsigned iterations;
  unsigned char salt[16];
  unsigned char stored_key[32], server_key[32];
};

enum check_mode {
  CHECK_OFF,
  CHECK_OBSERVE,
  CHECK_ENFORCE, /* stored, up to here */
  CHECK_DEFAULT  /* in a change alone: nothing of its own any more, the wider scope says */
};
const char *check_mode_name(enum check_mode mode);            /* "off", "observe", "enforce" */
int check_mode_parse(const char *name, enum check_mode *out); /* OK or E_NOT_FOUND */

/* Whose limits, usage and check modes they are. Stored. */
enum scope { SCOPE_GATEWAY, SCOPE_DOMAIN, SCOPE_ACCOUNT, SCOPE_STREAM /* of an account: usage alone */, SCOPE_COUNT };

struct limit_list {
  const struct limit *limits;
  size_t count;
};
struct check_setting {
  const char *check; /* a name of policy's table */
  enum check_mode mode;
};
/* What can be set alike for the gateway, a domain and an account. */
struct settings {
  struct limit_list all, stream[STREAM_COUNT]; /* stream: of that stream's mail alone; an account's */
  const struct check_setting *modes;
  size_t mode_count;
};

struct account {
  int64_t id;
  const char *name;
  const char *const *senders; /* "example.com", "a@example.com", "*"; lower case, domains as A-labels */
  size_t sender_count;
  const char *const *to, *const *not_to; /* patterns as above: whom it may write to, and whom not */
  size_t to_count, not_to_count;         /* 0: no such list */
  const char *rewrite_from;              /* the address that its mail comes from, whatever it says; "": as it says */
  struct settings settings;
  const char *time_zone;                 /* of its days and months: "UTC", "Europe/Vienna" */
  const char *pool;                      /* "default" unless set */
  const char *stream_pool[STREAM_COUNT]; /* of a stream's mail; "": pool */
  enum mail_stream stream;               /* of mail that does not say */
  bool drop_suppressed;                  /* mail to suppressed recipients is accepted and dropped, not refused */
  unsigned suppress_after;               /* hard bounces within a week; 0: the stream's default */
  const struct cidr *client_ips;
  size_t client_ip_count;
  const struct fingerprint *client_certs; /* these log in with AUTH EXTERNAL; each to one account only */
  size_t client_cert_count;
  const char *const *local_users; /* of this machine: these send for it by the local socket; see LOCAL_USER_MAX */
  size_t local_user_count;
  bool sandbox; /* its mail is played at delivery, and never leaves (docs/simulator.md) */
  bool suspended;
  const char *suspend_reason;
  bool accept_8bit;        /* 8-bit content without BODY=8BITMIME is taken as if announced */
  bool convert_long_lines; /* content with lines over 998 octets is encoded anew instead of refused */
  bool idempotent;         /* the same message submitted again within the window is not sent twice */
  struct scram_verifier verifier;
  int64_t
      login_version; /* changes with all that logs in to it: password, certificates, client addresses, local users */
  int64_t created_us;
};

/* Whether an account may still send what a session of its has begun. */
enum account_standing { STANDING_GOOD, STANDING_GONE, STANDING_SUSPENDED, STANDING_LOGIN_CHANGED };

#define SECRET_SIZE 32

/* The course of a key (dkim/rotation.h): waiting, active, old, retired, gone. Stored, but for the last. */
enum key_state {
  KEY_ACTIVE,  /* signs */
  KEY_RETIRED, /* nobody needs its record any more: it can go */
  KEY_WAITING, /* is to sign once DNS has its record */
  KEY_OLD,     /* signs no more; its record stays for the mail that it has signed */
  KEY_GONE,    /* there is no such key */
};

struct signing_key {
  int64_t id; /* never used again for another key */
  const char *domain, *selector;
  const char *replaces; /* the selector of the key that gets old when this one begins to sign; "": none */
  enum key_algorithm algorithm;
  enum key_state state;
  const char *public_base64; /* what p= publishes (RFC 6376 3.6.1, RFC 8463 4) */
  int64_t created_us;
  int64_t state_us;   /* since when it is in this state */
  int64_t checked_us; /* KEY_WAITING: when DNS was asked for it last; 0: never, */
  const char *found;  /* and what was wrong; "" */
  int64_t left_us;    /* KEY_OLD: when no mail that it had signed was queued any more; 0: some is, or it is not known */
};

struct domain {
  const char *name; /* normalised */
  struct settings settings;
  const char *stream_selector[STREAM_COUNT]; /* of the key that signs a stream's mail; "": every active one */
  const struct signing_key *keys;            /* newest first */
  size_t key_count;
  bool subdomains;        /* signs mail from its subdomains, too, that are no domains of their own here */
  bool fallback;          /* signs mail from domains that have no key; one at most */
  int64_t rotate_us;      /* the age at which a key's successor is made by itself; 0: never */
  const char *delegation; /* the zone that its selectors lead to by CNAME (dkim/key_name.h); "": none */
  int64_t created_us;
};

/* Whether the address leads by its PTR record to a name, and that name back to it. Stored. */
enum source_name { SOURCE_NAME_UNKNOWN, SOURCE_NAME_UNCONFIRMED, SOURCE_NAME_CONFIRMED };

#define SOURCE_WEIGHT_MOST 1000

struct source {
  const char *address;        /* IP literal, as text: what connections are bound to */
  const char *public_address; /* what the world sees instead, behind NAT; "": the same. See source_public */
  const char *helo, *pool;
  unsigned weight; /* its share of the pool's mail, SOURCE_WEIGHT_MOST at most; 0: only when no other can be used */
  enum source_name name;   /* as of the last check that DNS answered */
  const char *ptr;         /* the name; "": none, or not known */
  const char *name_text;   /* why it is not confirmed, and what to publish; "" */
  int64_t checked_us;      /* 0: never */
  bool pause_on_listing;   /* no mail leaves from it while a blocklist lists it or its HELO name */
  const char *warmup;      /* the plan by which it warms up, as warmup_plan_format writes it; "" or NULL: it does not */
  const char *warmup_name; /* "default", or the file that the plan was read from */
  int64_t warmup_since_us; /* since when; a plan that replaces another goes on with what that one has counted */
  int64_t created_us;
};

struct directory {
  int64_t generation;
  const struct account *accounts;
  size_t account_count;
  const struct domain *domains;
  size_t domain_count;
  const struct domain *fallback; /* the one that signs for domains that have no key; NULL */
  const struct source *sources;  /* ordered by pool, then address */
  size_t source_count;
  const struct blocklist_note *blocklist_notes; /* ordered by list, then subject */
  size_t blocklist_note_count;
  const struct domain_note *domain_alarms; /* records that were right once and are not any more, by domain */
  size_t domain_alarm_count;
  const struct site_pause *site_pauses;
  size_t site_pause_count;
  const struct static_route *routes; /* ordered by static_route_compare */
  size_t route_count;
  struct settings gateway;
  size_t client_cert_count;              /* of all accounts */
  unsigned char no_account[SECRET_SIZE]; /* of this gateway: what SCRAM with an unknown name is answered with */
};

struct directory *directory_hold(const struct directory *d); /* one more reference; the same pointer */
void directory_release(struct directory **d);                /* frees with the last one; verifiers are wiped */

const struct account *directory_account(const struct directory *d, struct bytes name); /* exact case; NULL */
const struct account *directory_account_by_id(const struct directory *d, int64_t id);
/* The account that this client address may send for without AUTH; the longest prefix wins; NULL. */
const struct account *directory_account_by_client(const struct directory *d, const struct sockaddr *client);
/* The account that this user of the machine sends for, by login name ("": it has none) or by numeric id; NULL. */
const struct account *directory_account_by_user(const struct directory *d, const char *name, unsigned uid);
/* The account that this client certificate logs in to; NULL. */
const struct account *directory_account_by_certificate(const struct directory *d, const struct fingerprint *f);
/* The domain so named, or else, when `parents`, the nearest one above it that has `subdomains`; NULL. */
const struct domain *directory_domain(const struct directory *d, const char *normalized, bool parents);
/* "active", "waiting" ... */
const char *key_state_name(enum key_state state);
/* How many keys of all domains are in that state. */
size_t directory_count_keys(const struct directory *d, enum key_state state);
/* The pool that this stream's mail of the account leaves from. */
const char *account_pool(const struct account *a, enum mail_stream stream);
/* The sources of a pool: a pointer to the first, `*count` of them. */
const struct source *directory_pool(const struct directory *d, const char *pool, size_t *count);
/* The address that receivers see: their SPF and PTR questions are about that one. */
const char *source_public(const struct source *s);
/* False: a global IPv6 address whose name DNS does not confirm. No mail leaves from it (docs/sources.md). */
bool source_may_be_used(const struct source *s);
/* Whether what a blocklist said is about this source: its address, or its HELO name. */
bool source_is_subject(const struct source *s, const struct blocklist_note *n);
/* Until when nothing is sent to the site from the source, by command; 0: there is no pause, INT64_MAX: until it is
 * resumed. */
int64_t directory_site_paused(const struct directory *d, const char *site, const char *source, int64_t now_us);
/* Whether these settings have the check themselves; `*out` only then. */
bool settings_check_mode(const struct settings *s, const char *check, enum check_mode *out);
/* What is set for a check: of the account, else the domain, else the gateway, else `otherwise`. `a` and `domain` may be
 * NULL. */
enum check_mode directory_check_mode(const struct directory *d, const struct account *a, const struct domain *domain,
                                     const char *check, enum check_mode otherwise);

#endif
