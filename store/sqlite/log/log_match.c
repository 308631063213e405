#include "store/sqlite/log/log_match.h"

#include "base/text/text_fold.h"

#include <stdlib.h>
#include <string.h>

#define TERMS_OF_PATTERN 12 /* more would only be asked for, and leave out no more */

/* --- life --- */

/* False without memory. */
static bool fold(const char *text, char **out) {
  char folded[LOG_TEXT_ROOM];
  if (!text) return true;
  text_fold(text, folded, sizeof folded);
  return (*out = strdup(folded)) != NULL;
}

static void split_words(struct log_match *m) {
  char *rest = NULL;
  for (char *word = m->subject ? strtok_r(m->subject, " \t\r\n", &rest) : NULL; word && m->word_count < LOG_WORDS_MOST;
       word = strtok_r(NULL, " \t\r\n", &rest))
    m->words[m->word_count++] = word;
}

/* "<id@host>", as the log has it. Its case counts, and `*` in it is text. */
static bool copy_header_id(struct log_match *m) {
  const char *id = m->filter->header_id;
  if (!id) return true;
  size_t n = strlen(id);
  bool bare = *id != '<';
  m->header_id = malloc(n + 3);
  if (!m->header_id) return false;
  size_t at = 0;
  if (bare) m->header_id[at++] = '<';
  memcpy(m->header_id + at, id, n);
  at += n;
  if (bare) m->header_id[at++] = '>';
  m->header_id[at] = '\0';
  return true;
}

static void add_pattern(struct log_match *m, enum log_field field, const char *folded, bool whole) {
  if (folded) log_terms_of_pattern(field, folded, whole, TERMS_OF_PATTERN, m->terms);
}

static void find_terms(struct log_match *m) {
  const struct log_filter *f = m->filter;
  if (f->kind >= 0) log_terms_add_kind((enum event_kind)f->kind, m->terms);
  log_terms_add_value(LOG_ACCOUNT, f->account, m->terms);
  if (m->source && !strchr(m->source, '*')) log_terms_add_value(LOG_SOURCE, m->source, m->terms);
  log_terms_add_value(LOG_HEADER_ID, m->header_id, m->terms);
  log_terms_add_value(LOG_DOMAIN, m->domain, m->terms);
  add_pattern(m, LOG_ADDRESS, m->from, true);
  add_pattern(m, LOG_ADDRESS, m->to, true);
  add_pattern(m, LOG_ADDRESS, m->address, false);
  add_pattern(m, LOG_HOST, m->host, false);
  add_pattern(m, LOG_REPLY, m->reply, false);
  for (size_t i = 0; i < m->word_count; i++) add_pattern(m, LOG_SUBJECT, m->words[i], false);
}

int log_match_init(const struct log_filter *f, struct log_match *m) {
  *m = (struct log_match){.filter = f, .terms = calloc(1, sizeof *m->terms)};
  bool fits = m->terms && fold(f->from, &m->from) && fold(f->to, &m->to) && fold(f->address, &m->address) &&
              fold(f->host, &m->host) && fold(f->reply, &m->reply) && fold(f->source, &m->source) &&
              fold(f->subject, &m->subject) && copy_header_id(m);
  if (!fits) return E_MEMORY;
  if (f->domain) log_domain_of(f->domain, m->domain);
  split_words(m);
  find_terms(m);
  return OK;
}

void log_match_free(struct log_match *m) {
  free(m->from);
  free(m->to);
  free(m->address);
  free(m->host);
  free(m->reply);
  free(m->source);
  free(m->subject);
  free(m->header_id);
  free(m->terms);
  *m = (struct log_match){0};
}

/* --- an event --- */

static bool is_like(const char *text, const char *pattern, bool whole) {
  char folded[LOG_TEXT_ROOM];
  if (!pattern) return true;
  text_fold(text, folded, sizeof folded);
  return text_matches(folded, pattern, whole);
}

static bool is_of_domain(const char *address, const char *domain) {
  char own[LOG_DOMAIN_ROOM];
  if (!*address) return false;
  log_domain_of(address, own);
  return strcmp(own, domain) == 0;
}

static bool domain_matches(const struct log_match *m, const struct event *e) {
  const char *domain = m->domain;
  return !*domain || is_of_domain(e->domain, domain) || is_of_domain(e->to, domain) || is_of_domain(e->from, domain);
}

static bool reply_matches(const struct log_match *m, const struct event *e) {
  char reply[LOG_TEXT_ROOM];
  if (!m->reply) return true;
  log_reply_of(e, reply);
  return *reply && is_like(reply, m->reply, false);
}

static bool values_match(const struct log_filter *f, const struct event *e) {
  return (f->kind < 0 || (int)e->kind == f->kind) && (!f->account || strcmp(e->account, f->account) == 0) &&
         (!f->ref || strcmp(e->ref, f->ref) == 0) && (!f->message_id || e->message_id == f->message_id) &&
         (!f->stream || (int)e->stream == f->stream - 1);
}

bool log_match_event(const struct log_match *m, const struct event *e) {
  return values_match(m->filter, e) && is_like(e->from, m->from, true) && is_like(e->to, m->to, true) &&
         (is_like(e->from, m->address, false) || is_like(e->to, m->address, false)) &&
         is_like(e->host, m->host, false) && is_like(e->source, m->source, true) && reply_matches(m, e) &&
         domain_matches(m, e);
}

bool log_match_asks_message(const struct log_match *m) {
  return m->word_count || m->header_id;
}

bool log_match_message(const struct log_match *m, const struct event *e) {
  bool all = !m->header_id || strcmp(e->header_id, m->header_id) == 0;
  for (size_t i = 0; all && i < m->word_count; i++) all = is_like(e->subject, m->words[i], false);
  return all;
}
