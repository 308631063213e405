#include "relay/message/conversion.h"

#include "base/text/header.h"
#include "store/spool.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utlist.h>

#define HEADER_ROOM (1024 * 1024)
#define WRITE_AT (64 * 1024)

struct conversion {
  struct converter *converter;
  struct content *content;
  struct buffer prefix, whole; /* of a message in a file */
  struct buffer unsigned_prefix;
  int fd;
  int64_t spool_id;
  bool keep_8bit, fields, unsign;
  void (*done)(void *arg, struct converted *c);
  void *arg;
  struct converted out;
  struct conversion *next, *prev;
};

struct converter {
  struct loop *loop;
  struct conversion *waiting, *running;
  uv_work_t work;
};

static void conversion_free(struct conversion *c) {
  content_release(&c->content);
  buffer_free(&c->prefix);
  buffer_free(&c->whole);
  buffer_free(&c->unsigned_prefix);
  if (c->fd >= 0) close(c->fd);
  buffer_free(&c->out.header);
  buffer_free(&c->out.body);
  if (c->out.fd >= 0) close(c->out.fd);
  free(c);
}

/* --- on the pool --- */

static const char *data_dir(const struct conversion *c) {
  return c->converter->loop->gateway->config->data_dir;
}

/* Not mapped: a disk that fails would then end the process. */
static int read_whole(struct conversion *c) {
  struct stat st;
  int rc = c->spool_id ? spool_open(data_dir(c), c->spool_id, &c->fd, &c->out.why) : OK;
  if (rc != OK) return rc;
  if (fstat(c->fd, &st) != 0) return fail(&c->out.why, E_IO, "the message's file: %s", strerror(errno));
  buffer_init(&c->whole, (size_t)st.st_size + 1);
  rc = buffer_reserve(&c->whole, (size_t)st.st_size + 1);
  while (rc == OK && c->whole.len < (size_t)st.st_size) {
    ssize_t n = pread(c->fd, c->whole.at + c->whole.len, (size_t)st.st_size - c->whole.len, (off_t)c->whole.len);
    if (n < 0) return fail(&c->out.why, E_IO, "the message's file: %s", strerror(errno));
    if (n == 0) break;
    c->whole.len += (size_t)n;
  }
  return rc;
}

static int take_field(void *arg, struct bytes field) {
  struct conversion *c = arg;
  return buffer_add_bytes(&c->out.header, field);
}

static int end_header(void *arg) {
  (void)arg;
  return OK;
}

static int open_file(struct conversion *c) {
  char path[4096];
  int n = snprintf(path, sizeof path, "%s/converted-XXXXXX", data_dir(c));
  c->out.fd = n < (int)sizeof path ? mkostemp(path, O_CLOEXEC) : -1;
  if (c->out.fd < 0) return fail(&c->out.why, E_IO, "cannot make a file in %s: %s", data_dir(c), strerror(errno));
  unlink(path);
  return OK;
}

static int write_out(struct conversion *c) {
  int rc = c->out.fd < 0 ? open_file(c) : OK;
  if (rc == OK) rc = spool_write(c->out.fd, buffer_bytes(&c->out.body), &c->out.why);
  c->out.body.len = 0;
  return rc;
}

static int take_body(void *arg, struct bytes run) {
  struct conversion *c = arg;
  int rc = OK;
  c->out.body_octets += run.len;
  while (rc == OK && run.len) {
    size_t room = WRITE_AT - c->out.body.len, n = run.len < room ? run.len : room;
    rc = buffer_add(&c->out.body, run.at, n);
    run = bytes_from(run, n);
    if (rc == OK && run.len) rc = write_out(c);
  }
  return rc;
}

static int take_signatures_out(struct conversion *c, struct bytes *prefix) {
  size_t at = 0;
  struct field f;
  int rc = OK;
  buffer_init(&c->unsigned_prefix, prefix->len);
  while (rc == OK && header_next(*prefix, &at, &f) == 1)
    if (!bytes_equal_nocase(f.name, BYTES("DKIM-Signature"))) rc = buffer_add_bytes(&c->unsigned_prefix, f.whole);
  *prefix = buffer_bytes(&c->unsigned_prefix);
  return rc;
}

static void work(uv_work_t *req) {
  struct conversion *c = ((struct converter *)req->data)->running;
  struct mime_out out = {take_field, end_header, take_body, c};
  struct bytes prefix = buffer_bytes(c->content ? &c->content->prefix : &c->prefix);
  int rc = c->content ? OK : read_whole(c);
  if (rc == OK && c->unsign) rc = take_signatures_out(c, &prefix);
  struct mime_source from = {.prefix = prefix,
                             .content = buffer_bytes(c->content ? &c->content->body : &c->whole),
                             .keep_8bit = c->keep_8bit,
                             .fields = c->fields};
  if (rc == OK) rc = mime_7bit_convert(&from, &out, &c->out.obstacle);
  if (rc == OK && c->out.fd >= 0 && c->out.body.len) rc = write_out(c);
  c->out.result = rc;
}

/* --- on the loop --- */

static void start(struct converter *converter);

static void after_work(uv_work_t *req, int status) {
  struct converter *converter = req->data;
  struct conversion *c = converter->running;
  if (status != 0) c->out.result = fail(&c->out.why, E_IO, "%s", uv_strerror(status));
  converter->running = NULL;
  start(converter);
  if (c->done) c->done(c->arg, &c->out);
  conversion_free(c);
}

static void start(struct converter *converter) {
  struct conversion *c = converter->waiting;
  if (!c || converter->running) return;
  DL_DELETE(converter->waiting, c);
  converter->running = c;
  converter->work.data = converter;
  uv_queue_work(&converter->loop->uv, &converter->work, work, after_work); /* fails only without a work function */
}

struct conversion *conversion_start(struct loop *loop, const struct conversion_source *from,
                                    void (*done)(void *arg, struct converted *c), void *arg) {
  struct conversion *c = calloc(1, sizeof *c);
  if (!c) return NULL;
  c->converter = loop->converter;
  c->content = from->content ? content_hold(from->content) : NULL;
  c->fd = from->content || from->spool_id ? -1 : from->fd;
  c->spool_id = from->spool_id;
  c->keep_8bit = from->keep_8bit;
  c->fields = from->fields;
  c->unsign = from->unsign;
  c->done = done;
  c->arg = arg;
  c->out.fd = -1;
  buffer_init(&c->out.header, HEADER_ROOM);
  buffer_init(&c->out.body, WRITE_AT);
  if (from->prefix) {
    c->prefix = *from->prefix;
    buffer_init(from->prefix, from->prefix->max);
  }
  DL_APPEND(c->converter->waiting, c);
  start(c->converter);
  return c;
}

void conversion_forget(struct conversion *c) {
  c->done = NULL;
}

bool converter_idle(const struct converter *c) {
  return !c->running && !c->waiting;
}

int converter_new(struct loop *loop, struct converter **out) {
  struct converter *c = *out = calloc(1, sizeof *c);
  if (!c) return E_MEMORY;
  c->loop = loop;
  return OK;
}

void converter_free(struct converter **at) {
  struct converter *c = *at;
  *at = NULL;
  free(c);
}
