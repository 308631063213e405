/* What a header says, as facts for the policy: its authors, its stream, what receivers ask of bulk mail. */
#include "policy/bulk_rules.h"
#include "relay/message/signing.h"
#include "relay/mime/bulk_fields.h"
#include "relay/submission/intake_parts.h"

#include <string.h>

/* --- the stream: which pool it leaves from, and whose usage it is --- */

/* Another pool than MAIL was decided for: SPF is asked about its sources when the content is whole. */
static void use_pool(struct transaction *tx, const char *pool) {
  if (strcmp(pool, tx->pool) == 0) return;
  tx->pool = pool;
  tx->facts.known &= ~(unsigned)FACT_SPF;
  memset(&tx->sources, 0, sizeof tx->sources);
}

static void take_stream(struct transaction *tx, enum mail_stream stream) {
  tx->facts.stream = tx->owners.stream = stream;
  tx->owners.stream_known = true;
  use_pool(tx, account_pool(tx->account, stream));
}

/* --- the authors --- */

/* The signature follows From's domain. */
static int take_authors(struct intake *i, const struct header_fixup *h) {
  struct transaction *tx = i->session->tx;
  struct facts *f = &tx->facts;
  f->header_from = header_fixup_from(h);
  f->header_sender = header_fixup_sender(h);
  f->daemon = i->daemon |= h->daemon; /* encoded anew, it has that address already */
  int rc = signing_domain(f->header_from, tx->author);
  if (rc == E_MEMORY) return rc;
  if (rc != OK) tx->author[0] = '\0';
  f->from_domain = rc == OK ? tx->author : NULL;
  f->header_domain = tx->owners.domain = rc == OK ? directory_domain(i->directory, tx->author, true) : NULL;
  return OK;
}

/* --- bulk mail --- */

/* Which of the pool's sources it leaves from is decided later: one that is as it should be is enough. */
static enum answer source_confirmed(const struct intake *i) {
  size_t count, unconfirmed = 0;
  const struct source *sources = directory_pool(i->directory, i->session->tx->pool, &count);
  for (size_t n = 0; n < count; n++) {
    if (sources[n].name == SOURCE_NAME_CONFIRMED) return ANSWER_YES;
    unconfirmed += sources[n].name == SOURCE_NAME_UNCONFIRMED;
  }
  return count && unconfirmed == count ? ANSWER_NO : ANSWER_UNKNOWN;
}

/* Of other mail nobody asks. */
static void take_bulk(const struct intake *i, const struct header_fixup *h, struct facts *f) {
  const struct signing_key *keys[SIGNER_KEYS_MAX];
  const struct domain *d;
  f->known |= FACT_BULK;
  if (f->stream != STREAM_BULK) return;
  bulk_fields_find(buffer_bytes(h->kept), &f->bulk);
  f->source_confirmed = source_confirmed(i);
  bool is_signed = f->from_domain && signing_keys(i->directory, f->from_domain, f->stream, &d, keys);
  f->signing_domain = is_signed ? d->name : NULL;
  f->from_aligned = bulk_from_aligned(f->signing_domain, f->header_from);
}

int intake_facts(struct intake *i, const struct header_fixup *h) {
  struct transaction *tx = i->session->tx;
  int rc = take_authors(i, h);
  if (rc != OK) return rc;
  take_stream(tx, i->stream);
  take_bulk(i, h, &tx->facts);
  tx->facts.known |= FACT_HEADER;
  return OK;
}
