#include "base/address/address_kind.h"

#include <netinet/in.h>
#include <string.h>

static enum address_kind kind_of_v4(const unsigned char a[4]) {
  if (a[0] == 0) return ADDRESS_UNSPECIFIED;
  if (a[0] == 127) return ADDRESS_LOOPBACK;
  if (a[0] == 169 && a[1] == 254) return ADDRESS_LINK_LOCAL;
  if (a[0] >= 240) return ADDRESS_RESERVED;
  return a[0] >= 224 ? ADDRESS_MULTICAST : ADDRESS_HOST;
}

/* The IPv4 address inside; NULL: there is none. */
static const unsigned char *inner_v4(const unsigned char a[16]) {
  static const struct {
    unsigned char prefix[12];
    size_t len, at;
  } forms[] = {
      {{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}, 12, 12}, /* mapped */
      {{0}, 12, 12},                                        /* compatible */
      {{0, 0x64, 0xff, 0x9b}, 12, 12},                      /* NAT64 */
      {{0x20, 0x02}, 2, 2},                                 /* 6to4 */
  };
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++)
    if (!memcmp(a, forms[i].prefix, forms[i].len)) return a + forms[i].at;
  return NULL;
}

static enum address_kind kind_of_v6(const struct in6_addr *a) {
  if (IN6_IS_ADDR_UNSPECIFIED(a)) return ADDRESS_UNSPECIFIED;
  if (IN6_IS_ADDR_LOOPBACK(a)) return ADDRESS_LOOPBACK;
  if (IN6_IS_ADDR_LINKLOCAL(a)) return ADDRESS_LINK_LOCAL;
  if (IN6_IS_ADDR_MULTICAST(a)) return ADDRESS_MULTICAST;
  const unsigned char *inner = inner_v4(a->s6_addr);
  return inner ? kind_of_v4(inner) : ADDRESS_HOST;
}

enum address_kind address_kind_of(const struct sockaddr *address) {
  if (address->sa_family == AF_INET6) return kind_of_v6(&((const struct sockaddr_in6 *)address)->sin6_addr);
  unsigned char a[4];
  memcpy(a, &((const struct sockaddr_in *)address)->sin_addr, sizeof a);
  return kind_of_v4(a);
}

const char *address_kind_phrase(enum address_kind kind) {
  static const char *const phrases[] = {
      [ADDRESS_HOST] = "a host's address",
      [ADDRESS_LOOPBACK] = "a loopback address",
      [ADDRESS_UNSPECIFIED] = "an unspecified address",
      [ADDRESS_LINK_LOCAL] = "a link-local address",
      [ADDRESS_MULTICAST] = "a multicast address",
      [ADDRESS_RESERVED] = "a reserved address",
  };
  return phrases[kind];
}
