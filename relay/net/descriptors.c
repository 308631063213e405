#include "relay/net/descriptors.h"

#include "base/clock.h"
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

#define RESERVE 16 /* as near to the limit as this, more may fail at any moment */
#define EVERY_MS 60000

static atomic_int limit;                 /* 0: not asked yet; it is raised before any part starts, and then stays */
static atomic_uint_fast64_t next_log_ms; /* monotonic */

static int file_limit(void) {
  struct rlimit r;
  int known = atomic_load_explicit(&limit, memory_order_relaxed);
  if (known) return known;
  bool bounded = getrlimit(RLIMIT_NOFILE, &r) == 0 && r.rlim_cur < INT_MAX;
  known = bounded ? (int)r.rlim_cur : INT_MAX;
  atomic_store_explicit(&limit, known, memory_order_relaxed);
  return known;
}

/* True for one caller a minute. */
static bool may_log(void) {
  uint64_t now = clock_monotonic_ms();
  uint_fast64_t next = atomic_load(&next_log_ms);
  return now >= next && atomic_compare_exchange_strong(&next_log_ms, &next, now + EVERY_MS);
}

static void warn(const char *event, const char *advice) {
  struct log_line l;
  if (!may_log()) return;
  log_begin(&l, LOG_WARN_, NULL, event);
  log_int(&l, "limit", file_limit());
  log_str(&l, "advice", advice);
  log_end(&l);
}

void descriptors_opened(int fd) {
  if (fd >= file_limit() - RESERVE)
    warn("file descriptors run out", "raise the limit (LimitNOFILE=, ulimit -n), or lower max_sessions");
}

void descriptors_failed(int error) {
  if (error == EMFILE)
    warn("file descriptors have run out", "connections fail; raise the limit (LimitNOFILE=, ulimit -n), or lower "
                                          "max_sessions");
  else if (error == ENFILE)
    warn("file descriptors of the machine have run out", "raise fs.file-max");
}

void descriptors_poll(void) {
  int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    descriptors_failed(errno);
    return;
  }
  close(fd);
  descriptors_opened(fd);
}
