/* A TCP connection, with or without TLS, incoming or outgoing; or an incoming one of a UNIX socket. It belongs to one
 * loop, and everything here is called on that loop's thread. Callbacks never run inside stream_accept, stream_connect,
 * stream_start_tls_*, stream_write or stream_resume, but later, from the loop.
 *
 * One close path: stream_close may be called at any time, also from the stream's own callbacks, any number of times.
 * `on_close` is the last callback, and the stream is freed when it runs: only after it may the owner free what it hung
 * on the stream. */
#ifndef SENDOFF_RELAY_NET_STREAM_H
#define SENDOFF_RELAY_NET_STREAM_H

#include "base/bytes.h"
#include "base/directory/fingerprint.h"
#include "base/mail/tls_facts.h"
#include "base/result.h"
#include "relay/net/loop.h"
#include "relay/net/tls.h"

struct stream;

enum stream_event {
  STREAM_CONNECTED, /* outgoing: TCP is up */
  STREAM_TLS_READY, /* the handshake is done */
  STREAM_DRAINED,   /* the kernel has taken everything that was written */
  STREAM_END,       /* the peer closed its side: no more octets come. Once; what is written still goes out */
  STREAM_FAILED,    /* stream_error says why; only on_close follows, after stream_close */
};

struct stream_owner {
  /* Octets of the peer, decrypted. The callee consumes all of them (and copies what it keeps): they are gone after the
   * call. */
  void (*on_data)(void *owner, struct bytes data);
  void (*on_event)(void *owner, enum stream_event event);
  void (*on_timeout)(void *owner); /* stream_set_timeout ran out */
  void (*on_close)(void *owner);   /* the stream has been freed */
};

/* Incoming: accepts from a listening handle and starts to read. `calls` and `owner` stay the caller's and must outlive
 * the stream. E_IO, E_MEMORY: *out is NULL and no callback comes. */
int stream_accept(struct loop *loop, uv_stream_t *listener, const struct stream_owner *calls, void *owner,
                  struct stream **out);
/* Outgoing: from `source` (NULL: the system's choice) to `target`. STREAM_CONNECTED or STREAM_FAILED follows. E_IO,
 * E_MEMORY, E_NOT_FOUND (the source is not on this machine) with the reason: *out is NULL and no callback comes. */
int stream_connect(struct loop *loop, const struct sockaddr *source, const struct sockaddr *target,
                   const struct stream_owner *calls, void *owner, struct stream **out, struct reason *why);

/* Starts the handshake; STREAM_TLS_READY or STREAM_FAILED follows. What was written before goes out in the clear, what
 * arrived before and was consumed is no part of it: the caller makes sure that nothing of the peer is left over from
 * the clear (RFC 3207 4; stream_has_input). OK, E_MEMORY, E_DENIED: TLS was started already, the stream has
 * failed, or the loop has no credentials for that side. */
/* Server side, with the loop's current credentials. `ask` requests the client's certificate; the client may have none,
 * and it is not verified, only compared with fingerprints (stream_tls_peer). */
int stream_start_tls_server(struct stream *s, bool ask);
/* Client side, with SNI `server_name`; who it must be is as for struct tls_peer. An earlier session with the same host
 * is resumed. */
int stream_start_tls_client(struct stream *s, const char *server_name, enum tls_proof proof,
                            const struct dane_rules *dane);
/* The handshake is done. */
bool stream_is_tls(const struct stream *s);
/* The peer has sent something of its handshake. */
bool stream_tls_began(const struct stream *s);
/* A client's handshake resumes an earlier session, or was to. Where it fails, the next will be a whole one. */
bool stream_tls_resumes(const struct stream *s);
/* After STREAM_FAILED, or while the handshake lasts: tls_distrust of relay/net/tls.h. */
enum tls_distrust stream_tls_distrust(const struct stream *s);
/* Before stream_start_tls_server: octets that were read ahead and belong to the handshake. OK, E_MEMORY, E_TOO_BIG. */
int stream_put_back(struct stream *s, struct bytes data);
/* The kernel holds octets of the peer that were not read yet. One system call. */
bool stream_has_input(const struct stream *s);
/* "TLSv1.3 AES-256-GCM", for Received and the log; "" without TLS. Lives as long as the stream. */
const char *stream_tls_text(const struct stream *s);

struct tls_facts stream_tls_facts(const struct stream *s);
enum tls_result stream_tls_failure(const struct stream *s); /* of a handshake that failed, or is under way (tls.h) */
/* After a client's handshake that verified nothing: would it have passed TLS_BY_CA? False with the reason. */
bool stream_tls_check(struct stream *s, const char *name, struct reason *why);

/* Inside TLS. The tls-exporter channel binding (RFC 9266), 32 octets. False: this session has none that is safe. */
bool stream_tls_binding(const struct stream *s, unsigned char out[32]);
/* Inside TLS. The fingerprint of the certificate that the peer sent, and whose key it has. False: it sent none. */
bool stream_tls_peer(const struct stream *s, struct fingerprint *out);

#define STREAM_PENDING_MAX (1024 * 1024) /* octets */
/* Copies `data` and sends it at the next turn of the loop; order is kept. All or nothing. E_TOO_BIG: more than
 * STREAM_PENDING_MAX would wait, so wait for STREAM_DRAINED. E_DENIED: a TLS handshake is under way. E_IO: the stream
 * has failed or is closed. E_MEMORY. */
int stream_write(struct stream *s, struct bytes data);
/* Octets not yet taken by the kernel; inside TLS, of ciphertext. */
size_t stream_pending(const struct stream *s);
/* No more on_data until stream_resume: the socket's buffer fills, and TCP slows the peer down. */
void stream_pause(struct stream *s);
void stream_resume(struct stream *s);
/* on_timeout comes once, `ms` from now; 0 stops it. Replaces the one before. No effect after stream_close. */
void stream_set_timeout(struct stream *s, uint64_t ms);

/* For a person to read; valid after STREAM_FAILED, as long as the stream lives. */
const char *stream_error(const struct stream *s);
const struct sockaddr *
stream_peer(const struct stream *s); /* AF_UNIX: stream_peer_user says who; AF_UNSPEC: not known */
/* Who made a connection to a UNIX socket. False: it is none. */
bool stream_peer_user(const struct stream *s, uid_t *out);
const struct sockaddr *stream_local(const struct stream *s);

/* With `flush`, what was written goes out first and TLS sends close_notify (5 s at most), and the peer may close before
 * the socket does (1 s at most); otherwise at once. What describes the stream may be asked for until on_close. */
void stream_close(struct stream *s, bool flush);

#endif
