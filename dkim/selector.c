#include "dkim/selector.h"

#include <string.h>

#define LABEL_MAX 63 /* RFC 1035 2.3.4 */
#define DNS_NAME_MAX 253

static bool is_let_dig(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* RFC 5321 4.1.2: sub-domain = Let-dig [Ldh-str]. */
static bool is_label(struct bytes l) {
  if (!l.len || l.len > LABEL_MAX || !is_let_dig(l.at[0]) || !is_let_dig(l.at[l.len - 1])) return false;
  for (size_t i = 0; i < l.len; i++)
    if (!is_let_dig(l.at[i]) && l.at[i] != '-') return false;
  return true;
}

/* RFC 6376 3.1: selector = sub-domain *( "." sub-domain ). */
static bool is_selector(struct bytes s) {
  for (size_t at = 0, end; at <= s.len; at = end + 1) {
    end = bytes_find(s, '.', at);
    if (!is_label((struct bytes){s.at + at, end - at})) return false;
  }
  return true;
}

int selector_normalize(struct bytes typed, const char *domain, char out[SELECTOR_MAX + 1], struct reason *why) {
  if (typed.len > SELECTOR_MAX || typed.len + strlen("._domainkey.") + strlen(domain) > DNS_NAME_MAX)
    return fail(why, E_TOO_BIG, "the selector is too long: SELECTOR._domainkey.%s may have %d octets", domain,
                DNS_NAME_MAX);
  for (size_t i = 0; i < typed.len; i++)
    out[i] = typed.at[i] >= 'A' && typed.at[i] <= 'Z' ? (char)(typed.at[i] + 32) : typed.at[i];
  out[typed.len] = '\0';
  if (is_selector((struct bytes){out, typed.len})) return OK;
  return fail(
      why, E_SYNTAX,
      "%.*s is no selector: it is made of letters, digits and hyphens, with dots between labels, as in s202611r "
      "(RFC 6376 3.1)",
      (int)typed.len, typed.at);
}
