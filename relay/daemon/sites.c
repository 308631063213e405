#include "relay/daemon/sites.h"

#include "relay/daemon/loop_lines.h"
#include "relay/delivery/delivery.h"
#include "relay/json/json.h"
#include "relay/net/broadcast.h"

#include <stdlib.h>
#include <string.h>

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

static void add_object(struct loop_lines *r, json_t *object) {
  char *line = object ? json_line(object) : NULL;
  r->result = line ? buffer_addf(&r->text, "%s\n", line) : E_MEMORY;
  free(line);
  json_decref(object);
}

static void add_line(void *arg, const struct delivery_site *s) {
  struct loop_lines *r = arg;
  if (r->result == OK) add_object(r, describe(s));
}

static void read_loop(const struct loop *on, const void *arg, struct loop_lines *out) {
  (void)arg;
  delivery_sites(on, add_line, out);
}

void sites_ask(struct loop *supervisor, struct control_request *r) {
  loop_lines_ask(supervisor, r, read_loop, NULL, SITES_ANSWER_MAX);
}

static void add_learning(void *arg, const struct site_learning_note *n) {
  struct loop_lines *r = arg;
  if (r->result == OK) add_object(r, site_learning_json(n));
}

static void read_learning(const struct loop *on, const void *arg, struct loop_lines *out) {
  delivery_learnt(on, arg, add_learning, out);
}

void site_learning_ask(struct loop *supervisor, const char *site, struct control_request *r) {
  loop_lines_ask(supervisor, r, read_learning, site, SITES_ANSWER_MAX);
}

static void forget_learning(const struct loop *on, const void *arg, struct loop_lines *out) {
  (void)out;
  delivery_forget_site(on, arg);
}

void site_forget_ask(struct loop *supervisor, const char *site, struct control_request *r) {
  loop_lines_ask(supervisor, r, forget_learning, site, SITES_ANSWER_MAX);
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
