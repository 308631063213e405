#include "cli/input/settings_options.h"

#include "policy/policy.h"

#include <string.h>

static enum exit_status parse_limits(struct cli *c, const char *option, struct limit *out, size_t *count) {
  size_t n = cli_option_count(c, option);
  struct reason why = {""};
  if (n > ADMIN_LIST_MAX) return cli_fail(EXIT_USAGE, "%d limits at most", ADMIN_LIST_MAX);
  for (size_t i = 0; i < n; i++)
    if (limit_parse(cli_option_at(c, option, i), &out[i], &why) != OK) return cli_fail(EXIT_USAGE, "%s", why.text);
  *count = n;
  return EXIT_DONE;
}

static enum exit_status read_limits(struct cli *c, struct settings_draft *d) {
  size_t n = cli_option_count(c, "limit");
  bool none = n == 1 && strcmp(cli_option(c, "limit"), "none") == 0;
  if (n) d->parts |= ACCOUNT_LIMITS;
  d->settings.all.limits = d->limits;
  return none ? EXIT_DONE : parse_limits(c, "limit", d->limits, &d->settings.all.count);
}

static enum exit_status read_edit(struct cli *c, const char *option, struct limit *room, const char **texts,
                                  const char *const **list, size_t *count) {
  enum exit_status s = parse_limits(c, option, room, count);
  for (size_t i = 0; s == EXIT_DONE && i < *count; i++) texts[i] = room[i].text;
  *list = texts;
  return s;
}

/* "on" is what one calls it of a brake. */
static bool parse_mode(const char *text, enum check_mode *out) {
  if (strcmp(text, "on") == 0) text = "enforce";
  *out = CHECK_DEFAULT;
  if (strcmp(text, "default") == 0) return true;
  return check_mode_parse(text, out) == OK;
}

static enum exit_status read_modes(struct cli *c, struct settings_draft *d) {
  d->settings.modes = d->modes;
  for (size_t i = 0; i < policy_check_count; i++) {
    const char *name = policy_checks[i].name, *text = policy_checks[i].fixed ? NULL : cli_option(c, name);
    enum check_mode mode;
    if (!text) continue;
    if (!parse_mode(text, &mode))
      return cli_fail(
          EXIT_USAGE,
          "--%s is off, observe, enforce or default; observe notes in the log what it would refuse, default "
          "takes back what was set here",
          name);
    d->modes[d->settings.mode_count++] = (struct check_setting){name, mode};
    d->parts |= ACCOUNT_MODES;
  }
  return EXIT_DONE;
}

enum exit_status settings_options_read(struct cli *c, struct settings_draft *d) {
  enum exit_status s = read_limits(c, d);
  if (s == EXIT_DONE) s = read_edit(c, "add-limit", d->added, d->added_texts, &d->edit.add, &d->edit.add_count);
  if (s == EXIT_DONE)
    s = read_edit(c, "remove-limit", d->removed, d->removed_texts, &d->edit.remove, &d->edit.remove_count);
  return s == EXIT_DONE ? read_modes(c, d) : s;
}

bool is_fixed_check(const char *name, size_t len) {
  for (size_t i = 0; i < policy_check_count; i++)
    if (policy_checks[i].fixed && strlen(policy_checks[i].name) == len &&
        strncmp(policy_checks[i].name, name, len) == 0)
      return true;
  return false;
}

bool is_check_option(const char *name, size_t len) {
  for (size_t i = 0; i < policy_check_count; i++)
    if (!policy_checks[i].fixed && strlen(policy_checks[i].name) == len &&
        strncmp(policy_checks[i].name, name, len) == 0)
      return true;
  return false;
}
