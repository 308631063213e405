/* How many messages a second the store accepts and completes: each is one accept (4 KB of content, one recipient,
 * counted for one of eight accounts) and one outcome, posted in groups as an event loop would.
 *
 *   bench_store_rate [FOLDER [SECONDS [OCTETS]]]
 *
 * FOLDER is on the file system to be measured (default: the working folder); a store is made in a new folder in it, and
 * removed. */
#include "base/clock.h"
#include "base/id.h"
#include "store/write.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GROUP_MAX 100
#define ACCOUNTS 8

struct bench {
  struct store *store;
  struct store_port *port;
  pthread_mutex_t lock;
  pthread_cond_t woken;
  bool wake;
  size_t open; /* operations without a completion */
  uint64_t failed;
};

static struct bench bench = {.lock = PTHREAD_MUTEX_INITIALIZER, .woken = PTHREAD_COND_INITIALIZER};

struct pair {
  struct store_accept accept;
  struct store_outcome outcome;
  struct recipient recipient;
  struct recipient_outcome delivered;
  char account[16];
};

static void die(const char *what, const struct reason *why) {
  fprintf(stderr, "%s: %s\n", what, why ? why->text : "");
  exit(1);
}

static void on_wake(void *arg) {
  struct bench *b = arg;
  pthread_mutex_lock(&b->lock);
  b->wake = true;
  pthread_cond_signal(&b->woken);
  pthread_mutex_unlock(&b->lock);
}

static void on_done(struct store_op *op) {
  bench.open--;
  bench.failed += op->result != OK;
}

static void wait_all(void) {
  while (bench.open) {
    pthread_mutex_lock(&bench.lock);
    while (!bench.wake) pthread_cond_wait(&bench.woken, &bench.lock);
    bench.wake = false;
    pthread_mutex_unlock(&bench.lock);
    store_port_drain(bench.port);
  }
}

static void post(struct store_op *op) {
  op->port = bench.port;
  op->done = on_done;
  bench.open++;
  store_post(bench.store, op);
}

static void post_accept(struct pair *p, struct bytes content, uint64_t number) {
  int64_t now = clock_now_us();
  memset(p, 0, sizeof *p);
  snprintf(p->account, sizeof p->account, "account%u", (unsigned)(number % ACCOUNTS));
  p->recipient = (struct recipient){.address = "somebody@example.net", .domain = "example.net", .id = id_new()};
  p->accept.message = (struct new_message){.envelope = {.id = id_new(),
                                                        .account = p->account,
                                                        .pool = "default",
                                                        .reverse_path = "news@example.com",
                                                        .size = content.len + 300,
                                                        .created_us = now,
                                                        .expires_us = now + 5 * 86400 * SECOND_US},
                                           .recipients = &p->recipient,
                                           .recipient_count = 1,
                                           .prefix = {content.at, content.len < 300 ? content.len : 300},
                                           .content = content,
                                           .first_attempt_us = now + 30 * SECOND_US};
  p->accept.accepted = (struct event){.account = p->account,
                                      .from = "news@example.com",
                                      .to = "somebody@example.net",
                                      .code = 250,
                                      .enhanced = "2.0.0",
                                      .text = "4396 octets, 1 recipient",
                                      .verdict = "signed=example.com s1 rsa-sha256; spf-result=pass; dmarc-result=pass",
                                      .host = "192.0.2.1"};
  p->accept.count_usage = true;
  p->accept.scopes[0] = (struct usage_scope){.scope = SCOPE_ACCOUNT, .owner = p->account};
  p->accept.scope_count = 1;
  store_accept_init(&p->accept);
  post(&p->accept.op);
}

static void post_outcome(struct pair *p) {
  p->delivered = (struct recipient_outcome){.recipient_id = p->recipient.id,
                                            .event = {.kind = EVENT_DELIVERED,
                                                      .account = p->account,
                                                      .from = "news@example.com",
                                                      .to = "somebody@example.net",
                                                      .code = 250,
                                                      .enhanced = "2.0.0",
                                                      .text = "250 2.0.0 OK queued as 4F1A2B3C4D",
                                                      .host = "mx.example.net[192.0.2.25]:25",
                                                      .source = "198.51.100.7"}};
  p->outcome.message_id = p->accept.message.envelope.id;
  p->outcome.outcomes = &p->delivered;
  p->outcome.outcome_count = 1;
  store_outcome_init(&p->outcome);
  post(&p->outcome.op);
}

/* A steady state: while a group is accepted, the outcomes of the one before are written, as a gateway under load does.
 */
static double rate(size_t group, double seconds, struct bytes content) {
  static struct pair pairs[2][GROUP_MAX];
  uint64_t done = 0, begin = clock_monotonic_ms(), last = begin;
  for (unsigned turn = 0; last - begin < (uint64_t)(seconds * 1000); turn++) {
    struct pair *now = pairs[turn % 2], *before = pairs[(turn + 1) % 2];
    for (size_t i = 0; i < group; i++) post_accept(&now[i], content, done + i);
    for (size_t i = 0; turn && i < group; i++) post_outcome(&before[i]);
    wait_all();
    done += turn ? group : 0;
    last = clock_monotonic_ms();
  }
  return (double)done * 1000 / (double)(last - begin);
}

int main(int argc, char **argv) {
  static const size_t groups[] = {1, 16, 100};
  char folder[4096], command[4200];
  struct reason why;
  double seconds = argc > 2 ? atof(argv[2]) : 3;
  size_t octets = argc > 3 ? (size_t)atol(argv[3]) : 4096;
  snprintf(folder, sizeof folder, "%s/store_bench.XXXXXX", argc > 1 ? argv[1] : ".");
  if (!mkdtemp(folder)) die(folder, NULL);
  struct store_options options = {.log_retain_us = 0};
  if (store_create(folder, &why) != OK) die("store_create", &why);
  if (store_open(folder, &options, &bench.store, &why) != OK) die("store_open", &why);
  if (store_port_new(bench.store, on_wake, &bench, &bench.port) != OK) die("store_port_new", NULL);
  char *content = malloc(octets + 1);
  if (!content) die("memory", NULL);
  memset(content, 'x', octets);
  for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
    printf("groups of %3zu: %6.0f accept+outcome pairs/s of %zu octets\n", groups[i],
           rate(groups[i], seconds, (struct bytes){content, octets}), octets);
  printf("failed: %llu\n", (unsigned long long)bench.failed);
  free(content);
  store_close(&bench.store);
  store_port_free(&bench.port);
  snprintf(command, sizeof command, "rm -rf '%s'", folder);
  return system(command) == 0 && bench.failed == 0 ? 0 : 1;
}
