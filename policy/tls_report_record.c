#include "policy/tls_report_record.h"

#include "base/address/address.h"
#include "base/result.h"
#include "policy/spf/rdata.h"
#include "policy/tag_list.h"

#include <stdio.h>
#include <string.h>

#define RECORD_MAX 4096 /* octets that are read of it */

bool tls_report_record_name(const char *domain, char out[256]) {
  int n = snprintf(out, 256, "_smtp._tls.%s", domain);
  return n > 0 && n <= NAME_MAX_TEXT;
}

static int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  c |= 0x20;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 6068 2: "%" and two digits are an octet. False: they are not, or the octet is no part of an address. */
static bool decode(struct bytes text, char out[TLS_RUA_TEXT]) {
  size_t len = 0;
  for (size_t i = 0; i < text.len; i++) {
    int c = (unsigned char)text.at[i];
    if (c == '%') {
      int high = i + 2 < text.len ? hex(text.at[i + 1]) : -1, low = high >= 0 ? hex(text.at[i + 2]) : -1;
      if (low < 0) return false;
      c = high * 16 + low;
      i += 2;
    }
    if (c <= ' ' || c > '~' || len + 1 >= TLS_RUA_TEXT) return false;
    out[len++] = (char)c;
  }
  out[len] = '\0';
  return len > 0;
}

/* One address: what follows "?" would be header fields, which nobody else writes for us. */
static bool read_mailto(struct bytes rest, char out[TLS_RUA_TEXT]) {
  struct address a;
  char domain[DOMAIN_MAX + 1];
  rest.len = bytes_find(rest, '?', 0);
  return decode(rest, out) && address_parse(bytes_of(out), &a) == OK && a.domain.len && !a.literal &&
         domain_normalize(a.domain, domain) == OK;
}

static bool read_uri(struct bytes uri, struct tls_rua *out) {
  const struct bytes mailto = BYTES("mailto:"), https = BYTES("https://");
  if (!bytes_copy(uri, out->uri, sizeof out->uri)) return false;
  out->mail = bytes_starts_nocase(uri, mailto);
  if (out->mail) return read_mailto(bytes_from(uri, mailto.len), out->target);
  memcpy(out->target, out->uri, sizeof out->target);
  for (size_t i = 0; i < uri.len; i++)
    if (uri.at[i] <= ' ' || uri.at[i] > '~') return false;
  if (!bytes_starts_nocase(uri, https)) return false;
  memcpy(out->target, https.at, https.len); /* a scheme in capitals is the same one (RFC 3986 3.1) */
  return true;
}

static bool is_listed(const struct tls_report_record *r, const struct tls_rua *one) {
  for (size_t i = 0; i < r->count; i++)
    if (strcmp(r->rua[i].uri, one->uri) == 0) return true;
  return false;
}

/* A comma within a URI is written as %2C. */
static void read_list(struct bytes value, struct tls_report_record *out) {
  for (size_t at = 0; at < value.len && out->count < TLS_RUA_MAX;) {
    size_t comma = bytes_find(value, ',', at);
    struct tls_rua *one = &out->rua[out->count];
    struct bytes uri = bytes_trim((struct bytes){value.at + at, comma - at});
    if (uri.len && read_uri(uri, one) && !is_listed(out, one)) out->count++;
    at = comma + 1;
  }
}

static bool is_record(struct bytes text) {
  const struct bytes version = BYTES("v=TLSRPTv1");
  if (text.len < version.len || memcmp(text.at, version.at, version.len) != 0) return false;
  struct bytes rest = bytes_trim(bytes_from(text, version.len));
  return rest.len && rest.at[0] == ';';
}

static void read_record(struct bytes text, struct tls_report_record *out) {
  struct tag tag;
  size_t at = 0;
  int rc;
  while ((rc = tag_next(text, &at, &tag)) != 0)
    if (rc == 1 && bytes_equal(tag.name, BYTES("rua")) && !out->count) read_list(tag.value, out);
}

int tls_report_record_read(const struct dns_answer *answer, struct tls_report_record *out) {
  char room[RECORD_MAX];
  size_t records = 0;
  memset(out, 0, sizeof *out);
  for (size_t i = 0; i < answer->count; i++) {
    struct bytes text;
    if (rdata_text(answer->records[i].data, room, sizeof room, &text) != OK || !is_record(text)) continue;
    if (!records++) read_record(text, out);
  }
  return records == 1 && out->count ? OK : E_NOT_FOUND;
}
