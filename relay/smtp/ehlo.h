/* What a server's EHLO reply offers (RFC 5321 4.1.1.1). Pure; one thread. */
#ifndef SENDOFF_RELAY_SMTP_EHLO_H
#define SENDOFF_RELAY_SMTP_EHLO_H

#include "base/bytes.h"

/* SASL mechanisms that we can use as a client. */
enum ehlo_auth {
  EHLO_PLAIN = 1,
  EHLO_LOGIN = 2,
  EHLO_SCRAM_SHA_1 = 4,
  EHLO_SCRAM_SHA_1_PLUS = 8,
  EHLO_SCRAM_SHA_256 = 16,
  EHLO_SCRAM_SHA_256_PLUS = 32,
  EHLO_XOAUTH2 = 64,
  EHLO_OAUTHBEARER = 128,
};

struct ehlo {
  bool pipelining;           /* RFC 2920 */
  bool size;                 /* RFC 1870 */
  uint64_t size_max;         /* 0: no fixed maximum */
  bool eightbit;             /* RFC 6152 */
  bool utf8;                 /* RFC 6531 */
  bool starttls;             /* RFC 3207 */
  bool dsn;                  /* RFC 3461 */
  bool deliver_by;           /* RFC 2852 */
  uint64_t deliver_by_least; /* seconds, for by-mode R; 0: no fixed minimum */
  bool priority;             /* RFC 6710 */
  bool require_tls;          /* RFC 8689 */
  bool auth;                 /* RFC 4954 */
  unsigned mechanisms;       /* enum ehlo_auth; those that are not known are left out */
  /* RFC 9422 4; 0: not said. RCPTDOMAINMAX needs no place: a transaction of ours has recipients of one domain. */
  uint64_t mail_max, recipient_max;
};
/* One line of the reply, without its code; the first (index 0) names the server and offers nothing. */
void ehlo_line(struct ehlo *e, size_t index, struct bytes text);

#endif
