#include "relay/submission/expected.h"

#include "base/address/cidr.h"
#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define ANNOUNCED_MAX 64 /* of commands that run at once */

struct announced {
  struct sockaddr_storage client;
  int64_t account_id;
  int command;
  uint64_t until_ms; /* 0: unused */
};

struct expected {
  atomic_uint_least64_t until_ms; /* after that none is announced: every connection asks */
  pthread_mutex_t lock;
  struct announced list[ANNOUNCED_MAX];
};

struct expected *expected_new(void) {
  struct expected *e = calloc(1, sizeof *e);
  if (e) pthread_mutex_init(&e->lock, NULL);
  return e;
}

void expected_free(struct expected **at) {
  struct expected *e = *at;
  *at = NULL;
  if (!e) return;
  pthread_mutex_destroy(&e->lock);
  free(e);
}

/* By text: a listener for both families sees IPv4 clients at mapped addresses. */
static bool is_from(const struct announced *a, const struct sockaddr *client) {
  const struct sockaddr *known = (const struct sockaddr *)&a->client;
  char here[IP_TEXT], there[IP_TEXT];
  if (ip_port(known) != ip_port(client)) return false;
  ip_format(known, here);
  ip_format(client, there);
  return strcmp(here, there) == 0;
}

/* That of the same address, which a command has announced that never came, or an unused one; NULL: none is left. */
static struct announced *find_place(struct expected *e, const struct sockaddr *client, uint64_t now) {
  struct announced *unused = NULL;
  for (size_t i = 0; i < ANNOUNCED_MAX; i++) {
    struct announced *a = &e->list[i];
    if (a->until_ms > now && is_from(a, client)) return a;
    if (a->until_ms <= now && !unused) unused = a;
  }
  return unused;
}

int expected_add(struct expected *e, const struct sockaddr *client, int64_t account_id, int command) {
  uint64_t now = clock_monotonic_ms();
  pthread_mutex_lock(&e->lock);
  struct announced *a = find_place(e, client, now);
  if (a) {
    *a = (struct announced){.account_id = account_id, .command = command, .until_ms = now + EXPECTED_MS};
    memcpy(&a->client, client, ip_length(client));
    atomic_store(&e->until_ms, a->until_ms);
  }
  pthread_mutex_unlock(&e->lock);
  return a ? OK : E_BUSY;
}

void expected_withdraw(struct expected *e, int command) {
  pthread_mutex_lock(&e->lock);
  for (size_t i = 0; i < ANNOUNCED_MAX; i++)
    if (e->list[i].command == command) e->list[i].until_ms = 0;
  pthread_mutex_unlock(&e->lock);
}

/* The supervisor, which withdraws it, may be busy for a moment, and somebody else may have the port by then. */
static bool command_is_there(const struct announced *a) {
  char octet;
  ssize_t n = recv(a->command, &octet, 1, MSG_PEEK | MSG_DONTWAIT);
  return n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR));
}

bool expected_take(struct expected *e, const struct sockaddr *client, int64_t *account_id) {
  uint64_t now = clock_monotonic_ms();
  bool found = false;
  if (atomic_load_explicit(&e->until_ms, memory_order_acquire) <= now) return false;
  pthread_mutex_lock(&e->lock);
  for (size_t i = 0; !found && i < ANNOUNCED_MAX; i++) {
    struct announced *a = &e->list[i];
    if (a->until_ms <= now || !is_from(a, client)) continue;
    a->until_ms = 0;
    if (!command_is_there(a)) break;
    *account_id = a->account_id;
    found = true;
  }
  pthread_mutex_unlock(&e->lock);
  return found;
}
