/* What a domain announces as its logo (BIMI: draft-brand-indicators-for-message-identification), and whether the
 * picture keeps to the basics of the profile that receivers take (SVG Tiny Portable/Secure). Pure; any thread. */
#ifndef SENDOFF_RELAY_DOMAIN_BIMI_H
#define SENDOFF_RELAY_DOMAIN_BIMI_H

#include "base/bytes.h"
#include "base/result.h"

#define BIMI_SVG_MAX (32 * 1024) /* octets of a picture */
#define BIMI_URL 500

struct bimi_record {
  char logo[BIMI_URL];     /* l=; "": the domain declines to have one */
  char evidence[BIMI_URL]; /* a=, a verified mark certificate; "": none */
};
bool bimi_is_record(struct bytes text);
/* E_SYNTAX with the reason. */
int bimi_record_read(struct bytes text, struct bimi_record *out, struct reason *why);
/* E_SYNTAX with the first thing that is wrong. Not a validation: the profile is a schema. */
int bimi_svg_check(struct bytes svg, struct reason *why);

#endif
