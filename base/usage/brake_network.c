/* Networks, as the brake tells them apart: an IPv4 /24, an IPv6 /48. */
#include "base/usage/brake.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#define FAMILY_4 (UINT64_C(4) << 56)
#define FAMILY_6 (UINT64_C(6) << 56)

static uint64_t read_bits(const unsigned char *at, size_t octets) {
  uint64_t n = 0;
  for (size_t i = 0; i < octets; i++) n = n << 8 | at[i];
  return n;
}

static bool is_own(const struct sockaddr *client) {
  static const char *const own[] = {"127.0.0.0/8",    "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10",
                                    "169.254.0.0/16", "::1",        "fc00::/7",      "fe80::/10"};
  struct cidr net;
  for (size_t i = 0; i < sizeof own / sizeof own[0]; i++)
    if (cidr_parse(own[i], &net) == OK && cidr_contains(&net, client)) return true;
  return false;
}

uint64_t brake_network_key(const struct sockaddr *client) {
  if (client->sa_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)client;
    return is_own(client) ? 0 : FAMILY_4 | read_bits((const unsigned char *)&in->sin_addr, 3);
  }
  if (client->sa_family != AF_INET6 || is_own(client)) return 0;
  const struct in6_addr *in6 = &((const struct sockaddr_in6 *)client)->sin6_addr;
  return IN6_IS_ADDR_V4MAPPED(in6) ? FAMILY_4 | read_bits(in6->s6_addr + 12, 3) : FAMILY_6 | read_bits(in6->s6_addr, 6);
}

uint64_t brake_network_wide(uint64_t key) {
  return key < FAMILY_6 ? key >> 8 : key >> 16;
}

void brake_network_format(uint64_t key, char out[IP_TEXT]) {
  unsigned char address[16] = {0};
  char text[INET6_ADDRSTRLEN] = "";
  bool six = key >= FAMILY_6;
  size_t octets = six ? 6 : 3;
  for (size_t i = 0; i < octets; i++) address[i] = (unsigned char)(key >> 8 * (octets - 1 - i));
  inet_ntop(six ? AF_INET6 : AF_INET, address, text, sizeof text);
  snprintf(out, IP_TEXT, "%s/%d", text, six ? 48 : 24);
}
