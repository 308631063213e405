#include "base/address/global_address.h"

#include "base/address/cidr.h"
#include "base/result.h"

/* The rest of IPv6 is not assigned, or not for hosts (RFC 4291 2.4). */
static const struct cidr unicast[] = {{AF_INET, {0}, 0}, {AF_INET6, {0x20}, 3}};

static const struct cidr special[] = {
    {AF_INET, {0}, 8},                        /* this network (RFC 791) */
    {AF_INET, {10}, 8},                       /* private (RFC 1918) */
    {AF_INET, {100, 64}, 10},                 /* shared (RFC 6598) */
    {AF_INET, {127}, 8},                      /* loopback */
    {AF_INET, {169, 254}, 16},                /* link-local (RFC 3927) */
    {AF_INET, {172, 16}, 12},                 /* private */
    {AF_INET, {192, 0, 0}, 24},               /* IETF protocol assignments */
    {AF_INET, {192, 0, 2}, 24},               /* documentation (RFC 5737) */
    {AF_INET, {192, 88, 99}, 24},             /* 6to4 relays, deprecated (RFC 7526) */
    {AF_INET, {192, 168}, 16},                /* private */
    {AF_INET, {198, 18}, 15},                 /* benchmarks (RFC 2544) */
    {AF_INET, {198, 51, 100}, 24},            /* documentation */
    {AF_INET, {203, 0, 113}, 24},             /* documentation */
    {AF_INET, {224}, 3},                      /* multicast, reserved, broadcast */
    {AF_INET6, {0x20, 0x01}, 23},             /* IETF protocol assignments, Teredo, benchmarks, ORCHID */
    {AF_INET6, {0x20, 0x01, 0x0d, 0xb8}, 32}, /* documentation (RFC 3849) */
    {AF_INET6, {0x20, 0x02}, 16},             /* 6to4 (RFC 3056) */
    {AF_INET6, {0x3f, 0xff}, 20},             /* documentation (RFC 9637) */
};

static bool any_has(const struct cidr *nets, size_t count, const struct sockaddr *address) {
  for (size_t i = 0; i < count; i++)
    if (cidr_contains(&nets[i], address)) return true;
  return false;
}

bool address_is_global(const struct sockaddr *address) {
  return any_has(unicast, sizeof unicast / sizeof unicast[0], address) &&
         !any_has(special, sizeof special / sizeof special[0], address);
}

bool ip_is_global(const char *text) {
  struct sockaddr_storage a;
  return ip_parse(text, 0, &a) == OK && address_is_global((const struct sockaddr *)&a);
}

bool ip_is_of_host(const char *text) {
  static const struct cidr none[] = {
      {AF_INET, {0}, 8},            /* this network */
      {AF_INET, {224}, 3},          /* multicast, reserved, broadcast */
      {AF_INET6, {0}, 128},         /* unspecified */
      {AF_INET6, {0xff}, 8},        /* multicast (RFC 4291 2.7) */
      {AF_INET6, {0xfe, 0x80}, 10}, /* link-local */
  };
  struct sockaddr_storage a;
  return ip_parse(text, 0, &a) == OK && !any_has(none, sizeof none / sizeof none[0], (const struct sockaddr *)&a);
}
