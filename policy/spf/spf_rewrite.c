#include "policy/spf/spf_rewrite.h"

#include <stdio.h>
#include <string.h>

#define SIZE (SPF_REWRITTEN_MAX + 1)

static bool is_ip6(const char *source) {
  return strchr(source, ':') != NULL;
}

/* 0: any address matches, so the source's own does as well. */
static void write_network(const struct spf_term *t, const char *source, char out[SIZE]) {
  bool ip6 = t->kind == SPF_IP6;
  unsigned len = ip6 ? t->ip6_len : t->ip4_len;
  struct bytes network = len == 0 && ip6 == is_ip6(source) ? bytes_of(source) : t->network;
  snprintf(out, SIZE, "v=spf1 %c%s:%.*s/%u", t->qualifier, spf_kind_name(t->kind), (int)network.len, network.at,
           len   ? len
           : ip6 ? 128
                 : 32);
}

/* libspf2 looks for a prefix length at the end of a name. No top label has a slash, so it is nobody's name. */
static const char *without_slash(const char *name) {
  const char *dot = strrchr(name, '.');
  return strchr(dot ? dot : name, '/') ? "." : name;
}

/* The prefix length is always written, so that nothing in the name can be taken for one. */
static void write_hosts(const struct spf_term *t, const char *name, bool ip6, char out[SIZE]) {
  unsigned len = ip6 ? t->ip6_len : t->ip4_len;
  const char any[] = {len ? '\0' : SPF_ANY_ADDRESS, '\0'};
  snprintf(out, SIZE, "v=spf1 %c%s:%s%s%s%u", t->qualifier, spf_kind_name(t->kind), any, without_slash(name),
           ip6 ? "//" : "/",
           len   ? len
           : ip6 ? 128
                 : 32);
}

int spf_rewrite(const struct spf_term *t, const struct spf_values *values, const char *source, char out[SIZE],
                struct reason *why) {
  char name[SPF_EXPANDED_MAX + 1];
  int rc = spf_expand(t->domain, values, name, why);
  if (rc != OK) return rc;
  const char *kind = spf_kind_name(t->kind);
  if (t->kind == SPF_IP4 || t->kind == SPF_IP6)
    write_network(t, source, out);
  else if (t->kind == SPF_A || t->kind == SPF_MX)
    write_hosts(t, name, is_ip6(source), out);
  else if (t->kind == SPF_ALL)
    snprintf(out, SIZE, "v=spf1 %c%s", t->qualifier, kind);
  else if (t->kind == SPF_REDIRECT)
    snprintf(out, SIZE, "v=spf1 %s=%s", kind, name);
  else
    snprintf(out, SIZE, "v=spf1 %c%s:%s", t->qualifier, kind, name);
  return OK;
}
