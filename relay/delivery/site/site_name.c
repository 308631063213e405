#include "relay/delivery/site/site_name.h"

#include "relay/net/mx.h"

const struct shaping_provider *site_name_of(const struct shaping *s, const struct route *r, char out[SITE_NAME_MAX]) {
  const char *hosts[MX_HOSTS_MAX];
  size_t count = 0;
  for (; !r->terms.host && count < r->host_count && count < MX_HOSTS_MAX; count++) hosts[count] = r->hosts[count].name;
  return site_name_of_hosts(s, hosts, count, r->site, out);
}
