/* libpsl, and the only file that includes it. */
#include "base/address/suffix.h"

#include <libpsl.h>
#include <pthread.h>

static psl_ctx_t *list; /* never freed: it is for every thread, until the process ends */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void load(void) {
  list = psl_latest(NULL);
}

void suffix_organization(const char *domain, char out[DOMAIN_MAX + 1]) {
  pthread_once(&once, load);
  const char *found = list ? psl_registrable_domain(list, domain) : NULL;
  bytes_copy(bytes_of(found ? found : domain), out, DOMAIN_MAX + 1);
}

bool suffix_is_public(const char *domain) {
  pthread_once(&once, load);
  return list && psl_is_public_suffix(list, domain);
}
