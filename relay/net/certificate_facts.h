/* What a certificate says of itself: for whom, until when, and who vouches for it. Any thread. */
#ifndef SENDOFF_RELAY_NET_CERTIFICATE_FACTS_H
#define SENDOFF_RELAY_NET_CERTIFICATE_FACTS_H

#include "base/bytes.h"
#include "base/clock.h"
#include "base/result.h"

#include <stdbool.h>
#include <stdint.h>

struct certificate_facts {
  char names[256]; /* the DNS names in it, separated by blanks, as many as fit; without any, its common name */
  int64_t expires_us;
  bool self_signed; /* nobody else vouches for it: clients that verify refuse it */
};

/* Of one certificate, DER. E_SYNTAX, E_MEMORY. */
int certificate_facts_of(struct bytes der, struct certificate_facts *out);
/* Of the first certificate in a PEM file. E_IO with the reason. */
int certificate_facts_read(const char *path, struct certificate_facts *out, struct reason *why);
/* Whether clients that verify take the first certificate of a PEM file for this host, whatever room there is for its
 * names (RFC 6125). False also where it cannot be read. */
bool certificate_file_is_for(const char *path, const char *hostname);
/* Whether the file is whole: every certificate in it has an end and can be read. E_IO with the reason. */
int certificate_file_check(const char *path, struct reason *why);

/* ACME clients renew a month before the end: what is not renewed two weeks before it will not be by itself. */
#define CERTIFICATE_SOON_US (14 * 86400 * SECOND_US)
enum certificate_life { CERTIFICATE_GOOD, CERTIFICATE_SOON, CERTIFICATE_OVER };
enum certificate_life certificate_life(const struct certificate_facts *f, int64_t now_us);

#endif
