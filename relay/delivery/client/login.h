/* The client's side of AUTH (RFC 4954): which mechanism, and its messages, through libgsasl. Knows no connection. Each
 * exchange belongs to one thread. */
#ifndef SENDOFF_RELAY_DELIVERY_CLIENT_LOGIN_H
#define SENDOFF_RELAY_DELIVERY_CLIENT_LOGIN_H

#include "base/bytes.h"
#include "relay/smtp/ehlo.h"

#define LOGIN_BINDING 32         /* octets of a tls-exporter channel binding (RFC 9266) */
#define LOGIN_ROUNDS_MAX 65536   /* of SCRAM's hash (RFC 7677 4 has 4,096 at least): some 0.2 s of CPU */
#define LOGIN_RESPONSE_MAX 12288 /* RFC 4954 4: of a line, which AUTH may need longer than others */

/* Whom to log in as. */
struct login {
  const char *user;
  bool token; /* `secret` is an access token (RFC 6749), else a password */
  struct bytes secret;
  const char *host; /* of the next hop: OAUTHBEARER names it (RFC 7628 3.1) */
  unsigned port;
};

/* The strongest that is offered: SCRAM before what shows the password to the host, bound to the TLS channel before what
 * is not (RFC 5802 6; `binding`: there is one). NULL: none that we know. */
const char *login_mechanism(unsigned offered, bool binding);
/* The same of a token: OAUTHBEARER (RFC 7628), or XOAUTH2, which came before it. */
const char *login_token_mechanism(unsigned offered);

struct login_exchange;
/* Copies. `binding`: LOGIN_BINDING octets, for -PLUS, or NULL. NULL without memory. */
struct login_exchange *login_begin(const char *mechanism, const struct login *login, const unsigned char *binding);
/* Does the mechanism begin with the client's message? Then it goes with AUTH (RFC 4954 4: initial response). */
bool login_speaks_first(const struct login_exchange *x);
/* The response to a challenge (base64, "" for the first), appended to `out` in base64, which is secret. OK; E_DENIED:
 * the host is not who knows the password (RFC 5802 3); E_SYNTAX: the challenge makes no sense, or is one too many;
 * E_TOO_BIG: it asks for more rounds than LOGIN_ROUNDS_MAX, or for a response that is too long; E_MEMORY. */
int login_step(struct login_exchange *x, const char *challenge, struct buffer *out);
/* May the host's word that we are logged in be believed? With SCRAM only once it has shown that it knows the password.
 */
bool login_is_proven(const struct login_exchange *x);
void login_free(struct login_exchange **x); /* wipes what it held */

#endif
