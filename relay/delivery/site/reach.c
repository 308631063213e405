#include "relay/delivery/site/reach.h"

#include "base/clock.h"

#include <stdio.h>

#define KEY_ROOM (2 * IP_TEXT + 12)

static void write_key(const struct destination *d, const struct sockaddr_storage *address, char out[KEY_ROOM]) {
  char ip[IP_TEXT];
  ip_format((const struct sockaddr *)address, ip);
  snprintf(out, KEY_ROOM, "%s %s:%u", d->source_text, ip, ip_port((const struct sockaddr *)address) & 0xffffu);
}

enum address_grade reach_grade(const struct destination *d, const struct sockaddr_storage *address) {
  char key[KEY_ROOM];
  int64_t now = clock_now_us();
  write_key(d, address, key);
  if (host_list_has(d->delivery->failed_addresses, key, now)) return ADDRESS_FAILED;
  return host_list_has(d->delivery->slow_addresses, key, now) ? ADDRESS_SLOW : ADDRESS_GOOD;
}

void reach_note_failed(const struct destination *d, const struct sockaddr_storage *address) {
  char key[KEY_ROOM];
  write_key(d, address, key);
  host_list_add(d->delivery->failed_addresses, key, clock_now_us());
}

void reach_note_slow(const struct destination *d, const struct sockaddr_storage *address) {
  char key[KEY_ROOM];
  write_key(d, address, key);
  host_list_add(d->delivery->slow_addresses, key, clock_now_us());
}

void reach_note_connected(const struct destination *d, const struct sockaddr_storage *address) {
  char key[KEY_ROOM];
  write_key(d, address, key);
  host_list_forget(d->delivery->failed_addresses, key);
  host_list_forget(d->delivery->slow_addresses, key);
}
