#include "relay/net/mx.h"

#include <stdlib.h>
#include <string.h>

static bool host_octet(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

/* An uncompressed name of LDH labels (and underscores, which some use) as text. False when it is anything else. The
 * root is "". */
static bool read_name(struct bytes wire, char out[256]) {
  size_t at = 0, len = 0;
  while (at < wire.len) {
    size_t label = (unsigned char)wire.at[at++];
    if (label == 0) {
      if (len) len--; /* the last dot */
      out[len] = 0;
      return at == wire.len;
    }
    if (label > 63 || label > wire.len - at || len + label + 1 > 255) return false;
    for (size_t i = 0; i < label; i++, at++) {
      char c = wire.at[at];
      if (!host_octet(c)) return false;
      out[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    out[len++] = '.';
  }
  return false;
}

static int by_preference(const void *a, const void *b) {
  const struct mx *x = a, *y = b;
  if (x->preference != y->preference) return x->preference < y->preference ? -1 : 1;
  return strcmp(x->name, y->name);
}

/* The same name again counts once, with its better preference. */
static bool known(struct mx_list *l, const struct mx *mx) {
  for (size_t i = 0; i < l->count; i++) {
    if (strcmp(l->hosts[i].name, mx->name)) continue;
    if (mx->preference < l->hosts[i].preference) l->hosts[i].preference = mx->preference;
    return true;
  }
  return false;
}

static void add(struct mx_list *l, const struct mx *mx) {
  if (known(l, mx)) return;
  if (l->count < MX_HOSTS_MAX) {
    l->hosts[l->count++] = *mx;
    return;
  }
  l->cut = true;
  size_t worst = 0;
  for (size_t i = 1; i < l->count; i++)
    if (by_preference(&l->hosts[i], &l->hosts[worst]) > 0) worst = i;
  if (by_preference(mx, &l->hosts[worst]) < 0) l->hosts[worst] = *mx;
}

void mx_list_read(const struct dns_answer *answer, struct mx_list *out) {
  memset(out, 0, sizeof *out);
  for (size_t i = 0; i < answer->count; i++) {
    struct bytes data = answer->records[i].data;
    if (data.len < 3) continue;
    struct mx mx = {.preference = (unsigned)((unsigned char)data.at[0] << 8 | (unsigned char)data.at[1])};
    if (!read_name(bytes_from(data, 2), mx.name)) continue;
    if (!mx.name[0])
      out->null_mx = answer->count == 1; /* beside other records it is an error of theirs, and ignored (RFC 7505 3) */
    else
      add(out, &mx);
  }
  qsort(out->hosts, out->count, sizeof *out->hosts, by_preference);
}
