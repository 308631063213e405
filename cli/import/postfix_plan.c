#include "cli/import/postfix_plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INPUT_MAX ((size_t)64 * 1024 * 1024)

/* In the place of one that there is no memory for. */
static struct postfix_finding nowhere;

static void __attribute__((format(printf, 3, 0)))
set(struct postfix_plan *p, char **to, const char *format, va_list args) {
  char *text = NULL;
  if (vasprintf(&text, format, args) < 0) {
    p->no_memory = true;
    return;
  }
  free(*to);
  *to = text;
}

static bool make_room(struct postfix_plan *p) {
  if (p->count < p->room) return true;
  size_t room = p->room ? 2 * p->room : 64;
  struct postfix_finding **more = reallocarray(p->all, room, sizeof *more);
  if (!more) return false;
  p->all = more;
  p->room = room;
  return true;
}

struct postfix_finding *postfix_find(struct postfix_plan *p, enum postfix_action action, const char *file,
                                     unsigned line, const char *what, ...) {
  struct postfix_finding *f = make_room(p) ? calloc(1, sizeof *f) : NULL;
  if (!f) {
    p->no_memory = true;
    return &nowhere;
  }
  p->all[p->count++] = f;
  f->action = action;
  buffer_init_secret(&f->input, INPUT_MAX);
  if (line)
    snprintf(f->where, sizeof f->where, "%.50s:%u", file, line);
  else
    snprintf(f->where, sizeof f->where, "%.60s", file);
  va_list args;
  va_start(args, what);
  set(p, &f->what, what, args);
  va_end(args);
  return f;
}

void postfix_text(struct postfix_plan *p, struct postfix_finding *f, const char *format, ...) {
  va_list args;
  va_start(args, format);
  set(p, &f->text, format, args);
  va_end(args);
}

void postfix_config(struct postfix_plan *p, struct postfix_finding *f, const char *format, ...) {
  va_list args;
  va_start(args, format);
  set(p, &f->config, format, args);
  va_end(args);
}

void postfix_word(struct postfix_plan *p, struct postfix_finding *f, const char *format, ...) {
  if (f == &nowhere || f->word_count == POSTFIX_WORDS_MAX) {
    p->no_memory = true;
    return;
  }
  va_list args;
  va_start(args, format);
  set(p, &f->words[f->word_count], format, args);
  va_end(args);
  if (f->words[f->word_count]) f->word_count++;
}

void postfix_words(struct postfix_plan *p, struct postfix_finding *f, ...) {
  va_list args;
  va_start(args, f);
  for (const char *word; (word = va_arg(args, const char *));) postfix_word(p, f, "%s", word);
  va_end(args);
}

void postfix_no_command(struct postfix_finding *f) {
  while (f->word_count) free(f->words[--f->word_count]);
  memset(f->words, 0, sizeof f->words);
  f->input_name = NULL;
}

static bool is_plain(const char *word) {
  static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789@%_+=:,./-";
  return *word && word[strspn(word, safe)] == '\0';
}

static int add_word(struct buffer *out, const char *word) {
  if (is_plain(word)) return buffer_add(out, word, strlen(word));
  int rc = buffer_add(out, "'", 1);
  for (; rc == OK && *word; word++) rc = *word == '\'' ? buffer_add(out, "'\\''", 4) : buffer_add(out, word, 1);
  return rc == OK ? buffer_add(out, "'", 1) : rc;
}

int postfix_command(const struct postfix_finding *f, struct buffer *out) {
  int rc = OK;
  for (size_t i = 0; rc == OK && i < f->word_count; i++) {
    if (i) rc = buffer_add(out, " ", 1);
    if (rc == OK) rc = add_word(out, f->words[i]);
  }
  if (rc == OK && f->input_name) rc = buffer_addf(out, " < %s", f->input_name);
  return rc == OK ? buffer_add(out, "", 1) : rc;
}

size_t postfix_plan_count(const struct postfix_plan *p, enum postfix_action action) {
  size_t n = 0;
  for (size_t i = 0; i < p->count; i++) n += p->all[i]->action == action;
  return n;
}

void postfix_plan_free(struct postfix_plan *p) {
  for (size_t i = 0; i < p->count; i++) {
    struct postfix_finding *f = p->all[i];
    postfix_no_command(f);
    buffer_wipe_free(&f->input);
    free(f->what);
    free(f->text);
    free(f->config);
    free(f);
  }
  free(p->all);
  *p = (struct postfix_plan){0};
}
