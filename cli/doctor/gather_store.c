#include "base/clock.h"
#include "base/id.h"
#include "cli/doctor/gather.h"
#include "store/store.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define QUICK_CHECK_MS 3000

static void read_owner(const struct config *c, uid_t *user, char out[64]) {
  const struct passwd *p = c->user ? getpwnam(c->user) : NULL;
  *user = p ? p->pw_uid : 0;
  snprintf(out, 64, "%s", p ? c->user : "root");
}

/* With no user to become, whoever starts it is as good. */
static void examine_file(const struct config *c, const char *path, uid_t user, struct store_facts *s, uint64_t *size) {
  struct stat st;
  if (stat(path, &st) != 0) return;
  if (size) *size = (uint64_t)st.st_size;
  if (!*s->exposed && S_ISREG(st.st_mode) && (st.st_mode & 077)) snprintf(s->exposed, sizeof s->exposed, "%s", path);
  if (!*s->foreign && c->user && st.st_uid != user) snprintf(s->foreign, sizeof s->foreign, "%s", path);
}

static void examine_files(const struct config *c, struct store_facts *s) {
  static const char *const names[] = {"", "/" STORE_FILE, "/" STORE_FILE "-wal", "/" STORE_FILE "-shm", "/lock"};
  uint64_t *const sizes[] = {NULL, &s->database, &s->wal, NULL, NULL};
  uid_t user;
  read_owner(c, &user, s->owner);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char path[256];
    snprintf(path, sizeof path, "%s%s", c->data_dir, names[i]);
    examine_file(c, path, user, s, sizes[i]);
  }
}

static bool take_newest(void *arg, const struct event *e) {
  *(int64_t *)arg = id_time_us(e->id);
  return true;
}

static void read_contents(struct gathering *g) {
  struct doctor_facts *d = g->facts;
  struct store_facts *s = &d->store;
  struct log_filter newest = {.kind = -1, .limit = 1};
  s->rc = reader_directory(g->reader, &g->directory, &s->why);
  if (s->rc != OK) return;
  d->directory = g->directory;
  reader_quick_check(g->reader, clock_monotonic_ms() + QUICK_CHECK_MS, &s->checked, s->damage, sizeof s->damage);
  s->backup_us = reader_backup_time(g->reader);
  reader_log(g->reader, &newest, take_newest, &d->machine.newest_us);
}

void gather_store(struct gathering *g) {
  struct doctor_facts *d = g->facts;
  if (!d->config) return;
  examine_files(d->config, &d->store);
  d->store.rc = reader_open(d->config->data_dir, &g->reader, &d->store.why);
  if (d->store.rc == OK)
    read_contents(g);
  else
    g->reader = NULL;
}
