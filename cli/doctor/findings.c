#include "cli/doctor/findings.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *severity_name(enum severity s) {
  static const char *const names[] = {"error", "warning", "note", "ok"};
  return names[s];
}

/* NULL: there is no memory for it. */
static struct doctor_finding *make_room(struct findings *f) {
  if (f->count == f->room) {
    size_t room = f->room ? 2 * f->room : 32;
    struct doctor_finding *list = realloc(f->list, room * sizeof *list);
    if (!list) return NULL;
    f->list = list;
    f->room = room;
  }
  return &f->list[f->count];
}

void findings_add(struct findings *f, enum severity s, const char *about, const char *format, ...) {
  struct doctor_finding *new = make_room(f);
  va_list args;
  va_start(args, format);
  char *text = NULL, *copy = strdup(about), *fix = strdup("");
  bool made = vasprintf(&text, format, args) >= 0 && copy && fix && new;
  va_end(args);
  if (made) {
    *new =
        (struct doctor_finding){.severity = s, .check = f->check, .about = copy, .text = text, .fix = fix, .see = ""};
    f->count++;
    return;
  }
  free(copy);
  free(fix);
  f->failed = true;
}

void findings_fix(struct findings *f, const char *format, ...) {
  char *fix = NULL;
  va_list args;
  if (!f->count) return;
  va_start(args, format);
  if (vasprintf(&fix, format, args) < 0) fix = NULL;
  va_end(args);
  if (!fix) {
    f->failed = true;
    return;
  }
  free(f->list[f->count - 1].fix);
  f->list[f->count - 1].fix = fix;
}

void findings_see(struct findings *f, const char *see) {
  if (f->count) f->list[f->count - 1].see = see;
}

/* By insertion: there are few, and their order among equals stays. */
void findings_sort(struct findings *f) {
  for (size_t i = 1; i < f->count; i++) {
    struct doctor_finding one = f->list[i];
    size_t at = i;
    for (; at > 0 && f->list[at - 1].severity > one.severity; at--) f->list[at] = f->list[at - 1];
    f->list[at] = one;
  }
}

size_t findings_count(const struct findings *f, enum severity s) {
  size_t n = 0;
  for (size_t i = 0; i < f->count; i++) n += f->list[i].severity == s;
  return n;
}

void findings_clear(struct findings *f) {
  for (size_t i = 0; i < f->count; i++) {
    free(f->list[i].about);
    free(f->list[i].text);
    free(f->list[i].fix);
  }
  free(f->list);
  *f = (struct findings){0};
}
