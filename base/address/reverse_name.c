#include "base/address/reverse_name.h"

#include <netinet/in.h>
#include <stdio.h>

struct bytes address_octets(const struct sockaddr_storage *address) {
  if (address->ss_family == AF_INET6)
    return (struct bytes){(const char *)&((const struct sockaddr_in6 *)address)->sin6_addr, 16};
  return (struct bytes){(const char *)&((const struct sockaddr_in *)address)->sin_addr, 4};
}

bool reverse_name(struct bytes octets, const char *zone, char *out, size_t size) {
  char reversed[65] = "";
  size_t at = 0;
  for (size_t i = octets.len; i-- > 0;) {
    unsigned octet = (unsigned char)octets.at[i];
    at += octets.len == 16 ? (size_t)snprintf(reversed + at, sizeof reversed - at, "%x.%x.", octet & 15, octet >> 4)
                           : (size_t)snprintf(reversed + at, sizeof reversed - at, "%u.", octet);
  }
  return (size_t)snprintf(out, size, "%s%s", reversed, zone) < size;
}
