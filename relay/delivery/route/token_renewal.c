#include "relay/delivery/route/token_renewal.h"

#include "base/hash.h"
#include "base/log.h"
#include "relay/delivery/route/token_due.h"
#include "relay/net/dns_until.h"
#include "relay/oauth2/token.h"
#include "store/write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

/* A route of the directory that has tokens. */
struct renewal {
  int64_t login;
  struct token_state state; /* its token is the newest that is known: the directory learns of it later */
  int64_t loaded_us;        /* that of the directory, */
  int64_t pending_us;       /* and one that is on its way there; 0: none */
  bool busy, seen;
  UT_hash_handle hh;
};

/* What an endpoint said, on its way into the store, until that has it: a refresh token that was replaced is good no
 * more. */
struct kept {
  struct store_route_token op; /* first */
  struct token_renewal *owner;
  struct token_answer answer;
  struct reason why;
  struct kept *next;
};

struct token_renewal {
  struct loop *loop;
  struct dns_source dns;
  struct renewal *table;
  struct kept *unkept;
  atomic_uint_least64_t until_ms; /* not 0: it is stopped */
  bool freed;
  size_t tasks, posted;
  void (*idle)(void *arg);
  void *arg;
};

/* One request: the pool's thread has all but `owner`'s table. */
struct task {
  uv_work_t work;
  struct token_renewal *owner;
  struct route_secrets *secrets; /* held */
  int64_t login;
  char *endpoint, *client_id, *scope, *user;
  struct token_request request;
  struct kept *result;
  int rc;
};

/* --- life --- */

struct token_renewal *token_renewal_new(struct loop *loop, const struct dns_source *dns, void (*idle)(void *arg),
                                        void *arg) {
  struct token_renewal *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->loop = loop;
  t->dns = *dns;
  t->idle = idle;
  t->arg = arg;
  return t;
}

static void kept_free(struct kept *k) {
  token_answer_clear(&k->answer);
  free(k);
}

static void drop(struct token_renewal *t, struct renewal *r) {
  HASH_DEL(t->table, r);
  free(r);
}

bool token_renewal_is_idle(const struct token_renewal *t) {
  return !t->tasks && !t->posted;
}

static void when_idle(struct token_renewal *t) {
  if (!token_renewal_is_idle(t)) return;
  if (!t->freed) {
    t->idle(t->arg);
    return;
  }
  while (t->table) drop(t, t->table);
  while (t->unkept) {
    struct kept *k = t->unkept;
    LL_DELETE(t->unkept, k);
    kept_free(k);
  }
  free(t);
}

void token_renewal_stop(struct token_renewal *t) {
  if (!atomic_load(&t->until_ms)) atomic_store(&t->until_ms, clock_monotonic_ms() + TOKEN_STOP_MS);
}

void token_renewal_free(struct token_renewal **at) {
  struct token_renewal *t = *at;
  *at = NULL;
  if (!t) return;
  token_renewal_stop(t);
  t->freed = true;
  when_idle(t);
}

/* --- into the store --- */

static void post(struct kept *k);

static void on_kept(struct store_op *op) {
  struct kept *k = (struct kept *)op;
  struct token_renewal *t = k->owner;
  t->posted--;
  if (op->result == OK || atomic_load(&t->until_ms)) {
    kept_free(k);
    when_idle(t);
    return;
  }
  log_event(LOG_WARN_, NULL, "token not kept", "reason", *op->why.text ? op->why.text : result_text(op->result), "next",
            "again in a second", NULL);
  LL_APPEND(t->unkept, k);
}

static void post(struct kept *k) {
  struct store_route_token *op = &k->op;
  op->access = buffer_bytes(&k->answer.access);
  op->refresh = buffer_bytes(&k->answer.refresh);
  op->failure = k->why.text;
  op->op.result = OK;
  k->owner->posted++;
  loop_store_post(k->owner->loop, &op->op, on_kept);
}

static void post_unkept(struct token_renewal *t) {
  struct kept *k, *list = t->unkept;
  t->unkept = NULL;
  while ((k = list)) {
    LL_DELETE(list, k);
    post(k);
  }
}

/* --- the request --- */

static void task_free(struct task *t) {
  route_secrets_release(&t->secrets);
  if (t->result) kept_free(t->result);
  free(t->endpoint);
  free(t->client_id);
  free(t->scope);
  free(t->user);
  free(t);
}

static struct task *task_new(struct token_renewal *owner, const struct static_route *r, struct route_secrets *secrets) {
  const struct route_login *l = route_secrets_find(secrets, r->id);
  struct task *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->work.data = t;
  t->owner = owner;
  t->secrets = route_secrets_hold(secrets);
  t->login = r->login;
  t->endpoint = strdup(r->oauth2.endpoint);
  t->client_id = strdup(r->oauth2.client_id);
  t->scope = strdup(r->oauth2.scope);
  t->user = strdup(r->user);
  t->result = calloc(1, sizeof *t->result);
  if (!l || !t->endpoint || !t->client_id || !t->scope || !t->user || !t->result) {
    if (t->result) token_answer_init(&t->result->answer);
    task_free(t);
    return NULL;
  }
  token_answer_init(&t->result->answer);
  t->result->owner = owner;
  t->request = (struct token_request){.endpoint = t->endpoint,
                                      .client_id = t->client_id,
                                      .scope = t->scope,
                                      .client_secret = buffer_bytes(&l->of[ROUTE_CLIENT_SECRET]),
                                      .refresh_token = buffer_bytes(&l->of[ROUTE_REFRESH_TOKEN])};
  return t;
}

static void work(uv_work_t *req) {
  struct task *t = req->data;
  struct token_renewal *owner = t->owner;
  struct dns_until until = {owner->dns, &owner->until_ms};
  const struct dns_source dns = dns_until(&until);
  const struct https h = {
      .dns = &dns, .trust = owner->loop->gateway->config->https_trust, .until_ms = &owner->until_ms};
  t->rc = token_fetch(&h, &t->request, &t->result->answer, &t->result->why);
}

static void take_success(const struct task *t, struct renewal *r, int64_t now_us) {
  struct kept *k = t->result;
  int64_t life_us = k->answer.life_s * SECOND_US;
  if (r->state.failures) log_event(LOG_INFO_, NULL, "token renewed", "user", t->user, "endpoint", t->endpoint, NULL);
  r->state = (struct token_state){.from_us = now_us, .until_us = now_us + life_us, .tried_us = now_us};
  r->pending_us = now_us;
  k->op.token_until_us = now_us + life_us;
  k->why.text[0] = '\0';
}

/* The alarm: when the token that there is has ended, mail stands still. */
static void take_failure(const struct task *t, struct renewal *r, int64_t now_us) {
  char left[40] = "waits";
  if (r->state.until_us > now_us && !r->state.refused)
    snprintf(left, sizeof left, "goes on for %lld s", (long long)((r->state.until_us - now_us) / SECOND_US));
  r->state.failures++;
  r->state.tried_us = now_us;
  log_event(LOG_ERROR_, NULL, "token renewal failed", "user", t->user, "endpoint", t->endpoint, "reason",
            t->result->why.text, "mail", left, "do",
            "check the client, its secret or refresh token, and its rights there; then: sendoff route set", NULL);
}

static void worked(uv_work_t *req, int status) {
  struct task *task = req->data;
  struct token_renewal *t = task->owner;
  struct renewal *r = NULL;
  int64_t now_us = clock_now_us();
  (void)status;
  t->tasks--;
  if (!t->freed) HASH_FIND(hh, t->table, &task->login, sizeof task->login, r);
  if (r) r->busy = false;
  bool cut = task->rc != OK && atomic_load(&t->until_ms); /* by us: no failure of theirs */
  if (r && !cut) {
    store_route_token_init(&task->result->op);
    task->result->op.login = task->login;
    task->result->op.from_us = now_us;
    if (task->rc == OK)
      take_success(task, r, now_us);
    else
      take_failure(task, r, now_us);
    post(task->result); /* also when the gateway stops: the store is open until the loops have ended */
    task->result = NULL;
  }
  task_free(task);
  when_idle(t);
}

static void start(struct token_renewal *t, struct renewal *r, const struct static_route *route,
                  struct route_secrets *secrets) {
  struct task *task = task_new(t, route, secrets);
  if (!task) return; /* at the next tick */
  if (uv_queue_work(&t->loop->uv, &task->work, work, worked) != 0) {
    task_free(task);
    return;
  }
  r->busy = true;
  t->tasks++;
}

/* --- what is due --- */

/* A clock that was set back makes no token older than the one before: what is new is what has changed. */
static void take_loaded(struct renewal *r, const struct route_oauth2 *from) {
  if (from->token_from_us == r->loaded_us) return;
  r->loaded_us = from->token_from_us;
  if (r->pending_us && r->pending_us != r->loaded_us) return;
  r->pending_us = 0;
  r->state.from_us = from->token_from_us;
  r->state.until_us = from->token_until_us;
}

static struct renewal *take_route(struct token_renewal *t, const struct static_route *route) {
  struct renewal *r = NULL;
  HASH_FIND(hh, t->table, &route->login, sizeof route->login, r);
  if (!r) {
    r = calloc(1, sizeof *r);
    if (!r) return NULL;
    r->login = route->login;
    HASH_ADD(hh, t->table, login, sizeof r->login, r);
    if (!r->hh.tbl) {
      free(r);
      return NULL;
    }
  }
  r->seen = true;
  take_loaded(r, &route->oauth2);
  return r;
}

static void forget_gone(struct token_renewal *t) {
  struct renewal *r, *next;
  HASH_ITER(hh, t->table, r, next) {
    if (!r->seen) drop(t, r);
  }
}

static int64_t first_wait_us(const struct config *c) {
  return c->retry_count && c->retry_us[0] < TOKEN_AGAIN_FIRST_US ? c->retry_us[0] : TOKEN_AGAIN_FIRST_US;
}

void token_renewal_tick(struct token_renewal *t, struct route_secrets *secrets, int64_t now_us) {
  const struct directory *d = t->loop->directory;
  int64_t first_us = first_wait_us(t->loop->gateway->config);
  if (atomic_load(&t->until_ms)) return;
  post_unkept(t);
  for (struct renewal *r = t->table; r; r = r->hh.next) r->seen = false;
  for (size_t i = 0; i < d->route_count; i++) {
    struct renewal *r = d->routes[i].auth == ROUTE_AUTH_OAUTH2 ? take_route(t, &d->routes[i]) : NULL;
    if (!r || r->busy || t->tasks >= TOKEN_TASKS_MAX) continue;
    if (r->pending_us) continue; /* a request would be made of what the endpoint has replaced (RFC 6749 6) */
    if (token_due_us(&r->state, first_us, now_us) > now_us) continue;
    start(t, r, &d->routes[i], secrets);
  }
  forget_gone(t);
}

void token_renewal_refused(struct token_renewal *t, int64_t login, int64_t token_from_us) {
  struct renewal *r = NULL;
  HASH_FIND(hh, t->table, &login, sizeof login, r);
  if (r && r->state.from_us == token_from_us) r->state.refused = true;
}
