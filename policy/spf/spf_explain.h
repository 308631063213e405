/* What an SPF verdict says to a person. Pure; any thread. */
#ifndef SENDOFF_POLICY_SPF_SPF_EXPLAIN_H
#define SENDOFF_POLICY_SPF_SPF_EXPLAIN_H

#include "policy/spf/spf.h"
#include "policy/spf/spf_questions.h"

/* Writes `why`, from the rest of the verdict. `record` is the domain's, or its beginning. */
void spf_explain(struct spf_verdict *verdict, const struct spf_questions *asked, const char *record);

#endif
