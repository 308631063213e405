#include "relay/message/content_feed.h"

#include <stdlib.h>
#include <unistd.h>

struct content_feed {
  struct loop *loop;
  void (*ready)(void *arg);
  void *arg;
  struct content *content; /* NULL for a file */
  struct buffer prefix;    /* with a file */
  size_t prefix_at, body_at;
  int fd; /* -1: memory */
  bool reading, orphan, have_piece;
  ssize_t got; /* of the last read, when have_piece */
  uv_fs_t read;
  char piece[]; /* FEED_PIECE with a file */
};

static struct content_feed *feed_new(struct loop *loop, size_t room) {
  struct content_feed *f = calloc(1, sizeof *f + room);
  if (!f) return NULL;
  f->loop = loop;
  f->fd = -1;
  return f;
}

struct content_feed *content_feed_of_memory(struct loop *loop, struct content *content) {
  struct content_feed *f = feed_new(loop, 0);
  if (f) f->content = content_hold(content);
  return f;
}

struct content_feed *content_feed_of_file(struct loop *loop, struct buffer *prefix, int fd) {
  struct content_feed *f = feed_new(loop, FEED_PIECE);
  if (!f) return NULL;
  f->prefix = *prefix;
  buffer_init(prefix, prefix->max);
  f->fd = fd;
  return f;
}

static void destroy(struct content_feed *f) {
  content_release(&f->content);
  buffer_free(&f->prefix);
  if (f->fd >= 0) close(f->fd);
  free(f);
}

void content_feed_free(struct content_feed **feed) {
  struct content_feed *f = *feed;
  if (!f) return;
  *feed = NULL;
  if (f->reading)
    f->orphan = true;
  else
    destroy(f);
}

void content_feed_on_ready(struct content_feed *f, void (*ready)(void *arg), void *arg) {
  f->ready = ready;
  f->arg = arg;
}

static void on_read(uv_fs_t *req) {
  struct content_feed *f = req->data;
  f->got = req->result;
  uv_fs_req_cleanup(req);
  f->reading = false;
  if (f->orphan) {
    destroy(f);
    return;
  }
  f->have_piece = true;
  if (f->ready) f->ready(f->arg);
}

static int start_read(struct content_feed *f) {
  uv_buf_t buf = uv_buf_init(f->piece, FEED_PIECE);
  f->read.data = f;
  int rc = uv_fs_read(&f->loop->uv, &f->read, f->fd, &buf, 1, (int64_t)f->body_at, on_read);
  if (rc != 0) {
    f->got = rc;
    f->have_piece = true;
    return E_IO;
  }
  f->reading = true;
  return E_BUSY;
}

static int take_from_file(struct content_feed *f, struct bytes *piece) {
  if (f->reading) return E_BUSY;
  if (!f->have_piece) return start_read(f);
  if (f->got < 0) return E_IO;
  if (f->got == 0) return 0;
  *piece = (struct bytes){f->piece, (size_t)f->got};
  f->body_at += (size_t)f->got;
  f->have_piece = false;
  return 1;
}

static bool take_slice(struct bytes from, size_t *at, struct bytes *piece) {
  *piece = bytes_from(from, *at);
  if (piece->len > FEED_PIECE) piece->len = FEED_PIECE;
  *at += piece->len;
  return piece->len > 0;
}

int content_feed_take(struct content_feed *f, struct bytes *piece) {
  struct bytes prefix = buffer_bytes(f->content ? &f->content->prefix : &f->prefix);
  if (take_slice(prefix, &f->prefix_at, piece)) return 1;
  if (!f->content) return take_from_file(f, piece);
  return take_slice(buffer_bytes(&f->content->body), &f->body_at, piece) ? 1 : 0;
}

const char *content_feed_error(const struct content_feed *f) {
  return f->have_piece && f->got < 0 ? uv_strerror((int)f->got) : "";
}
