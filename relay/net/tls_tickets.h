/* What a TLS client needs to resume earlier sessions (RFC 8446 4.6.1, RFC 5077): it spares both sides the signatures of
 * a whole handshake. Bounded; one loop's thread. What it holds is secret, and wiped. */
#ifndef SENDOFF_RELAY_NET_TLS_TICKETS_H
#define SENDOFF_RELAY_NET_TLS_TICKETS_H

#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

#define TLS_TICKETS_MAX 256                 /* of all peers; the oldest gives way */
#define TLS_TICKETS_OF_PEER 8               /* as many connections are opened at once */
#define TLS_TICKET_SIZE_MAX (16 * 1024)     /* with the peer's chain in it, mostly 2 to 6 KB */
#define TLS_TICKET_PEER_MAX 400             /* octets of a peer's name with its zero */
#define TLS_TICKETS_BARRED_MS (3600 * 1000) /* for so long a peer is not asked that failed when it was */

struct tls_tickets;
struct tls_tickets *tls_tickets_new(void); /* NULL without memory */
void tls_tickets_free(struct tls_tickets **t);
/* Takes `data` of gnutls_session_get_data2. It is forgotten where there is no room, or the peer is barred. */
void tls_tickets_put(struct tls_tickets *t, const char *peer, gnutls_datum_t *data, uint64_t now_ms);
/* The newest one of that peer, for one session only (RFC 8446 C.4). False: there is none. For tls_ticket_wipe. */
bool tls_tickets_take(struct tls_tickets *t, const char *peer, gnutls_datum_t *data);
/* Forgets those of that peer, and takes no more of it for a while. */
void tls_tickets_bar(struct tls_tickets *t, const char *peer, uint64_t now_ms);
void tls_ticket_wipe(gnutls_datum_t *data);

#endif
