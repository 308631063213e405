/* HTTPS requests, through libcurl: the one user of it. Blocking: libuv's pool, or a command; never a loop. */
#ifndef SENDOFF_RELAY_NET_HTTPS_H
#define SENDOFF_RELAY_NET_HTTPS_H

#include "base/address/dns_answer.h"
#include "base/bytes.h"
#include "base/result.h"

#include <stdatomic.h>
#include <sys/socket.h>

#define HTTPS_MS 20000 /* a request, from DNS, which is asked to the end, to its last octet */
#define HTTPS_URL_MAX 2000

/* The library's life. Main thread, before others start and after they ended. OK or E_MEMORY. */
int https_setup(void);
void https_teardown(void);

struct https {
  const struct dns_source *dns; /* names are looked up there, and not by the system */
  const char *trust;            /* roots, PEM; NULL: the system's */
  /* NULL, or: when it is not 0, a request that is under way ends at that time (clock_monotonic_ms) at the latest. */
  const atomic_uint_least64_t *until_ms;
  /* NULL, or: only these addresses are asked, whether DNS has them for the name, or the URL itself. */
  bool (*may_connect)(void *arg, const struct sockaddr *address);
  void *arg;
};

/* A may_connect for hosts that a stranger names: addresses that the whole world knows (RFC 6890). */
bool https_global_only(void *arg, const struct sockaddr *address);

struct https_answer {
  long status;        /* 200 ...; also when the body does not fit. 0: none came */
  char type[128];     /* the Content-Type; "": none, or a longer one */
  struct buffer body; /* within the bound that it was given */
  size_t header_octets;
  bool untrusted; /* E_TEMPORARY: because of the certificate */
};

/* https://HOST[:PORT]/...; no user, no fragment. Then `host` and *port are what it has. OK or E_SYNTAX. */
int https_url_check(const char *url, char host[256], unsigned *port);

/* Posts `body` as that media type, and gets the answer, of whatever status; no redirect is followed. `out` is zeroed
 * but for its body, which is the caller's: initialised with its bound, as secret where it is, and to be freed in any
 * case. The certificate must be good and for the host's name. E_SYNTAX (the URL), E_DENIED (no address may be asked),
 * E_TEMPORARY (no answer), E_TOO_BIG, E_MEMORY with the reason. */
int https_post(const struct https *h, const char *url, const char *type, struct bytes body, struct https_answer *out,
               struct reason *why);
/* The same with a form (application/x-www-form-urlencoded; RFC 6749 appendix B). */
int https_post_form(const struct https *h, const char *url, struct bytes form, struct https_answer *out,
                    struct reason *why);
/* GET, in the same way. */
int https_get(const struct https *h, const char *url, struct https_answer *out, struct reason *why);

#endif
