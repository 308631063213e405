#include "relay/message/content_loader.h"

#include "store/read.h"

#include <stdlib.h>
#include <unistd.h>
#include <utlist.h>

struct slot {
  struct content_loader *loader;
  struct reader *reader; /* opened at its first use */
  struct load *load;     /* NULL: free */
  uv_work_t work;
};

struct load {
  int64_t message_id;
  unsigned flags;
  enum load_what what;
  void (*done)(void *arg, struct loaded *loaded);
  void *arg;
  struct loaded loaded;
  struct load *next, *prev;
  size_t checked;
  int64_t ids[]; /* of recipients */
};

struct content_loader {
  struct loop *loop;
  struct slot slots[CONTENT_READERS];
  struct load *waiting;
  size_t open; /* waiting or loading */
};

static void start(struct slot *slot);

static void load_free(struct load *load) {
  content_release(&load->loaded.content);
  buffer_free(&load->loaded.prefix);
  if (load->loaded.fd >= 0) close(load->loaded.fd);
  free(load);
}

/* --- on the pool --- */

static int make_content(struct loaded *l, struct buffer *prefix, struct buffer *body) {
  l->content = content_new(prefix, body);
  return l->content ? OK : E_MEMORY;
}

static int read_row(struct slot *slot, struct load *load) {
  struct buffer prefix, body;
  buffer_init(&prefix, SIZE_MAX);
  buffer_init(&body, SIZE_MAX);
  int rc = reader_content(slot->reader, load->message_id, &prefix, &body, &load->loaded.why);
  if (rc == OK) rc = make_content(&load->loaded, &prefix, &body);
  buffer_free(&prefix);
  buffer_free(&body);
  return rc;
}

static int read_head(int fd, size_t most, struct buffer *out, struct reason *why) {
  while (out->len < most) {
    int rc = buffer_reserve(out, most - out->len);
    if (rc != OK) return rc;
    ssize_t n = pread(fd, out->at + out->len, most - out->len, (off_t)out->len);
    if (n < 0) return fail(why, E_IO, "cannot read the message's file");
    if (n == 0) break;
    out->len += (size_t)n;
  }
  return OK;
}

static int read_file_into_memory(struct load *load) {
  struct buffer body;
  size_t most = load->what == LOAD_WHOLE ? LOAD_WHOLE_MAX : LOAD_HEADER_MAX;
  buffer_init(&body, 2 * most);
  int rc = read_head(load->loaded.fd, most, &body, &load->loaded.why);
  if (rc == OK) rc = make_content(&load->loaded, &load->loaded.prefix, &body);
  buffer_free(&body);
  close(load->loaded.fd);
  load->loaded.fd = -1;
  return rc;
}

static int read_file(struct slot *slot, struct load *load) {
  struct loaded *l = &load->loaded;
  int rc = reader_content_file(slot->reader, load->message_id, &l->prefix, &l->fd, &l->why);
  if (rc != OK) {
    l->fd = -1;
    return rc;
  }
  return load->what == LOAD_MESSAGE ? OK : read_file_into_memory(load);
}

static int check(struct slot *slot, struct load *load) {
  bool queued = true;
  int rc = load->checked ? reader_still_queued(slot->reader, load->ids, load->checked, &queued) : OK;
  return rc == OK && !queued ? E_DENIED : rc;
}

static void work(uv_work_t *req) {
  struct slot *slot = req->data;
  struct load *load = slot->load;
  const char *data_dir = slot->loader->loop->gateway->config->data_dir;
  int rc = slot->reader ? OK : reader_open(data_dir, &slot->reader, &load->loaded.why);
  if (rc == OK) rc = check(slot, load);
  if (rc == OK && load->what != LOAD_NOTHING)
    rc = load->flags & MESSAGE_IN_FILE ? read_file(slot, load) : read_row(slot, load);
  load->loaded.result = rc;
}

/* --- on the loop --- */

static void after_work(uv_work_t *req, int status) {
  struct slot *slot = req->data;
  struct content_loader *l = slot->loader;
  struct load *load = slot->load;
  if (status != 0) load->loaded.result = fail(&load->loaded.why, E_IO, "%s", uv_strerror(status));
  slot->load = NULL;
  l->open--;
  if (l->waiting) start(slot);
  if (load->done) load->done(load->arg, &load->loaded);
  load_free(load);
}

static void start(struct slot *slot) {
  struct load *load = slot->loader->waiting;
  DL_DELETE(slot->loader->waiting, load);
  slot->load = load;
  slot->work.data = slot;
  uv_queue_work(&slot->loader->loop->uv, &slot->work, work, after_work); /* fails only without a work function */
}

static void begin(struct content_loader *l, struct load *load) {
  DL_APPEND(l->waiting, load);
  l->open++;
  for (size_t i = 0; i < CONTENT_READERS && l->waiting; i++)
    if (!l->slots[i].load) start(&l->slots[i]);
}

struct load *content_load_checked(struct content_loader *l, const struct content_check *check, int64_t message_id,
                                  unsigned flags, enum load_what what, void (*done)(void *arg, struct loaded *loaded),
                                  void *arg) {
  struct load *load = calloc(1, sizeof *load + check->count * sizeof *check->ids);
  if (!load) return NULL;
  load->message_id = message_id;
  load->flags = flags;
  load->what = what;
  load->done = done;
  load->arg = arg;
  load->loaded.fd = -1;
  load->checked = check->count;
  for (size_t i = 0; i < check->count; i++) load->ids[i] = check->ids[i];
  buffer_init(&load->loaded.prefix, SIZE_MAX);
  begin(l, load);
  return load;
}

struct load *content_load(struct content_loader *l, int64_t message_id, unsigned flags, enum load_what what,
                          void (*done)(void *arg, struct loaded *loaded), void *arg) {
  return content_load_checked(l, &(struct content_check){0}, message_id, flags, what, done, arg);
}

void content_load_forget(struct load *load) {
  load->done = NULL;
}

bool content_loader_idle(const struct content_loader *l) {
  return l->open == 0;
}

int content_loader_new(struct loop *loop, struct content_loader **out) {
  struct content_loader *l = *out = calloc(1, sizeof *l);
  if (!l) return E_MEMORY;
  l->loop = loop;
  for (size_t i = 0; i < CONTENT_READERS; i++) l->slots[i].loader = l;
  return OK;
}

void content_loader_free(struct content_loader **loader) {
  struct content_loader *l = *loader;
  if (!l) return;
  *loader = NULL;
  for (size_t i = 0; i < CONTENT_READERS; i++) reader_close(&l->slots[i].reader);
  free(l);
}
