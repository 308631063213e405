/* A gateway some of whose own allocations fail while a test says so: sendoff, linked with --wrap for these functions.
 * What libraries allocate for themselves is left alone. SENDOFF_TEST_MEMORY names a file of two numbers of 32 bits: of
 * a thousand allocations, so many fail; and so many have failed. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *at, size_t size);
char *__real_strdup(const char *text);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *at, size_t size);
char *__wrap_strdup(const char *text);

/* OpenSSL stays with an allocator of its own: what libraries do without memory is not tested here. */
void __wrap_key_memory_open(void);
void __wrap_key_memory_open(void) {}

static struct { atomic_uint of_thousand, failed; } * control;

static __attribute__((constructor)) void open_control(void) {
  const char *path = getenv("SENDOFF_TEST_MEMORY");
  int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
  void *at = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof *control, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (fd >= 0) close(fd);
  if (at != MAP_FAILED) control = at;
}

/* The same ones in each run, as far as threads allow. */
static bool fails(void) {
  static atomic_uint count;
  if (!control || !atomic_load(&control->of_thousand)) return false;
  uint32_t n = atomic_fetch_add(&count, 1) * UINT32_C(2654435761);
  n = (n ^ n >> 13) * UINT32_C(0x5bd1e995);
  if ((n ^ n >> 15) % 1000 >= atomic_load(&control->of_thousand)) return false;
  atomic_fetch_add(&control->failed, 1);
  errno = ENOMEM;
  return true;
}

void *__wrap_malloc(size_t size) {
  return fails() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size) {
  return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *at, size_t size) {
  return fails() ? NULL : __real_realloc(at, size);
}

char *__wrap_strdup(const char *text) {
  return fails() ? NULL : __real_strdup(text);
}
