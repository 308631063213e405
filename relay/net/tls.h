/* GnuTLS: credentials, and sessions that move octets through callbacks. The only user of GnuTLS sessions; knows no
 * sockets.
 *
 * TLS private-key operations happen in the server credentials made here and nowhere else. */
#ifndef SENDOFF_RELAY_NET_TLS_H
#define SENDOFF_RELAY_NET_TLS_H

#include "base/bytes.h"
#include "base/directory/config.h"
#include "base/directory/fingerprint.h"
#include "base/mail/tls_facts.h"
#include "base/mail/tls_outcome.h"
#include "base/result.h"
#include "relay/net/certificate_facts.h"
#include "relay/net/dane.h"

#include <sys/types.h>

/* Server credentials: certificate chains, keys, ticket key. Immutable, counted; hold and release from any thread. */
struct tls_server;
/* A certificate in use. */
struct tls_certificate {
  char *file;
  struct certificate_facts facts;
};
/* E_IO with a reason: a file that cannot be read, a key that others may read, a key that does not fit the certificate.
 */
int tls_server_load(const struct tls_files *files, size_t count, struct tls_server **out, struct reason *why);
struct tls_server *tls_server_hold(struct tls_server *t);
void tls_server_release(struct tls_server **t);
/* In the order of `files`; `*count` of them, which live as long as `t`. */
const struct tls_certificate *tls_server_certificates(const struct tls_server *t, size_t *count);

/* Client credentials. TLS is opportunistic (RFC 7435), and the peer's certificate not verified, but in the sessions
 * that say so. One for each loop. */
struct tls_client;
int tls_client_new(struct tls_client **out);
/* Whom to trust when a certificate is verified: the roots in this file. Without it, the system's, read when they are
 * first needed. E_IO with a reason. */
int tls_client_trust(struct tls_client *t, const char *file, struct reason *why);
void tls_client_free(struct tls_client **t);

/* Where a session gets and puts its ciphertext. Both return octets moved, or -1 with errno (EAGAIN: later). */
struct tls_transport {
  ssize_t (*pull)(void *arg, void *out, size_t size);
  ssize_t (*push)(void *arg, const void *data, size_t len);
  void *arg;
};

/* One connection's TLS. One thread. */
struct tls_session;
/* Holds the credentials until it is freed. `ask` for the client's certificate: any is let pass, and may be asked about
 * by tls_fingerprint. */
int tls_session_server(struct tls_server *t, bool ask, const struct tls_transport *transport, struct tls_session **out);
/* Whom a client wants to meet. */
struct tls_peer {
  const char *name; /* for SNI, and that the certificate is for */
  const char *at;   /* its address with the port: an earlier session with it is resumed; "": none is */
  /* By what it must be known, or the handshake fails, as it then does below TLS 1.2 (RFC 8997), too: TLS_BY_CA, the
   * certificate is trusted and for that name (RFC 6125); TLS_BY_DANE, it matches `dane`, which outlives the session. In
   * a session that is resumed, the certificate is the one that was shown in the first; it is verified anew. */
  enum tls_proof proof;
  const struct dane_rules *dane;
};
int tls_session_client(struct tls_client *t, const struct tls_peer *peer, const struct tls_transport *transport,
                       struct tls_session **out);
/* After the handshake of a session that had to prove nothing: would its peer have passed TLS_BY_CA, with this name?
 * False with the reason. */
bool tls_check_peer(struct tls_client *t, struct tls_session *s, const char *name, struct reason *why);
void tls_session_free(struct tls_session **s);

/* What a peer may send in its handshake, and after it without any data (tickets, new keys): what is kept of it until it
 * is whole. Ciphertext; TLS_FAILED beyond. Chains of certificates have a fifth of it, and lists of accepted authorities
 * a third. */
#define TLS_WITHOUT_DATA_MAX (64 * 1024)

enum tls_step { TLS_DONE, TLS_AGAIN, TLS_END, TLS_FAILED };
enum tls_step tls_handshake(struct tls_session *s);
enum tls_step tls_read(struct tls_session *s, void *out, size_t size,
                       size_t *got);                               /* TLS_DONE: `*got` octets; TLS_END: close_notify */
enum tls_step tls_write(struct tls_session *s, struct bytes data); /* all of it, or TLS_FAILED */
void tls_bye(struct tls_session *s);
/* The peer has sent something. */
bool tls_began(const struct tls_session *s);
/* An earlier session was to be resumed, or was. */
bool tls_resumes(const struct tls_session *s);
/* After a failure, or when the peer left: does it not trust the certificate that it was shown? CERTAIN: its alert says
 * so (RFC 8446 6.2). POSSIBLE: it had seen the certificate, and said nothing. */
enum tls_distrust { TLS_DISTRUST_NONE, TLS_DISTRUST_POSSIBLE, TLS_DISTRUST_CERTAIN };
enum tls_distrust tls_distrust(const struct tls_session *s);
/* After the handshake. RFC 9266: 32 octets that both sides, and nobody between them, can know. False: not to be had, as
 * in TLS 1.2 without the extended master secret (RFC 7627). */
bool tls_binding(const struct tls_session *s, unsigned char out[32]);
bool tls_fingerprint(const struct tls_session *s,
                     struct fingerprint *out);            /* false: the peer has shown no certificate */
struct tls_facts tls_facts(const struct tls_session *s);  /* once the handshake is done */
enum tls_result tls_failure(const struct tls_session *s); /* a handshake that did not come to its end; as reported */
const char *tls_error(const struct tls_session *s);       /* after TLS_FAILED */
const char *tls_text(const struct tls_session *s);        /* "TLSv1.3 AES-256-GCM" once the handshake is done */

#endif
