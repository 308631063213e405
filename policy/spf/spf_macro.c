/* RFC 7208 7.1:
 *
 *   domain-spec   = macro-string domain-end
 *   domain-end    = ( "." toplabel [ "." ] ) / macro-expand
 *   toplabel      = ( *alphanum ALPHA *alphanum ) / ( 1*alphanum "-" *( alphanum / "-" ) alphanum )
 *   macro-string  = *( macro-expand / macro-literal )
 *   macro-expand  = ( "%{" macro-letter transformers *delimiter "}" ) / "%%" / "%_" / "%-"
 *   macro-literal = %x21-24 / %x26-7E
 *   transformers  = *DIGIT [ "r" ]
 *   delimiter     = "." / "-" / "+" / "," / "/" / "_" / "=" */
#include "policy/spf/spf_macro.h"

#include <string.h>

#define LETTERS "slodiphv"
#define LETTERS_OF_EXPLANATIONS "crt"
#define DELIMITERS ".-+,/_="

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_one_of(char c, const char *set) {
  return c && strchr(set, c);
}

static char lower(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* Behind the digits at `i`. False when they are a zero: a macro of no parts (7.3). */
static bool skip_digits(struct bytes text, size_t *i) {
  size_t from = *i;
  bool zero = true;
  for (; *i < text.len && is_digit(text.at[*i]); ++*i) zero &= text.at[*i] == '0';
  return *i == from || !zero;
}

/* Behind the "%{...}" whose letter is at `i`; 0 when it is none. */
static size_t macro_end(struct bytes text, size_t i, bool explanation) {
  char letter = i < text.len ? lower(text.at[i++]) : '\0';
  if (!is_one_of(letter, LETTERS) && !(explanation && is_one_of(letter, LETTERS_OF_EXPLANATIONS))) return 0;
  if (!skip_digits(text, &i)) return 0;
  if (i < text.len && lower(text.at[i]) == 'r') i++;
  while (i < text.len && is_one_of(text.at[i], DELIMITERS)) i++;
  return i < text.len && text.at[i] == '}' ? i + 1 : 0;
}

/* Behind the macro-expand at the "%" at `i`; 0 when it is none. */
static size_t expand_end(struct bytes text, size_t i, bool explanation) {
  if (i + 1 >= text.len) return 0;
  if (text.at[i + 1] == '{') return macro_end(text, i + 2, explanation);
  return is_one_of(text.at[i + 1], "%_-") ? i + 2 : 0;
}

/* Checks the whole text; `*tail` is what follows its last macro. */
static int walk(struct bytes text, bool explanation, struct bytes *tail, struct reason *why) {
  *tail = text;
  for (size_t i = 0; i < text.len;) {
    if (text.at[i] != '%') {
      i++;
      continue;
    }
    size_t end = expand_end(text, i, explanation);
    if (!end) return fail(why, E_SYNTAX, "a %% begins no macro that may stand there (RFC 7208 7.1)");
    *tail = bytes_from(text, i = end);
  }
  return OK;
}

int spf_macro_string_check(struct bytes text, bool explanation, struct reason *why) {
  struct bytes tail;
  return walk(text, explanation, &tail, why);
}

static bool is_top_label(struct bytes label) {
  bool digits = true;
  if (!label.len || label.at[0] == '-' || label.at[label.len - 1] == '-') return false;
  for (size_t i = 0; i < label.len; i++) {
    char c = label.at[i];
    if (!is_alpha(c) && !is_digit(c) && c != '-') return false;
    digits &= is_digit(c);
  }
  return !digits;
}

static bool is_number(struct bytes label) {
  for (size_t i = 0; i < label.len; i++)
    if (!is_digit(label.at[i])) return false;
  return label.len > 0;
}

static int check_end(struct bytes tail, struct reason *why) {
  if (tail.len && tail.at[tail.len - 1] == '.') tail.len--;
  size_t dot = tail.len;
  while (dot && tail.at[dot - 1] != '.') dot--;
  if (!dot) return fail(why, E_SYNTAX, "it needs a domain name of two labels or more, or a macro at its end");
  struct bytes label = bytes_from(tail, dot);
  if (is_top_label(label)) return OK;
  if (is_number(label))
    return fail(why, E_SYNTAX, "a domain name does not end in a number; addresses need ip4: or ip6:");
  return fail(why, E_SYNTAX, "the last label of its domain name is none");
}

int spf_domain_spec_check(struct bytes text, struct reason *why) {
  struct bytes tail;
  if (!text.len) return fail(why, E_SYNTAX, "it names no domain");
  int rc = walk(text, false, &tail, why);
  return rc == OK && tail.len ? check_end(tail, why) : rc;
}

bool spf_macro_uses_local_part(struct bytes text) {
  for (size_t i = 0; i + 2 < text.len; i++)
    if (text.at[i] == '%' && text.at[i + 1] == '{' && is_one_of(lower(text.at[i + 2]), "sl")) return true;
  return false;
}
