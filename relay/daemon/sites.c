#include "relay/daemon/sites.h"

#include "relay/delivery/delivery.h"
#include "relay/json/json.h"
#include "relay/net/broadcast.h"

#include <stdlib.h>
#include <string.h>

struct gathering {
  struct loop *supervisor;
  struct control_request *request;
  struct loop_report { /* one each: no loop writes where another does */
    struct buffer lines;
    int result;
  } loops[];
};

static json_t *time_or_null(int64_t us) {
  return us ? json_time(us) : json_null();
}

static json_t *describe(const struct delivery_site *s) {
  return json_pack("{s:o, s:o, s:I, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:s, s:o}", "site",
                   json_text(s->name), "source", *s->source ? json_text(s->source) : json_null(), "open",
                   (json_int_t)s->open, "connections", (json_int_t)s->connections, "connections_most",
                   (json_int_t)s->connections_most, "messages_per_connection", (json_int_t)s->messages, "rate",
                   s->rate > 0 ? json_real(s->rate) : json_null(), "waiting", (json_int_t)s->waiting, "accepted",
                   (json_int_t)s->accepted, "deferred", (json_int_t)s->deferred, "refused", (json_int_t)s->refused,
                   "paused_until", time_or_null(s->paused_until_us), "single_until", time_or_null(s->single_until_us),
                   "held_until", time_or_null(s->held_until_us), "action", s->action, "reason",
                   s->reason && *s->reason ? json_text(s->reason) : json_null());
}

static void add_line(void *arg, const struct delivery_site *s) {
  struct loop_report *r = arg;
  if (r->result != OK) return;
  json_t *object = describe(s);
  char *line = object ? json_line(object) : NULL;
  r->result = line ? buffer_addf(&r->lines, "%s\n", line) : E_MEMORY;
  free(line);
  json_decref(object);
}

static void read_loop(struct loop *on, struct broadcast_token *t) {
  struct gathering *g = broadcast_arg(t);
  delivery_sites(on, add_line, &g->loops[on->index]);
  broadcast_return(t);
}

/* One text of all; NUL-terminated. */
static int join(struct gathering *g, size_t loops, struct buffer *all) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < loops; i++) {
    rc = g->loops[i].result;
    if (rc == OK) rc = buffer_add_bytes(all, buffer_bytes(&g->loops[i].lines));
  }
  return rc == OK ? buffer_add(all, "", 1) : rc;
}

static void every_loop_read(void *arg) {
  struct gathering *g = arg;
  size_t loops = g->supervisor->gateway->loop_count;
  struct buffer all;
  buffer_init(&all, SITES_ANSWER_MAX);
  control_answer(g->request, join(g, loops, &all) == OK ? all.at : "error: out of memory");
  buffer_free(&all);
  for (size_t i = 0; i < loops; i++) buffer_free(&g->loops[i].lines);
  free(g);
}

void sites_ask(struct loop *supervisor, struct control_request *r) {
  size_t loops = supervisor->gateway->loop_count;
  struct gathering *g = calloc(1, sizeof *g + loops * sizeof g->loops[0]);
  if (g) {
    g->supervisor = supervisor;
    g->request = r;
    for (size_t i = 0; i < loops; i++) buffer_init(&g->loops[i].lines, SITES_ANSWER_MAX);
    if (broadcast(supervisor, read_loop, every_loop_read, g) == OK) return;
  }
  free(g);
  control_answer(r, "error: out of memory");
}

struct resuming {
  struct control_request *request;
  const char *source; /* in `text`; NULL: all */
  const char *site;
  char text[];
};

static void each_resumes(struct loop *on, struct broadcast_token *t) {
  const struct resuming *m = broadcast_arg(t);
  delivery_resume_site(on, m->source, m->site);
  broadcast_return(t);
}

static void all_resumed(void *arg) {
  struct resuming *m = arg;
  control_answer(m->request, "ok");
  free(m);
}

/* "SOURCE SITE", cut apart in place; a source has no space. */
static bool take_apart(struct resuming *m) {
  char *space = strchr(m->text, ' ');
  if (!space) return false;
  *space = '\0';
  m->site = space + 1;
  m->source = strcmp(m->text, "*") == 0 ? NULL : m->text;
  return true;
}

void site_resume_ask(struct loop *supervisor, const char *which, struct control_request *r) {
  struct resuming *m = calloc(1, sizeof *m + strlen(which) + 1);
  if (m) {
    m->request = r;
    memcpy(m->text, which, strlen(which));
    if (!take_apart(m)) {
      free(m);
      control_answer(r, "error: which site?");
      return;
    }
    if (broadcast(supervisor, each_resumes, all_resumed, m) == OK) return;
  }
  free(m);
  control_answer(r, "error: out of memory");
}
