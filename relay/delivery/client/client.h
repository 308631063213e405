/* One outgoing SMTP connection: the protocol, and nothing of queues or policy (RFC 5321 3, 4). One loop's thread.
 *
 * Normal path:
 *   CONNECTING -> GREETING -> EHLO [-> STARTTLS -> HANDSHAKE -> EHLO] [-> AUTH] -> READY
 *   READY -> ENVELOPE -> CONTENT -> DOT -> READY          a transaction; many of them on one connection
 *   READY -> QUIT -> CLOSED
 * Side paths:
 *   CONNECTING -> HANDSHAKE -> GREETING   implicit TLS (RFC 8314 3.3)
 *   EHLO -> HELO -> READY            EHLO was refused permanently (RFC 5321 3.2)
 *   ENVELOPE -> RESET -> READY       no recipient was accepted, or DATA was refused
 *   ENVELOPE -> CLOSED               pipelined DATA was accepted though no recipient was
 *   EHLO, STARTTLS -> CLOSED         with QUIT: the host has not what REQUIRETLS, its route, DANE or MTA-STS wants
 *   AUTH -> CLOSED                   the login was refused, or the host is not who knows the password
 *   any -> CLOSED                    failure, 421, time-out, client_abort
 * Never: a final dot without an accepted recipient (RFC 2920 3.1 would send a lone one after such DATA, and some hosts
 * keep what they have then); READY before EHLO (or HELO) was accepted; EHLO's offers kept across
 * HANDSHAKE (RFC 3207 4.2); AUTH in the clear, unless the route says ROUTE_TLS_NONE; a command but STARTTLS in the
 * clear to a host with TLSA records (RFC 7672 2.2), or under a policy (RFC 8461 5); READY without AUTH, where the
 * route has a login; CONTENT without an accepted recipient; READY out of CONTENT or DOT without a reply to the
 * final dot; anything out of CLOSED. */
#ifndef SENDOFF_RELAY_DELIVERY_CLIENT_CLIENT_H
#define SENDOFF_RELAY_DELIVERY_CLIENT_CLIENT_H

#include "relay/delivery/client/envelope_commands.h"
#include "relay/delivery/client/login.h"
#include "relay/message/content_feed.h"
#include "relay/net/tls_demand.h"

struct smtp_client;

struct client_plan {
  const struct sockaddr *source; /* NULL: the system's choice */
  const struct sockaddr *target;
  const char *host; /* for SNI and texts */
  const char *helo;
  bool plain;            /* do not use STARTTLS */
  bool lockstep;         /* do not use PIPELINING */
  bool no_tls;           /* its route says ROUTE_TLS_NONE */
  struct tls_demand tls; /* without such TLS it ends in TROUBLE_TLS_ENFORCED, TROUBLE_DANE or TROUBLE_STS. The rules of
                            DANE stay the caller's, until on_closed */
  bool implicit_tls;
  uint64_t connect_ms;       /* how long the connection is waited for, at most TIMEOUT_CONNECT; 0: that */
  bool routed;               /* an operator's command named the host */
  const struct login *login; /* NULL: none */
  bool require_tls; /* RFC 8689 4.2.1: only to a host that is known by its certificate, and that offers REQUIRETLS */
};

/* What became of TLS, for reports (RFC 8460). */
struct client_tls {
  enum tls_result result;
  const char *helo; /* the name that the host gives itself; "" */
  const char *reason;
};

/* Calls come on fresh stacks only, never out of a function of this header. */
struct client_owner {
  /* TCP is up. Once. */
  void (*on_connected)(void *owner);
  /* It is decided whether there is TLS. Once, before on_ready and on_closed, where the host came so far and TLS was
   * asked for. */
  void (*on_tls)(void *owner, const struct client_tls *t);
  /* EHLO is done: transactions may begin. Once. */
  void (*on_ready)(void *owner);
  /* What became of one recipient of the transaction; TROUBLE_NONE: delivered. Each exactly once per transaction. */
  void (*on_recipient)(void *owner, size_t index, const struct incident *incident);
  /* All recipients were reported and the connection is ready for the next transaction. */
  void (*on_transaction)(void *owner);
  /* The last call; the client is freed after it. In a transaction, its remaining recipients were reported before.
   * `incident` says why it ended; TROUBLE_NONE: by client_quit, or idle for too long. */
  void (*on_closed)(void *owner, const struct incident *incident);
};

/* Copies the plan. OK; or E_IO, E_MEMORY, E_NOT_FOUND (the source is not on this machine) with the reason: then no call
 * comes. */
int client_open(struct loop *loop, const struct client_plan *plan, const struct client_owner *calls, void *owner,
                struct smtp_client **out, struct reason *why);
/* While READY. May this host take it? OK, or E_DENIED with the incident that the refusal is for every recipient. */
int client_check(const struct smtp_client *c, const struct client_transaction *t, struct incident *out);
/* While READY. It has 8-bit content, and the host does not take that (RFC 6152 3): convert it first. */
bool client_wants_seven_bit(const struct smtp_client *c, const struct client_transaction *t);
/* While READY, after client_check. Takes the feed (freed with the transaction). All of `t` stays unchanged until
 * on_transaction or on_closed. */
void client_begin(struct smtp_client *c, const struct client_transaction *t, struct content_feed *feed);
/* While READY: waits for work this long, then quits. */
void client_idle(struct smtp_client *c, uint64_t ms);
/* While READY: QUIT, and the end. */
void client_quit(struct smtp_client *c);
/* At any time: closes at once; what is not reported yet is reported with `trouble`. */
void client_abort(struct smtp_client *c, enum trouble trouble, const char *text);

/* May a transaction begin? An idle client that quits by itself, or was closed, is not ready any more. */
bool client_is_ready(const struct smtp_client *c);
/* These are of the connection, so they end with it: not in on_closed. "TLSv1.3 ..." or "". */
const char *client_tls_text(const struct smtp_client *c);
struct tls_facts client_tls_facts(const struct smtp_client *c);
/* With tls.sts_testing: what is wrong with the host's certificate; "": nothing, or it has shown none. */
const char *client_sts_fault(const struct smtp_client *c);
enum smtp_stage client_stage(const struct smtp_client *c); /* how far it has come */
const struct sockaddr *client_local(const struct smtp_client *c);
/* The offers of the last EHLO. */
const struct ehlo *client_offers(const struct smtp_client *c);

#endif
