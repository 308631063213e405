/* Postfix's main.cf and master.cf, as postconf(5) and master(5) have them: logical lines, settings, and their values
 * with what they refer to. Reads text, opens no file. One thread. */
#ifndef SENDOFF_CLI_IMPORT_POSTFIX_CONF_H
#define SENDOFF_CLI_IMPORT_POSTFIX_CONF_H

#include "base/bytes.h"
#include "base/result.h"

#define POSTFIX_LINE_MAX ((size_t)256 * 1024)
#define POSTFIX_VALUE_MAX ((size_t)64 * 1024)
#define POSTFIX_SETTINGS_MAX 4096

/* The logical lines of a text: one that begins with white space goes on with the one before it, and those that are
 * empty or comments are none, also in between. Begin with {text}. */
struct postfix_lines {
  struct bytes rest;
  unsigned number, next; /* of the line that `line` began in, from 1; and of the first of `rest`, less one */
};
/* 1: `line` holds the next, without white space around it; 0: there are no more; E_TOO_BIG, E_MEMORY. */
int postfix_next_line(struct postfix_lines *l, struct buffer *line);

struct postfix_setting {
  char *name, *value; /* as it was written */
  unsigned line;
  bool seen; /* the caller's: it has been dealt with */
};
struct postfix_conf {
  struct postfix_setting *all; /* in order; the last of a name counts */
  size_t count, room;
  const struct postfix_conf *under; /* what is asked where this has no such setting; NULL */
};
/* Appends the settings of main.cf. E_SYNTAX: line and reason in `why`. */
int postfix_conf_read(struct bytes text, struct postfix_conf *c, struct reason *why);
int postfix_conf_set(struct postfix_conf *c, const char *name, const char *value, unsigned line);
const struct postfix_setting *postfix_conf_find(const struct postfix_conf *c,
                                                const char *name); /* NULL: it is not set */
/* The value with all that it refers to, appended to `out`: of the setting, or of Postfix's default where that matters
 * here; nothing for one that is not set. E_SYNTAX: it cannot be read, or refers to itself. */
int postfix_conf_value(const struct postfix_conf *c, const char *name, struct buffer *out);
int postfix_conf_expand(const struct postfix_conf *c, const char *text, struct buffer *out);
void postfix_conf_free(struct postfix_conf *c);

/* A service of master.cf. */
struct postfix_service {
  char *name, *type, *command;
  unsigned line;
  struct postfix_conf own; /* -o; `under` is what it is read with */
};
struct postfix_services {
  struct postfix_service **all;
  size_t count, room;
};
int postfix_services_read(struct bytes text, const struct postfix_conf *under, struct postfix_services *s,
                          struct reason *why);
void postfix_services_free(struct postfix_services *s);

#endif
