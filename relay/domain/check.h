/* What DNS has of one domain, record by record: asked of every authoritative server and of the configured resolver, and
 * tried with a signature of each key. For the command, and for whoever compares it with what was found before.
 * Blocking: libuv's pool, or a command; one thread a check. */
#ifndef SENDOFF_RELAY_DOMAIN_CHECK_H
#define SENDOFF_RELAY_DOMAIN_CHECK_H

#include "base/directory/domain_note.h"
#include "dkim/signer.h"
#include "policy/dmarc/dmarc_predict.h"
#include "policy/source_rank.h"
#include "relay/domain/authority.h"
#include "relay/domain/records.h"
#include "relay/net/https.h"

#define CHECK_MS 60000 /* what a domain may take */
#define CHECK_ENTRIES_MAX 64
#define CHECK_VALUE 1500 /* octets that are shown of a record */
#define CHECK_TEXT 700

/* One record that the domain has, or should have. */
struct check_entry {
  enum record_kind kind;
  enum found_state state;
  bool hurts; /* mail is refused, filtered, or does not come back because of it */
  char name[RECORD_NAME];
  char type[8];
  char expected[CHECK_VALUE]; /* to be published; "": whatever is there will do */
  char found[CHECK_VALUE];    /* "": nothing */
  char text[CHECK_TEXT];      /* one sentence, for a person */
};
/* A key that signs. */
struct check_key {
  char selector[256];
  struct key_verdict published;
};
struct check_report {
  char domain[DOMAIN_MAX + 1];
  bool right; /* nothing hurts, and all that could is known */
  size_t count;
  struct check_entry entries[CHECK_ENTRIES_MAX];
  bool cut;                 /* there would be more */
  char servers[CHECK_TEXT]; /* which of the zones' own name servers were not asked, or did not answer; "": all did */
  size_t key_count;
  struct check_key keys[SIGNER_KEYS_MAX];
  size_t source_count;
  struct spf_verdict spf[SOURCES_MAX]; /* of each source that may be used */
  struct spf_verdict best;             /* of the source that does best */
  struct dmarc_prediction dmarc;       /* for mail that is signed and leaves from it */
};

struct check_plan {
  const struct directory *directory;
  const struct domain *domain;
  struct authority_plan authority; /* with the resolver */
  const struct https *https;       /* NULL: policies and pictures are not fetched */
  /* A signing key's private half, appended to `pem` (buffer_init_secret); NULL: no signature is tried. */
  int (*private_key)(void *arg, int64_t key_id, struct buffer *pem, struct reason *why);
  void *arg;
};
/* DNS is not asked after `deadline_ms` (clock_monotonic_ms), and no fetch is begun then. OK or E_MEMORY. `out` owns
 * nothing. */
int check_domain(const struct check_plan *plan, uint64_t deadline_ms, struct check_report *out);

#endif
