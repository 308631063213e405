#include "cli/output.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool output_is_terminal(void) {
  return isatty(STDOUT_FILENO) != 0;
}

void print_json(json_t *object) {
  char *text = object ? json_dumps(object, JSON_COMPACT) : NULL;
  if (text) puts(text);
  free(text);
  json_decref(object);
}

json_t *json_text(const char *text) {
  json_t *j = json_string(text ? text : "");
  if (j) return j;
  char *clean = strdup(text);
  if (!clean) return json_null();
  for (char *c = clean; *c; c++)
    if ((unsigned char)*c >= 0x80) *c = '?';
  j = json_string(clean);
  free(clean);
  return j;
}

json_t *json_time(int64_t us) {
  char text[40];
  if (!us) return json_null();
  clock_format_iso(us, text, sizeof text);
  return json_string(text);
}

void print_safe(const char *text) {
  for (; *text; text++) putchar((unsigned char)*text < 32 || *text == 127 ? '?' : *text);
}

struct table {
  size_t columns, rows, room;
  char **cells; /* the titles, then row by row */
};

static char *copy_safe(const char *text) {
  char *copy = strdup(text ? text : "");
  for (char *c = copy; c && *c; c++)
    if ((unsigned char)*c < 32 || *c == 127) *c = '?';
  return copy;
}

static void add_row(struct table *t, const char *const *cells) {
  if (t->rows == t->room) {
    size_t room = t->room ? 2 * t->room : 32;
    char **more = realloc(t->cells, room * t->columns * sizeof *more);
    if (!more) return;
    t->cells = more;
    t->room = room;
  }
  for (size_t i = 0; i < t->columns; i++) t->cells[t->rows * t->columns + i] = copy_safe(cells[i]);
  t->rows++;
}

struct table *table_new(const char *const *titles, size_t columns) {
  struct table *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->columns = columns;
  add_row(t, titles);
  return t;
}

void table_add(struct table *t, const char *const *cells) {
  if (t) add_row(t, cells);
}

static size_t width(const struct table *t, size_t column) {
  size_t most = 0;
  for (size_t r = 0; r < t->rows; r++) {
    const char *cell = t->cells[r * t->columns + column];
    size_t n = cell ? strlen(cell) : 0;
    if (n > most) most = n;
  }
  return most;
}

void table_print(struct table **at) {
  struct table *t = *at;
  *at = NULL;
  if (!t) return;
  bool bold = output_is_terminal();
  for (size_t r = 0; t->rows > 1 && r < t->rows; r++) {
    if (!r && bold) fputs("\033[1m", stdout);
    for (size_t c = 0; c < t->columns; c++) {
      const char *cell = t->cells[r * t->columns + c];
      printf("%-*s%s", c + 1 < t->columns ? (int)width(t, c) : 0, cell ? cell : "", c + 1 < t->columns ? "  " : "");
    }
    puts(!r && bold ? "\033[0m" : "");
  }
  for (size_t i = 0; i < t->rows * t->columns; i++) free(t->cells[i]);
  free(t->cells);
  free(t);
}
