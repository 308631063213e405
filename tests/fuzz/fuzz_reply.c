/* What a next hop answers: any cuts give the same replies, and the same wisdom from EHLO. The first octet says how many
 * times the rest is said, so that small inputs reach the bounds. */
#include "tests/fuzz/fuzz.h"

#include "base/result.h"
#include "relay/smtp/ehlo.h"
#include "relay/smtp/reply_parser.h"

#define TRACE_MAX (64 * 1024 * 1024)

struct dialogue {
  struct reply_parser parser;
  struct ehlo ehlo;
  struct buffer trace; /* all that was understood */
  int rc;
};

static void on_line(void *arg, size_t index, struct bytes text) {
  struct dialogue *d = arg;
  CHECK(index < REPLY_LINES_MAX && text.len <= REPLY_LINE_KEPT);
  ehlo_line(&d->ehlo, index, text);
  CHECK(buffer_addf(&d->trace, "%zu:", index) == OK && buffer_add_bytes(&d->trace, text) == OK);
}

static void note_reply(struct dialogue *d) {
  const struct smtp_reply *r = &d->parser.reply;
  const struct ehlo *e = &d->ehlo;
  CHECK(r->code >= 200 && r->code <= 599);
  CHECK(strlen(r->enhanced) < ENHANCED_TEXT && (!*r->enhanced || r->enhanced[0] == '0' + r->code / 100));
  CHECK(memchr(r->text, '\0', sizeof r->text));
  for (const char *c = r->text; *c; c++) CHECK((unsigned char)*c >= 32 && *c != 127);
  CHECK(buffer_addf(&d->trace, "%d %s %s\n%d %d %d %d %d %d %d %d %d %llu %llu %llu %llu\n", r->code, r->enhanced,
                    r->text, e->pipelining, e->size, e->eightbit, e->utf8, e->starttls, e->dsn, e->deliver_by,
                    e->priority, e->require_tls, (unsigned long long)e->size_max,
                    (unsigned long long)e->deliver_by_least, (unsigned long long)e->mail_max,
                    (unsigned long long)e->recipient_max) == OK);
  memset(&d->ehlo, 0, sizeof d->ehlo);
}

static void feed(struct dialogue *d, struct bytes piece) {
  size_t before = piece.len + 1;
  while (d->rc >= 0 && piece.len) {
    CHECK(piece.len < before);
    before = piece.len;
    d->rc = reply_parser_feed(&d->parser, &piece);
    CHECK(d->rc == 1 || d->rc == 0 || d->rc == E_SYNTAX || d->rc == E_TOO_BIG);
    CHECK(d->rc != 0 || !piece.len);
    if (d->rc == 1) note_reply(d);
  }
}

static void hear(struct dialogue *d, struct bytes text, struct bytes sizes) {
  *d = (struct dialogue){0};
  reply_parser_init(&d->parser, on_line, d);
  buffer_init(&d->trace, TRACE_MAX);
  struct cutter c = {.sizes = sizes, .rest = text};
  for (struct bytes piece; cut(&c, &piece);) feed(d, piece);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes in = {(const char *)data, size};
  static struct dialogue whole, cuts;
  unsigned times = take_octet(&in);
  struct bytes sizes = take_list(&in);
  struct buffer text;
  buffer_init(&text, TRACE_MAX);
  for (unsigned i = 0; i <= times && text.len <= 2 * REPLY_OCTETS_MAX; i++) CHECK(buffer_add_bytes(&text, in) == OK);
  hear(&whole, buffer_bytes(&text), (struct bytes){0});
  hear(&cuts, buffer_bytes(&text), sizes);
  CHECK(whole.rc == cuts.rc || (whole.rc >= 0 && cuts.rc >= 0));
  CHECK(bytes_equal(buffer_bytes(&whole.trace), buffer_bytes(&cuts.trace)));
  buffer_free(&whole.trace);
  buffer_free(&cuts.trace);
  buffer_free(&text);
  return 0;
}
