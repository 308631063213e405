/* Which of the gateway's listeners a client is sent to. Pure; any thread. */
#ifndef SENDOFF_CLI_ACCOUNT_PRESET_PLACE_H
#define SENDOFF_CLI_ACCOUNT_PRESET_PLACE_H

#include "base/directory/config.h"

enum preset_tls { PRESET_STARTTLS, PRESET_IMPLICIT, PRESET_NO_TLS };

struct preset_place {
  unsigned port; /* 0: no listener is for clients on a network */
  enum preset_tls tls;
  bool local;            /* it listens on loopback: for programs on this machine alone */
  char address[IP_TEXT]; /* where it listens */
};

/* The one that most clients can use with verified TLS: STARTTLS before implicit TLS, "optional" after both (it offers
 * STARTTLS), those on loopback last. An optional one on loopback is used without TLS: no certificate has the name
 * 127.0.0.1, and nothing crosses a network. */
void preset_place_choose(const struct config *k, struct preset_place *out);
/* Of a listener with TLS from the start that is where `place` is, on loopback alone or not; 0: there is none. */
unsigned preset_implicit_port(const struct config *k, const struct preset_place *place);

/* The port of the first listener of that kind, loopback or not; 0: there is none. */
unsigned preset_port(const struct config *k, enum listen_tls tls);

#endif
