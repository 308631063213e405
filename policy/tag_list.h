/* Tag lists, "v=DMARC1; p=none": the form of DKIM key records (RFC 6376 3.2) and of DMARC records (RFC 9989 4.8). Pure;
 * any thread. */
#ifndef SENDOFF_POLICY_TAG_LIST_H
#define SENDOFF_POLICY_TAG_LIST_H

#include "base/bytes.h"
#include "base/result.h"

/* Views into the text, without the white space around them. */
struct tag {
  struct bytes name, value;
};

/* Start with `*at` = 0. 1: the next tag is in `out`; 0: the end; E_SYNTAX: what stands up to the next ";" is no tag,
 * and the call after this one goes on behind it. Empty pieces (";;", a ";" at the end) are skipped. A name is a letter,
 * and letters, digits and "_" after it; a value is printable ASCII, and white space within it. */
int tag_next(struct bytes text, size_t *at, struct tag *out);

#endif
