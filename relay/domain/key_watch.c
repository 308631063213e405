#include "relay/domain/key_watch.h"

#include "base/clock.h"
#include "base/log.h"
#include "relay/domain/key_job.h"
#include "relay/domain/key_seen.h"
#include "relay/net/dns_task.h"
#include "store/write.h"

#include <stdio.h>
#include <stdlib.h>

#define JOB_MS 30000                /* one look after a key */
#define SCAN_US (60 * SECOND_US)    /* the directory is walked as often, and when it changes */
#define CHANGED_US (10 * SECOND_US) /* the directory follows a change of the store sooner */
#define AGAIN_US (3600 * SECOND_US) /* what could not be done is tried again */
#define SAY_US (86400 * SECOND_US)  /* what keeps a key from its next state is said as often */

struct key_watch {
  struct loop *loop;
  struct dns_task task;
  struct reader *reader; /* the pool's thread's, while a job runs */
  struct key_seen *seen;
  int64_t generation, scan_us, due_us;
  int64_t changed_us; /* a key was changed then, which the directory may not show yet; 0: it does */
  struct key_job job;
  size_t posted;
  bool freed;
};

/* --- the end --- */

static void forget(void *owner) {
  struct key_watch *w = owner;
  w->freed = true;
  if (w->posted) return; /* on_posted */
  key_seen_clear(&w->seen);
  key_job_clear(&w->job);
  if (w->reader) reader_close(&w->reader);
  free(w);
}

void key_watch_stop(struct key_watch *w) {
  dns_task_stop(&w->task);
}

void key_watch_free(struct key_watch **at) {
  struct key_watch *w = *at;
  *at = NULL;
  if (w) dns_task_free(&w->task);
}

/* --- into the store --- */

struct posted {
  union {
    struct store_op op;
    struct store_key_step step;
    struct store_key_note note;
    struct store_key_add add;
  } u; /* first */
  struct key_watch *owner;
  struct new_key next;
  char domain[DOMAIN_MAX + 1], selector[SELECTOR_MAX + 1], replaces[SELECTOR_MAX + 1], text[512];
  const bool *changed; /* the operation's: the key is in `state` now; NULL: it stays as it is */
  enum key_state state;
};

static void on_posted(struct store_op *op) {
  struct posted *p = (struct posted *)op;
  struct key_watch *w = p->owner;
  if (op->result != OK)
    log_event(LOG_WARN_, NULL, "dkim key not recorded", "domain", p->domain, "selector", p->selector, "reason",
              *op->why.text ? op->why.text : result_text(op->result), NULL);
  else if (p->changed && *p->changed)
    log_event(LOG_INFO_, NULL, "dkim key", "domain", p->domain, "selector", p->selector, "state",
              key_state_name(p->state), "reason", p->text, NULL);
  new_key_clear(&p->next);
  free(p);
  w->posted--;
  w->due_us = 0;
  if (w->freed && !w->posted) forget(w);
}

static struct posted *posted_new(struct key_watch *w, const struct signing_key *k) {
  struct posted *p = calloc(1, sizeof *p);
  if (!p) return NULL; /* with the next look */
  p->owner = w;
  snprintf(p->domain, sizeof p->domain, "%s", k->domain);
  snprintf(p->selector, sizeof p->selector, "%s", k->selector);
  return p;
}

static void post(struct key_watch *w, struct posted *p) {
  w->posted++;
  loop_store_post(w->loop, &p->u.op, on_posted);
}

/* What was seen of it in its last state is over. */
static void step(struct key_watch *w, const struct signing_key *k, enum key_state to, const char *text) {
  key_seen_forget(&w->seen, k->id);
  w->changed_us = clock_now_us();
  struct posted *p = posted_new(w, k);
  if (!p) return;
  snprintf(p->text, sizeof p->text, "%s", text);
  p->state = to;
  p->changed = &p->u.step.done;
  store_key_step_init(&p->u.step);
  p->u.step.key_id = k->id;
  p->u.step.from = k->state;
  p->u.step.to = to;
  p->u.step.text = p->text;
  p->u.step.now_us = clock_now_us();
  post(w, p);
}

/* For `dkim list`, and for after a restart; what is said in the log is another matter. */
static void note(struct key_watch *w, const struct signing_key *k, const char *found) {
  struct posted *p = posted_new(w, k);
  if (!p) return;
  snprintf(p->text, sizeof p->text, "%s", found);
  store_key_note_init(&p->u.note);
  p->u.note.key_id = k->id;
  p->u.note.state = k->state;
  p->u.note.checked_us = k->checked_us;
  p->u.note.left_us = k->left_us;
  p->u.note.found = p->text;
  post(w, p);
}

static void add(struct key_watch *w, const struct signing_key *before, struct new_key *next) {
  w->changed_us = clock_now_us();
  struct posted *p = posted_new(w, before);
  if (!p) return;
  p->next = *next; /* its buffers are the operation's now */
  *next = (struct new_key){0};
  snprintf(p->replaces, sizeof p->replaces, "%s", before->selector);
  snprintf(p->selector, sizeof p->selector, "%s", p->next.selector);
  snprintf(p->text, sizeof p->text, "%.63s waiting: made in time to replace %.63s; sendoff domain records %.100s",
           p->selector, p->replaces, p->domain);
  p->state = KEY_WAITING;
  p->changed = &p->u.add.done;
  store_key_add_init(&p->u.add);
  p->u.add.key = p->next.key;
  p->u.add.key.domain = p->domain;
  p->u.add.key.selector = p->selector;
  p->u.add.key.replaces = p->replaces;
  p->u.add.key.public_base64 = p->next.public_base64.at;
  p->u.add.private_pem = buffer_bytes(&p->next.pem);
  p->u.add.text = p->text;
  p->u.add.now_us = clock_now_us();
  post(w, p);
}

/* --- what came of a job --- */

/* What keeps it from its next state: as a warning once, and again when it is another, or a day on. */
static void say(struct key_watch *w, struct key_seen *s, const struct signing_key *k, const char *text) {
  int64_t now_us = clock_now_us();
  (void)w;
  if (!s || !*text || (s->said_us && strcmp(s->said, text) == 0 && now_us - s->said_us < SAY_US)) return;
  s->said_us = now_us;
  snprintf(s->said, sizeof s->said, "%s", text);
  log_event(LOG_WARN_, NULL, "dkim key waits", "domain", k->domain, "selector", k->selector, "state",
            key_state_name(k->state), "reason", text, NULL);
}

static void take_look(struct key_watch *w, struct key_seen *s, struct signing_key *k, int64_t now_us) {
  const struct key_job *j = &w->job;
  const char *found = j->kind == KEY_JOB_SERVICE ? j->found.text : j->why.text;
  k->checked_us = now_us;
  if (j->kind == KEY_JOB_MAIL && j->known) k->left_us = j->mail_waits ? 0 : k->left_us ? k->left_us : now_us;
  if (s) s->checked_us = now_us, s->left_us = k->left_us;
  const struct rotation_facts f = {.key = k,
                                   .service = j->found.service,
                                   .mail_waits = !j->known || j->mail_waits,
                                   .publishes = j->kind == KEY_JOB_WITHDRAW && j->known,
                                   .now_us = now_us};
  enum key_state next = rotation_next(&f);
  static const char *const texts[] = {[KEY_ACTIVE] =
                                          "DNS has its record everywhere, and a signature made with it verifies",
                                      [KEY_RETIRED] = "no mail that it has signed is on its way; its record can go",
                                      [KEY_WAITING] = "",
                                      [KEY_OLD] = "",
                                      [KEY_GONE] = "its record is out of DNS"};
  if (next != k->state) {
    step(w, k, next, texts[next]);
  } else {
    say(w, s, k, found);
    note(w, k, found);
  }
}

static void done(void *owner) {
  struct key_watch *w = owner;
  struct key_job *j = &w->job;
  struct signing_key k = key_seen_now(w->seen, j->key);
  struct key_seen *s = key_seen_of(&w->seen, &k);
  int64_t now_us = clock_now_us();
  if (s && !j->known && j->kind != KEY_JOB_SERVICE) s->again_us = now_us + AGAIN_US;
  if (j->kind != KEY_JOB_SUCCESSOR) {
    take_look(w, s, &k, now_us);
  } else if (j->known) {
    add(w, &k, &j->next);
  } else {
    say(w, s, &k, j->why.text);
  }
  key_job_clear(j);
  *j = (struct key_job){0};
  w->due_us = 0; /* the next one */
}

/* --- the job --- */

static void run(void *owner, const struct dns_source *dns) {
  struct key_watch *w = owner;
  const struct config *c = w->loop->gateway->config;
  const struct authority_plan plan = {.dns = dns, .local = c->local_next_hops};
  const struct publisher publisher = {.config = c, .until_ms = &w->task.until_ms};
  const struct key_job_tools tools = {.plan = &plan, .publisher = &publisher, .reader = w->reader};
  key_job_run(&w->job, &tools, clock_monotonic_ms() + JOB_MS, clock_now_us());
}

int key_watch_new(struct loop *loop, const struct dns_source *dns, struct key_watch **out, struct reason *why) {
  struct key_watch *w = *out = calloc(1, sizeof *w);
  if (!w) return fail(why, E_MEMORY, "out of memory");
  w->loop = loop;
  w->task = (struct dns_task){.loop = loop, .dns = *dns, .run = run, .done = done, .forget = forget, .owner = w};
  int rc = reader_open(loop->gateway->config->data_dir, &w->reader, why);
  if (rc != OK) {
    free(w);
    *out = NULL;
  }
  return rc;
}

/* When this key is due, and for what. */
static int64_t due_of(struct key_watch *w, const struct domain *d, const struct signing_key *k, bool publishes,
                      int64_t now_us, enum key_job_kind *kind) {
  struct signing_key now = key_seen_now(w->seen, k);
  const struct key_seen *s = key_seen_find(w->seen, k);
  int64_t due_us = rotation_due_us(&now, publishes);
  *kind = k->state == KEY_WAITING ? KEY_JOB_SERVICE : k->state == KEY_OLD ? KEY_JOB_MAIL : KEY_JOB_WITHDRAW;
  if (k->state == KEY_ACTIVE && d->rotate_us && !rotation_successor(d, k)) {
    *kind = KEY_JOB_SUCCESSOR;
    due_us = rotation_is_due(d, k, now_us) ? now_us : k->state_us + d->rotate_us;
  }
  return s && s->again_us > due_us ? s->again_us : due_us;
}

static bool is_published_by_us(const struct key_watch *w, const struct domain *d, const struct signing_key *k) {
  char name[KEY_NAME_MAX];
  const struct publisher p = {.config = w->loop->gateway->config};
  return k->state == KEY_RETIRED && key_record_name(k->selector, d->name, d->delegation, name) == OK &&
         publisher_covers(&p, name);
}

/* The first that is due; job->key NULL: none is. */
static void choose(struct key_watch *w, int64_t now_us, struct key_job *job) {
  struct directory *all = w->loop->directory;
  int64_t first_us = INT64_MAX;
  enum key_job_kind kind;
  for (size_t i = 0; i < all->domain_count; i++) {
    const struct domain *d = &all->domains[i];
    for (size_t n = 0; n < d->key_count; n++) {
      int64_t due_us = due_of(w, d, &d->keys[n], is_published_by_us(w, d, &d->keys[n]), now_us, &kind);
      if (due_us >= first_us) continue;
      first_us = due_us;
      *job = (struct key_job){.kind = kind, .domain = d, .key = &d->keys[n]};
    }
  }
  w->due_us = first_us;
  if (first_us > now_us) *job = (struct key_job){0};
}

void key_watch_tick(struct key_watch *w, int64_t now_us) {
  struct directory *all = w->loop->directory;
  struct key_job job = {0};
  if (w->posted || !dns_task_ready(&w->task)) return;
  if (all->generation != w->generation || now_us - w->changed_us >= CHANGED_US) w->changed_us = 0;
  if (w->changed_us) return;
  bool new = all->generation != w->generation || now_us - w->scan_us >= SCAN_US || now_us < w->scan_us;
  if (!new &&now_us < w->due_us) return;
  w->generation = all->generation;
  w->scan_us = now_us;
  choose(w, now_us, &job);
  if (!job.key) return;
  w->job = job;
  w->job.directory = directory_hold(all);
  if (dns_task_start(&w->task)) return;
  key_job_clear(&w->job);
  w->job = (struct key_job){0};
}
