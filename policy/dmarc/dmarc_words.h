/* A DMARC prediction in words, and the records that would repair it. Pure; any thread. */
#ifndef SENDOFF_POLICY_DMARC_DMARC_WORDS_H
#define SENDOFF_POLICY_DMARC_DMARC_WORDS_H

#include "policy/dmarc/dmarc_predict.h"

/* What, if it were published, would make the mail pass: with an aligned domain, and not passing now. */
struct dmarc_repairable {
  bool spf;
  const struct dmarc_signature *signature; /* NULL: none */
};

/* Fills `why` and `repairs` of a prediction whose outcomes and warnings are there. `author` normalized; `asked`:
 * what was, and what failed. */
void dmarc_words(const struct dmarc_facts *facts, const char *author, const struct dmarc_dns *asked,
                 const struct dmarc_finding *finding, const struct dmarc_repairable *repairable,
                 struct dmarc_prediction *out);
/* The same when nothing could be asked: the author's domain is none. */
void dmarc_words_unread(const char *author, struct dmarc_prediction *out);

#endif
