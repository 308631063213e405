#include "relay/submission/local_peer.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRY_MAX 16384 /* octets of a user's entry */

struct lookup {
  uv_work_t work;
  struct session *session;
  void (*found)(struct session *s);
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

static void work(uv_work_t *req) {
  struct lookup *l = req->data;
  struct passwd entry, *p = NULL;
  char text[ENTRY_MAX];
  l->anybody = stands_for_anybody(l->uid);
  if (getpwuid_r(l->uid, &entry, text, sizeof text, &p) != 0 || !p) return;
  if (!bytes_copy(bytes_of(p->pw_name), l->user, sizeof l->user)) l->user[0] = '\0';
}

static void worked(uv_work_t *req, int status) {
  struct lookup *l = req->data;
  struct session *s = l->session;
  (void)status;
  if (!session_is_closed(s)) {
    memcpy(s->user, l->user, sizeof s->user);
    s->identity = l->anybody ? CLIENT_ANONYMOUS : CLIENT_KNOWN;
    session_resume(s);
    l->found(s);
  }
  free(l);
  session_unhold(s);
}

void local_peer_find(struct session *s, void (*found)(struct session *s)) {
  struct lookup *l = calloc(1, sizeof *l);
  if (!l) {
    session_close(s, false, "out of memory");
    return;
  }
  l->session = s;
  l->found = found;
  l->uid = s->uid;
  l->work.data = l;
  session_wait(s, WAIT_PEER);
  session_hold(s);
  uv_queue_work(&s->loop->uv, &l->work, work, worked); /* fails only for a NULL work function */
}

void local_peer_format(const struct session *s, char out[IP_TEXT]) {
  if (*s->user)
    snprintf(out, IP_TEXT, "local user %s", s->user);
  else
    snprintf(out, IP_TEXT, "local user %u", (unsigned)s->uid);
}
