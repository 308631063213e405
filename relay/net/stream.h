/* A TCP connection, with or without TLS, incoming or outgoing. One loop, one thread, one close path: stream_close() may
 * be called at any time, also from its own callbacks, any number of times; `on_close` is the last callback, and only
 * after it may the owner free what it hung on the stream. */
#ifndef SENDOFF_RELAY_NET_STREAM_H
#define SENDOFF_RELAY_NET_STREAM_H

#include "base/bytes.h"
#include "base/fingerprint.h"
#include "base/result.h"
#include "relay/net/loop.h"

struct stream;

enum stream_event {
  STREAM_CONNECTED, /* outgoing: TCP is up */
  STREAM_TLS_READY, /* handshake done */
  STREAM_DRAINED,   /* everything written has left for the kernel */
  STREAM_END,       /* the peer closed its side */
  STREAM_FAILED,    /* `stream_error` says why; nothing more comes but on_close after stream_close */
};

struct stream_owner {
  /* Octets of the peer, in the clear. The callee consumes all (keeping what it needs): they are gone after the call. */
  void (*on_data)(void *owner, struct bytes data);
  void (*on_event)(void *owner, enum stream_event event);
  void (*on_timeout)(void *owner); /* stream_set_timeout ran out */
  void (*on_close)(void *owner);   /* the stream has been freed */
};

/* Incoming: accepts from a listening handle. OK; E_IO, E_MEMORY: there is nothing to clean up. */
int stream_accept(struct loop *loop, uv_stream_t *listener, const struct stream_owner *calls, void *owner,
                  struct stream **out);
/* Outgoing: from `source` (NULL: the system's choice) to `target`. STREAM_CONNECTED or STREAM_FAILED follows, unless
 * not OK. */
int stream_connect(struct loop *loop, const struct sockaddr *source, const struct sockaddr *target,
                   const struct stream_owner *calls, void *owner, struct stream **out, struct reason *why);

/* Server side TLS with the loop's current credentials; client side TLS with SNI `server_name`, verified for that
 * name if so asked, else not (RFC 7435). `ask`: for the client's certificate, which it may have or not, and which is
 * only compared with fingerprints. OK, E_MEMORY; E_DENIED: TLS is on already, there are no credentials, or the stream
 * has failed. Callers check before that the peer has sent nothing ahead of the handshake (stream_has_input; RFC 3207
 * 4). */
int stream_start_tls_server(struct stream *s, bool ask);
int stream_start_tls_client(struct stream *s, const char *server_name, bool verify);
bool stream_is_tls(const struct stream *s);
/* Before stream_start_tls_server: octets that were read ahead and belong to the handshake. OK, E_MEMORY, E_TOO_BIG. */
int stream_put_back(struct stream *s, struct bytes data);
/* The kernel holds octets of the peer that were not read yet. One system call. */
bool stream_has_input(const struct stream *s);
/* "TLSv1.3 AES-256-GCM", for Received and the log; "" without TLS. */
const char *stream_tls_text(const struct stream *s);

/* Inside TLS. The tls-exporter channel binding (RFC 9266), 32 octets. False: this session has none that is safe. */
bool stream_tls_binding(const struct stream *s, unsigned char out[32]);
/* Inside TLS. The certificate that the peer has shown, and proven to hold the key of. False: none. */
bool stream_tls_peer(const struct stream *s, struct fingerprint *out);

/* Copies and sends; order is kept. E_TOO_BIG when more than STREAM_PENDING_MAX would wait: the caller must wait for
 * STREAM_DRAINED. */
#define STREAM_PENDING_MAX (1024 * 1024)
int stream_write(struct stream *s, struct bytes data);
size_t stream_pending(const struct stream *s); /* octets not yet taken by the kernel */
void stream_pause(
    struct stream *s); /* no more on_data until stream_resume; the socket's buffer fills and TCP slows the peer */
void stream_resume(struct stream *s);
void stream_set_timeout(struct stream *s, uint64_t ms); /* from now, once; 0 stops it */

const char *stream_error(const struct stream *s); /* the reason; valid after STREAM_FAILED */
const struct sockaddr *stream_peer(const struct stream *s);
const struct sockaddr *stream_local(const struct stream *s);

/* With `flush`, what was written goes out first (bounded by 5 s) and TLS says close_notify; otherwise at once. */
void stream_close(struct stream *s, bool flush);

#endif
