#include "cli/machine/own_listener.h"

#include "base/address/cidr.h"
#include "relay/daemon/control_client.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool is_wildcard(const struct sockaddr *a) {
  static const struct in6_addr any = IN6ADDR_ANY_INIT;
  if (a->sa_family == AF_INET) return ((const struct sockaddr_in *)(const void *)a)->sin_addr.s_addr == INADDR_ANY;
  return memcmp(&((const struct sockaddr_in6 *)(const void *)a)->sin6_addr, &any, sizeof any) == 0;
}

bool own_listener_read(const struct listen_config *l, struct own_listener *out) {
  const struct sockaddr *at = (const struct sockaddr *)&l->address;
  char address[IP_TEXT];
  if (at->sa_family != AF_INET && at->sa_family != AF_INET6) return false;
  bool v6 = at->sa_family == AF_INET6;
  if (is_wildcard(at))
    snprintf(address, sizeof address, "%s", v6 ? "::1" : "127.0.0.1");
  else
    ip_format(at, address);
  snprintf(out->text, sizeof out->text, v6 ? "[%s]:%u" : "%s:%u", address, ip_port(at));
  return ip_parse(address, ip_port(at), &out->to) == OK && ip_parse(address, 0, &out->from) == OK;
}

int own_announcement_begin(struct own_announcement *a) {
  a->control = -1;
  int rc = control_open(a->data_dir, &a->control);
  return rc == OK || rc == E_NOT_FOUND ? rc : E_DENIED;
}

void own_listener_withdraw(void *arg) {
  struct own_announcement *a = arg;
  if (a->control >= 0) close(a->control);
  a->control = -1;
}

int own_listener_announce(void *arg, const struct sockaddr *local) {
  const struct own_announcement *a = arg;
  char request[256], address[IP_TEXT];
  struct buffer answer;
  ip_format(local, address);
  snprintf(request, sizeof request, "expect %s %u%s%s", address, ip_port(local), a->account ? " " : "",
           a->account ? a->account : "");
  buffer_init(&answer, 1024);
  int rc = control_ask_over(a->control, request, &answer);
  buffer_free(&answer);
  return rc == OK ? OK : E_DENIED;
}
