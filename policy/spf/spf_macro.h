/* Macro strings and domain-specs of SPF, judged before anything is expanded (RFC 7208 7.1). Pure; any thread. */
#ifndef SENDOFF_POLICY_SPF_SPF_MACRO_H
#define SENDOFF_POLICY_SPF_SPF_MACRO_H

#include "base/bytes.h"
#include "base/result.h"

/* `explanation`: the letters c, r and t are allowed, too (7.2). OK, or E_SYNTAX with the reason. */
int spf_macro_string_check(struct bytes text, bool explanation, struct reason *why);
/* A macro-string that ends in a macro or in a top label; never empty. OK, or E_SYNTAX with the reason. */
int spf_domain_spec_check(struct bytes text, struct reason *why);
/* Does a macro of a well-formed macro-string use the local part? */
bool spf_macro_uses_local_part(struct bytes text);

#endif
