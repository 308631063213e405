#include "cli/output/table.h"

#include "base/text/text.h"
#include "cli/command.h"
#include "cli/output/output.h"

#include <libsmartcols/libsmartcols.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define GAP 2     /* between columns */
#define LEAST 8   /* of a column that is cut */
#define INDENT 14 /* of what stands beneath a row: where most rows' second column begins */
#define ELLIPSIS "\xe2\x80\xa6"

enum fit { FIXED, CUT, BENEATH };

struct column {
  char title[32];
  enum fit fit;
  size_t width; /* of its widest cell, then of what it gets */
  bool numbers; /* its cells are, so they are aligned right */
};

struct table {
  struct column columns[TABLE_COLUMNS_MAX];
  size_t count, rows, room;
  bool broken;  /* memory ended before the rows */
  char **cells; /* row by row */
};

/* --- cells --- */

/* On a terminal; it is called where the locale is UTF-8. Characters without a width count as one. */
static size_t width_of(const char *text) {
  mbstate_t state = {0};
  size_t width = 0, left = strlen(text);
  while (left) {
    wchar_t c;
    size_t n = mbrtowc(&c, text, left, &state);
    if (n == 0 || n > left) { /* no UTF-8: cells are clean, so this is not to be */
      memset(&state, 0, sizeof state);
      n = 1;
      width++;
    } else {
      int w = wcwidth(c);
      width += w < 0 ? 1 : (size_t)w;
    }
    text += n;
    left -= n;
  }
  return width;
}

/* Cuts in place; the ellipsis is three octets, so `text` has room for them where it ends. */
static void cut_to(char *text, size_t width) {
  if (width_of(text) <= width) return;
  size_t n = strlen(text);
  do {
    do n--;
    while (n && ((unsigned char)text[n] & 0xc0) == 0x80);
    text[n] = '\0';
  } while (n && width_of(text) > width - 1);
  memcpy(text + n, ELLIPSIS, sizeof ELLIPSIS);
}

static bool is_number(const char *cell) {
  return !*cell || strcmp(cell, "-") == 0 || (*cell >= '0' && *cell <= '9' && !cell[strspn(cell, "0123456789.,")]);
}

static char *copy_clean(const char *text) {
  size_t n = text ? strlen(text) : 0;
  char *copy = malloc(n + sizeof ELLIPSIS);
  if (!copy) return NULL;
  memcpy(copy, text ? text : "", n);
  copy[n] = '\0';
  text_clean(copy, true);
  return copy;
}

/* --- rows --- */

struct table *table_new(const char *const *titles, size_t columns) {
  struct table *t = columns <= TABLE_COLUMNS_MAX ? calloc(1, sizeof *t) : NULL;
  if (!t) return NULL;
  t->count = columns;
  for (size_t i = 0; i < columns; i++) {
    struct column *c = &t->columns[i];
    size_t n = strcspn(titles[i], "~+");
    *c = (struct column){.fit = titles[i][n] == '~' ? CUT : titles[i][n] == '+' ? BENEATH : FIXED, .numbers = true};
    snprintf(c->title, sizeof c->title, "%.*s", (int)n, titles[i]);
  }
  return t;
}

static bool make_room(struct table *t) {
  if (t->rows < t->room) return true;
  size_t room = t->room ? 2 * t->room : 32;
  char **more = realloc(t->cells, room * t->count * sizeof *more);
  if (!more) return false;
  t->cells = more;
  t->room = room;
  return true;
}

void table_add(struct table *t, const char *const *cells) {
  if (!t || t->broken) return;
  if (!make_room(t)) {
    t->broken = true;
    return;
  }
  for (size_t i = 0; i < t->count; i++) {
    char *copy = t->cells[t->rows * t->count + i] = copy_clean(cells[i]);
    t->broken |= !copy;
    if (copy) t->columns[i].numbers &= is_number(copy);
  }
  t->rows++;
}

/* --- the layout --- */

static char **row_of(const struct table *t, size_t row) {
  return t->cells + row * t->count;
}

static void measure(struct table *t) {
  for (size_t i = 0; i < t->count; i++) {
    struct column *c = &t->columns[i];
    c->width = width_of(c->title);
    for (size_t r = 0; r < t->rows; r++) {
      size_t n = width_of(row_of(t, r)[i]);
      if (n > c->width) c->width = n;
    }
  }
}

static size_t total(const struct table *t, bool beneath) {
  size_t all = 0;
  for (size_t i = 0; i < t->count; i++)
    if (!beneath || t->columns[i].fit != BENEATH) all += t->columns[i].width + GAP;
  return all ? all - GAP : 0;
}

/* Takes from the widest of the columns that may be cut, until it fits or none has any to give. */
static void narrow(struct table *t, size_t width, bool beneath) {
  size_t all = total(t, beneath);
  while (all > width) {
    struct column *widest = NULL;
    for (size_t i = 0; i < t->count; i++) {
      struct column *c = &t->columns[i];
      if (c->fit == CUT && c->width > LEAST && (!widest || c->width > widest->width)) widest = c;
    }
    if (!widest) return;
    widest->width--;
    all--;
  }
}

/* Whether some columns go beneath their rows. */
static bool lay_out(struct table *t) {
  size_t width = output_width();
  measure(t);
  if (!width || total(t, false) <= width) return false;
  bool beneath = total(t, true) < total(t, false);
  narrow(t, width, beneath);
  for (size_t i = 0; i < t->count; i++)
    for (size_t r = 0; t->columns[i].fit == CUT && r < t->rows; r++) cut_to(row_of(t, r)[i], t->columns[i].width);
  return beneath;
}

/* --- printing --- */

static const char *color_of(const char *cell) {
  static const struct {
    const char *state, *color;
  } colors[] = {{"ok", "green"},       {"active", "green"},    {"delivered", "green"}, {"held", "yellow"},
                {"waiting", "yellow"}, {"deferred", "yellow"}, {"suspended", "red"},   {"refused", "red"},
                {"bounced", "red"},    {"expired", "red"},     {"warning", "yellow"},  {"failed", "red"},
                {"right", "green"},    {"missing", "red"},     {"wrong", "red"}};
  for (size_t i = 0; i < sizeof colors / sizeof colors[0]; i++)
    if (strcmp(cell, colors[i].state) == 0) return colors[i].color;
  return NULL;
}

static bool add_columns(const struct table *t, struct libscols_table *lines, bool beneath) {
  bool colored = output_is_colored();
  for (size_t i = 0; i < t->count; i++) {
    const struct column *c = &t->columns[i];
    if (beneath && c->fit == BENEATH) continue;
    struct libscols_column *column = scols_table_new_column(lines, c->title, 0, c->numbers ? SCOLS_FL_RIGHT : 0);
    if (!column || (colored && scols_cell_set_color(scols_column_get_header(column), "bold") != 0)) return false;
  }
  return true;
}

static bool add_line(const struct table *t, struct libscols_table *lines, char **cells, bool beneath) {
  bool colored = output_is_colored();
  struct libscols_line *line = scols_table_new_line(lines, NULL);
  size_t at = 0;
  for (size_t i = 0; line && i < t->count; i++) {
    if (beneath && t->columns[i].fit == BENEATH) continue;
    if (scols_line_set_data(line, at, cells[i]) != 0) return false;
    const char *color = colored ? color_of(cells[i]) : NULL;
    if (color) scols_cell_set_color(scols_line_get_cell(line, at), color);
    at++;
  }
  return line != NULL;
}

/* In one line where they fit, else each in lines of its own. */
static void print_beneath(const struct table *t, char **cells) {
  size_t width = output_width(), all = INDENT, shown = 0;
  for (size_t i = 0; i < t->count; i++)
    if (t->columns[i].fit == BENEATH && *cells[i]) all += width_of(cells[i]) + (shown++ ? GAP : 0);
  for (size_t i = 0, at = 0; i < t->count; i++) {
    if (t->columns[i].fit != BENEATH || !*cells[i]) continue;
    printf("%*s", at && all <= width ? GAP : INDENT, "");
    if (all <= width)
      printf("%s%s", cells[i], ++at == shown ? "\n" : "");
    else
      print_fitted(cells[i], INDENT, INDENT);
  }
}

/* The lines are libsmartcols's; what stands beneath a row goes between them. */
static void print_text(const struct table *t, const char *text, bool beneath) {
  for (size_t row = 0; *text; row++) {
    size_t n = strcspn(text, "\n");
    printf("%.*s\n", (int)n, text);
    if (beneath && row > 0 && row <= t->rows) print_beneath(t, row_of(t, row - 1));
    text += n + (text[n] == '\n');
  }
}

static bool print_lines(const struct table *t, bool beneath) {
  struct libscols_table *lines = scols_new_table();
  char *text = NULL;
  bool ok = lines && add_columns(t, lines, beneath);
  for (size_t r = 0; ok && r < t->rows; r++) ok = add_line(t, lines, row_of(t, r), beneath);
  if (ok) {
    scols_table_enable_colors(lines, output_is_colored());
    scols_table_enable_noencoding(lines, true); /* cells are clean, and UTF-8 whatever the locale is */
    scols_table_enable_minout(lines, true);     /* no blanks at the end of a line */
    scols_table_set_column_separator(lines, "  ");
    scols_table_set_termforce(lines, SCOLS_TERMFORCE_NEVER); /* it has been made to fit */
    ok = scols_print_table_to_string(lines, &text) == 0;
  }
  if (ok) print_text(t, text, beneath);
  free(text);
  scols_unref_table(lines);
  return ok;
}

void table_print(struct table **at) {
  struct table *t = *at;
  bool ok = t && !t->broken;
  *at = NULL;
  if (ok && t->rows) {
    locale_t utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", 0), before = uselocale(utf8); /* for the widths */
    ok = print_lines(t, lay_out(t));
    uselocale(before);
    if (utf8) freelocale(utf8);
  }
  if (!ok) cli_warn("out of memory: the table cannot be printed; with --json its rows come one by one");
  for (size_t i = 0; t && i < t->rows * t->count; i++) free(t->cells[i]);
  if (t) free(t->cells);
  free(t);
}
