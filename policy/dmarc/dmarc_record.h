/* A published DMARC record (RFC 9989 4.7, 4.8), read as receivers read it. Pure; any thread. */
#ifndef SENDOFF_POLICY_DMARC_DMARC_RECORD_H
#define SENDOFF_POLICY_DMARC_DMARC_RECORD_H

#include "base/bytes.h"

#define DMARC_RECORD_MAX 4096 /* octets that are read of a record */

enum dmarc_policy { DMARC_NONE, DMARC_QUARANTINE, DMARC_REJECT }; /* in this order: t=y goes one back */
const char *dmarc_policy_name(enum dmarc_policy p);               /* "none" ... */

enum dmarc_psd { DMARC_PSD_UNKNOWN, DMARC_PSD_YES, DMARC_PSD_NO };
enum { DMARC_FO_ALL = 1 /* 0 */, DMARC_FO_ANY = 2 /* 1 */, DMARC_FO_DKIM = 4 /* d */, DMARC_FO_SPF = 8 /* s */ };

struct dmarc_record {
  enum dmarc_policy p, sp, np; /* with their defaults: sp is p, np is sp */
  enum dmarc_psd psd;
  bool testing; /* t=y */
  bool strict_dkim, strict_spf;
  bool rua, ruf; /* at least one URI is there */
  unsigned fo;
  /* RFC 9989 4.10.1: p, sp or np holds what is no policy. With rua it is a record of p=none, else none is applied. A
   * record without p is one of p=none (4.7). */
  bool unusable;
  /* The same of RFC 7489 6.6.3, which knows no np and wants p. */
  bool old_unusable;
  enum dmarc_policy old_p, old_sp;
  unsigned pct; /* RFC 7489 alone: 0 to 100 */
};

/* Does it begin with the version (RFC 9989 4.10 step 2)? Others at the same name do not count. */
bool dmarc_is_record(struct bytes text);
/* Reads a text that is a record. Unknown tags and values that make no sense are ignored, of two tags with one name the
 * first counts. Cannot fail: see `unusable`. */
void dmarc_record_read(struct bytes text, struct dmarc_record *out);

#endif
