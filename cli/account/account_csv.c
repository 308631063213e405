#include "cli/account/account_csv.h"

#include "cli/help/usage.h"

#include <stdio.h>
#include <string.h>

#define NO_COLUMN "for" /* it stands for other options, which are columns themselves */
#define OPTION_ROOM sizeof(((struct account_columns *)0)->all[0].option)

/* --- columns --- */

/* "Client IP" and "client_ip" are client-ip. */
static void plain_name(const char *text, char out[OPTION_ROOM]) {
  size_t n = 0;
  for (; *text && n + 1 < OPTION_ROOM; text++)
    out[n++] = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text == '_' || *text == ' ' ? '-' : *text);
  out[n] = '\0';
}

static bool is_one_of(const char *name, const char *const *all, size_t count) {
  for (size_t i = 0; i < count; i++)
    if (strcmp(name, all[i]) == 0) return true;
  return false;
}

static const struct verb *account_add(void) {
  const struct verb *v = account_verbs;
  while (v->noun && (!v->name || strcmp(v->name, "add") != 0)) v++;
  return v;
}

/* Those that are read line by line from elsewhere, or ask for more than one account's settings, are none here. */
static enum usage_option option_of(const char *name) {
  static const char *const others[] = {"password-stdin", NO_COLUMN};
  if (is_one_of(name, others, sizeof others / sizeof others[0])) return USAGE_UNKNOWN;
  return usage_find(account_add()->arguments, bytes_of(name), NULL);
}

/* "senders" is --sender. */
static bool take_option(char name[OPTION_ROOM]) {
  size_t n = strlen(name);
  if (option_of(name) != USAGE_UNKNOWN) return true;
  if (n < 2 || name[n - 1] != 's') return false;
  name[n - 1] = '\0';
  return option_of(name) != USAGE_UNKNOWN;
}

static int read_column(const char *title, struct account_columns *out, struct reason *why) {
  static const char *const names[] = {"name", "account", "user", "username", "login"};
  static const char *const notes[] = {"", "note", "notes", "comment", "comments"};
  char name[OPTION_ROOM];
  plain_name(title, name);
  enum account_column kind = ACCOUNT_COLUMN_OPTION;
  if (is_one_of(name, names, sizeof names / sizeof names[0]))
    kind = ACCOUNT_COLUMN_NAME;
  else if (strcmp(name, "password") == 0 || strcmp(name, "verifier") == 0)
    kind = ACCOUNT_COLUMN_PASSWORD;
  else if (title[0] == '#' || is_one_of(name, notes, sizeof notes / sizeof notes[0]))
    kind = ACCOUNT_COLUMN_IGNORED;
  else if (strpbrk(title, ";\t"))
    return fail(why, E_SYNTAX, "the columns are to be parted by commas: %.60s", title);
  else if (!take_option(name))
    return fail(why, E_SYNTAX,
                "the column %.60s is not known; columns are name, password and the options of sendoff account add "
                "except " NO_COLUMN ", and one that begins with # is passed over",
                title);
  out->all[out->count].kind = kind;
  snprintf(out->all[out->count++].option, OPTION_ROOM, "%s", name);
  return OK;
}

static size_t count_of(const struct account_columns *c, enum account_column kind) {
  size_t n = 0;
  for (size_t i = 0; i < c->count; i++) n += c->all[i].kind == kind;
  return n;
}

int account_columns_read(const struct csv_record *header, struct account_columns *out, struct reason *why) {
  int rc = OK;
  out->count = 0;
  for (size_t i = 0; rc == OK && i < header->count; i++) rc = read_column(header->fields[i], out, why);
  if (rc != OK) return rc;
  if (count_of(out, ACCOUNT_COLUMN_NAME) != 1)
    return fail(why, E_SYNTAX, "the first line names the columns, one of them name, as in: name,sender,limit,password");
  if (count_of(out, ACCOUNT_COLUMN_PASSWORD) > 1)
    return fail(why, E_SYNTAX, "there is more than one column of passwords");
  return OK;
}

/* --- records --- */

static bool is_list(const char *option) {
  static const char *const lists[] = {"sender",      "limit",      "to",           "not-to",     "client-ip",
                                      "client-cert", "local-user", "stream-limit", "stream-pool"};
  return is_one_of(option, lists, sizeof lists / sizeof lists[0]);
}

static int add_value(struct cli *c, const char *option, const char *value, struct reason *why) {
  if (c->option_count == COMMAND_ARGUMENTS_MAX) return fail(why, E_SYNTAX, "it has too many values");
  c->options[c->option_count++] = (struct command_option){.name = option, .value = value};
  return OK;
}

static int add_switch(struct cli *c, const char *option, const char *cell, struct reason *why) {
  static const char *const on[] = {"yes", "on", "1", "true", "x"}, *const off[] = {"no", "off", "0", "false"};
  if (is_one_of(cell, on, sizeof on / sizeof on[0])) return add_value(c, option, NULL, why);
  if (is_one_of(cell, off, sizeof off / sizeof off[0])) return OK;
  return fail(why, E_SYNTAX, "%s is yes or no", option);
}

static int add_cell(struct cli *c, const char *option, char *cell, struct reason *why) {
  static const char between[] = " \t\r\n,;";
  int rc = OK;
  if (!*cell) return OK;
  if (option_of(option) == USAGE_SWITCH) return add_switch(c, option, cell, why);
  if (!is_list(option)) return add_value(c, option, cell, why);
  for (char *rest = NULL, *word = strtok_r(cell, between, &rest); rc == OK && word;
       word = strtok_r(NULL, between, &rest))
    rc = add_value(c, option, word, why);
  return rc;
}

int account_record_read(const struct csv_record *r, const struct account_columns *columns, struct cli *c,
                        char cells[ACCOUNT_CSV_CELL], const char **name, const char **password, struct reason *why) {
  size_t used = 0;
  int rc = OK;
  *name = *password = "";
  c->option_count = 0;
  if (r->count > columns->count)
    return fail(why, E_SYNTAX, "it has %zu fields, and there are %zu columns", r->count, columns->count);
  for (size_t i = 0; rc == OK && i < r->count; i++) {
    size_t n = strlen(r->fields[i]) + 1;
    if (columns->all[i].kind == ACCOUNT_COLUMN_NAME) *name = r->fields[i];
    if (columns->all[i].kind == ACCOUNT_COLUMN_PASSWORD) *password = r->fields[i];
    if (columns->all[i].kind != ACCOUNT_COLUMN_OPTION) continue;
    if (n > ACCOUNT_CSV_CELL - used) return fail(why, E_SYNTAX, "it is too long");
    memcpy(cells + used, r->fields[i], n);
    rc = add_cell(c, columns->all[i].option, cells + used, why);
    used += n;
  }
  return rc;
}
