/* What the files of TLS share: tls_server.c, tls_client.c, tls_session.c. For those only. */
#ifndef SENDOFF_RELAY_NET_TLS_PARTS_H
#define SENDOFF_RELAY_NET_TLS_PARTS_H

#include "relay/net/tls.h"
#include "relay/net/tls_tickets.h"

#include <gnutls/gnutls.h>
#include <stdatomic.h>

#define ALERT_RECORD 7 /* octets, in the clear: RFC 8446 5.1 and 6 */

struct tls_server {
  gnutls_certificate_credentials_t credentials;
  gnutls_priority_t priority;
  gnutls_datum_t ticket_key;
  struct tls_certificate *certificates;
  size_t count;
  atomic_int references;
};

struct tls_client {
  gnutls_certificate_credentials_t credentials;
  gnutls_priority_t priority, verified_priority;
  bool trusting; /* its roots are read */
  struct tls_tickets *tickets;
};

struct tls_session {
  gnutls_session_t session;
  struct tls_server *server;             /* held; NULL on the client side */
  struct tls_client *client;             /* NULL on the server side */
  char ticket_peer[TLS_TICKET_PEER_MAX]; /* whose tickets these are; "": none are kept, or this session's is */
  bool resumes;
  struct tls_transport transport;
  size_t taken; /* octets since the begin, or since data came */
  bool began;
  bool is_tls;                      /* the first octet was one of a handshake's record */
  bool over;                        /* more than TLS_WITHOUT_DATA_MAX would have been */
  unsigned char last[ALERT_RECORD]; /* octets that were taken */
  bool distrusted;
  char name[256]; /* that the peer's certificate must be for */
  gnutls_typed_vdata_st wanted[2];
  const struct dane_rules *dane; /* that the peer's certificate must match; NULL: none */
  unsigned tlsa;                 /* the record that it matches */
  enum tls_result failure;       /* as it will be reported, if it fails */
  char error[240], text[80];
};

/* tls_session.c. NULL without memory. */
struct tls_session *tls_session_new(unsigned flags, const struct tls_transport *transport);

/* tls_client.c. The certificate was refused within the handshake: why. */
void tls_describe_distrust(struct tls_session *s);
/* A client's handshake is done. False: the session was resumed, and its peer would not pass today. */
bool tls_client_passes(struct tls_session *s);
/* A client's handshake that was to resume a session has come to nothing. */
void tls_client_cannot_resume(struct tls_session *s);
/* A client's session has got data, so its ticket has come, if it gets one. */
void tls_client_keep_ticket(struct tls_session *s);

#endif
