/* RFC 7208 12:
 *
 *   directive = [ "+" / "-" / "?" / "~" ] mechanism
 *   mechanism = "all" / "include:" domain-spec / "exists:" domain-spec / "ptr" [ ":" domain-spec ]
 *             / ( "a" / "mx" ) [ ":" domain-spec ] [ "/" ip4-length ] [ "//" ip6-length ]
 *             / "ip4:" ip4-network [ "/" ip4-length ] / "ip6:" ip6-network [ "/" ip6-length ]
 *   modifier  = "redirect=" domain-spec / "exp=" domain-spec / name "=" macro-string
 *   name      = ALPHA *( ALPHA / DIGIT / "-" / "_" / "." ) */
#include "policy/spf/spf_syntax.h"

#include "base/address/cidr.h"
#include "policy/spf/spf_macro.h"

#include <arpa/inet.h>
#include <string.h>

#define IP4_BITS 32
#define IP6_BITS 128

enum need { NONE, MAY, MUST };
static const struct {
  const char *name;
  enum need domain;
  bool prefix;
} kinds[] = {
    [SPF_ALL] = {.name = "all"},
    [SPF_INCLUDE] = {.name = "include", .domain = MUST},
    [SPF_A] = {.name = "a", .domain = MAY, .prefix = true},
    [SPF_MX] = {.name = "mx", .domain = MAY, .prefix = true},
    [SPF_PTR] = {.name = "ptr", .domain = MAY},
    [SPF_IP4] = {.name = "ip4"},
    [SPF_IP6] = {.name = "ip6"},
    [SPF_EXISTS] = {.name = "exists", .domain = MUST},
    [SPF_REDIRECT] = {.name = "redirect", .domain = MUST},
    [SPF_EXP] = {.name = "exp", .domain = MUST},
    [SPF_OTHER_MODIFIER] = {.name = ""},
};

const char *spf_kind_name(enum spf_kind kind) {
  return kinds[kind].name;
}

static bool is_alpha(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/* The length of the name in front of the first ":", "=" or "/" (4.6.1). */
static size_t name_length(struct bytes text) {
  size_t n = 0;
  while (n < text.len && !memchr(":=/", text.at[n], 3)) n++;
  return n;
}

/* --- prefix lengths --- */

/* Decimal, without leading zeros (12: ip4-cidr-length). */
static bool read_length(struct bytes digits, unsigned most, unsigned *out) {
  uint64_t value;
  if (!bytes_to_u64(digits, &value) || value > most || (digits.len > 1 && digits.at[0] == '0')) return false;
  *out = (unsigned)value;
  return true;
}

/* Cuts "/" or "//" and the digits behind it off the end. False when they are not there. */
static bool cut_length(struct bytes *text, struct bytes slash, struct bytes *digits) {
  size_t at = text->len;
  while (at && is_digit(text->at[at - 1])) at--;
  if (at < slash.len || !bytes_equal((struct bytes){text->at + at - slash.len, slash.len}, slash)) return false;
  *digits = bytes_from(*text, at);
  text->len = at - slash.len;
  return true;
}

static int wrong_length(struct reason *why) {
  return fail(why, E_SYNTAX, "its prefix length is none");
}

/* A domain-spec may hold slashes, so the lengths are looked for from the end. */
static int read_lengths(struct bytes *rest, struct spf_term *out, struct reason *why) {
  struct bytes digits;
  if (cut_length(rest, BYTES("//"), &digits) && !read_length(digits, IP6_BITS, &out->ip6_len)) return wrong_length(why);
  if (cut_length(rest, BYTES("/"), &digits) && !read_length(digits, IP4_BITS, &out->ip4_len)) return wrong_length(why);
  return OK;
}

/* --- the parts --- */

static int read_network(struct bytes rest, struct spf_term *out, struct reason *why) {
  bool ip4 = out->kind == SPF_IP4;
  struct bytes digits;
  unsigned char address[16];
  char text[IP_TEXT];
  if (!rest.len || rest.at[0] != ':') return fail(why, E_SYNTAX, "it names no network");
  rest = bytes_from(rest, 1);
  if (cut_length(&rest, BYTES("/"), &digits) &&
      !read_length(digits, ip4 ? IP4_BITS : IP6_BITS, ip4 ? &out->ip4_len : &out->ip6_len))
    return wrong_length(why);
  out->network = rest;
  if (!bytes_copy(rest, text, sizeof text) || inet_pton(ip4 ? AF_INET : AF_INET6, text, address) != 1)
    return fail(why, E_SYNTAX, "it names no IPv%c address", ip4 ? '4' : '6');
  return OK;
}

/* What follows ":" or "=". */
static int read_domain(struct bytes rest, struct spf_term *out, struct reason *why) {
  int rc = spf_domain_spec_check(rest, why);
  if (rc != OK) return rc;
  out->domain = rest;
  if (rest.at[rest.len - 1] == '.') out->domain.len--;
  return OK;
}

static int read_rest(struct bytes rest, struct spf_term *out, struct reason *why) {
  if (out->kind == SPF_IP4 || out->kind == SPF_IP6) return read_network(rest, out, why);
  int rc = kinds[out->kind].prefix ? read_lengths(&rest, out, why) : OK;
  if (rc != OK) return rc;
  if (!rest.len && kinds[out->kind].domain == MUST) return fail(why, E_SYNTAX, "it names no domain");
  if (!rest.len) return OK;
  if (rest.at[0] != ':' || kinds[out->kind].domain == NONE)
    return fail(why, E_SYNTAX, "nothing of this kind follows %s", kinds[out->kind].name);
  return read_domain(bytes_from(rest, 1), out, why);
}

static int read_mechanism(struct bytes text, struct spf_term *out, struct reason *why) {
  bool qualified = text.len && memchr("+-~?", text.at[0], 4);
  out->qualifier = qualified ? text.at[0] : '+';
  if (qualified) text = bytes_from(text, 1);
  struct bytes name = {text.at, name_length(text)};
  for (out->kind = SPF_ALL; out->kind <= SPF_EXISTS; out->kind++)
    if (bytes_equal_nocase(name, bytes_of(kinds[out->kind].name)))
      return read_rest(bytes_from(text, name.len), out, why);
  return fail(why, E_SYNTAX, "SPF knows no such mechanism");
}

static bool is_modifier_name(struct bytes name) {
  if (!name.len || !is_alpha(name.at[0])) return false;
  for (size_t i = 0; i < name.len; i++)
    if (!is_alpha(name.at[i]) && !is_digit(name.at[i]) && !memchr("-_.", name.at[i], 3)) return false;
  return true;
}

static int read_modifier(struct bytes name, struct bytes value, struct spf_term *out, struct reason *why) {
  if (!is_modifier_name(name)) return fail(why, E_SYNTAX, "the name of a modifier begins with a letter");
  out->kind = bytes_equal_nocase(name, BYTES("redirect")) ? SPF_REDIRECT
              : bytes_equal_nocase(name, BYTES("exp"))    ? SPF_EXP
                                                          : SPF_OTHER_MODIFIER;
  return out->kind == SPF_OTHER_MODIFIER ? spf_macro_string_check(value, true, why) : read_domain(value, out, why);
}

int spf_term_read(struct bytes text, struct spf_term *out, struct reason *why) {
  *out = (struct spf_term){.ip4_len = IP4_BITS, .ip6_len = IP6_BITS};
  size_t name = name_length(text);
  if (name < text.len && text.at[name] == '=')
    return read_modifier((struct bytes){text.at, name}, bytes_from(text, name + 1), out, why);
  return read_mechanism(text, out, why);
}
