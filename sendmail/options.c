#include "sendmail/options.h"

#include "base/bytes.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* --- what the letters do --- */

static int set_mode(struct options *o, const char *value, struct reason *why) {
  static const struct {
    char letter;
    enum mode mode;
  } modes[] = {{'m', MODE_SEND}, {'s', MODE_SMTP}, {'p', MODE_QUEUE}, {'i', MODE_NONE}};
  for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
    if (value[0] != modes[i].letter || value[1]) continue;
    o->mode = modes[i].mode;
    return OK;
  }
  if (strcmp(value, "d") == 0 || strcmp(value, "D") == 0 || strcmp(value, "l") == 0)
    return fail(why, E_SYNTAX, "-b%s: the gateway is a service of its own; start it with: systemctl start sendoff",
                value);
  return fail(why, E_SYNTAX, "-b%.20s is not offered; -bm, -bs and -bp are", value);
}

static int set_header(struct options *o, const char *value, struct reason *why) {
  (void)value;
  (void)why;
  o->recipients_in_header = true;
  return OK;
}

static int set_dot(struct options *o, const char *value, struct reason *why) {
  (void)value;
  (void)why;
  o->dot_is_text = true;
  return OK;
}

static int set_verbose(struct options *o, const char *value, struct reason *why) {
  (void)value;
  (void)why;
  o->verbose = true;
  return OK;
}

/* -oi is -i; the others (-oem, -om, -od) are about a mail system that this is not. */
static int set_other(struct options *o, const char *value, struct reason *why) {
  if (strcmp(value, "i") == 0) return set_dot(o, value, why);
  return strcmp(value, "v") == 0 ? set_verbose(o, value, why) : OK;
}

static int set_sender(struct options *o, const char *value, struct reason *why) {
  (void)why;
  o->sender = value;
  return OK;
}

static int set_full_name(struct options *o, const char *value, struct reason *why) {
  (void)why;
  o->full_name = value;
  return OK;
}

static int set_envid(struct options *o, const char *value, struct reason *why) {
  if (!*value || strlen(value) > 100) return fail(why, E_SYNTAX, "-V takes an envelope id of 1 to 100 characters");
  o->envid = value;
  return OK;
}

static int set_ret(struct options *o, const char *value, struct reason *why) {
  bool full = strcasecmp(value, "full") == 0;
  if (!full && strcasecmp(value, "hdrs") != 0) return fail(why, E_SYNTAX, "-R is full or hdrs");
  o->ret = full ? "FULL" : "HDRS";
  return OK;
}

static int set_body(struct options *o, const char *value, struct reason *why) {
  o->seven_bit = strcasecmp(value, "7BIT") == 0;
  return o->seven_bit || strcasecmp(value, "8BITMIME") == 0 ? OK : fail(why, E_SYNTAX, "-B is 7BIT or 8BITMIME");
}

/* "never", or a list of the others, each once. */
static int set_notify(struct options *o, const char *value, struct reason *why) {
  static const char *const names[] = {"SUCCESS", "FAILURE", "DELAY"};
  bool wanted[3] = {false}, never = strcasecmp(value, "never") == 0;
  struct bytes all = bytes_of(value);
  for (size_t at = 0; !never && at <= all.len;) {
    size_t end = bytes_find(all, ',', at), i = 0;
    while (i < 3 && !bytes_equal_nocase((struct bytes){all.at + at, end - at}, bytes_of(names[i]))) i++;
    if (i == 3)
      return fail(why, E_SYNTAX, "-N is never, or a list of success, failure and delay, as in -N failure,delay");
    wanted[i] = true;
    at = end + 1;
  }
  strcpy(o->notify, never ? "NEVER" : "");
  for (size_t i = 0; i < 3; i++) {
    if (!wanted[i]) continue;
    if (*o->notify) strcat(o->notify, ",");
    strcat(o->notify, names[i]);
  }
  return OK;
}

static int set_nothing_to_do(struct options *o, const char *value, struct reason *why) {
  (void)value;
  (void)why;
  o->mode = MODE_NONE;
  return OK;
}

/* --- the table --- */

enum takes {
  TAKES_NOTHING,
  TAKES_VALUE, /* behind the letter, or the next word */
  TAKES_REST   /* what is behind the letter, if anything */
};

/* Without a function: known to Sendmail, Postfix or Exim, and ignored. */
static const struct letter {
  char letter;
  enum takes takes;
  int (*set)(struct options *o, const char *value, struct reason *why);
} letters[] = {
    {'t', TAKES_NOTHING, set_header},
    {'i', TAKES_NOTHING, set_dot},
    {'v', TAKES_NOTHING, set_verbose},
    {'f', TAKES_VALUE, set_sender},
    {'r', TAKES_VALUE, set_sender},
    {'F', TAKES_VALUE, set_full_name},
    {'N', TAKES_VALUE, set_notify},
    {'R', TAKES_VALUE, set_ret},
    {'V', TAKES_VALUE, set_envid},
    {'B', TAKES_VALUE, set_body},
    {'b', TAKES_VALUE, set_mode},
    {'o', TAKES_VALUE, set_other},
    {'q', TAKES_REST, set_nothing_to_do},    /* the gateway tries again by itself */
    {'I', TAKES_NOTHING, set_nothing_to_do}, /* newaliases: the file is read when it is needed */
    {'A', TAKES_VALUE, NULL},                /* which configuration */
    {'C', TAKES_VALUE, NULL},                /* a configuration file */
    {'D', TAKES_VALUE, NULL},                /* a file for debugging */
    {'L', TAKES_VALUE, NULL},                /* a label for syslog */
    {'O', TAKES_VALUE, NULL},                /* option=value */
    {'X', TAKES_VALUE, NULL},                /* a log file */
    {'e', TAKES_VALUE, NULL},                /* how errors are reported: printed, with an exit status */
    {'h', TAKES_VALUE, NULL},                /* hop count */
    {'p', TAKES_VALUE, NULL},                /* protocol and host that it came from */
    {'d', TAKES_REST, NULL},                 /* debug level */
    {'Q', TAKES_REST, NULL},                 /* quarantine */
    {'E', TAKES_NOTHING, NULL},
    {'G', TAKES_NOTHING, NULL},
    {'U', TAKES_NOTHING, NULL},
    {'c', TAKES_NOTHING, NULL},
    {'m', TAKES_NOTHING, NULL},
    {'n', TAKES_NOTHING, NULL},
    {'s', TAKES_NOTHING, NULL},
    {'x', TAKES_NOTHING, NULL},
    {'7', TAKES_NOTHING, NULL},
    {'8', TAKES_NOTHING, NULL},
};

static const struct letter *find(char c) {
  for (size_t i = 0; i < sizeof letters / sizeof letters[0]; i++)
    if (letters[i].letter == c) return &letters[i];
  return NULL;
}

/* One word of options, "-ti" or "-fa@example.com"; `next` is the word behind it. *used: it was a value. */
static int read_word(const char *word, const char *next, bool *used, struct options *o, struct reason *why) {
  for (const char *at = word + 1; *at; at++) {
    const struct letter *l = find(*at);
    if (!l) return fail(why, E_SYNTAX, "there is no option -%c", *at > ' ' && *at <= '~' ? *at : '?');
    const char *value = at + 1;
    if (l->takes == TAKES_VALUE && !*value) {
      if (!next) return fail(why, E_SYNTAX, "option -%c takes a value", *at);
      value = next;
      *used = true;
    }
    int rc = l->set ? l->set(o, value, why) : OK;
    if (rc != OK || l->takes != TAKES_NOTHING) return rc;
  }
  return OK;
}

static enum mode mode_of_name(const char *path) {
  const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
  return strcmp(name, "mailq") == 0 ? MODE_QUEUE : strcmp(name, "newaliases") == 0 ? MODE_NONE : MODE_SEND;
}

/* As POSIX has it: options end with the first word that is none, or with "--". */
int options_read(int argc, char *const argv[], struct options *out, struct reason *why) {
  int at = 1, rc = OK;
  *out = (struct options){.mode = argc ? mode_of_name(argv[0]) : MODE_SEND};
  while (rc == OK && at < argc && argv[at][0] == '-' && argv[at][1] && strcmp(argv[at], "--") != 0) {
    bool used = false;
    rc = read_word(argv[at], at + 1 < argc ? argv[at + 1] : NULL, &used, out, why);
    at += used ? 2 : 1;
  }
  if (rc != OK) return rc;
  if (at < argc && strcmp(argv[at], "--") == 0) at++;
  out->recipients = argv + at;
  out->recipient_count = at < argc ? (size_t)(argc - at) : 0;
  if (out->mode == MODE_SEND && !out->recipient_count && !out->recipients_in_header)
    return fail(why, E_SYNTAX,
                "no recipients: name them behind the options, or have them read from the header with -t");
  return OK;
}
