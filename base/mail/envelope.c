#include "base/mail/envelope.h"

#include "base/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXTS_MAX 7

enum mail_stream envelope_stream(const struct envelope *e) {
  return e->flags & MESSAGE_BULK ? STREAM_BULK : STREAM_TRANSACTIONAL;
}

void envelope_lane(const struct envelope *e, char out[LANE_TEXT]) {
  const char *stream = envelope_stream(e) == STREAM_BULK ? "/bulk" : "";
  snprintf(out, LANE_TEXT, "%.*s%s", (int)(LANE_TEXT - sizeof "/bulk"), e->account ? e->account : "", stream);
}

int64_t envelope_deadline(const struct envelope *e) {
  return e->flags & MESSAGE_BY_RETURN ? e->deliver_by_us : INT64_MAX;
}

/* Copies `count` texts into one block, which begins with the first of them, and points `out` at the copies. */
static int copy_texts(const char **const out[], const char *const from[], size_t count) {
  size_t sizes[TEXTS_MAX], all = 0;
  for (size_t i = 0; i < count; i++) all += sizes[i] = strlen(from[i] ? from[i] : "") + 1;
  char *at = malloc(all);
  if (!at) return E_MEMORY;
  for (size_t i = 0; i < count; i++) {
    *out[i] = memcpy(at, from[i] ? from[i] : "", sizes[i]);
    at += sizes[i];
  }
  return OK;
}

static void free_texts(const char *first) {
  free((char *)(uintptr_t)first);
}

int envelope_copy(struct envelope *to, const struct envelope *from) {
  const char *const texts[] = {from->account, from->pool, from->reverse_path, from->envid, from->sources};
  *to = *from;
  int rc = copy_texts((const char **const[]){&to->account, &to->pool, &to->reverse_path, &to->envid, &to->sources},
                      texts, 5);
  if (rc != OK) *to = (struct envelope){0};
  return rc;
}

void envelope_clear(struct envelope *e) {
  free_texts(e->account);
  *e = (struct envelope){0};
}

int recipient_copy(struct recipient *to, const struct recipient *from) {
  const char *const texts[] = {from->address, from->domain, from->orcpt};
  *to = *from;
  int rc = copy_texts((const char **const[]){&to->address, &to->domain, &to->orcpt}, texts, 3);
  if (rc != OK) *to = (struct recipient){0};
  return rc;
}

void recipient_clear(struct recipient *r) {
  free_texts(r->address);
  *r = (struct recipient){0};
}

int queued_recipient_copy(struct queued_recipient *to, const struct queued_recipient *from) {
  const char *const texts[] = {from->to.address, from->to.domain, from->to.orcpt, from->last,
                               from->source,     from->site,      from->returned};
  *to = *from;
  const char **const out[] = {&to->to.address, &to->to.domain, &to->to.orcpt, &to->last,
                              &to->source,     &to->site,      &to->returned};
  int rc = copy_texts(out, texts, sizeof texts / sizeof texts[0]);
  if (rc != OK) *to = (struct queued_recipient){0};
  return rc;
}

void queued_recipient_clear(struct queued_recipient *r) {
  free_texts(r->to.address);
  *r = (struct queued_recipient){0};
}

const char *hold_name(enum recipient_hold hold) {
  static const char *const names[HOLD_COUNT] = {"command", "brake", "suspension", "removal"};
  return hold < HOLD_COUNT ? names[hold] : "command";
}
