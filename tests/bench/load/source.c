/* Submits messages as many clients at once, and says what became of them as one JSON object.
 *
 *   bench_source --connect ADDRESS:PORT --board FILE --to-domain DOMAIN [options]
 *     --sessions N --messages N --length OCTETS --recipients N --first NUMBER --from ADDRESS
 *     --keep                 connections are kept; else there is one for each message
 *     --tls [--resume]       STARTTLS on each connection, with tickets used again
 *     --auth BASE64          AUTH PLAIN on each connection
 *     --rate N               messages a second that are due, whatever became of those before
 *     --addresses N          clients come from that many addresses, beginning with 127.64.0.1
 *     --wait SECONDS         for the sink to have everything, after the last 250
 *     --timeout SECONDS      the most that all of it may take
 *     --opening N            no more sessions than that are between connect and their first MAIL
 *     --domains N            message n is for a recipient at d<n mod N>.DOMAIN
 *     --idle                 opens the sessions, prints {"open": N}, and holds them until standard input ends
 *
 * Clients wait for each reply before they go on, as the usual libraries do. */
#include "tests/bench/load/source.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define EVENTS 256
#define SECOND 1000000000ull

struct plan plan = {
    .messages = 1, .length = 4096, .recipients = 1, .sessions = 1, .from = "a@example.com", .opening = SIZE_MAX};
struct board *board;

static struct {
  struct session *sessions;
  struct session **ready; /* a stack: sessions, open or closed, that wait for a message */
  size_t ready_count, open, opening, opened;
  uint64_t given, settled, accepted, refused, handshakes, resumed, ended_early;
  uint64_t begin, last_accepted, arrived_before;
  char first_refusal[512];
} run;

static void note(const char *why) {
  if (!run.first_refusal[0]) snprintf(run.first_refusal, sizeof run.first_refusal, "%s", why);
}

/* --- which message, and when --- */

static uint64_t due_at(uint64_t nth) {
  return plan.rate > 0 ? run.begin + (uint64_t)((double)nth / plan.rate * 1e9) : run.begin;
}

bool all_given_out(void) {
  return run.given == plan.messages;
}

bool next_message(uint64_t *number) {
  if (all_given_out() || due_at(run.given) > now_ns()) return false;
  *number = plan.first + run.given++;
  return true;
}

static void settle(struct session *s) {
  s->has_message = false;
  run.settled++;
}

void message_accepted(struct session *s) {
  run.last_accepted = now_ns();
  atomic_store(&board->passages[s->number].accepted, run.last_accepted);
  run.accepted++;
  settle(s);
}

void message_refused(struct session *s, const char *reply) {
  note(reply);
  run.refused++;
  settle(s);
}

/* --- sessions --- */

static void wait_for_message(struct session *s) {
  run.ready[run.ready_count++] = s;
}

static void give(struct session *s, uint64_t number) {
  s->number = number;
  s->has_message = true;
  if (s->state == READY) return smtp_message(s);
  run.opening++;
  stream_open(s);
}

static bool may_go(const struct session *s) {
  return s->state == READY || run.opening < plan.opening;
}

/* In READY or CLOSED: a message, or patience. */
void session_ready(struct session *s) {
  uint64_t number;
  if (s->has_message)
    smtp_message(s);
  else if (plan.idle)
    return;
  else if (may_go(s) && next_message(&number))
    give(s, number);
  else if (!all_given_out())
    wait_for_message(s);
  else if (s->state == READY)
    smtp_quit(s);
}

void session_opened(struct session *s) {
  (void)s;
  run.opening--;
  run.opened++;
}

void session_ended(struct session *s, const char *why) {
  if (s->state < READY) run.opening--;
  if (why) {
    run.ended_early++;
    note(why);
  }
  stream_close(s);
  if (s->has_message) message_refused(s, why ? why : "the session ended");
  if (!plan.idle) session_ready(s);
}

void handshake_done(bool resumed) {
  run.handshakes++;
  run.resumed += resumed;
}

/* --- the loop --- */

/* What every session is waiting for, when it has taken too long. */
static _Noreturn void give_up(const char *what) {
  static const char *const names[] = {"closed", "connecting", "greeting", "EHLO", "STARTTLS", "handshake", "AUTH",
                                      "ready",  "MAIL",       "RCPT",     "DATA", "content",  "QUIT"};
  size_t count[sizeof names / sizeof names[0]] = {0};
  for (size_t i = 0; i < plan.sessions; i++) count[run.sessions[i].state]++;
  fprintf(stderr, "%llu accepted, %llu refused; sessions:", (unsigned long long)run.accepted,
          (unsigned long long)run.refused);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (count[i]) fprintf(stderr, " %zu %s", count[i], names[i]);
  fputc('\n', stderr);
  die("bench_source", what);
}

static void hand_out_due(void) {
  uint64_t number;
  while (run.ready_count && may_go(run.ready[run.ready_count - 1]) && next_message(&number))
    give(run.ready[--run.ready_count], number);
}

/* How long nothing can be due, for epoll. */
static struct timespec pause_length(void) {
  bool waits = run.ready_count && !all_given_out() && may_go(run.ready[run.ready_count - 1]);
  uint64_t now = now_ns(), due = waits ? due_at(run.given) : now + SECOND / 10;
  uint64_t left = due > now ? due - now : 0;
  if (left > SECOND / 10) left = SECOND / 10;
  return (struct timespec){.tv_sec = 0, .tv_nsec = (long)left};
}

static void turn(int epoll) {
  struct epoll_event events[EVENTS];
  struct timespec pause = pause_length();
  int n = epoll_pwait2(epoll, events, EVENTS, &pause, NULL);
  for (int i = 0; i < n; i++) stream_event(events[i].data.ptr, events[i].events);
}

static void send_all(int epoll, uint64_t deadline) {
  for (size_t i = 0; i < plan.sessions; i++) session_ready(&run.sessions[i]);
  while (run.settled < plan.messages) {
    if (now_ns() > deadline) give_up("not done within --timeout");
    hand_out_due();
    turn(epoll);
  }
}

/* Sessions that are open and have nothing to do, until whoever started this closes our standard input. */
static void hold_idle(int epoll, uint64_t deadline) {
  char octet;
  size_t begun = 0;
  fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
  while (run.opened < plan.sessions) {
    if (now_ns() > deadline) give_up("not open within --timeout");
    if (run.ended_early) die("bench_source", run.first_refusal);
    while (begun < plan.sessions && run.opening < plan.opening) {
      run.opening++;
      stream_open(&run.sessions[begun++]);
    }
    turn(epoll);
  }
  printf("{\"open\": %zu}\n", run.opened);
  fflush(stdout);
  while (read(STDIN_FILENO, &octet, 1) != 0 && now_ns() < deadline) turn(epoll);
}

/* --- the report --- */

static int by_size(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

static void report_times(const char *name, uint64_t *times, size_t n) {
  qsort(times, n, sizeof *times, by_size);
  printf(", \"%s\": ", name);
  if (!n) {
    printf("null");
    return;
  }
#define MS(part) ((double)times[(size_t)((double)(n - 1) * (part))] / 1e6)
  printf("{\"p50\": %.3f, \"p90\": %.3f, \"p99\": %.3f, \"max\": %.3f}", MS(0.5), MS(0.9), MS(0.99), MS(1.0));
#undef MS
}

static uint64_t arrived(void) {
  return atomic_load(&board->arrived) - run.arrived_before;
}

static void report(void) {
  uint64_t *accept = calloc(plan.messages, sizeof *accept), *deliver = calloc(plan.messages, sizeof *deliver), last = 0;
  size_t accepts = 0, delivers = 0;
  if (!accept || !deliver) die("bench_source", "no memory");
  for (uint64_t i = plan.first; i < plan.first + plan.messages; i++) {
    struct passage *p = &board->passages[i];
    uint64_t dot = atomic_load(&p->dot), yes = atomic_load(&p->accepted), there = atomic_load(&p->arrived);
    if (yes) accept[accepts++] = yes - dot;
    if (there) deliver[delivers++] = there - dot;
    if (there > last) last = there;
  }
  printf("{\"messages\": %llu, \"accepted\": %llu, \"refused\": %llu, \"arrived\": %zu, \"repeated\": %llu",
         (unsigned long long)plan.messages, (unsigned long long)run.accepted, (unsigned long long)run.refused, delivers,
         (unsigned long long)atomic_load(&board->repeated));
  printf(", \"accepted_seconds\": %.6f, \"delivered_seconds\": %.6f",
         run.last_accepted > run.begin ? (double)(run.last_accepted - run.begin) / 1e9 : 0,
         last > run.begin ? (double)(last - run.begin) / 1e9 : 0);
  printf(", \"handshakes\": %llu, \"resumed\": %llu", (unsigned long long)run.handshakes,
         (unsigned long long)run.resumed);
  report_times("accept_ms", accept, accepts);
  report_times("deliver_ms", deliver, delivers);
  for (char *c = run.first_refusal; *c; c++)
    if (*c == '"' || *c == '\\' || *c < ' ') *c = '\'';
  printf(", \"first_refusal\": \"%s\"}\n", run.first_refusal);
  free(accept);
  free(deliver);
}

/* --- options --- */

static void set_endpoint(const char *text) {
  char host[64];
  int port;
  plan.to = (struct sockaddr_in){.sin_family = AF_INET};
  if (sscanf(text, "%63[0-9.]:%d", host, &port) != 2 || inet_pton(AF_INET, host, &plan.to.sin_addr) != 1)
    die(text, "write ADDRESS:PORT");
  plan.to.sin_port = htons((uint16_t)port);
}

static const struct option OPTIONS[] = {{"connect", required_argument, NULL, 'c'},
                                        {"board", required_argument, NULL, 'b'},
                                        {"sessions", required_argument, NULL, 's'},
                                        {"messages", required_argument, NULL, 'm'},
                                        {"length", required_argument, NULL, 'l'},
                                        {"recipients", required_argument, NULL, 'n'},
                                        {"first", required_argument, NULL, 'f'},
                                        {"from", required_argument, NULL, 'F'},
                                        {"to-domain", required_argument, NULL, 'D'},
                                        {"domains", required_argument, NULL, 'N'},
                                        {"keep", no_argument, NULL, 'k'},
                                        {"tls", no_argument, NULL, 't'},
                                        {"resume", no_argument, NULL, 'R'},
                                        {"auth", required_argument, NULL, 'a'},
                                        {"rate", required_argument, NULL, 'r'},
                                        {"addresses", required_argument, NULL, 'A'},
                                        {"wait", required_argument, NULL, 'w'},
                                        {"timeout", required_argument, NULL, 'T'},
                                        {"idle", no_argument, NULL, 'i'},
                                        {"opening", required_argument, NULL, 'o'},
                                        {NULL, 0, NULL, 0}};

static void take_option(int o, const char **path, double *wait, double *timeout) {
  switch (o) {
  case 'c': set_endpoint(optarg); break;
  case 'b': *path = optarg; break;
  case 's': plan.sessions = strtoul(optarg, NULL, 10); break;
  case 'm': plan.messages = strtoull(optarg, NULL, 10); break;
  case 'l': plan.length = strtoul(optarg, NULL, 10); break;
  case 'n': plan.recipients = strtoul(optarg, NULL, 10); break;
  case 'f': plan.first = strtoull(optarg, NULL, 10); break;
  case 'F': plan.from = optarg; break;
  case 'D': plan.to_domain = optarg; break;
  case 'N': plan.domains = (unsigned)strtoul(optarg, NULL, 10); break;
  case 'k': plan.keep = true; break;
  case 't': plan.tls = true; break;
  case 'R': plan.resume = true; break;
  case 'a': plan.auth = optarg; break;
  case 'r': plan.rate = atof(optarg); break;
  case 'A': plan.addresses = (unsigned)strtoul(optarg, NULL, 10); break;
  case 'w': *wait = atof(optarg); break;
  case 'T': *timeout = atof(optarg); break;
  case 'i': plan.idle = true; break;
  case 'o': plan.opening = strtoul(optarg, NULL, 10); break;
  default: exit(2);
  }
}

int main(int argc, char **argv) {
  const char *path = NULL;
  double wait = 0, timeout = 600;
  for (int o; (o = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) take_option(o, &path, &wait, &timeout);
  if (!path || !plan.to_domain || !plan.to.sin_port || !plan.sessions || !plan.recipients || !strchr(plan.from, '@'))
    die("bench_source", "see the top of source.c");
  board = board_map(path);
  if (plan.first + plan.messages > board->capacity) die(path, "has no room for so many messages");
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  if (epoll < 0) die("epoll", strerror(errno));
  signal(SIGPIPE, SIG_IGN); /* sockets that are written to may be gone */
  stream_init(epoll);
  content_init(plan.length);
  run.sessions = calloc(plan.sessions, sizeof *run.sessions);
  run.ready = calloc(plan.sessions, sizeof(struct session *));
  if (!run.sessions || !run.ready) die("bench_source", "no memory");
  for (size_t i = 0; i < plan.sessions; i++) run.sessions[i].index = i;
  run.arrived_before = atomic_load(&board->arrived);
  run.begin = now_ns();
  uint64_t deadline = run.begin + (uint64_t)(timeout * 1e9);
  if (plan.idle) {
    hold_idle(epoll, deadline);
    return 0;
  }
  send_all(epoll, deadline);
  uint64_t patience = now_ns() + (uint64_t)(wait * 1e9);
  while (arrived() < run.accepted && now_ns() < patience && now_ns() < deadline) usleep(1000);
  report();
  return run.refused ? 1 : 0;
}
