/* What a server's EHLO reply offers (RFC 5321 4.1.1.1). Pure; one thread. */
#ifndef SENDOFF_RELAY_SMTP_EHLO_H
#define SENDOFF_RELAY_SMTP_EHLO_H

#include "base/bytes.h"

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
  /* RFC 9422 4; 0: not said. RCPTDOMAINMAX needs no place: a transaction of ours has recipients of one domain. */
  uint64_t mail_max, recipient_max;
};
/* One line of the reply, without its code; the first (index 0) names the server and offers nothing. */
void ehlo_line(struct ehlo *e, size_t index, struct bytes text);

#endif
