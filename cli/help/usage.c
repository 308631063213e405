#include "cli/help/usage.h"

#include "cli/input/settings_options.h"

#include <string.h>

#define CHECK "CHECK"

/* A word ends at a blank or where its brackets do: "[--since T]", "HOST[:PORT]", "(A | B)". */
static bool is_space(char c) {
  return c == ' ' || c == '\n';
}

/* The length of a word; brackets within it belong to it ("HOST[:PORT]"), those around it do not. */
static size_t word_length(const char *at) {
  size_t n = 0, open = 0;
  for (; at[n] && !is_space(at[n]); n++) {
    if (at[n] == '|' && at[n + 1] == '-' && at[n + 2] == '-') break; /* "WHEN|--forever" */
    if (at[n] == '[') open++;
    if (at[n] == ']' && !open) break;
    if (at[n] == ']') open--;
  }
  return n;
}

static const char *skip_between(const char *at) {
  for (;;) {
    if (strncmp(at, "...", 3) == 0)
      at += 3;
    else if (is_space(*at) || *at == '[' || *at == ']' || *at == '|')
      at++;
    else
      return at;
  }
}

static bool has_dashes(const char *at) {
  return at[0] == '-' && at[1] == '-';
}

/* The placeholder behind an option's name: nothing behind a switch. */
static struct bytes read_value(const char **at) {
  const char *v = *at;
  if (*v != ' ' || has_dashes(v + 1) || v[1] == '[' || v[1] == '|' || v[1] == '.' || v[1] == '\0')
    return (struct bytes){v, 0};
  size_t n = word_length(v + 1);
  *at = v + 1 + n;
  return (struct bytes){v + 1, n};
}

/* One of "add-limit|--remove-limit". */
static struct bytes take_alternative(struct bytes *names) {
  const char *bar = memchr(names->at, '|', names->len);
  struct bytes one = {names->at, bar ? (size_t)(bar - names->at) : names->len};
  size_t skip = bar ? one.len + strlen("|--") : one.len;
  *names = (struct bytes){names->at + skip, names->len - skip};
  return one;
}

bool usage_next(struct usage_walk *w, struct usage_word *out) {
  if (!w->pending.len) {
    w->at = skip_between(w->at);
    if (!*w->at) return false;
    if (!has_dashes(w->at)) {
      size_t n = word_length(w->at);
      *out = (struct usage_word){.value = {w->at, n}};
      w->at += n;
      return true;
    }
    w->at += 2;
    w->pending =
        (struct bytes){w->at, strspn(w->at, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-|")};
    w->at += w->pending.len;
    w->shared = read_value(&w->at);
  }
  out->option = take_alternative(&w->pending);
  out->value = w->shared;
  return true;
}

enum usage_option usage_find(const char *usage, struct bytes option, struct bytes *value) {
  struct usage_walk w = USAGE_WALK(usage);
  struct usage_word u;
  while (usage_next(&w, &u)) {
    if (!u.option.len) continue;
    bool is_check = bytes_equal(u.option, bytes_of(CHECK)) && is_check_option(option.at, option.len);
    if (!is_check && !bytes_equal(u.option, option)) continue;
    if (value) *value = u.value;
    return u.value.len ? USAGE_VALUE : USAGE_SWITCH;
  }
  return USAGE_UNKNOWN;
}

bool usage_has_checks(const char *usage) {
  return usage_find(usage, bytes_of(CHECK), NULL) != USAGE_UNKNOWN;
}

struct bytes usage_argument(const char *usage, size_t index) {
  struct usage_walk w = USAGE_WALK(usage);
  struct usage_word u;
  struct bytes last = {usage, 0};
  while (usage_next(&w, &u)) {
    if (u.option.len) continue;
    if (index-- == 0) return u.value;
    last = u.value;
  }
  return last.len > 3 && memcmp(last.at + last.len - 3, "...", 3) == 0 ? last : (struct bytes){usage, 0};
}
