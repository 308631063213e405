/* What a server's EHLO reply offers (RFC 5321 4.1.1.1). Pure; one thread. */
#ifndef SENDOFF_RELAY_EHLO_H
#define SENDOFF_RELAY_EHLO_H

#include "base/bytes.h"

struct ehlo {
  bool pipelining;   /* RFC 2920 */
  bool size;         /* RFC 1870 */
  uint64_t size_max; /* 0: no fixed maximum */
  bool eightbit;     /* RFC 6152 */
  bool utf8;         /* RFC 6531 */
  bool starttls;     /* RFC 3207 */
};
/* One line of the reply, without its code; the first (index 0) names the server and offers nothing. */
void ehlo_line(struct ehlo *e, size_t index, struct bytes text);

#endif
