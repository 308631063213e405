#include "policy/spf/spf_terms.h"

#include <string.h>

#define VERSION BYTES("v=spf1")

bool spf_is_record(struct bytes text) {
  return bytes_starts_nocase(text, VERSION) && (text.len == VERSION.len || text.at[VERSION.len] == ' ');
}

static bool uses_local_part(struct bytes term) {
  for (size_t i = 0; i + 2 < term.len; i++)
    if (term.at[i] == '%' && term.at[i + 1] == '{' && term.at[i + 2] && strchr("sSlL", term.at[i + 2])) return true;
  return false;
}

/* The length of the name in front of the first ":", "=" or "/". */
static size_t name_length(struct bytes term) {
  size_t n = 0;
  while (n < term.len && !(term.at[n] == ':' || term.at[n] == '=' || term.at[n] == '/')) n++;
  return n;
}

static bool has_qualifier(struct bytes term) {
  return term.len && memchr("+-~?", term.at[0], 4);
}

/* What is seen of a record that may stand in it once only. */
struct once {
  bool redirect, exp, all;
};

/* RFC 7208 6: redirect= and exp= at most once. */
static int add_modifier(struct spf_terms *out, struct once *seen, struct bytes name, struct bytes value,
                        struct reason *why) {
  bool redirect = bytes_equal_nocase(name, BYTES("redirect")), exp = bytes_equal_nocase(name, BYTES("exp"));
  if ((redirect && seen->redirect) || (exp && seen->exp))
    return fail(why, E_SYNTAX, "%s= is there twice", redirect ? "redirect" : "exp");
  seen->redirect |= redirect;
  seen->exp |= exp;
  if (!redirect) return OK;
  if (!value.len) return fail(why, E_SYNTAX, "redirect= names no domain");
  out->redirect = value;
  return OK;
}

static int add_term(struct spf_terms *out, struct once *seen, struct bytes term, struct reason *why) {
  if (term.len > SPF_TERM_MAX) return fail(why, E_TOO_BIG, "a term of it has more than %d octets", SPF_TERM_MAX);
  size_t name = name_length(term);
  if (name && name < term.len && term.at[name] == '=' && !has_qualifier(term))
    return add_modifier(out, seen, (struct bytes){term.at, name}, bytes_from(term, name + 1), why);
  if (out->count == SPF_MECHANISMS_MAX)
    return fail(why, E_TOO_BIG, "it has more than %d mechanisms", SPF_MECHANISMS_MAX);
  struct bytes bare = bytes_from((struct bytes){term.at, name}, has_qualifier(term) ? 1 : 0);
  seen->all |= bytes_equal_nocase(bare, BYTES("all"));
  out->mechanism[out->count++] = term;
  return OK;
}

int spf_terms_read(struct bytes text, struct spf_terms *out, struct reason *why) {
  struct once seen = {0};
  *out = (struct spf_terms){.count = 0};
  for (size_t i = 0; i < text.len; i++)
    if ((unsigned char)text.at[i] < 32 || (unsigned char)text.at[i] > 126)
      return fail(why, E_SYNTAX, "it holds an octet that is not printable ASCII");
  for (size_t i = VERSION.len, end; i < text.len; i = end + 1) {
    end = bytes_find(text, ' ', i);
    struct bytes term = {text.at + i, end - i};
    int rc = term.len ? add_term(out, &seen, term, why) : OK;
    if (rc != OK) return rc;
  }
  if (seen.all) out->redirect = (struct bytes){NULL, 0};
  out->local_part = uses_local_part(out->redirect);
  for (size_t i = 0; i < out->count; i++) out->local_part |= uses_local_part(out->mechanism[i]);
  return OK;
}
