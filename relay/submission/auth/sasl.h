/* The server's side of one SASL exchange (RFC 4422), through libgsasl; the one user of its mechanisms. Knows no session
 * and no store: it says what the client has shown, and the caller decides. The loop's thread only.
 *
 *   PLAIN, LOGIN            a name and a password, which the caller has yet to look at (SASL_PASSWORD)
 *   SCRAM-SHA-256, -PLUS    that it knows the password of the name: proven (SASL_PROVEN); RFC 5802, RFC 7677
 *   EXTERNAL                that it wants to be whom its certificate says, by that name or by none (SASL_EXTERNAL) */
#ifndef SENDOFF_RELAY_SUBMISSION_AUTH_SASL_H
#define SENDOFF_RELAY_SUBMISSION_AUTH_SASL_H

#include "base/bytes.h"
#include "base/directory/directory.h"

#define SASL_NAME_MAX 255
#define SASL_PASSWORD_MAX 1024
#define SASL_BINDING 32 /* octets of a tls-exporter channel binding (RFC 9266) */

/* The SASL library's life. Main thread, before the loops start and after they ended. OK or E_MEMORY. */
int sasl_setup(void);
void sasl_teardown(void);

struct sasl_peer {
  /* The verifier of that name's password, for SCRAM; of a name that is no account, one that looks like any other. */
  void (*find)(void *arg, const char *name, struct scram_verifier *out);
  void *arg;
  /* The channel binding, SASL_BINDING octets; NULL: there is none. With one, a client that says it could
   * have bound, but was not offered to, is refused: somebody took the offer away (RFC 5802 6). */
  const unsigned char *binding;
};

enum sasl_step {
  SASL_CONTINUE, /* send the challenge, and come again with the response */
  SASL_PASSWORD,
  SASL_PROVEN,
  SASL_EXTERNAL,
  SASL_DENIED,    /* well-formed, and wrong */
  SASL_MALFORMED, /* not what the mechanism expects */
  SASL_TROUBLE,   /* no memory */
};

struct sasl_exchange;
/* `mechanism` is one of the names above. Copies the peer. NULL without memory. */
struct sasl_exchange *sasl_begin(const char *mechanism, const struct sasl_peer *peer);
/* `response` in base64, "" for an empty one. With SASL_CONTINUE, `*challenge` is in base64, the caller's to free(). */
enum sasl_step sasl_step(struct sasl_exchange *x, const char *response, char **challenge);
/* Whose name the client has given; "" until it has. With SASL_EXTERNAL, "" is for no name at all. */
const char *sasl_name(const struct sasl_exchange *x);
const char *sasl_password(const struct sasl_exchange *x); /* with SASL_PASSWORD */
/* With SASL_PROVEN: what it was proven against. It may have been changed meanwhile. */
const struct scram_verifier *sasl_verifier(const struct sasl_exchange *x);
void sasl_free(struct sasl_exchange **x); /* wipes what it held */

#endif
