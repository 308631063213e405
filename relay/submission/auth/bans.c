#include "relay/submission/auth/bans.h"

#include "base/bytes.h"
#include "base/hash.h"
#include "base/result.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEY 32
#define SLICES 8 /* of the window: it slides by an eighth */
#define KNOWN_MAX (2 * BANS_ENTRIES_MAX)
#define KNOWN_MS (UINT64_C(30) * 24 * 3600 * 1000) /* an address is known for so long after its last right login */
#define SCAN_MAX 8                                 /* entries that an insertion scans for one to forget */

struct key {
  unsigned char octets[KEY];
};

/* An address or a name, with the failures of the window's slices: counts[n % SLICES] is that of slice n. */
struct suspect {
  struct key key;
  char what[IP_TEXT + 8]; /* "" for a name that is no account */
  unsigned counts[SLICES];
  uint64_t slice;    /* the newest counted */
  uint64_t until_ms; /* banned or restricted until then */
  UT_hash_handle hh;
};

/* In the order of the last failure: the head is the one to forget. */
struct suspects {
  struct suspect *all;
  unsigned limit;
};

/* An account and an address that has logged in to it, in the order of the last login. */
struct pair {
  struct key account, address;
};
struct known {
  struct pair key;
  uint64_t last_ms;
  UT_hash_handle hh;
};

struct bans {
  struct ban_rules rules;
  unsigned char secret[32];
  struct suspects addresses, names;
  struct known *known;
};

struct bans *bans_new(const struct ban_rules *rules) {
  struct bans *b = calloc(1, sizeof *b);
  if (!b) return NULL;
  b->rules = *rules;
  if (!b->rules.entries_max) b->rules.entries_max = BANS_ENTRIES_MAX;
  b->addresses.limit = rules->per_address;
  b->names.limit = rules->per_account;
  random_bytes(b->secret, sizeof b->secret);
  return b;
}

static void forget(struct suspects *t, struct suspect *s) {
  HASH_DEL(t->all, s);
  free(s);
}

static void forget_known(struct bans *b, struct known *k) {
  HASH_DEL(b->known, k);
  free(k);
}

static void forget_all(struct suspects *t) {
  struct suspect *s, *next;
  HASH_ITER(hh, t->all, s, next) forget(t, s);
}

void bans_free(struct bans **at) {
  struct bans *b = *at;
  *at = NULL;
  if (!b) return;
  struct known *k, *next;
  forget_all(&b->addresses);
  forget_all(&b->names);
  HASH_ITER(hh, b->known, k, next) forget_known(b, k);
  wipe(b->secret, sizeof b->secret);
  free(b);
}

/* --- keys --- */

/* An IPv4 address (IPv4-mapped, too), or the first 64 bits of an IPv6 one. `text` may be NULL. */
static struct key address_key(const struct sockaddr *address, char text[IP_TEXT + 8]) {
  struct sockaddr_storage parsed;
  struct key k = {{0}};
  char plain[IP_TEXT];
  ip_format(address, plain); /* shows IPv4-mapped addresses as IPv4 */
  bool six = strchr(plain, ':') != NULL;
  if (ip_parse(plain, 0, &parsed) != OK) parsed.ss_family = AF_UNSPEC;
  k.octets[0] = six ? 6 : 4;
  if (six) {
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)&parsed;
    memset(in->sin6_addr.s6_addr + 8, 0, 8);
    memcpy(k.octets + 1, in->sin6_addr.s6_addr, 8);
    ip_format((struct sockaddr *)in, plain);
  } else if (parsed.ss_family == AF_INET) {
    memcpy(k.octets + 1, &((struct sockaddr_in *)&parsed)->sin_addr, 4);
  }
  if (text) snprintf(text, IP_TEXT + 8, "%s%s", plain, six ? "/64" : "");
  return k;
}

static struct key name_key(const struct bans *b, const char *name) {
  struct key k = {{0}};
  gnutls_hmac_fast(GNUTLS_MAC_SHA256, b->secret, sizeof b->secret, name, strlen(name), k.octets);
  return k;
}

/* --- counting --- */

static uint64_t slice_of(const struct bans *b, uint64_t now) {
  uint64_t length = b->rules.window_ms / SLICES;
  return now / (length ? length : 1);
}

static unsigned count(const struct suspect *s, uint64_t slice) {
  unsigned sum = 0;
  for (uint64_t n = 0; n < SLICES && n <= s->slice; n++)
    if (s->slice - n + SLICES > slice) sum += s->counts[(s->slice - n) % SLICES];
  return sum;
}

static void add(struct suspect *s, uint64_t slice) {
  if (slice - s->slice >= SLICES) memset(s->counts, 0, sizeof s->counts);
  for (uint64_t n = s->slice + 1; n <= slice && slice - s->slice < SLICES; n++) s->counts[n % SLICES] = 0;
  s->slice = slice;
  s->counts[slice % SLICES]++;
}

static struct suspect *find(const struct suspects *t, const struct key *k) {
  struct suspect *s;
  HASH_FIND(hh, t->all, k, sizeof *k, s);
  return s;
}

/* Drops what no longer matters from the front; when the table is full, one more: the oldest that is not banned, or else
 * the oldest. */
static void make_room(const struct bans *b, struct suspects *t, uint64_t now) {
  struct suspect *s, *next, *oldest = NULL;
  int scanned = 0;
  HASH_ITER(hh, t->all, s, next) {
    if (scanned++ == SCAN_MAX) break;
    bool lasts = s->until_ms > now;
    if (!lasts && !count(s, slice_of(b, now)))
      forget(t, s);
    else if (!oldest && !lasts)
      oldest = s;
  }
  if (HASH_COUNT(t->all) >= b->rules.entries_max) forget(t, oldest ? oldest : t->all);
}

/* The entry, at the end of the order. NULL without memory. */
static struct suspect *touch(const struct bans *b, struct suspects *t, const struct key *k, uint64_t now) {
  struct suspect *s = find(t, k);
  if (s) {
    HASH_DEL(t->all, s);
  } else {
    make_room(b, t, now);
    s = calloc(1, sizeof *s);
    if (!s) return NULL;
    s->key = *k;
    s->slice = slice_of(b, now);
  }
  HASH_ADD(hh, t->all, key, sizeof s->key, s);
  if (s->hh.tbl) return s;
  free(s);
  return NULL;
}

/* True when this failure is the one too many. The count begins anew then, so that the time after the ban is like the
 * time before it. */
static bool one_too_many(const struct bans *b, const struct suspects *t, struct suspect *s, uint64_t now) {
  if (!t->limit || count(s, slice_of(b, now)) < t->limit) return false;
  bool begins = s->until_ms <= now;
  s->until_ms = now + b->rules.ban_ms;
  memset(s->counts, 0, sizeof s->counts);
  return begins;
}

static uint64_t left(const struct suspect *s, uint64_t now) {
  return s && s->until_ms > now ? s->until_ms - now : 0;
}

/* --- who is known --- */

static struct known *find_known(const struct bans *b, const struct pair *p) {
  struct known *k;
  HASH_FIND(hh, b->known, p, sizeof *p, k);
  return k;
}

static bool is_known(const struct bans *b, const struct key *account, const struct sockaddr *client, uint64_t now) {
  struct pair p = {*account, address_key(client, NULL)};
  const struct known *k = find_known(b, &p);
  return k && now - k->last_ms <= KNOWN_MS;
}

void bans_succeeded(struct bans *b, const struct sockaddr *client, const char *account, uint64_t now) {
  struct pair p = {name_key(b, account), address_key(client, NULL)};
  struct known *k = find_known(b, &p);
  if (k)
    HASH_DEL(b->known, k);
  else {
    if (HASH_COUNT(b->known) >= KNOWN_MAX) forget_known(b, b->known);
    k = calloc(1, sizeof *k);
  }
  if (!k) return; /* without memory it is a stranger under attack */
  k->key = p;
  k->last_ms = now;
  HASH_ADD(hh, b->known, key, sizeof k->key, k);
  if (!k->hh.tbl) free(k);
}

/* --- the calls --- */

void bans_failed(struct bans *b, const struct sockaddr *client, const char *name, bool is_account, uint64_t now,
                 struct login_failure *out) {
  char text[IP_TEXT + 8];
  struct key address = address_key(client, text), account = name_key(b, name);
  *out = (struct login_failure){0};
  struct suspect *s = touch(b, &b->addresses, &address, now);
  if (s) {
    memcpy(s->what, text, sizeof text);
    add(s, slice_of(b, now));
    out->failures = count(s, slice_of(b, now));
    out->banned = one_too_many(b, &b->addresses, s, now);
  }
  /* An application of the owner's with an old password is no attack: addresses that are known are not counted. */
  if (!*name || !b->names.limit || is_known(b, &account, client, now)) return;
  s = touch(b, &b->names, &account, now);
  if (!s) return;
  bytes_copy(bytes_of(is_account ? name : ""), s->what, sizeof s->what);
  add(s, slice_of(b, now));
  out->restricted = one_too_many(b, &b->names, s, now);
}

uint64_t bans_banned(struct bans *b, const struct sockaddr *client, uint64_t now) {
  if (!b->addresses.all) return 0;
  struct key k = address_key(client, NULL);
  return left(find(&b->addresses, &k), now);
}

uint64_t bans_restricted(struct bans *b, const struct sockaddr *client, const char *name, uint64_t now) {
  if (!b->names.all) return 0;
  struct key k = name_key(b, name);
  uint64_t ms = left(find(&b->names, &k), now);
  return ms && !is_known(b, &k, client, now) ? ms : 0;
}

static size_t list(const struct suspects *t, bool account, uint64_t now, struct ban *out, size_t at, size_t max) {
  for (const struct suspect *s = t->all; s; s = s->hh.next) {
    if (!left(s, now) || !*s->what) continue;
    if (at < max) {
      out[at] = (struct ban){.account = account, .left_ms = left(s, now)};
      memcpy(out[at].what, s->what, sizeof s->what);
    }
    at++;
  }
  return at;
}

size_t bans_list(const struct bans *b, uint64_t now, struct ban *out, size_t max) {
  size_t n = list(&b->addresses, false, now, out, 0, max);
  return list(&b->names, true, now, out, n, max);
}

static size_t lift(struct suspects *t, struct suspect *s, uint64_t now) {
  size_t lifted = left(s, now) && *s->what;
  if (s) forget(t, s);
  return lifted;
}

static size_t lift_all(struct suspects *t, uint64_t now) {
  struct suspect *s, *next;
  size_t lifted = 0;
  HASH_ITER(hh, t->all, s, next) lifted += lift(t, s, now);
  return lifted;
}

size_t bans_lift(struct bans *b, const char *what, uint64_t now) {
  if (!what) return lift_all(&b->addresses, now) + lift_all(&b->names, now);
  struct key name = name_key(b, what);
  size_t lifted = lift(&b->names, find(&b->names, &name), now);
  char plain[IP_TEXT];
  struct sockaddr_storage address;
  struct bytes text = bytes_of(what);
  size_t slash = bytes_find(text, '/', 0);
  bool whole = slash == text.len || bytes_equal(bytes_from(text, slash), BYTES("/64"));
  if (!whole || !bytes_copy((struct bytes){what, slash}, plain, sizeof plain) || ip_parse(plain, 0, &address) != OK)
    return lifted;
  struct key k = address_key((struct sockaddr *)&address, NULL);
  return lifted + lift(&b->addresses, find(&b->addresses, &k), now);
}
