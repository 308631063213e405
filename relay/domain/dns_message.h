/* DNS messages for one server, through libldns: a question without recursion, and what its reply says. Pure; any
 * thread. */
#ifndef SENDOFF_RELAY_DOMAIN_DNS_MESSAGE_H
#define SENDOFF_RELAY_DOMAIN_DNS_MESSAGE_H

#include "base/address/dns_answer.h"
#include "base/bytes.h"
#include "base/result.h"
#include "relay/domain/zone.h"

#define DNS_UDP_SIZE 1232 /* octets of a datagram that we take (EDNS(0), RFC 6891 6.2.5): no path cuts it */

enum reply_kind {
  REPLY_FINAL, /* `answer` is what the zone has: records, or that there are none */
  REPLY_ALIAS, /* a CNAME leads to `alias`, which another zone or other servers have */
  REPLY_NONE,  /* nothing that counts: `why` */
};
struct dns_reply {
  enum reply_kind kind;
  struct dns_answer answer; /* its canonical: where CNAMEs within the zone led. dns_reply_clear */
  char alias[ZONE_NAME];
  char why[160]; /* "answers REFUSED" */
};

/* RD is 0: it is asked what it knows itself (RFC 1035 4.1.1). The caller frees `out`. OK, E_SYNTAX, E_MEMORY. */
int dns_question(const char *name, int type, struct buffer *out);
/* What a server of `zone` replied to that question. */
void dns_reply_read(struct bytes wire, const char *zone, const char *name, int type, struct dns_reply *out);
/* Frees what the answer points to, and leaves it DNS_FAILED. */
void dns_answer_clear(struct dns_answer *answer);

#endif
