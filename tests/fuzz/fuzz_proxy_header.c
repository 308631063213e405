/* The PROXY header comes from a stranger when a listener is misconfigured. Once decided, more octets change nothing. */
#include "tests/fuzz/fuzz.h"

#include "base/address/cidr.h"
#include "relay/smtp/proxy_header.h"

struct outcome {
  int rc;
  struct proxy_header header;
};

static struct outcome parse(struct bytes in) {
  struct outcome o;
  const char *why;
  char *hold;
  o.rc = proxy_header_parse(exact(in, &hold), &o.header, &why);
  free(hold);
  CHECK(o.rc >= -1 && o.rc <= 1 && (o.rc < 0) == (why != NULL));
  if (o.rc == 1) CHECK(o.header.length <= in.len && o.header.length <= PROXY_HEADER_MAX);
  return o;
}

static void same(const struct outcome *a, const struct outcome *b) {
  CHECK(a->rc == b->rc);
  if (a->rc == 1) CHECK(memcmp(&a->header, &b->header, sizeof a->header) == 0);
}

/* Written anew as a line, it is read as the same client. */
static void rewrite(const struct proxy_header *h) {
  char ip[IP_TEXT], line[PROXY_LINE_MAX + 1];
  bool six = h->client.ss_family == AF_INET6;
  const struct sockaddr *client = (const struct sockaddr *)&h->client;
  CHECK(six || h->client.ss_family == AF_INET);
  ip_format(client, ip);
  if (six && !strchr(ip, ':')) return; /* an IPv4 address in IPv6: shown as the former */
  snprintf(line, sizeof line, "PROXY TCP%c %s %s %u 25\r\n", six ? '6' : '4', ip, six ? "::" : "0.0.0.0",
           ip_port(client));
  struct outcome again = parse(bytes_of(line));
  CHECK(again.rc == 1 && again.header.known && again.header.length == strlen(line));
  CHECK(memcmp(&again.header.client, &h->client, sizeof h->client) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes in = {(const char *)data, size};
  struct outcome whole = parse(in), before = parse((struct bytes){in.at, 0});
  CHECK(before.rc == 0);
  size_t step = size > 256 ? size / 256 : 1;
  for (size_t n = 0; n < size; n += step) {
    struct outcome now = parse((struct bytes){in.at, n});
    if (before.rc)
      same(&before, &now);
    else if (now.rc == 1)
      CHECK(now.header.length > n - step); /* it was not known before it had come */
    before = now;
  }
  if (before.rc) same(&before, &whole);
  if (whole.rc != 1) return 0;
  struct outcome short_of_it = parse((struct bytes){in.at, whole.header.length - 1});
  struct outcome just = parse((struct bytes){in.at, whole.header.length});
  CHECK(short_of_it.rc == 0);
  same(&just, &whole);
  if (whole.header.known) rewrite(&whole.header);
  return 0;
}
