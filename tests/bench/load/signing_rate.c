/* What the signatures of one message cost, in CPU time: with RSA-2048 alone, with RSA-2048 and Ed25519 where the body
 * is given to libopendkim once for each, and where it is given to it once (dkim/body_digest.c).
 *
 *   bench_signing_rate [SECONDS]            for each figure; default 2 */
#include "dkim/key_memory.h"
#include "dkim/signer_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define CHUNK 65536 /* what a read from a socket may bring */
#define LINE 76

static struct signer_lib *lib;
static struct reason why;

static void stop_unless(int rc) {
  if (rc == OK) return;
  fprintf(stderr, "bench_signing_rate: %s\n", why.text);
  exit(1);
}

static double cpu_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static struct signer_key *make_key(enum key_algorithm algorithm) {
  struct buffer pem, public;
  struct signer_key *key;
  stop_unless(key_generate(algorithm, 2048, &pem, &public, &why));
  stop_unless(signer_key_load(buffer_bytes(&pem), &key, &why));
  buffer_wipe_free(&pem);
  buffer_free(&public);
  return key;
}

static char *make_body(size_t len) {
  char *body = malloc(len);
  if (!body) exit(1);
  for (size_t i = 0; i < len; i++)
    body[i] = i % LINE < LINE - 2 ? (char)('a' + i % 26) : i % LINE == LINE - 1 ? '\n' : '\r';
  return body;
}

static void sign(const struct signer_identity *ids, size_t count, enum body_feed feed, struct bytes body) {
  static const char *const header[] = {
      "From: Shop <shop@example.com>\r\n",          "To: a@example.net\r\n",           "Subject: Your order\r\n",
      "Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n",  "Message-ID: <1@example.com>\r\n", "MIME-Version: 1.0\r\n",
      "Content-Type: text/plain; charset=utf-8\r\n"};
  struct signer *s;
  struct buffer out;
  buffer_init(&out, 16384);
  stop_unless(signer_begin(lib, ids, count, &s, &why));
  signer_set_feed(s, feed);
  for (size_t i = 0; i < sizeof header / sizeof header[0]; i++) stop_unless(signer_header(s, bytes_of(header[i])));
  stop_unless(signer_headers_end(s, &why));
  for (size_t at = 0; at < body.len; at += CHUNK)
    stop_unless(signer_body(s, (struct bytes){body.at + at, body.len - at < CHUNK ? body.len - at : CHUNK}));
  stop_unless(signer_finish(s, &out, &why));
  signer_free(&s);
  buffer_free(&out);
}

static double per_message(const struct signer_identity *ids, size_t count, enum body_feed feed, struct bytes body,
                          double seconds) {
  double begin = cpu_us(), now;
  unsigned long messages = 0;
  do {
    sign(ids, count, feed, body);
    messages++;
    now = cpu_us();
  } while (now - begin < seconds * 1e6);
  return (now - begin) / (double)messages;
}

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    size_t len;
  } sizes[] = {{"4 KB", 4096}, {"100 KB", 100 * 1024}, {"5 MB", 5 * 1024 * 1024}};
  double seconds = argc > 1 ? strtod(argv[1], NULL) : 2;
  key_memory_open(); /* as the gateway does */
  stop_unless(signer_lib_new(&lib, &why));
  struct signer_key *rsa = make_key(KEY_RSA), *ed = make_key(KEY_ED25519);
  const struct signer_identity ids[] = {{rsa, "example.com", "s202611r"}, {ed, "example.com", "s202611e"}};
  printf("%-8s%14s%22s%22s%10s%10s\n", "body", "RSA alone, us", "both, each hashes, us", "both, hashed once, us",
         "ratio", "before");
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
    char *text = make_body(sizes[i].len);
    const struct bytes body = {text, sizes[i].len};
    double alone = per_message(ids, 1, BODY_EACH, body, seconds), each = per_message(ids, 2, BODY_EACH, body, seconds),
           once = per_message(ids, 2, BODY_ONCE, body, seconds);
    printf("%-8s%14.0f%22.0f%22.0f%10.2f%10.2f\n", sizes[i].name, alone, each, once, alone / once, alone / each);
    free(text);
  }
  signer_key_release(&rsa);
  signer_key_release(&ed);
  signer_lib_free(&lib);
  return 0;
}
