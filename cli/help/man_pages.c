#include "cli/help/man_pages.h"

#include "cli/help/config_help.h"
#include "cli/help/placeholders.h"
#include "cli/help/topics.h"
#include "cli/help/usage.h"
#include "cli/nouns.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* --- roff --- */

/* Text that roff shows as it is: what it would obey is escaped, and a hyphen stays one that can be pasted. */
static void put_text(FILE *f, const char *text, size_t len) {
  for (size_t i = 0; i < len; i++) {
    bool begins = i == 0 || text[i - 1] == '\n';
    if (begins && (text[i] == '.' || text[i] == '\'')) fputs("\\&", f);
    if (text[i] == '\\')
      fputs("\\e", f);
    else if (text[i] == '-')
      fputs("\\-", f);
    else if (text[i] == '"')
      fputs("\\(dq", f);
    else
      fputc(text[i], f);
  }
}

static void put_line(FILE *f, const char *text, size_t len) {
  put_text(f, text, len);
  fputc('\n', f);
}

static void begin_page(FILE *f, const char *name, const char *section, const char *summary) {
  fputs(".\\\" Made by: sendoff help \\-\\-man\\-pages\n.TH \"", f);
  for (const char *at = name; *at; at++) fputc(toupper((unsigned char)*at), f);
  fprintf(f, "\" %s \"\" \"Sendoff " SENDOFF_VERSION "\" \"Sendoff\"\n.nr HY 0\n.nh\n.ad l\n.SH NAME\n", section);
  put_text(f, name, strlen(name));
  fputs(" \\- ", f);
  put_line(f, summary, strlen(summary));
}

/* Lines that begin with a blank stay lines; the others are paragraphs. */
static void put_paragraphs(FILE *f, const char *text) {
  bool as_is = false;
  for (const char *at = text; *at;) {
    size_t n = strcspn(at, "\n");
    bool blank = n && *at == ' ';
    if (blank && !as_is) fputs(".nf\n", f);
    if (!blank && as_is) fputs(".fi\n", f);
    as_is = blank;
    if (n)
      put_line(f, at, n);
    else if (!as_is && at[n])
      fputs(".PP\n", f);
    at += n + (at[n] == '\n');
  }
  if (as_is) fputs(".fi\n", f);
}

/* --- verbs --- */

static void put_name(FILE *f, const struct verb *v) {
  fprintf(f, "sendoff %s%s%s", v->noun, v->name ? " " : "", v->name ? v->name : "");
}

static void put_synopsis(FILE *f, const struct verb *v) {
  fputs(".TP\n.B \"", f);
  put_name(f, v);
  fputs("\"\n", f);
  if (*v->arguments) put_line(f, v->arguments, strlen(v->arguments));
}

static void put_placeholders(FILE *f, const char *usage) {
  char room[512];
  struct placeholder p;
  for (size_t i = 0; i < placeholder_count; i++) {
    if (!placeholder_of(usage, i, &p, room, sizeof room)) continue;
    fprintf(f, ".TP\n.I %s\n", p.word);
    put_line(f, p.meaning, strlen(p.meaning));
  }
}

/* Its further lines, "--option: what it is for", are items. */
static void put_summary(FILE *f, const char *summary) {
  size_t n = strcspn(summary, "\n");
  put_line(f, summary, n);
  for (const char *at = summary + n; *at; at += n) {
    n = strcspn(++at, "\n");
    const char *colon = memmem(at, n, ": ", 2);
    size_t tag = colon ? (size_t)(colon - at) : 0;
    fputs(".TP\n.B ", f);
    put_line(f, at, tag);
    put_line(f, at + tag + (colon ? 2 : 0), n - tag - (colon ? 2 : 0));
  }
}

static void put_verb(FILE *f, const struct verb *v) {
  fputs(".SS \"", f);
  put_name(f, v);
  fputs("\"\n", f);
  if (*v->arguments) {
    put_line(f, v->arguments, strlen(v->arguments));
    fputs(".PP\n", f);
  }
  put_summary(f, v->summary);
  put_placeholders(f, v->arguments);
  fputs(".PP\n.EX\n", f);
  put_line(f, v->example, strlen(v->example));
  fputs(".EE\n", f);
}

static void write_noun(FILE *f, const struct noun *n) {
  char name[64];
  snprintf(name, sizeof name, "sendoff-%s", n->verbs->noun);
  begin_page(f, name, "1", n->summary);
  fputs(".SH SYNOPSIS\n", f);
  for (const struct verb *v = n->verbs; v->noun; v++) put_synopsis(f, v);
  fputs(".SH DESCRIPTION\n", f);
  for (const struct verb *v = n->verbs; v->noun; v++) put_verb(f, v);
  fputs(".SH SEE ALSO\n.BR sendoff (1),\n.BR sendoff.conf (5)\n", f);
}

/* --- sendoff(1) --- */

static void write_main(FILE *f) {
  begin_page(f, "sendoff", "1", "an SMTP smarthost for WordPress sites and applications");
  fputs(
      ".SH SYNOPSIS\n.B sendoff\n[\\-\\-config FILE] [\\-\\-json] COMMAND [VERB] [ARGUMENTS] [OPTIONS]\n"
      ".SH DESCRIPTION\nApplications hand their mail to the gateway over an authenticated session; it decides whether "
      "that account may send that message now, signs it, keeps it safe, and delivers it to the recipients' mail "
      "exchangers. This is the command that runs it, and with which everything is seen and changed.\n"
      ".SH COMMANDS\n",
      f);
  for (size_t i = 0; i < cli_noun_count; i++) {
    fprintf(f, ".TP\n.BR sendoff\\-");
    put_text(f, cli_nouns[i].verbs->noun, strlen(cli_nouns[i].verbs->noun));
    fputs(" (1)\n", f);
    put_line(f, cli_nouns[i].summary, strlen(cli_nouns[i].summary));
  }
  fputs(".SH OPTIONS\n.TP\n.BI \\-\\-config \" FILE\"\nThe configuration; else SENDOFF_CONFIG names it, else it is "
        "/etc/sendoff/sendoff.conf.\n.TP\n.B \\-\\-json\nOne JSON object a line, for scripts.\n.TP\n.B \\-\\-help\n"
        "What a command does, with an example.\n.TP\n.B \\-\\-version\nThe version.\n",
        f);
  for (size_t i = 0; i < topic_count; i++) {
    fputs(".SH \"", f);
    for (const char *at = topics[i].name; *at; at++) fputc(*at == '-' ? ' ' : toupper((unsigned char)*at), f);
    fputs("\"\n", f);
    put_paragraphs(f, topics[i].text);
  }
  fputs(".SH ENVIRONMENT\n.TP\n.B SENDOFF_CONFIG\nThe configuration file.\n.TP\n.B COLUMNS\nHow wide tables may be.\n"
        ".TP\n.B NO_COLOR\nWhen it is set, nothing is coloured.\n.SH SEE ALSO\n.BR sendoff.conf (5)\n",
        f);
}

/* --- sendoff.conf(5) --- */

static void put_key(FILE *f, const struct config_help *h) {
  char preset[256];
  config_help_preset(h, preset, sizeof preset);
  fputs(".TP\n.B ", f);
  put_line(f, *h->name ? h->name : "its title", *h->name ? strlen(h->name) : strlen("its title"));
  put_line(f, h->text, strlen(h->text));
  if (*preset) {
    fputs("Default: ", f);
    put_text(f, preset, strlen(preset));
    fputs(".\n", f);
  }
}

static void write_config(FILE *f) {
  const char *block = NULL;
  begin_page(f, "sendoff.conf", "5", "what the Sendoff gateway needs to start");
  fputs(".SH DESCRIPTION\n", f);
  put_paragraphs(f, config_help_intro);
  fputs(".SH KEYS\n", f);
  for (size_t i = 0; i < config_help_count; i++) {
    const struct config_help *h = &config_helps[i];
    if (!block || strcmp(block, h->block) != 0) {
      block = h->block;
      fputs(".SS \"", f);
      put_text(f, config_help_title(h), strlen(config_help_title(h)));
      fputs("\"\n", f);
    }
    put_key(f, h);
  }
  fputs(".SH EXAMPLE\n.EX\n", f);
  put_line(f, config_help_example, strlen(config_help_example));
  fputs(".EE\n.SH SEE ALSO\n.BR sendoff (1)\n", f);
}

/* --- files --- */

/* DIR/manSECTION/NAME.SECTION; the directory of the section is made. */
static FILE *open_page(const char *dir, const char *name, char section, char *path, size_t size) {
  int n = snprintf(path, size, "%s/man%c", dir, section);
  if (n < 0 || (size_t)n >= size || (mkdir(path, 0755) != 0 && errno != EEXIST)) return NULL;
  size_t at = (size_t)n;
  if (snprintf(path + at, size - at, "/%s.%c", name, section) < (int)(size - at)) return fopen(path, "w");
  errno = ENAMETOOLONG;
  return NULL;
}

static enum exit_status close_page(FILE *f, const char *path) {
  if (f && !ferror(f) && fclose(f) == 0) return EXIT_DONE;
  return cli_fail(EXIT_NO, "%s: %s", path, strerror(errno));
}

enum exit_status man_pages_write(const char *dir) {
  char path[4096], name[64];
  FILE *f = open_page(dir, "sendoff", '1', path, sizeof path);
  if (f) write_main(f);
  enum exit_status s = close_page(f, path);
  for (size_t i = 0; s == EXIT_DONE && i < cli_noun_count; i++) {
    snprintf(name, sizeof name, "sendoff-%s", cli_nouns[i].verbs->noun);
    f = open_page(dir, name, '1', path, sizeof path);
    if (f) write_noun(f, &cli_nouns[i]);
    s = close_page(f, path);
  }
  if (s != EXIT_DONE) return s;
  f = open_page(dir, "sendoff.conf", '5', path, sizeof path);
  if (f) write_config(f);
  return close_page(f, path);
}
