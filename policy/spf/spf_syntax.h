/* One term of an SPF record by the grammar of RFC 7208 section 12, which libspf2 does not keep to: it reads many
 * malformed terms as something else. Pure; any thread. */
#ifndef SENDOFF_POLICY_SPF_SPF_SYNTAX_H
#define SENDOFF_POLICY_SPF_SPF_SYNTAX_H

#include "base/bytes.h"
#include "base/result.h"

enum spf_kind {
  SPF_ALL,
  SPF_INCLUDE,
  SPF_A,
  SPF_MX,
  SPF_PTR,
  SPF_IP4,
  SPF_IP6,
  SPF_EXISTS, /* the last mechanism */
  SPF_REDIRECT,
  SPF_EXP,
  SPF_OTHER_MODIFIER
};

/* Views into the term's text. */
struct spf_term {
  enum spf_kind kind;
  char qualifier;            /* of a mechanism; "+" when none is written */
  struct bytes domain;       /* domain-spec without its final dot (7.3); empty when none is written */
  struct bytes network;      /* the address of ip4: and ip6: */
  unsigned ip4_len, ip6_len; /* prefix lengths of a, mx, ip4 and ip6; 32 and 128 when none is written */
};

const char *spf_kind_name(enum spf_kind kind); /* "all" ... */
/* `text` is printable ASCII without spaces. OK, or E_SYNTAX with the reason. */
int spf_term_read(struct bytes text, struct spf_term *out, struct reason *why);

#endif
