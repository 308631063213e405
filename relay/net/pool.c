#include "relay/net/pool.h"

#define KINDS 2      /* of checks that wait for DNS (relay/submission/dns_jobs.h) */
#define ONE_BY_ONE 1 /* the sources' names, which the gateway looks up for itself */

size_t pool_dns_threads(size_t loops) {
  return loops <= 4 ? 4 : loops <= 128 ? 2 : 1;
}

size_t pool_name_threads(size_t loops) {
  return loops <= 128 ? 2 : 1; /* two: a user who is not found leaves one to others */
}

size_t pool_threads(size_t loops) {
  return POOL_OTHERS + POOL_FETCHES + ONE_BY_ONE + (KINDS * pool_dns_threads(loops) + pool_name_threads(loops)) * loops;
}
