/* One loop of its own for tests, run step by step on the test's thread, and a folder. */
#ifndef SENDOFF_TESTS_LOOP_LAB_H
#define SENDOFF_TESTS_LOOP_LAB_H

#include "base/clock.h"
#include "relay/net/loop.h"

#include "tests/unit/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#ifndef LOOP_LAB_MS
#define LOOP_LAB_MS 40000 /* most tests wait for nothing that takes as long */
#endif

struct loop_lab {
  char dir[256];
  struct config config;
  struct gateway gateway;
  struct loop loop;
};

static inline void loop_lab_open(struct loop_lab *l) {
  struct reason why;
  memset(l, 0, sizeof *l);
  folder_make(l->dir, sizeof l->dir);
  l->config.data_dir = l->dir;
  l->gateway.config = &l->config;
  if (loop_init(&l->loop, &l->gateway, 0, &why) != OK) fail_msg("%s", why.text);
}

static inline void loop_lab_close(struct loop_lab *l) {
  loop_finish(&l->loop);
  uv_run(&l->loop.uv, UV_RUN_DEFAULT);
  loop_free(&l->loop);
  folder_remove(l->dir);
}

/* Runs the loop until `what` is true; the test fails when that takes too long. */
#define loop_lab_until(l, what)                                                                                        \
  do {                                                                                                                 \
    uint64_t end_ = clock_monotonic_ms() + LOOP_LAB_MS;                                                                \
    while (!(what)) {                                                                                                  \
      if (clock_monotonic_ms() > end_) fail_msg("not in time: %s", #what);                                             \
      if (!uv_run(&(l)->loop.uv, UV_RUN_NOWAIT) || !(what)) usleep(500);                                               \
    }                                                                                                                  \
  } while (0)

/* Runs the loop for a while: for what must not happen. */
static inline void loop_lab_for(struct loop_lab *l, uint64_t ms) {
  for (uint64_t end = clock_monotonic_ms() + ms; clock_monotonic_ms() < end; usleep(500))
    uv_run(&l->loop.uv, UV_RUN_NOWAIT);
}

#endif
