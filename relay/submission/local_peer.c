#include "relay/submission/local_peer.h"

#include "relay/net/pool.h"

#include <pwd.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_MAX 16384 /* octets of a user's entry */

struct local_peers {
  struct dns_jobs jobs;
};

struct lookup {
  struct dns_job base;
  uid_t uid;
  char user[LOCAL_USER_MAX + 1];
  bool anybody;
};

/* In a user namespace all users that it does not map have one id, so that nobody can say who they are
 * (user_namespaces(7), "Unmapped user and group IDs"). The first namespace maps all. */
static bool stands_for_anybody(uid_t uid) {
  unsigned overflow = 65534, first = 0, at = 0, count = UINT32_MAX;
  FILE *f = fopen("/proc/sys/kernel/overflowuid", "re");
  if (f && fscanf(f, "%u", &overflow) != 1) overflow = 65534;
  if (f) fclose(f);
  if (uid != overflow) return false;
  f = fopen("/proc/self/uid_map", "re");
  bool whole = !f || (fscanf(f, "%u %u %u", &first, &at, &count) == 3 && !first && !at && count == UINT32_MAX);
  if (f) fclose(f);
  return !whole;
}

/* --- a look-up --- */

static void work(struct dns_job *base, const struct dns_source *dns) {
  struct lookup *l = (struct lookup *)base;
  struct passwd entry, *p = NULL;
  char text[ENTRY_MAX];
  (void)dns;
  l->anybody = stands_for_anybody(l->uid);
  if (getpwuid_r(l->uid, &entry, text, sizeof text, &p) != 0 || !p) return;
  if (!bytes_copy(bytes_of(p->pw_name), l->user, sizeof l->user)) l->user[0] = '\0';
}

static void finish(struct dns_job *base, bool late) {
  (void)base;
  (void)late;
}

static void release(struct dns_job *base) {
  free(base);
}

/* --- what the session gets of it --- */

static void refuse_peer(struct session *s) {
  session_refuse(s, "4.3.0", RULE_USER_DATABASE,
                 "the machine's database of users does not say who you are; try again in a minute");
}

static void done(struct dns_wait *w, struct dns_job *base) {
  struct session *s = (struct session *)((char *)w - offsetof(struct session, peer_wait));
  const struct lookup *l = (const struct lookup *)base;
  session_resume(s);
  if (dns_job_late(base)) {
    refuse_peer(s);
    return;
  }
  memcpy(s->user, l->user, sizeof s->user);
  s->identity = l->anybody ? CLIENT_ANONYMOUS : CLIENT_KNOWN;
  s->peer_found(s);
}

/* --- all --- */

int local_peers_new(struct loop *loop, struct local_peers **out) {
  static const struct dns_job_calls calls = {work, finish, release};
  struct local_peers *all = *out = calloc(1, sizeof *all);
  if (!all) return E_MEMORY;
  all->jobs = (struct dns_jobs){.loop = loop, .calls = &calls, .threads = pool_name_threads(loop->gateway->loop_count)};
  return OK;
}

void local_peers_free(struct local_peers **all) {
  free(*all);
  *all = NULL;
}

/* Sessions of one user wait for one look-up. */
static struct lookup *find_lookup(const struct local_peers *all, uid_t uid) {
  for (struct dns_job *j = all->jobs.first; j; j = j->next)
    if (((struct lookup *)j)->uid == uid && dns_job_open(j)) return (struct lookup *)j;
  return NULL;
}

static struct lookup *start(struct local_peers *all, uid_t uid) {
  struct lookup *l = dns_jobs_full(&all->jobs, uid) ? NULL : calloc(1, sizeof *l);
  if (!l) return NULL;
  l->uid = uid;
  dns_job_start(&all->jobs, &l->base, uid);
  return l;
}

void local_peer_find(struct session *s, void (*found)(struct session *s)) {
  struct local_peers *all = s->submission->local_peers;
  struct lookup *l = find_lookup(all, s->uid);
  if (!l) l = start(all, s->uid);
  if (!l) {
    refuse_peer(s);
    return;
  }
  s->peer_found = found;
  s->peer_wait.done = done;
  session_wait(s, WAIT_PEER);
  dns_job_join(&l->base, &s->peer_wait);
}

void local_peer_format(const struct session *s, char out[IP_TEXT]) {
  if (*s->user)
    snprintf(out, IP_TEXT, "local user %s", s->user);
  else
    snprintf(out, IP_TEXT, "local user %u", (unsigned)s->uid);
}
