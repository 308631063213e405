#include "relay/net/local_address.h"

#include "base/address/cidr.h"

#include <errno.h>
#include <unistd.h>

bool address_is_here(const struct sockaddr *address) {
  int fd = socket(address->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return true;
  bool foreign = bind(fd, address, ip_length(address)) != 0 && errno == EADDRNOTAVAIL;
  close(fd);
  return !foreign;
}

int address_away(const char *address, struct reason *why) {
  return fail(why, E_NOT_FOUND, "source %s is not an address of this machine", address);
}
