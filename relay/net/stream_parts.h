/* A stream's state, and what its two halves give each other: TCP, with the owner's calls (stream.c), and what TLS makes
 * of the octets (stream_tls.c). Private to relay/net/. */
#ifndef SENDOFF_RELAY_NET_STREAM_PARTS_H
#define SENDOFF_RELAY_NET_STREAM_PARTS_H

#include "relay/net/stream.h"

/* Only ever forward, but for OPEN -> HANDSHAKE -> OPEN. The owner hears of events up to FAILED.
 *
 *   OPEN <-> HANDSHAKE (start of TLS -> its end)
 *   either --error--> FAILED              the owner has been informed, and closes it
 *   OPEN --close with flush--> FLUSHING --all sent--> LINGERING --the peer closed--> CLOSING
 *   any  --close--> CLOSING               the handles close; then on_close */
enum phase { PHASE_OPEN, PHASE_HANDSHAKE, PHASE_FAILED, PHASE_FLUSHING, PHASE_LINGERING, PHASE_CLOSING };

/* TCP, or a UNIX socket's: whichever was initialised. */
union stream_io {
  uv_handle_t handle;
  uv_stream_t stream;
  uv_tcp_t tcp;
  uv_pipe_t pipe;
};

struct stream {
  union stream_io io;
  uv_timer_t timer;
  uv_write_t write;
  uv_shutdown_t shutdown;
  uv_connect_t connect;
  struct deferred turn; /* flush and resume at the start of the next turn */
  struct loop *loop;
  const struct stream_owner *calls;
  void *owner;
  struct tls_session *tls;
  enum phase phase;
  bool secured;    /* the TLS handshake is done: what is read and written is inside TLS */
  bool paused;     /* by the owner */
  bool resumed;    /* what waits in `cipher` is read at the next turn */
  bool reading;    /* uv_read_start is on */
  bool writing;    /* `sending` is with uv_write */
  bool peer_ended; /* the peer sends no more */
  bool ended;      /* STREAM_END was sent */
  bool drained;    /* STREAM_DRAINED was sent for what was written */
  unsigned open_handles;
  struct buffer out, sending;
  struct bytes arrived; /* ciphertext of the read in progress; behind what is in `cipher` */
  struct buffer cipher;
  struct sockaddr_storage peer, local;
  uid_t peer_user; /* where the peer is AF_UNIX */
  char error[256];
};

/* --- stream.c --- */

/* The owner may still hear of it. */
static inline bool stream_is_live(const struct stream *s) {
  return s->phase == PHASE_OPEN || s->phase == PHASE_HANDSHAKE;
}
void stream_emit(struct stream *s, enum stream_event e); /* unless it is not live */
/* The one way into FAILED; while it closes, the end. */
void stream_fail(struct stream *s, const char *what);
void stream_peer_ended(struct stream *s); /* reads no more */
void stream_end(struct stream *s);        /* STREAM_END, once */
/* What is written leaves as far as the kernel takes it now, and no more is heard of it: the stream is about to fail. */
void stream_send_last(struct stream *s);

/* --- stream_tls.c --- */

/* Ciphertext came. */
void stream_tls_arrived(struct stream *s, struct bytes data);
/* What waits is handed to TLS, and what that gives to the owner, until nothing is left or the owner pauses. */
void stream_tls_read(struct stream *s);

#endif
