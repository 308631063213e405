#include "cli/output.h"

#include "base/text.h"
#include "cli/command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define COLUMNS 80

bool output_is_terminal(void) {
  return isatty(STDOUT_FILENO) != 0;
}

void print_json(json_t *object) {
  char *text = object ? json_line(object) : NULL;
  if (text)
    puts(text);
  else
    cli_warn("out of memory: an object is missing here");
  free(text);
  json_decref(object);
}

static char *copy_clean(const char *text) {
  char *copy = strdup(text ? text : "");
  if (copy) text_clean(copy, true);
  return copy;
}

void print_safe(const char *text) {
  char *copy = copy_clean(text);
  fputs(copy ? copy : "?", stdout);
  free(copy);
}

struct table {
  size_t columns, rows, room;
  bool cut;     /* memory ended before the rows */
  char **cells; /* the titles, then row by row */
};

static void add_row(struct table *t, const char *const *cells) {
  if (t->rows == t->room) {
    size_t room = t->room ? 2 * t->room : 32;
    char **more = realloc(t->cells, room * t->columns * sizeof *more);
    if (!more) {
      t->cut = true;
      return;
    }
    t->cells = more;
    t->room = room;
  }
  for (size_t i = 0; i < t->columns; i++) t->cells[t->rows * t->columns + i] = copy_clean(cells[i]);
  t->rows++;
}

struct table *table_new(const char *const *titles, size_t columns) {
  struct table *t = columns <= TABLE_COLUMNS_MAX ? calloc(1, sizeof *t) : NULL;
  if (!t) return NULL;
  t->columns = columns;
  add_row(t, titles);
  return t;
}

void table_add(struct table *t, const char *const *cells) {
  if (t) add_row(t, cells);
}

/* Characters, not octets: what columns are measured in. */
static size_t width_of(const char *cell) {
  size_t n = 0;
  for (; cell && *cell; cell++) n += ((unsigned char)*cell & 0xc0) != 0x80;
  return n;
}

static size_t column_width(const struct table *t, size_t column) {
  size_t most = 0;
  for (size_t r = 0; r < t->rows; r++) {
    size_t n = width_of(t->cells[r * t->columns + column]);
    if (n > most) most = n;
  }
  return most;
}

static void print_row(const struct table *t, size_t row, const size_t *widths) {
  char *const *cells = t->cells + row * t->columns;
  for (size_t c = 0; c < t->columns; c++) {
    fputs(cells[c] ? cells[c] : "?", stdout);
    bool rest = false; /* no blanks at the end of a line */
    for (size_t n = c + 1; n < t->columns; n++) rest |= width_of(cells[n]) > 0;
    if (!rest) return;
    printf("%*s", (int)(widths[c] - width_of(cells[c]) + 2), "");
  }
}

static void print_rows(const struct table *t) {
  bool bold = output_is_terminal();
  size_t widths[TABLE_COLUMNS_MAX];
  for (size_t c = 0; c < t->columns; c++) widths[c] = column_width(t, c);
  for (size_t r = 0; r < t->rows; r++) {
    if (!r && bold) fputs("\033[1m", stdout);
    print_row(t, r, widths);
    puts(!r && bold ? "\033[0m" : "");
  }
}

void table_print(struct table **at) {
  struct table *t = *at;
  *at = NULL;
  if (!t || t->cut) cli_warn("out of memory: the table is not complete");
  if (!t) return;
  if (t->rows > 1) print_rows(t);
  for (size_t i = 0; i < t->rows * t->columns; i++) free(t->cells[i]);
  free(t->cells);
  free(t);
}

/* --- lines of 80 columns --- */

/* The next word, or with `groups` what stands in brackets as one: its length. */
static size_t next_piece(const char *text, bool groups) {
  size_t n = 0;
  int depth = 0;
  for (; text[n] && (text[n] != ' ' || depth > 0); n++)
    if (groups) depth += text[n] == '[' ? 1 : text[n] == ']' ? -1 : 0;
  return n;
}

void print_wrapped(const char *text, size_t column, size_t indent, bool groups) {
  bool first = true;
  while (*text) {
    size_t n = next_piece(text, groups);
    if (!first && column + 1 + n > COLUMNS) {
      printf("\n%*s", (int)indent, "");
      column = indent;
    } else if (!first) {
      putchar(' ');
      column++;
    }
    printf("%.*s", (int)n, text);
    column += n;
    text += n + (text[n] == ' ');
    first = false;
  }
  putchar('\n');
}
