#include "policy/spf/spf_terms.h"

#include "policy/spf/spf_macro.h"

#define VERSION BYTES("v=spf1")
#define SHOWN 40 /* octets of a term in a reason */

bool spf_is_record(struct bytes text) {
  return bytes_starts_nocase(text, VERSION) && (text.len == VERSION.len || text.at[VERSION.len] == ' ');
}

/* What is seen of a record that may stand in it once only. */
struct once {
  bool redirect, exp, all;
};

/* RFC 7208 6: redirect= and exp= at most once. */
static int add_modifier(struct spf_terms *out, struct once *seen, const struct spf_term *term, struct reason *why) {
  bool redirect = term->kind == SPF_REDIRECT, exp = term->kind == SPF_EXP;
  if ((redirect && seen->redirect) || (exp && seen->exp))
    return fail(why, E_SYNTAX, "%s= is there twice", spf_kind_name(term->kind));
  seen->redirect |= redirect;
  seen->exp |= exp;
  if (redirect) out->redirect = *term;
  return OK;
}

static int add_term(struct spf_terms *out, struct once *seen, struct bytes text, struct reason *why) {
  struct spf_term term;
  struct reason wrong = {""};
  if (text.len > SPF_TERM_MAX) return fail(why, E_TOO_BIG, "a term of it has more than %d octets", SPF_TERM_MAX);
  if (spf_term_read(text, &term, &wrong) != OK)
    return fail(why, E_SYNTAX, "\"%.*s\": %s", (int)(text.len < SHOWN ? text.len : SHOWN), text.at, wrong.text);
  if (term.kind >= SPF_REDIRECT) return add_modifier(out, seen, &term, why);
  if (out->count == SPF_MECHANISMS_MAX)
    return fail(why, E_TOO_BIG, "it has more than %d mechanisms", SPF_MECHANISMS_MAX);
  seen->all |= term.kind == SPF_ALL;
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
  if (seen.all) out->redirect.domain = (struct bytes){NULL, 0};
  out->local_part = spf_macro_uses_local_part(out->redirect.domain);
  for (size_t i = 0; i < out->count; i++) out->local_part |= spf_macro_uses_local_part(out->mechanism[i].domain);
  return OK;
}
