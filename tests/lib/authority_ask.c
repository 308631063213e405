/* Asks the authoritative servers of a name, for tests that serve its zone with another DNS server:
 *
 *   authority_ask RESOLVER NAME TYPE PORT MILLISECONDS
 *
 * prints "OK", or the reason, then the zone, then for each server a line of fields separated by tabs: zone, name,
 * address, "answered" or why not, status, where CNAMEs led, and the records as hexadecimal RDATA. */
#include "base/clock.h"
#include "relay/domain/authority.h"
#include "relay/net/resolver.h"

#include <stdio.h>
#include <stdlib.h>

static void print_server(const struct authority_server *s) {
  static const char *const statuses[] = {"FOUND", "NXDOMAIN", "NODATA", "FAILED"};
  printf("%s\t%s\t%s\t%s\t%s\t%s", s->zone, s->name, s->address, s->answered ? "answered" : s->why,
         statuses[s->answer.status], s->answer.canonical);
  for (size_t i = 0; i < s->answer.count; i++) {
    putchar('\t');
    for (size_t k = 0; k < s->answer.records[i].data.len; k++)
      printf("%02x", (unsigned)(unsigned char)s->answer.records[i].data.at[k]);
  }
  putchar('\n');
}

int main(int argc, char **argv) {
  static struct authority a;
  struct reason why = {""};
  struct resolver *r;
  if (argc != 6) return 2;
  struct config config = {.dns_servers = &argv[1], .dns_server_count = 1};
  if (resolver_new(&config, &r, &why) != OK) return 2;
  const struct dns_source dns = {r, resolver_lookup, resolver_release};
  const struct authority_plan plan = {.dns = &dns, .local = true, .port = (unsigned)atoi(argv[4])};
  int rc = authority_ask(&plan, argv[2], atoi(argv[3]), clock_monotonic_ms() + (uint64_t)atoi(argv[5]), &a, &why);
  puts(rc == OK ? "OK" : why.text);
  puts(a.zone);
  for (size_t i = 0; i < a.count; i++) print_server(&a.servers[i]);
  authority_clear(&a);
  resolver_free(&r);
  return 0;
}
