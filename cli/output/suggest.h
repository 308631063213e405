/* "Did you mean": of names that exist, the one that is nearest to what was typed. One thread. */
#ifndef SENDOFF_CLI_OUTPUT_SUGGEST_H
#define SENDOFF_CLI_OUTPUT_SUGGEST_H

#include "base/bytes.h"

#define SUGGEST_NAME_MAX 64 /* octets of a name; longer ones are not offered */

struct suggestion {
  struct bytes typed;
  char best[SUGGEST_NAME_MAX + 1]; /* "": none is near enough */
  size_t distance;
};
struct suggestion suggestion_for(struct bytes typed);
void suggestion_try(struct suggestion *s, struct bytes name);
void suggestion_try_synonym(struct suggestion *s, struct bytes name);
/* "; did you mean account?", or ";", so that more can follow. Into `out`, which is returned. */
const char *suggestion_text(const struct suggestion *s, const char *before, char *out, size_t size);

#endif
