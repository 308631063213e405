/* A published SPF record, taken apart at its spaces (RFC 7208 4.6.1), so that libspf2 is given one term at a time, in
 * the order in which they count, and none that is malformed. Pure; any thread. */
#ifndef SENDOFF_POLICY_SPF_SPF_TERMS_H
#define SENDOFF_POLICY_SPF_SPF_TERMS_H

#include "policy/spf/spf_syntax.h"

#define SPF_RECORD_MAX 4096
#define SPF_TERM_MAX 400       /* a domain name is 253 octets at most, and a macro is longer than what it stands for */
#define SPF_MECHANISMS_MAX 254 /* libspf2 counts them, and the redirect, in an octet */

/* Views into the record's text. */
struct spf_terms {
  struct spf_term mechanism[SPF_MECHANISMS_MAX]; /* in order */
  size_t count;
  struct spf_term redirect; /* its domain is empty when there is none, or when "all" makes it void (RFC 7208 6.1) */
  bool local_part;          /* a macro of them uses the local part */
};

/* Does it begin with the version, and nothing longer (RFC 7208 4.5)? */
bool spf_is_record(struct bytes text);
/* Reads a text that is a record. An error anywhere in it counts (RFC 7208 4.6), but other modifiers than redirect= are
 * left out once they are read: exp= is never used here, and the rest must be ignored (6). E_SYNTAX or E_TOO_BIG with
 * the reason. */
int spf_terms_read(struct bytes text, struct spf_terms *out, struct reason *why);

#endif
