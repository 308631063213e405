#include "tests/bench/load/board.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

_Noreturn void die(const char *what, const char *why) {
  fprintf(stderr, "%s: %s\n", what, why);
  exit(1);
}

struct board *board_map(const char *path) {
  struct stat is;
  int fd = open(path, O_RDWR | O_CLOEXEC);
  if (fd < 0 || fstat(fd, &is) != 0) die(path, strerror(errno));
  if ((size_t)is.st_size < sizeof(struct board)) die(path, "is no board");
  struct board *b = mmap(NULL, (size_t)is.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (b == MAP_FAILED) die(path, strerror(errno));
  close(fd);
  if (b->capacity > ((size_t)is.st_size - sizeof *b) / sizeof b->passages[0]) die(path, "is shorter than it says");
  return b;
}

uint64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

bool recipient_number(const char *at, size_t len, uint64_t *number) {
  size_t i = 1;
  *number = 0;
  if (len < 2 || at[0] != 'r') return false;
  for (; i < len && at[i] >= '0' && at[i] <= '9' && i < 18; i++) *number = *number * 10 + (uint64_t)(at[i] - '0');
  return i > 1 && i < len && (at[i] == '@' || at[i] == 'x');
}
