/* TLSA records (RFC 6698 2.1) as far as SMTP can match them (RFC 7672 3.1). Pure; any thread. */
#ifndef SENDOFF_RELAY_NET_TLSA_H
#define SENDOFF_RELAY_NET_TLSA_H

#include "base/address/dns_answer.h"

#define TLSA_TYPE 52         /* RFC 6698 7.1; <arpa/nameser.h> has no name for it */
#define TLSA_RECORDS_MAX 32  /* usable ones of one answer that are kept, */
#define TLSA_OCTETS_MAX 8192 /* with so much data */

/* RFC 7218 has the names. */
enum tlsa_usage { TLSA_PKIX_TA, TLSA_PKIX_EE, TLSA_DANE_TA, TLSA_DANE_EE };
enum tlsa_selector { TLSA_CERT, TLSA_SPKI };
enum tlsa_matching { TLSA_FULL, TLSA_SHA2_256, TLSA_SHA2_512 };

struct tlsa {
  enum tlsa_usage usage; /* TLSA_DANE_TA or TLSA_DANE_EE: PKIX-TA and PKIX-EE are not usable here (RFC 7672 3.1.3) */
  enum tlsa_selector selector;
  enum tlsa_matching matching;
  struct bytes data;
};
struct tlsa_set {
  size_t count;    /* usable ones: those of the strongest digest of each usage and selector (RFC 7671 9) */
  size_t unusable; /* the others */
  bool cut;        /* there were more usable ones than are kept */
  size_t octets;   /* of all of it */
  struct tlsa records[];
};

/* What an answer that was found has. One allocation, for free(); NULL without memory. */
struct tlsa_set *tlsa_set_read(const struct dns_answer *answer);
bool tlsa_set_has(const struct tlsa_set *s, enum tlsa_usage usage);
/* 311 for "3 1 1", as it is logged. */
unsigned tlsa_number(const struct tlsa *t);
/* "_25._tcp.mx.example.net" (RFC 6698 3). False: too long for a name. */
bool tlsa_name(const char *base, unsigned port, char out[256]);

#endif
