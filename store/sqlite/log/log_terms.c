#include "store/sqlite/log/log_terms.h"

#include "base/address/address.h"
#include "base/result.h"
#include "base/text/text_fold.h"

#include <stdio.h>
#include <string.h>

/* Around each text, so that its beginning and its end can be found, were it one octet of it: neither is in any. */
#define START "\002\002"
#define END "\003\003"
#define MARK 2 /* octets of each */

static void add(struct log_terms *t, uint64_t number) {
  if (t->count < LOG_TERMS_MOST) t->all[t->count++] = (uint16_t)((number >> 32) % LOG_TERMS);
}

/* Spread evenly: multiplication by the golden ratio (Knuth, 6.4). */
static uint64_t mix(uint64_t n) {
  n *= UINT64_C(0x9e3779b97f4a7c15);
  return n ^ n >> 29;
}

static void add_three(struct log_terms *t, enum log_field field, const char *at) {
  uint64_t octets = (uint64_t)(unsigned char)at[0] << 16 | (uint64_t)(unsigned char)at[1] << 8 | (unsigned char)at[2];
  add(t, mix((uint64_t)field << 24 | octets));
}

static void add_text(struct log_terms *t, enum log_field field, const char *text) {
  char around[LOG_TEXT_ROOM + 2 * MARK];
  if (!text || !*text) return;
  size_t n = text_fold(text, around + MARK, LOG_TEXT_ROOM);
  memcpy(around, START, MARK);
  memcpy(around + MARK + n, END, MARK);
  for (size_t i = 0; i + 3 <= n + 2 * MARK; i++) add_three(t, field, around + i);
}

void log_terms_add_value(enum log_field field, const char *value, struct log_terms *t) {
  uint64_t n = mix((uint64_t)field + 1);
  if (!value || !*value) return;
  for (; *value; value++) n = mix(n ^ (unsigned char)*value);
  for (int i = 0; i < LOG_VALUE_TERMS; i++) add(t, n = mix(n + 1));
}

void log_terms_add_kind(enum event_kind kind, struct log_terms *t) {
  char text[16];
  snprintf(text, sizeof text, "%d", (int)kind);
  log_terms_add_value(LOG_KIND, text, t);
}

void log_reply_of(const struct event *e, char out[LOG_TEXT_ROOM]) {
  *out = '\0';
  if (e->kind == EVENT_ACCEPTED) return;
  int n = e->code ? snprintf(out, LOG_TEXT_ROOM, "%d ", e->code) : 0;
  snprintf(out + n, LOG_TEXT_ROOM - (size_t)n, "%s%s%s", e->enhanced, *e->enhanced ? " " : "", e->text);
}

void log_domain_of(const char *address, char out[LOG_DOMAIN_ROOM]) {
  const char *at = strrchr(address, '@'), *domain = at ? at + 1 : address;
  char name[DOMAIN_MAX + 1];
  struct bytes text = {domain, strcspn(domain, " ")}; /* "a@b.example and 2 more" */
  if (domain_normalize(text, name) == OK)
    snprintf(out, LOG_DOMAIN_ROOM, "%s", name);
  else
    text_fold(domain, out, LOG_DOMAIN_ROOM);
}

static void add_domain(struct log_terms *t, const char *address) {
  char domain[LOG_DOMAIN_ROOM];
  if (!address || !*address) return;
  log_domain_of(address, domain);
  log_terms_add_value(LOG_DOMAIN, domain, t);
}

void log_terms_of_event(const struct event *e, struct log_terms *t) {
  char reply[LOG_TEXT_ROOM];
  t->count = 0;
  log_terms_add_kind(e->kind, t);
  log_terms_add_value(LOG_ACCOUNT, e->account, t);
  log_terms_add_value(LOG_SOURCE, e->source, t);
  log_terms_add_value(LOG_HEADER_ID, e->header_id, t);
  add_domain(t, e->domain);
  add_domain(t, e->from);
  add_domain(t, e->to);
  add_text(t, LOG_ADDRESS, e->from);
  add_text(t, LOG_ADDRESS, e->to);
  add_text(t, LOG_SUBJECT, e->subject);
  add_text(t, LOG_HOST, e->host);
  log_reply_of(e, reply);
  add_text(t, LOG_REPLY, reply);
}

/* --- patterns --- */

/* Of one piece without `*`; every `step`-th. */
static void add_piece(struct log_terms *t, enum log_field field, const char *at, size_t len, size_t step) {
  for (size_t i = 0; i + 3 <= len; i += step) add_three(t, field, at + i);
  if (len >= 3 && step > 1) add_three(t, field, at + len - 3);
}

void log_terms_of_pattern(enum log_field field, const char *folded, bool whole, size_t most, struct log_terms *t) {
  char around[LOG_TEXT_ROOM + 2 * MARK + 1];
  if (!*folded) return; /* of no text there is nothing in the index */
  int n = snprintf(around, sizeof around, "%s%s%s", whole ? START : "", folded, whole ? END : "");
  size_t len = n < 0                       ? 0
               : (size_t)n < sizeof around ? (size_t)n
                                           : sizeof around - 1,
         step = len / (most ? most : 1) + 1;
  for (size_t at = 0; at < len;) {
    size_t piece = strcspn(around + at, "*");
    add_piece(t, field, around + at, piece, step);
    at += piece + 1;
  }
}
