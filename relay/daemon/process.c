#include "relay/daemon/process.h"

#include "base/log.h"
#include "relay/net/pool.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>

/* Store, spool files, DNS, and room for connections to next hops. */
#define OTHER_FILES 512

/* Otherwise glibc grows and shrinks each thread's heap by a page or two for each message, one system call each time,
 * and maps, faults in and unmaps the memory of each message of 100 KB. */
static void keep_heap(void) {
  mallopt(M_TOP_PAD, 256 * 1024);
  mallopt(M_TRIM_THRESHOLD, 4 * STORE_INLINE_MAX);
  mallopt(M_MMAP_THRESHOLD, 4 * STORE_INLINE_MAX);
}

static void raise_file_limit(void) {
  struct rlimit r;
  if (getrlimit(RLIMIT_NOFILE, &r) != 0) return;
  r.rlim_cur = r.rlim_max;
  setrlimit(RLIMIT_NOFILE, &r);
}

void process_conceal(void) {
  struct rlimit none = {0, 0};
  setrlimit(RLIMIT_CORE, &none);
  prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); /* a core_pattern that is a pipe does not ask for the limit (core(5)) */
}

/* Read when the pool is first used. */
static void set_pool(size_t loops) {
  char threads[16];
  snprintf(threads, sizeof threads, "%zu", pool_threads(loops));
  setenv("UV_THREADPOOL_SIZE", threads, 0);
}

void process_set_up(size_t loops) {
  signal(SIGPIPE, SIG_IGN);
  umask(077);
  raise_file_limit();
  keep_heap();
  set_pool(loops);
}

void process_check_files(unsigned sessions) {
  struct rlimit r;
  struct log_line l;
  if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur >= (rlim_t)sessions + OTHER_FILES) return;
  log_begin(&l, LOG_WARN_, NULL, "the limit of open files is lower than max_sessions needs");
  log_int(&l, "limit", (int64_t)r.rlim_cur);
  log_int(&l, "needed", (int64_t)sessions + OTHER_FILES);
  log_str(&l, "advice", "raise it (LimitNOFILE=, ulimit -Hn), or lower max_sessions");
  log_end(&l);
}

/* A command of root's may be the first to make it, and the gateway must be able to open it: it goes to whose folder it
 * is in. Nothing that was there before under another name. */
static void give_to_owner(int fd, const char *data_dir) {
  struct stat lock, folder;
  if (geteuid() != 0 || fstat(fd, &lock) != 0 || stat(data_dir, &folder) != 0) return;
  if (lock.st_uid == folder.st_uid || lock.st_uid != 0 || lock.st_nlink != 1 || !S_ISREG(lock.st_mode)) return;
  if (fchown(fd, folder.st_uid, folder.st_gid) != 0)
    log_event(LOG_WARN_, NULL, "the lock cannot be given to the owner of data_dir", NULL);
}

int process_lock(const char *data_dir, int *fd, struct reason *why) {
  char path[4096];
  snprintf(path, sizeof path, "%s/lock", data_dir);
  /* Also root opens it in the folder of the user that serves: no link of his to elsewhere. */
  *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (*fd < 0 && errno == EROFS) /* of a disk that has failed, too */
    return fail(why, E_IO, "%s: %s; under systemd: systemctl edit sendoff, [Service] ReadWritePaths=%s", path,
                strerror(errno), data_dir);
  if (*fd < 0)
    return fail(why, E_IO, "%s: %s; run sendoff init, or give the directory to the user that sendoff runs as", path,
                strerror(errno));
  give_to_owner(*fd, data_dir);
  if (flock(*fd, LOCK_EX | LOCK_NB) == 0) return OK;
  return fail(why, E_BUSY, "another sendoff is running with %s", data_dir);
}
