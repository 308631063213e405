/* A route that an operator made by command (`sendoff route`): whose mail goes to which next hop, and how that is spoken
 * to. Plain data and pure functions; any thread. The directory holds them, the store keeps their secrets apart. */
#ifndef SENDOFF_BASE_STATIC_ROUTE_H
#define SENDOFF_BASE_STATIC_ROUTE_H

#include "base/address/address.h"

#define STATIC_ROUTE_PATTERN (DOMAIN_MAX + 3) /* "*.example.com" */
#define STATIC_ROUTE_HOST (DOMAIN_MAX + 1)
#define STATIC_ROUTE_TEXT (STATIC_ROUTE_HOST + 16)
#define STATIC_ROUTE_USER 255

#define SUBMISSION_PORT 587  /* RFC 6409 3.1 */
#define SUBMISSIONS_PORT 465 /* RFC 8314 3.3 */

/* How the next hop's addresses are found. Stored. */
enum route_lookup {
  ROUTE_BY_ADDRESS, /* the host's own A and AAAA records, or the literal; no MX */
  ROUTE_BY_MX,      /* the MX records of the name */
  ROUTE_DIRECT,     /* those of the recipient's domain, as without a route: an exception, or rules for its TLS */
};

/* Stored. */
enum route_tls {
  ROUTE_TLS_MAY,    /* opportunistic (RFC 7435); with a login, TLS is required, but nobody is verified */
  ROUTE_TLS_NONE,   /* no STARTTLS */
  ROUTE_TLS_VERIFY, /* required, with a certificate of a trusted authority for the host's name */
};

/* Stored. */
enum route_auth { ROUTE_AUTH_NONE, ROUTE_AUTH_PASSWORD, ROUTE_AUTH_OAUTH2 };

/* What the store keeps apart from it. Stored. */
enum route_secret {
  ROUTE_PASSWORD,
  ROUTE_CLIENT_SECRET, /* the rest with ROUTE_AUTH_OAUTH2 */
  ROUTE_REFRESH_TOKEN,
  ROUTE_ACCESS_TOKEN,
  ROUTE_SECRET_COUNT
};

/* Where tokens come from (RFC 6749), and how the last one is. With ROUTE_AUTH_OAUTH2; else all is "" and 0. */
struct route_oauth2 {
  const char *endpoint, *client_id, *scope;
  int64_t token_from_us, token_until_us; /* 0: there is no token */
  const char *failure;                   /* why it could not be renewed when that was tried last; "": it could */
};

struct static_route {
  int64_t id;          /* never used again: what is changed has another */
  const char *to;      /* recipients: "example.net", "*.example.net" (its subdomains), "*" */
  const char *account; /* of this account alone; "": of any */
  const char *sender;  /* of reverse-paths in this domain, a pattern as above; "": of any */
  enum route_lookup lookup;
  const char *host; /* normalised name, or a literal in brackets; "" with ROUTE_DIRECT */
  unsigned port;    /* 0: what static_route_port says */
  enum route_tls tls;
  bool implicit_tls; /* TLS from the first octet (RFC 8314 3.3) */
  enum route_auth auth;
  const char *user; /* "": no login */
  int64_t login;    /* by which the store knows what it logs in with: it stays as long as that does */
  struct route_oauth2 oauth2;
  int64_t created_us;
};

/* `mx_port`: of mail exchangers (delivery { port }). */
unsigned static_route_port(const struct static_route *r, unsigned mx_port);
/* "smtp.example.com:587", "mx:example.com", "direct": as it was typed, with the port where one was given. */
const char *static_route_text(const struct static_route *r, char out[STATIC_ROUTE_TEXT]);
/* Whether an operator vouches for the address itself: a literal, or "localhost" (RFC 6761 6.3). Then it may be
 * loopback. */
bool static_route_is_local(const char *host);

/* What an operator types: "HOST[:PORT]" with HOST a name or literal, with or without brackets, "mx:DOMAIN[:PORT]" or
 * "direct". The host is normalised into `host`. E_SYNTAX. */
int static_route_parse_host(const char *typed, enum route_lookup *lookup, char host[STATIC_ROUTE_HOST], unsigned *port);
/* A pattern for a domain, normalised: "*", "*.example.com", "example.com". E_SYNTAX. */
int static_route_parse_pattern(const char *typed, char out[STATIC_ROUTE_PATTERN]);

const char *route_tls_name(enum route_tls tls); /* "may", "none", "verify" */
int route_tls_parse(const char *name, enum route_tls *out);
const char *route_lookup_name(enum route_lookup lookup); /* "address", "mx", "direct": for scripts */

/* Whose mail. Normalised domains; the sender's is "" for the null reverse-path. */
struct route_question {
  const char *to, *account, *sender;
};
/* The first that fits, most exact first; NULL: none. The recipient's domain decides: itself, then the pattern with the
 * most labels, then "*". Among those alike, a route for account and sender comes before one for the account, that
 * before one for the sender, that before one for all; of senders again the most exact. `all` are ordered by
 * static_route_compare. */
const struct static_route *static_route_find(const struct static_route *all, size_t count,
                                             const struct route_question *q);
int static_route_compare(const struct static_route *a, const struct static_route *b); /* by to, account, sender */

#endif
