/* What the DNS servers of tests put into their answers, as it goes over the wire (RFC 1035 3). */
#ifndef SENDOFF_TESTS_DNS_WIRE_H
#define SENDOFF_TESTS_DNS_WIRE_H

#include <stddef.h>
#include <string.h>

/* Returns its length. */
static inline size_t dns_wire_name(unsigned char *out, const char *name) {
  size_t at = 0;
  while (*name) {
    size_t len = strcspn(name, ".");
    out[at++] = (unsigned char)len;
    memcpy(out + at, name, len);
    at += len;
    name += len + (name[len] == '.');
  }
  out[at++] = 0;
  return at;
}

#endif
