/* A DNS server for tests: answers from a table, over UDP, on a thread of its own. What is not in the table does not
 * exist.
 */
#ifndef FAKE_DNS_H
#define FAKE_DNS_H

#include "tests/unit/dns_wire.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

struct dns_row {
  const char *name; /* without the final dot */
  int type;         /* ns_t_mx, ns_t_a, ns_t_aaaa; 0: the name is there, and has nothing else */
  const char *data; /* "10 mx.example", "192.0.2.1", "::1"; "SERVFAIL", "SILENCE" */
};

struct fake_dns {
  const struct dns_row *rows;
  size_t count;
  uint32_t ttl;
  unsigned port;
  int questions; /* atomic */
  int fd;
  pthread_t thread;
};

static size_t dns_put_data(unsigned char *out, const struct dns_row *row) {
  if (row->type == ns_t_a) return inet_pton(AF_INET, row->data, out) == 1 ? 4 : 0;
  if (row->type == ns_t_aaaa) return inet_pton(AF_INET6, row->data, out) == 1 ? 16 : 0;
  char *name = NULL;
  unsigned preference = (unsigned)strtoul(row->data, &name, 10);
  out[0] = (unsigned char)(preference >> 8);
  out[1] = (unsigned char)preference;
  return 2 + dns_wire_name(out + 2, strcmp(name, " .") ? name + 1 : "");
}

static size_t dns_put_record(const struct fake_dns *d, unsigned char *out, const struct dns_row *row) {
  size_t len = dns_put_data(out + 12, row);
  const unsigned char head[12] = {0xc0,
                                  12,
                                  0,
                                  (unsigned char)row->type,
                                  0,
                                  1,
                                  (unsigned char)(d->ttl >> 24),
                                  (unsigned char)(d->ttl >> 16),
                                  (unsigned char)(d->ttl >> 8),
                                  (unsigned char)d->ttl,
                                  (unsigned char)(len >> 8),
                                  (unsigned char)len};
  memcpy(out, head, 12);
  return 12 + len;
}

/* The length of the reply in place of the query; 0: none. */
static size_t dns_answer_query(struct fake_dns *d, unsigned char *q, size_t len) {
  char name[256] = "";
  size_t at = 12, n = 0;
  while (at < len && q[at]) {
    if (n) name[n++] = '.';
    memcpy(name + n, q + at + 1, q[at]);
    n += q[at];
    at += q[at] + 1u;
  }
  name[n] = 0;
  if (at + 5 > len) return 0;
  int type = q[at + 1] << 8 | q[at + 2];
  at += 5;
  unsigned rcode = 3, answers = 0;
  for (size_t i = 0; i < d->count; i++) {
    const struct dns_row *row = &d->rows[i];
    if (strcasecmp(row->name, name)) continue;
    if (rcode == 3) rcode = 0;
    if (row->type != type) continue;
    if (!strcmp(row->data, "SILENCE")) return 0;
    if (!strcmp(row->data, "SERVFAIL")) {
      rcode = 2;
      continue;
    }
    at += dns_put_record(d, q + at, row);
    answers++;
  }
  q[2] = 0x85;
  q[3] = (unsigned char)(0x80 | rcode);
  memset(q + 6, 0, 6);
  q[7] = (unsigned char)answers;
  return at;
}

static void *dns_serve(void *arg) {
  struct fake_dns *d = arg;
  unsigned char packet[4096];
  for (;;) {
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t n = recvfrom(d->fd, packet, 512, 0, (struct sockaddr *)&from, &from_len);
    if (n < 0 || n == 4) return NULL; /* 4 octets are no query: the sign to end */
    if (n < 17) continue;
    __atomic_add_fetch(&d->questions, 1, __ATOMIC_RELAXED);
    size_t len = dns_answer_query(d, packet, (size_t)n);
    if (len) sendto(d->fd, packet, len, 0, (struct sockaddr *)&from, from_len);
  }
}

static bool fake_dns_start(struct fake_dns *d) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t len = sizeof a;
  d->fd = socket(AF_INET, SOCK_DGRAM, 0);
  if (bind(d->fd, (struct sockaddr *)&a, sizeof a) != 0) return false;
  getsockname(d->fd, (struct sockaddr *)&a, &len);
  d->port = ntohs(a.sin_port);
  return pthread_create(&d->thread, NULL, dns_serve, d) == 0;
}

static void fake_dns_stop(struct fake_dns *d) {
  struct sockaddr_in a = {
      .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)d->port)};
  sendto(d->fd, "stop", 4, 0, (struct sockaddr *)&a, sizeof a);
  pthread_join(d->thread, NULL);
  close(d->fd);
}

#endif
