/* An exchanger that takes everything, as fast as one thread can, and notes on the board what came when.
 *
 *   bench_sink --listen ADDRESS:PORT --board FILE [options]
 *     --keep FOLDER --every N  keeps one message in N as a file in FOLDER, named by its number, so that its signatures
 *                              can be verified
 *     --addresses N            listens at that many addresses, beginning with ADDRESS
 *     --delay MS               says 250 to a message so long after its last octet
 *     --hold                   greets nobody until SIGUSR1
 *
 * SIGTERM ends it. */
#include "tests/bench/load/board.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#define INPUT 65536
#define OUTPUT 4096
#define LINE_MAX_OCTETS 2048
#define EVENTS 128
#define NOT_YET UINT64_MAX

struct guest {
  int fd;
  const char *late; /* what it is told at due_ns; NULL: nothing, and it is not in `waiting` */
  uint64_t due_ns;
  TAILQ_ENTRY(guest) next;
  bool in_content, quitting, numbered;
  unsigned matched; /* of "\r\n.\r\n", at the end of what was read so far */
  uint64_t number, octets;
  char *kept; /* the message, when it is one of the sample */
  size_t kept_len, kept_size;
  size_t in_len, out_len;
  char in[INPUT], out[OUTPUT];
};

static struct board *board;
static const char *keep_folder;
static uint64_t keep_every, delay_ns;
static bool held;
static volatile sig_atomic_t let_go;
static TAILQ_HEAD(, guest) waiting = TAILQ_HEAD_INITIALIZER(waiting); /* in the order of due_ns */
static const char END[] = "\r\n.\r\n";

static void say(struct guest *g, const char *reply) {
  size_t len = strlen(reply);
  if (g->out_len + len > OUTPUT) die("sink", "a client pipelines without reading replies");
  memcpy(g->out + g->out_len, reply, len);
  g->out_len += len;
}

/* While it waits for this, nothing of its input is read. */
static void say_later(struct guest *g, const char *reply, uint64_t due_ns) {
  g->late = reply;
  g->due_ns = due_ns;
  TAILQ_INSERT_TAIL(&waiting, g, next);
}

/* --- the sample --- */

static void keep(struct guest *g, const char *at, size_t len) {
  if (!g->kept) return;
  if (g->kept_len + len > g->kept_size) {
    g->kept_size = (g->kept_len + len) * 2;
    g->kept = realloc(g->kept, g->kept_size);
    if (!g->kept) die("sink", "no memory");
  }
  memcpy(g->kept + g->kept_len, at, len);
  g->kept_len += len;
}

static bool is_sample(const struct guest *g) {
  return keep_folder && g->numbered && g->number % keep_every == 0;
}

static void begin_sample(struct guest *g) {
  g->kept_len = 0;
  g->kept_size = 16384;
  g->kept = is_sample(g) ? malloc(g->kept_size) : NULL;
}

static void write_sample(struct guest *g) {
  char path[4096];
  if (!g->kept) return;
  snprintf(path, sizeof path, "%s/%llu", keep_folder, (unsigned long long)g->number);
  FILE *f = fopen(path, "w");
  if (!f || fwrite(g->kept, 1, g->kept_len - 3, f) != g->kept_len - 3 || fclose(f) != 0) die(path, strerror(errno));
  free(g->kept);
  g->kept = NULL;
}

/* --- SMTP (RFC 5321), the parts that a relay uses --- */

static void arrived(struct guest *g) {
  uint64_t was = 0;
  atomic_fetch_add(&board->octets, g->octets);
  if (!g->numbered || g->number >= board->capacity)
    atomic_fetch_add(&board->unnumbered, 1);
  else if (atomic_compare_exchange_strong(&board->passages[g->number].arrived, &was, now_ns()))
    atomic_fetch_add(&board->arrived, 1);
  else
    atomic_fetch_add(&board->repeated, 1);
}

/* Returns how many octets belong to the content. Only the dot's own line ends it: what is matched so far is kept across
 * reads, and long content is passed over by memchr. */
static size_t take_content(struct guest *g, const char *at, size_t len) {
  size_t i = 0;
  while (i < len && g->matched < 5) {
    if (g->matched == 0) {
      const char *cr = memchr(at + i, '\r', len - i);
      i = cr ? (size_t)(cr - at) + 1 : len;
      g->matched = cr != NULL;
    } else if (at[i] == END[g->matched]) {
      g->matched++;
      i++;
    } else {
      g->matched = 0; /* and this octet is looked at again: it may be a CR */
    }
  }
  g->octets += i;
  keep(g, at, i);
  if (g->matched == 5) {
    arrived(g);
    write_sample(g);
    g->in_content = g->numbered = false;
    if (delay_ns)
      say_later(g, "250 2.0.0 Ok\r\n", now_ns() + delay_ns);
    else
      say(g, "250 2.0.0 Ok\r\n");
  }
  return i;
}

static bool is_verb(const char *line, size_t len, const char *verb) {
  return len >= strlen(verb) && strncasecmp(line, verb, strlen(verb)) == 0;
}

static void take_line(struct guest *g, const char *line, size_t len) {
  if (is_verb(line, len, "RCPT TO:<")) {
    uint64_t number;
    if (recipient_number(line + 9, len - 9, &number)) {
      g->number = number;
      g->numbered = true;
    }
    say(g, "250 2.1.5 Ok\r\n");
  } else if (is_verb(line, len, "DATA")) {
    g->in_content = true;
    g->matched = 2; /* content may begin with the dot that ends it (RFC 5321 4.1.1.4) */
    g->octets = 0;
    begin_sample(g);
    say(g, "354 go on\r\n");
  } else if (is_verb(line, len, "EHLO")) {
    say(g, "250-sink\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE 104857600\r\n");
  } else if (is_verb(line, len, "QUIT")) {
    g->quitting = true;
    say(g, "221 2.0.0 Bye\r\n");
  } else if (is_verb(line, len, "MAIL") || is_verb(line, len, "RSET") || is_verb(line, len, "NOOP") ||
             is_verb(line, len, "HELO")) {
    if (!is_verb(line, len, "NOOP")) g->numbered = false;
    say(g, "250 2.0.0 Ok\r\n");
  } else {
    say(g, "500 5.5.1 what?\r\n");
  }
}

static void take_input(struct guest *g) {
  size_t done = 0;
  while (done < g->in_len && !g->quitting && !g->late) {
    if (g->in_content) {
      done += take_content(g, g->in + done, g->in_len - done);
      continue;
    }
    const char *end = memchr(g->in + done, '\n', g->in_len - done);
    if (!end) break;
    take_line(g, g->in + done, (size_t)(end - g->in) - done);
    done = (size_t)(end - g->in) + 1;
  }
  memmove(g->in, g->in + done, g->in_len - done);
  g->in_len -= done;
  if (!g->in_content && g->in_len > LINE_MAX_OCTETS) die("sink", "a line is too long");
}

/* --- connections --- */

static void part(struct guest *g) {
  if (g->late) TAILQ_REMOVE(&waiting, g, next);
  close(g->fd);
  free(g->kept);
  free(g);
}

/* Replies are short, and a relay reads them: what the socket does not take at once ends the run. */
static bool flush(struct guest *g) {
  ssize_t n = g->out_len ? send(g->fd, g->out, g->out_len, MSG_NOSIGNAL) : 0;
  if (n < 0 || (size_t)n != g->out_len) return false;
  g->out_len = 0;
  return true;
}

static void serve(struct guest *g) {
  ssize_t n = recv(g->fd, g->in + g->in_len, INPUT - g->in_len, 0);
  if (n < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (n > 0) {
    g->in_len += (size_t)n;
    take_input(g);
  }
  if (n <= 0 || !flush(g) || g->quitting) part(g);
}

static void greet(struct guest *g) {
  static const char greeting[] = "220 sink ESMTP\r\n";
  if (held) {
    say_later(g, greeting, NOT_YET);
    return;
  }
  say(g, greeting);
  if (!flush(g)) part(g);
}

static void welcome(int listener, int epoll) {
  int fd, yes = 1;
  while ((fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
    struct guest *g = malloc(sizeof *g);
    if (!g) die("sink", "no memory");
    memset(g, 0, offsetof(struct guest, in));
    g->fd = fd;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = g};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) != 0) die("epoll_ctl", strerror(errno));
    atomic_fetch_add(&board->connections, 1);
    greet(g);
  }
}

/* What has waited long enough is said. Returns for how many milliseconds nothing else is due; -1: for any. */
static int say_what_is_due(void) {
  struct guest *g;
  uint64_t now = now_ns();
  while ((g = TAILQ_FIRST(&waiting)) && g->due_ns <= now) {
    TAILQ_REMOVE(&waiting, g, next);
    say(g, g->late);
    g->late = NULL;
    take_input(g); /* what came with the message */
    if (!flush(g) || g->quitting) part(g);
  }
  if (!g || g->due_ns == NOT_YET) return -1;
  return (int)((g->due_ns - now + 999999) / 1000000);
}

static void release_held(void) {
  struct guest *g;
  held = false;
  TAILQ_FOREACH(g, &waiting, next) g->due_ns = 0;
}

static void on_let_go(int number) {
  (void)number;
  let_go = 1;
}

static int listen_at(const struct sockaddr_in *a) {
  int yes = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  if (fd < 0 || bind(fd, (const struct sockaddr *)a, sizeof *a) != 0 || listen(fd, 4096) != 0)
    die("listen", strerror(errno));
  return fd;
}

/* Returns an epoll descriptor of its own, whose events are those of the listeners. */
static int listen_at_all(const char *endpoint, unsigned addresses) {
  char host[64];
  int port, all = epoll_create1(EPOLL_CLOEXEC);
  struct sockaddr_in a = {.sin_family = AF_INET};
  if (sscanf(endpoint, "%63[0-9.]:%d", host, &port) != 2 || inet_pton(AF_INET, host, &a.sin_addr) != 1)
    die(endpoint, "write ADDRESS:PORT");
  a.sin_port = htons((uint16_t)port);
  for (uint32_t first = ntohl(a.sin_addr.s_addr), i = 0; i < addresses; i++) {
    a.sin_addr.s_addr = htonl(first + i);
    struct epoll_event e = {.events = EPOLLIN, .data.fd = listen_at(&a)};
    if (all < 0 || epoll_ctl(all, EPOLL_CTL_ADD, e.data.fd, &e) != 0) die("epoll", strerror(errno));
  }
  return all;
}

static void welcome_all(int listeners, int epoll) {
  struct epoll_event events[EVENTS];
  int n = epoll_wait(listeners, events, EVENTS, 0);
  for (int i = 0; i < n; i++) welcome(events[i].data.fd, epoll);
}

static _Noreturn void run(int listeners) {
  int epoll = epoll_create1(EPOLL_CLOEXEC);
  struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL}, events[EVENTS];
  sigset_t usual, blocked;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGUSR1);
  sigprocmask(SIG_BLOCK, &blocked, &usual); /* it comes while events are awaited, and at no other time */
  signal(SIGUSR1, on_let_go);
  if (epoll < 0 || epoll_ctl(epoll, EPOLL_CTL_ADD, listeners, &e) != 0) die("epoll", strerror(errno));
  for (;;) {
    int n = epoll_pwait(epoll, events, EVENTS, say_what_is_due(), &usual);
    if (let_go && held) release_held();
    for (int i = 0; i < n; i++) {
      if (events[i].data.ptr)
        serve(events[i].data.ptr);
      else
        welcome_all(listeners, epoll);
    }
  }
}

int main(int argc, char **argv) {
  static const struct option options[] = {{"listen", required_argument, NULL, 'l'},
                                          {"board", required_argument, NULL, 'b'},
                                          {"keep", required_argument, NULL, 'k'},
                                          {"every", required_argument, NULL, 'e'},
                                          {"addresses", required_argument, NULL, 'a'},
                                          {"delay", required_argument, NULL, 'd'},
                                          {"hold", no_argument, NULL, 'h'},
                                          {NULL, 0, NULL, 0}};
  const char *endpoint = NULL, *path = NULL;
  unsigned addresses = 1;
  for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) switch (o) {
    case 'l': endpoint = optarg; break;
    case 'b': path = optarg; break;
    case 'k': keep_folder = optarg; break;
    case 'e': keep_every = strtoull(optarg, NULL, 10); break;
    case 'a': addresses = (unsigned)strtoul(optarg, NULL, 10); break;
    case 'd': delay_ns = strtoull(optarg, NULL, 10) * 1000000; break;
    case 'h': held = true; break;
    default: return 2;
    }
  if (!endpoint || !path || !addresses || (keep_folder && !keep_every)) die("bench_sink", "see the top of sink.c");
  board = board_map(path);
  run(listen_at_all(endpoint, addresses));
}
