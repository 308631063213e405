/* Is a password right? From the loop's memory of those that were, or by a derivation on libuv's pool, while the session
 * waits. A wrong password and an unknown name get the same reply after the same work. */
#include "relay/submission/auth/auth.h"
#include "relay/submission/auth/auth_cache.h"
#include "relay/submission/auth/login.h"
#include "relay/submission/auth/password.h"
#include "relay/submission/auth/sasl.h"

#include <stdlib.h>
#include <string.h>

/* Holds copies: the session may close meanwhile. */
struct auth_check {
  uv_work_t work;
  struct session *session;
  int64_t account_id; /* 0: there is no such account; the work is done all the same */
  struct scram_verifier verifier;
  char name[SASL_NAME_MAX + 1], password[SASL_PASSWORD_MAX + 1];
  bool right;
};

static void work(uv_work_t *req) {
  struct auth_check *c = req->data;
  c->right = password_matches(bytes_of(c->password), &c->verifier) && c->account_id != 0;
}

static void worked(uv_work_t *req, int status) {
  struct auth_check *c = req->data;
  struct session *s = c->session;
  (void)status;
  if (!session_is_closed(s)) {
    const struct account *a = c->account_id ? directory_account_by_id(s->loop->directory, c->account_id) : NULL;
    bool same = a && memcmp(&a->verifier, &c->verifier, sizeof a->verifier) == 0; /* not changed meanwhile */
    if (c->right && same) auth_cache_learn(s->submission->auth_cache, a, bytes_of(c->password));
    login_decide(s, a, c->right && same, c->name, LOGIN_PASSWORD);
  }
  wipe(c, sizeof *c);
  free(c);
  session_unhold(s);
}

void auth_password(struct session *s, const char *name, const char *password) {
  const struct account *a = directory_account(s->loop->directory, bytes_of(name));
  if (a && auth_cache_knows(s->submission->auth_cache, a, bytes_of(password))) {
    login_decide(s, a, true, name, LOGIN_PASSWORD);
    return;
  }
  struct auth_check *c = calloc(1, sizeof *c);
  if (!c) {
    session_close(s, false, "out of memory");
    return;
  }
  c->session = s;
  c->work.data = c;
  c->account_id = a ? a->id : 0;
  if (a)
    c->verifier = a->verifier;
  else
    password_of_nobody(s->loop->directory->no_account, name, &c->verifier);
  strcpy(c->name, name); /* both are bounded by the exchange */
  strcpy(c->password, password);
  session_wait(s, WAIT_LOGIN);
  session_hold(s);
  uv_queue_work(&s->loop->uv, &c->work, work, worked); /* fails only for a NULL work function */
}
