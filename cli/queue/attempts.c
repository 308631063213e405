#include "cli/queue/attempts.h"

#include "relay/daemon/attempts.h"
#include "relay/daemon/control_client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct attempts {
  struct buffer text; /* the answer; the attempts point into it */
  struct attempt *list;
  size_t count;
};

static const struct {
  const char *stage, *phrase;
} phrases[] = {
    {"route", "finding a host of"},
    {"wait", "waiting for a connection to"},
    {"pace", "waiting for its turn at"},
    {"share", "waiting for a free connection to"},
    {"token", "waiting for an access token for"},
    {"store", "waiting for the store to take outcomes again, to go on to"},
    {"probe", "waiting for the probe of the host of"},
    {"load", "reading the message for"},
    {"convert", "converting the message for"},
    {"connect", "connecting to"},
    {"greeting", "waiting for the greeting of"},
    {"ehlo", "EHLO to"},
    {"starttls", "STARTTLS to"},
    {"handshake", "TLS handshake with"},
    {"auth", "AUTH to"},
    {"mail", "MAIL to"},
    {"rcpt", "RCPT to"},
    {"data", "DATA to"},
    {"content", "sending the message to"},
    {"dot", "waiting for the final reply of"},
    {"record", "recording what became of it at"},
};

const char *attempt_phrase(const struct attempt *a) {
  for (size_t i = 0; i < sizeof phrases / sizeof phrases[0]; i++)
    if (strcmp(a->stage, phrases[i].stage) == 0) return phrases[i].phrase;
  return a->stage;
}

static int64_t next_number(char **rest) {
  const char *text = strtok_r(NULL, " ", rest);
  return text ? strtoll(text, NULL, 10) : 0;
}

/* The second half of a line: what is ahead. */
static void read_turn(char **rest, struct attempt *out) {
  const char *ahead = strtok_r(NULL, " ", rest);
  if (!ahead) return;
  out->ahead = strtoull(ahead, NULL, 10);
  out->ahead_own = (uint64_t)next_number(rest);
  out->ahead_of_other = (uint64_t)next_number(rest);
  out->ahead_other = strtok_r(NULL, " ", rest);
  out->expected_us = next_number(rest);
  out->waits = out->ahead_other != NULL;
}

/* Cuts a line apart in place; false: it is none. */
static bool read_line(char *line, struct attempt *out) {
  char *rest = NULL, *stage = NULL, *host = NULL;
  char *id = strtok_r(line, " ", &rest), *since = id ? strtok_r(NULL, " ", &rest) : NULL;
  if (since) stage = strtok_r(NULL, " ", &rest);
  if (stage) host = strtok_r(NULL, " ", &rest);
  if (!host) return false;
  *out = (struct attempt){
      .recipient_id = strtoll(id, NULL, 10), .since_us = strtoll(since, NULL, 10), .stage = stage, .host = host};
  out->until_us = next_number(&rest);
  out->delivered_us = next_number(&rest);
  out->lane = strcmp(stage, "probe") == 0 ? strtok_r(NULL, " ", &rest) : NULL;
  read_turn(&rest, out);
  return true;
}

/* "-" for that of no account. */
static int compare_waits(const struct attempt *a, const char *domain, const char *lane) {
  int order = strcmp(a->host, domain);
  return order ? order : strcmp(a->lane, *lane ? lane : "-");
}

/* By recipient, and what is of none by its lane; what is at a host before what is known to be in flight only. */
static int compare(const void *a, const void *b) {
  const struct attempt *x = a, *y = b;
  if (x->recipient_id != y->recipient_id) return x->recipient_id < y->recipient_id ? -1 : 1;
  if (x->lane && y->lane) return compare_waits(x, y->host, y->lane);
  return (strcmp(x->stage, "route") == 0) - (strcmp(y->stage, "route") == 0);
}

static bool read_lines(struct attempts *a) {
  char *rest = NULL;
  size_t lines = 0;
  for (size_t i = 0; i < a->text.len; i++) lines += a->text.at[i] == '\n';
  a->list = calloc(lines ? lines : 1, sizeof *a->list);
  if (!a->list) return false;
  for (char *line = strtok_r(a->text.at, "\n", &rest); line && a->count < lines; line = strtok_r(NULL, "\n", &rest))
    a->count += read_line(line, &a->list[a->count]);
  qsort(a->list, a->count, sizeof *a->list, compare);
  return true;
}

struct attempts *attempts_read(struct cli *c) {
  struct attempts *a = calloc(1, sizeof *a);
  if (!a || cli_config(c) != EXIT_DONE) {
    free(a);
    return NULL;
  }
  buffer_init(&a->text, ATTEMPTS_ANSWER_MAX);
  int rc = control_ask(c->config->data_dir, "attempts", &a->text);
  if (rc == OK) rc = buffer_add(&a->text, "\n", 2); /* and the NUL */
  if (rc == OK && read_lines(a)) return a;
  if (rc != E_NOT_FOUND) cli_warn("the running gateway does not say what is under way: %s", result_text(rc));
  attempts_free(&a);
  return NULL;
}

void attempts_free(struct attempts **at) {
  struct attempts *a = *at;
  *at = NULL;
  if (!a) return;
  buffer_free(&a->text);
  free(a->list);
  free(a);
}

const struct attempt *attempts_find(const struct attempts *a, int64_t recipient_id) {
  size_t low = 0, high = a ? a->count : 0;
  while (low < high) { /* the first of that recipient */
    size_t middle = low + (high - low) / 2;
    if (a->list[middle].recipient_id < recipient_id)
      low = middle + 1;
    else
      high = middle;
  }
  return a && low < a->count && a->list[low].recipient_id == recipient_id ? &a->list[low] : NULL;
}

const struct attempt *attempts_find_wait(const struct attempts *a, const char *domain, const char *lane) {
  size_t low = 0, high = a ? a->count : 0;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const struct attempt *at = &a->list[middle];
    int order = at->lane ? compare_waits(at, domain, lane) : 1; /* those stand before all others */
    if (!order) return at;
    if (order < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}
