#include "base/address/cidr.h"

#include "base/bytes.h"
#include "base/result.h"

#include <arpa/inet.h>
#include <string.h>

static unsigned width(int family) {
  return family == AF_INET ? 32 : 128;
}

static bool bit_set(const unsigned char *address, unsigned bit) {
  return address[bit / 8] >> (7 - bit % 8) & 1;
}

static int parse_address(const char *text, struct cidr *out) {
  memset(out, 0, sizeof *out);
  out->family = strchr(text, ':') ? AF_INET6 : AF_INET;
  return inet_pton(out->family, text, out->address) == 1 ? OK : E_SYNTAX;
}

static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff}; /* RFC 4291 2.5.5.2 */

static bool is_mapped(const struct cidr *c) {
  return c->family == AF_INET6 && c->prefix >= 96 && memcmp(c->address, mapped, sizeof mapped) == 0;
}

int cidr_parse(const char *text, struct cidr *out) {
  char address[IP_TEXT];
  struct bytes all = bytes_of(text);
  size_t slash = bytes_find(all, '/', 0);
  if (!bytes_copy((struct bytes){all.at, slash}, address, sizeof address) || parse_address(address, out) != OK)
    return E_SYNTAX;
  uint64_t prefix = width(out->family);
  if (slash < all.len && (!bytes_to_u64(bytes_from(all, slash + 1), &prefix) || prefix > width(out->family)))
    return E_SYNTAX;
  out->prefix = (unsigned)prefix;
  for (unsigned bit = out->prefix; bit < width(out->family); bit++)
    if (bit_set(out->address, bit)) return E_SYNTAX;
  if (is_mapped(out)) { /* as the addresses that it is compared with */
    memmove(out->address, out->address + 12, 4);
    memset(out->address + 4, 0, 12);
    out->family = AF_INET;
    out->prefix -= 96;
  }
  return OK;
}

/* The address octets, IPv4-mapped IPv6 turned into IPv4. */
static const unsigned char *octets(const struct sockaddr *address, int *family) {
  *family = address->sa_family;
  if (address->sa_family == AF_INET)
    return (const unsigned char *)&((const struct sockaddr_in *)(const void *)address)->sin_addr;
  const unsigned char *at = ((const struct sockaddr_in6 *)(const void *)address)->sin6_addr.s6_addr;
  if (memcmp(at, mapped, sizeof mapped) != 0) return at;
  *family = AF_INET;
  return at + sizeof mapped;
}

bool cidr_contains(const struct cidr *net, const struct sockaddr *address) {
  if (address->sa_family != AF_INET && address->sa_family != AF_INET6) return false;
  int family;
  const unsigned char *at = octets(address, &family);
  if (family != net->family) return false;
  for (unsigned bit = 0; bit < net->prefix; bit++)
    if (bit_set(at, bit) != bit_set(net->address, bit)) return false;
  return true;
}

int ip_parse(const char *text, unsigned port, struct sockaddr_storage *out) {
  struct cidr c;
  memset(out, 0, sizeof *out);
  if (port > 65535 || parse_address(text, &c) != OK) return E_SYNTAX;
  if (c.family == AF_INET) {
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    in->sin_family = AF_INET;
    in->sin_port = htons((uint16_t)port);
    memcpy(&in->sin_addr, c.address, 4);
  } else {
    struct sockaddr_in6 *in = (struct sockaddr_in6 *)out;
    in->sin6_family = AF_INET6;
    in->sin6_port = htons((uint16_t)port);
    memcpy(&in->sin6_addr, c.address, 16);
  }
  return OK;
}

int endpoint_parse(const char *text, char separator, struct sockaddr_storage *out) {
  struct bytes all = bytes_of(text), host, port_text;
  const char *last = strrchr(text, separator);
  if (!last) return E_SYNTAX;
  host = (struct bytes){text, (size_t)(last - text)};
  port_text = bytes_from(all, host.len + 1);
  bool bracketed = host.len > 2 && host.at[0] == '[' && host.at[host.len - 1] == ']';
  if (bracketed) host = (struct bytes){host.at + 1, host.len - 2};
  bool six = bytes_find(host, ':', 0) < host.len;
  if (bracketed != (separator == ':' && six)) return E_SYNTAX;
  char address[IP_TEXT];
  uint64_t port;
  if (!bytes_copy(host, address, sizeof address) || !bytes_to_u64(port_text, &port) || !port || port > 65535)
    return E_SYNTAX;
  return ip_parse(address, (unsigned)port, out);
}

void ip_format(const struct sockaddr *address, char out[IP_TEXT]) {
  int family = address->sa_family;
  const unsigned char *at = family == AF_INET || family == AF_INET6 ? octets(address, &family) : NULL;
  if (!at || !inet_ntop(family, at, out, IP_TEXT)) bytes_copy(BYTES("unknown"), out, IP_TEXT);
}

unsigned ip_port(const struct sockaddr *address) {
  if (address->sa_family == AF_INET) return ntohs(((const struct sockaddr_in *)(const void *)address)->sin_port);
  if (address->sa_family == AF_INET6) return ntohs(((const struct sockaddr_in6 *)(const void *)address)->sin6_port);
  return 0;
}

socklen_t ip_length(const struct sockaddr *address) {
  return address->sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}
