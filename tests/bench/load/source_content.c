#include "tests/bench/load/source.h"

#include <stdio.h>
#include <string.h>

/* Lines of 80 octets, so that the body of any length is a run of them and ends with a line's end. None begins with a
 * dot. */
#define LINE 80
#define LINES 200
#define HEADER 512

static char body[LINE * LINES];
static size_t body_length;
static char date[64];

void content_init(size_t length) {
  static const char words[] = "Your order has been received and is now being processed; the details are shown below. ";
  time_t now = time(NULL);
  for (size_t i = 0; i < sizeof body; i++) body[i] = words[i % (sizeof words - 1)];
  for (size_t i = 0; i < LINES; i++) {
    if (body[i * LINE] == ' ') body[i * LINE] = '-';
    if (body[i * LINE + LINE - 3] == ' ') body[i * LINE + LINE - 3] = '-'; /* white space at a line's end is fragile */
    memcpy(body + i * LINE + LINE - 2, "\r\n", 2);
  }
  strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S +0000", gmtime(&now));
  body_length = length > HEADER + LINE ? (length - HEADER / 2) / LINE * LINE : LINE;
}

static void put(struct session *s, const char *text) {
  size_t room;
  char *at = stream_room(s, &room);
  if (room < strlen(text)) die("source", "no room for a header");
  memcpy(at, text, strlen(text));
  s->out_len += strlen(text);
}

static void begin(struct session *s) {
  char header[HEADER], domain[DOMAIN_SIZE];
  unsigned long long n = s->number;
  recipient_domain(n, domain);
  snprintf(header, sizeof header,
           "From: Shop <%s>\r\nTo: <r%llu%s@%s>\r\nSubject: Your order %llu\r\nDate: %s\r\nMessage-ID: "
           "<order.%llu.%llx@%s>\r\n"
           "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n",
           plan.from, n, plan.recipients > 1 ? "x0" : "", domain, n, date, n, (unsigned long long)now_ns(),
           strchr(plan.from, '@') + 1);
  put(s, header);
  s->content_begun = true;
  s->content_left = body_length;
}

void content_fill(struct session *s) {
  size_t room;
  if (!s->content_begun) begin(s);
  char *at = stream_room(s, &room);
  while (s->content_left && room >= LINE) {
    size_t phase = (body_length - s->content_left) % sizeof body, n = sizeof body - phase;
    if (n > s->content_left) n = s->content_left;
    if (n > room) n = room / LINE * LINE;
    memcpy(at, body + phase, n);
    at += n;
    room -= n;
    s->out_len += n;
    s->content_left -= n;
  }
  if (!s->content_left && room >= 3) {
    put(s, ".\r\n");
    s->content_begun = false;
    atomic_store(&board->passages[s->number].dot, now_ns()); /* the write follows at once */
  }
}
