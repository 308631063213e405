/* What the command line changes, synchronously, from its own process: accounts, domains, keys, sources, routes, and
 * queue entries. Each call is one transaction that also raises the configuration's (or the queue's) generation, so that
 * the daemon notices. One thread. Every function: OK, E_EXISTS, E_NOT_FOUND, E_BUSY (locked for more than five
 * seconds), E_IO, with `why` (not NULL). */
#ifndef SENDOFF_STORE_ADMIN_H
#define SENDOFF_STORE_ADMIN_H

#include "base/directory/directory.h"
#include "base/mail/envelope.h"
#include "base/mail/suppression.h"

struct admin;
int admin_open(const char *data_dir, struct admin **out, struct reason *why); /* E_NOT_FOUND: no store there */
void admin_close(struct admin **admin);

#define ADMIN_LIST_MAX 256 /* limits of one owner, networks, certificates and local users of an account: each kind */
#define ADMIN_PATTERNS_MAX 1024 /* senders of an account; in one command, of all its lists together */

/* Changes of one list, beside what replaces it whole: an entry that is there already is not added again, one that is
 * not there cannot be taken out (E_NOT_FOUND, with what is there). Texts in their canonical form. */
struct list_edit {
  const char *const *add, *const *remove;
  size_t add_count, remove_count;
};

/* Which parts of a struct account, or of a struct settings, are to be written. A list replaces the old one. */
enum account_part {
  ACCOUNT_SENDERS = 1,
  ACCOUNT_LIMITS = 2, /* settings.all */
  ACCOUNT_POOL = 4,
  ACCOUNT_CLIENT_IPS = 8,
  ACCOUNT_8BIT = 16,
  ACCOUNT_VERIFIER = 32,
  ACCOUNT_IDEMPOTENT = 64,
  ACCOUNT_CLIENT_CERTS = 128,
  ACCOUNT_LONG_LINES = 256,
  ACCOUNT_TO = 512,
  ACCOUNT_NOT_TO = 1024,
  ACCOUNT_REWRITE_FROM = 2048,
  ACCOUNT_TIME_ZONE = 4096,
  ACCOUNT_STREAM = 8192,
  ACCOUNT_DROP_SUPPRESSED = 16384,
  ACCOUNT_SUPPRESS_AFTER = 32768,
  ACCOUNT_STREAM_LIMITS = 65536, /* settings.stream, both */
  ACCOUNT_STREAM_POOLS = 131072,
  ACCOUNT_MODES = 262144, /* settings.modes: those that it names, CHECK_DEFAULT takes one back; the others stay */
  ACCOUNT_LOCAL_USERS = 1 << 19,
  ACCOUNT_SANDBOX = 1 << 20,
};
struct account_edit {
  struct list_edit senders, limits;
};

/* E_EXISTS also when a local user or a client certificate of `a` belongs to another account; the reason says to which.
 */
/* `a` gives all but id, suspended, suspend_reason, login_version, created_us. */
int admin_account_add(struct admin *admin, const struct account *a, struct reason *why);
/* All those that `next` gives (1: one more in `out`, 0: no more, or an error with `why`), in one transaction. The
 * gateway's writer waits meanwhile, so `next` has them ready. */
typedef int account_next_fn(void *arg, struct account *out, struct reason *why);
int admin_account_add_all(struct admin *admin, account_next_fn *next, void *arg, struct reason *why);
/* Replaces what is chosen in `what` from `a`, then edits (NULL: nothing). */
int admin_account_set(struct admin *admin, const char *name, unsigned what, const struct account *a,
                      const struct account_edit *edit, struct reason *why);
int admin_account_suspend(struct admin *admin, const char *name, const char *reason,
                          struct reason *why); /* reason NULL: resume */
/* Its queued mail and its log stay; routes of its own go, with their secrets. */
int admin_account_remove(struct admin *admin, const char *name, struct reason *why);

int admin_domain_add(struct admin *admin, const char *name, bool subdomains, struct reason *why);
/* The selector whose key signs a stream's mail; "": every active one. E_NOT_FOUND: no such domain, or no such key. */
int admin_domain_set_selector(struct admin *admin, const char *name, enum mail_stream stream, const char *selector,
                              struct reason *why);
/* Limits and check modes of the gateway (owner "") or a domain: ACCOUNT_LIMITS and ACCOUNT_MODES of `what`, then the
 * edit of its limits (NULL: nothing). */
int admin_settings_set(struct admin *admin, enum scope scope, const char *owner, unsigned what,
                       const struct settings *settings, const struct list_edit *limits, struct reason *why);
/* What signs mail, and how its keys change. */
enum domain_part { DOMAIN_SUBDOMAINS = 1, DOMAIN_FALLBACK = 2, DOMAIN_ROTATE = 4, DOMAIN_DELEGATION = 8 };
/* Replaces what is chosen in `what` from `d`, whose name says which. A fallback takes the place of the one before. */
int admin_domain_set(struct admin *admin, unsigned what, const struct domain *d, struct reason *why);
int admin_domain_remove(struct admin *admin, const char *name, struct reason *why); /* with its keys */
/* `k` gives domain, selector, algorithm, public_base64, state, and maybe `replaces`; `private_pem` is PKCS #8 PEM. */
int admin_key_add(struct admin *admin, const struct signing_key *k, struct bytes private_pem, struct reason *why);
/* Moves a key from one state to another, as store_key_step does. E_NOT_FOUND: it is not in that state (any more). */
int admin_key_step(struct admin *admin, const struct signing_key *k, enum key_state to, const char *text,
                   struct reason *why);

/* `s` gives address, helo, pool (NULL: "default"), public_address, weight, pause_on_listing, warmup (NULL: none) and
 * warmup_name. */
int admin_source_add(struct admin *admin, const struct source *s, struct reason *why);
enum source_part {
  SOURCE_HELO = 1,
  SOURCE_POOL = 2,
  SOURCE_PUBLIC = 4,
  SOURCE_WEIGHT = 8,
  SOURCE_ON_LISTING = 16,
  SOURCE_WARMUP = 32 /* warmup NULL or "": none any more, and what was counted is forgotten */
};
/* Replaces what is chosen in `what` of the source with that address. */
int admin_source_set(struct admin *admin, unsigned what, const struct source *to, struct reason *why);
int admin_source_remove(struct admin *admin, const char *address, struct reason *why);

/* Nothing is sent to the site from the source ("": from any) until then (0: until it is resumed). A pause that is there
 * is replaced. */
int admin_site_pause(struct admin *admin, const struct site_pause *p, struct reason *why);
/* Ends it, and forgets what the site's replies brought upon it. source NULL: of all of them. *ended: there was a pause
 * by command. */
int admin_site_resume(struct admin *admin, const char *site, const char *source, bool *ended, struct reason *why);
/* Forgets what was learnt of it (base/site/site_learning.h), from all sources. */
int admin_site_forget(struct admin *admin, const char *site, struct reason *why);

/* What a route logs in with, by enum route_secret; empty: it has no such. */
struct route_keys {
  struct bytes of[ROUTE_SECRET_COUNT];
  int64_t token_from_us, token_until_us; /* of ROUTE_ACCESS_TOKEN */
};
/* `r` gives all but id, created_us and how its token is. */
int admin_route_add(struct admin *admin, const struct static_route *r, const struct route_keys *keys,
                    struct reason *why);
/* Replaces the route with the same `to`, `account` and `sender`, whole. `keys` NULL: it keeps what it has. */
int admin_route_set(struct admin *admin, const struct static_route *r, const struct route_keys *keys,
                    struct reason *why);
/* With its secrets; of `r` only `to`, `account` and `sender` count. */
int admin_route_remove(struct admin *admin, const struct static_route *r, struct reason *why);

/* Suppression lists. A running gateway notices by itself what is taken off, and what is added when it is told to. */
#define SUPPRESSION_PART 1000 /* entries in one transaction at most */
struct suppression_added {
  uint64_t added, kept;
};
/* In one transaction, `count` of them, SUPPRESSION_PART at most; each with an account that there is, or "". One that is
 * there is replaced: always, or (`longer`) when the new one lasts longer. E_LIMIT: no room; then none is added. The
 * counts are added to *done. */
int admin_suppression_add(struct admin *admin, const struct suppression *all, size_t count, bool longer,
                          struct suppression_added *done, struct reason *why);
/* `key` as address_key writes it. Its bounces are forgotten as well. E_NOT_FOUND: it is not on that list. */
int admin_suppression_remove(struct admin *admin, const char *account, const char *key, struct reason *why);

/* What the brake has seen of the account is usual for it: back to no step (base/usage/brake.h), and out of a suspension
 * that was the brake's. With an event, when there was either. `forget`: it is not usual, but over; the days that were
 * braked go. */
struct brake_ended {
  bool step, suspension;
};
int admin_brake_trust(struct admin *admin, const char *name, bool forget, struct brake_ended *ended,
                      struct reason *why);

/* Queue entries by command: what of a selection (struct queue_filter) the action concerns, see queue_concerns. */
struct queue_filter;
enum queue_action { QUEUE_RETRY, QUEUE_HOLD, QUEUE_RELEASE, QUEUE_DROP, QUEUE_BOUNCE, QUEUE_REROUTE };
struct queue_change {
  enum queue_action action;
  const char *by;           /* whose command, for the log: one word of 32 octets at most; NULL or "": not said */
  enum recipient_hold hold; /* of QUEUE_HOLD: why */
  bool hold_returning; /* of QUEUE_HOLD: also what is about to be returned to its sender; only without a gateway, so
                          that nobody is given way to */
  const char *reason;  /* of QUEUE_BOUNCE: for the sender, 160 octets at most; NULL: none */
  const char *pool;    /* of QUEUE_REROUTE: whose sources it leaves from for the rest of its life */
  bool despite_spf;    /* of QUEUE_REROUTE: also what rests on SPF (MESSAGE_RESTS_ON_SPF, MESSAGE_SOURCES_ONLY) */
  void (*progress)(void *arg, uint64_t recipients); /* after each part, with what is done so far; NULL: nobody waits */
  void *arg;
};
struct queue_changed {
  uint64_t messages, recipients;
  uint64_t later;     /* recipients that were released, and have to wait for their time still (not_before_us) */
  int64_t later_us;   /* the earliest of those times; 0: none has to wait */
  uint64_t returning; /* of them, those whose way is back to their senders */
};
/* Which recipients an action concerns, for queue_filter.among: retry what is queued, hold that and what a suspension
 * holds, release what is held, bounce and reroute both, drop all. What was held on its way back to its sender
 * (hold_returning) goes on with that when it is released. */
unsigned queue_concerns(enum queue_action action, enum recipient_hold hold);
/* The filter's limit does not count. *changed also when it fails: so much was changed before. Each message's recipients
 * are changed in one transaction, of a thousand recipients or one message: the only calls that are several
 * transactions, so that the gateway can go on meanwhile. What was selected is read before each, and changed only if the
 * action still concerns it. Each message has one event (held, released, rerouted), of its recipient when that is one,
 * else of the whole message with the number "recipients"; but each recipient that leaves the queue has its own
 * (dropped). QUEUE_BOUNCE has no event here: the gateway returns the mail, and writes "bounced". E_NOT_FOUND: the pool
 * to reroute to has no source. */
int admin_queue(struct admin *admin, const struct queue_filter *which, const struct queue_change *change,
                struct queue_changed *changed, struct reason *why);

/* Writes the store's file anew, in its least size and so that it can shrink by itself from then on; its octets before
 * and after. Takes twice as much room again, in data_dir, while it runs, and nobody else can write meanwhile. */
int admin_compact(struct admin *admin, bool forget_subjects, uint64_t *before, uint64_t *after, struct reason *why);

/* A copy of the store was made (`sendoff backup`): reader_backup_time says so from now on. */
int admin_note_backup(struct admin *admin, int64_t made_us, struct reason *why);

#endif
