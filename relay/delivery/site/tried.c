#include "relay/delivery/site/tried.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDRESS_ROOM (IP_TEXT + 12)

static void write_address(const struct sockaddr_storage *address, char out[ADDRESS_ROOM]) {
  char ip[IP_TEXT];
  ip_format((const struct sockaddr *)address, ip);
  snprintf(out, ADDRESS_ROOM, " !%s:%u", ip, ip_port((const struct sockaddr *)address) & 0xffffu);
}

bool tried_has(const struct tried *t, const struct sockaddr_storage *address) {
  char one[ADDRESS_ROOM], other[ADDRESS_ROOM];
  if (t->count) write_address(address, one);
  for (size_t i = 0; i < t->count; i++) {
    write_address(&t->addresses[i], other);
    if (!strcmp(one, other)) return true;
  }
  return false;
}

void tried_add(struct tried *t, const struct sockaddr_storage *address, bool broken_tls) {
  if (tried_is_full(t) || tried_has(t, address)) return;
  t->broken_tls[t->count] = broken_tls;
  t->addresses[t->count++] = *address;
}

bool tried_met_broken_tls(const struct tried *t) {
  for (size_t i = 0; i < t->count; i++)
    if (t->broken_tls[i]) return true;
  return false;
}

struct tried tried_but_for_tls(const struct tried *t) {
  struct tried left = {0};
  for (size_t i = 0; i < t->count; i++)
    if (!t->broken_tls[i]) tried_add(&left, &t->addresses[i], false);
  return left;
}

char *tried_text(const struct tried *t) {
  char *text = calloc(t->count + 1, ADDRESS_ROOM), *at = text;
  for (size_t i = 0; text && i < t->count; i++) {
    write_address(&t->addresses[i], at);
    if (t->broken_tls[i]) at[1] = '~';
    at += strlen(at);
  }
  return text;
}
