#include "cli/account/preset.h"

#include "cli/account/preset_text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define OPTIONS_MAX 6

struct preset {
  const char *kind;
  struct command_option options[OPTIONS_MAX]; /* ended by a name of NULL */
  bool rewrites;                              /* its mail gets a From that the account may use */
  void (*print)(const struct preset_facts *f);
};

/* Web applications do not try again after a 452, so what is short is smooth; the day's limit stops what has gone wrong.
 * A mail server tries again by itself, and has many users. What a device sends has whatever From its maker thought of.
 */
static const struct preset presets[] = {
    {"wordpress",
     {{"eight-bit", "accept"}, {"idempotent", "on"}, {"limit", "60/minute:smooth"}, {"limit", "5000/day"}},
     false,
     preset_text_wordpress},
    {"php",
     {{"eight-bit", "accept"}, {"idempotent", "on"}, {"limit", "60/minute:smooth"}, {"limit", "5000/day"}},
     false,
     preset_text_php},
    {"device",
     {{"eight-bit", "accept"}, {"long-lines", "convert"}, {"limit", "20/minute:smooth"}, {"limit", "500/day"}},
     true,
     preset_text_device},
    {"server",
     {{"eight-bit", "accept"}, {"limit", "600/minute:smooth"}, {"limit", "50000/day:defer"}},
     false,
     preset_text_server},
};

enum exit_status preset_find(struct cli *c, const struct preset **out) {
  const char *kind = cli_option(c, "for");
  *out = NULL;
  if (!kind) return EXIT_DONE;
  for (size_t i = 0; i < sizeof presets / sizeof presets[0]; i++)
    if (strcmp(presets[i].kind, kind) == 0) *out = &presets[i];
  return *out ? EXIT_DONE : cli_fail(EXIT_USAGE, "--for is wordpress, php, device or server");
}

static enum exit_status add_option(struct cli *c, const char *name, const char *value) {
  if (c->option_count == COMMAND_ARGUMENTS_MAX) return cli_fail(EXIT_USAGE, "too many options");
  c->options[c->option_count++] = (struct command_option){.name = name, .value = value};
  return EXIT_DONE;
}

/* --- what From is rewritten to --- */

static bool is_address(const char *sender) {
  const char *at = sender ? strchr(sender, '@') : NULL;
  return at && at != sender;
}

static const char *first_address(const struct cli *c, const char *option) {
  for (size_t i = 0; i < cli_option_count(c, option); i++)
    if (is_address(cli_option_at(c, option, i))) return cli_option_at(c, option, i);
  return NULL;
}

static bool is_removed(const struct cli *c, const char *sender) {
  for (size_t i = 0; i < cli_option_count(c, "remove-sender"); i++)
    if (strcasecmp(cli_option_at(c, "remove-sender", i), sender) == 0) return true;
  return false;
}

/* From is not rewritten to one that needs SMTPUTF8 (RFC 6531). */
static bool is_ascii(const char *text) {
  while (*text && (unsigned char)*text < 0x80) text++;
  return !*text;
}

/* The first of the senders that the account keeps; "": none is an address. */
static void kept_address(const struct cli *c, const struct account *now, char out[PRESET_ADDRESS]) {
  out[0] = '\0';
  for (size_t i = 0; i < now->sender_count && !*out && !cli_option_count(c, "sender"); i++) {
    const char *sender = now->senders[i];
    if (is_address(sender) && is_ascii(sender) && !is_removed(c, sender)) snprintf(out, PRESET_ADDRESS, "%s", sender);
  }
}

/* Where From is rewritten already, it stays so. */
static enum exit_status rewrite_of_existing(struct cli *c, char own[PRESET_ADDRESS]) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  const struct account *now = directory_account(d, bytes_of(c->arguments[0]));
  const char *address = NULL;
  if (now && !*now->rewrite_from) {
    kept_address(c, now, own);
    address = first_address(c, "add-sender");
    if (!address && *own) address = own;
  }
  enum exit_status s = address ? add_option(c, "rewrite-from", address) : EXIT_DONE;
  directory_release(&d);
  return s;
}

static enum exit_status rewrite(struct cli *c, char own[PRESET_ADDRESS]) {
  const char *address = first_address(c, "sender");
  if (address) return add_option(c, "rewrite-from", address);
  if (strcmp(c->verb->name, "add") != 0) return rewrite_of_existing(c, own);
  return cli_fail(EXIT_USAGE, "--for device: name the address that the device's mail is to come from, as in --sender "
                              "printer@example.com");
}

enum exit_status preset_apply(struct cli *c, const struct preset *p, char own[PRESET_ADDRESS]) {
  size_t typed = c->option_count;
  enum exit_status s = EXIT_DONE;
  for (const struct command_option *o = p->options; s == EXIT_DONE && o < p->options + OPTIONS_MAX && o->name; o++) {
    bool given = false;
    for (size_t i = 0; i < typed; i++) given |= cli_option_is(&c->options[i], o->name);
    if (!given) s = add_option(c, o->name, o->value);
  }
  return s == EXIT_DONE && p->rewrites && !cli_option(c, "rewrite-from") ? rewrite(c, own) : s;
}

static char *write_text(const struct preset *p, struct preset_facts *f) {
  char *text = NULL;
  size_t size = 0;
  f->out = open_memstream(&text, &size);
  if (!f->out) return NULL;
  if (f->place.port)
    p->print(f);
  else
    fprintf(f->out, "The gateway listens at no port that clients could connect to: add one to %s.\n", f->config->path);
  if (fclose(f->out) == 0) return text;
  free(text);
  return NULL;
}

char *preset_text(struct cli *c, const struct preset *p, const char *account, const char *password) {
  struct directory *d;
  struct preset_facts f;
  if (cli_directory(c, &d) != EXIT_DONE) return NULL;
  const struct account *now = directory_account(d, bytes_of(account));
  if (now) preset_facts_read(c->config, now, password, &f);
  char *text = now ? write_text(p, &f) : NULL;
  directory_release(&d);
  return text;
}
