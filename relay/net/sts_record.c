#include "relay/net/sts_record.h"

#include <stdio.h>
#include <string.h>

/*   record = "v=STSv1" 1*(*WSP ";" *WSP field) [*WSP ";"]       RFC 8461 3.1
 *   field  = "id=" 1*32(ALPHA / DIGIT) / name "=" value
 *   value  = 1*(%x21-3A / %x3C / %x3E-7E) */

#define TEXT_MAX 4096 /* octets that are read of a record */
#define NAME_MAX_OCTETS 32

bool sts_record_name(const char *domain, char out[256]) {
  int n = snprintf(out, 256, "_mta-sts.%s", domain);
  return n > 0 && n <= 253;
}

/* RFC 8461 3.1: the strings of a record are one text. */
static bool join(struct bytes rdata, char out[TEXT_MAX], size_t *len) {
  *len = 0;
  while (rdata.len) {
    size_t n = (unsigned char)rdata.at[0];
    if (n > rdata.len - 1 || *len + n > TEXT_MAX) return false;
    memcpy(out + *len, rdata.at + 1, n);
    *len += n;
    rdata = bytes_from(rdata, n + 1);
  }
  return true;
}

static struct bytes skip_space(struct bytes text) {
  while (text.len && (text.at[0] == ' ' || text.at[0] == '\t')) text = bytes_from(text, 1);
  return text;
}

/* What is behind the version and a semicolon; `is` says whether those are there, so that it is one of these records. */
static struct bytes after_version(struct bytes text, bool *is) {
  const struct bytes version = BYTES("v=STSv1");
  *is = text.len >= version.len && memcmp(text.at, version.at, version.len) == 0;
  text = skip_space(bytes_from(text, version.len));
  *is = *is && text.len && text.at[0] == ';';
  return bytes_from(text, 1);
}

static bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

static size_t name_length(struct bytes text) {
  size_t n = 0;
  while (n < text.len && (is_alphanumeric(text.at[n]) || (n && memchr("_-.", text.at[n], 3)))) n++;
  return n <= NAME_MAX_OCTETS ? n : 0;
}

static size_t value_length(struct bytes text) {
  size_t n = 0;
  while (n < text.len && text.at[n] > ' ' && text.at[n] < 0x7f && text.at[n] != ';' && text.at[n] != '=') n++;
  return n;
}

static bool is_id(struct bytes value) {
  if (value.len > STS_ID_MAX) return false;
  for (size_t i = 0; i < value.len; i++)
    if (!is_alphanumeric(value.at[i])) return false;
  return value.len > 0;
}

/* A field at the start of `text`; the first id counts. */
static bool take_field(struct bytes *text, char id[STS_ID_MAX + 1]) {
  size_t n = name_length(*text);
  struct bytes name = {text->at, n}, value = bytes_from(*text, n);
  if (!n || !value.len || value.at[0] != '=') return false;
  value = bytes_from(value, 1);
  *text = bytes_from(value, value_length(value));
  value.len -= text->len;
  if (!value.len) return false;
  if (!bytes_equal(name, BYTES("id")) || id[0]) return true;
  return is_id(value) && bytes_copy(value, id, STS_ID_MAX + 1);
}

static bool read_fields(struct bytes text, char id[STS_ID_MAX + 1]) {
  id[0] = '\0';
  for (text = skip_space(text); text.len;) {
    if (!take_field(&text, id)) return false;
    text = skip_space(text);
    if (text.len && text.at[0] != ';') return false;
    text = skip_space(bytes_from(text, 1));
  }
  return id[0] != '\0';
}

int sts_record_read(const struct dns_answer *answer, char id[STS_ID_MAX + 1], struct reason *why) {
  char text[TEXT_MAX];
  size_t len, records = 0;
  bool good = false;
  id[0] = '\0';
  for (size_t i = 0; answer->status == DNS_FOUND && i < answer->count; i++) {
    bool is = join(answer->records[i].data, text, &len);
    struct bytes fields = is ? after_version((struct bytes){text, len}, &is) : (struct bytes){text, 0};
    if (!is) continue; /* other records there do not count */
    if (!records++) good = read_fields(fields, id);
  }
  if (records == 1 && good) return OK;
  id[0] = '\0';
  if (!records) return fail(why, E_NOT_FOUND, "there is no record");
  return fail(why, E_SYNTAX,
              records > 1 ? "there are several records" : "the record has no good id, or cannot be read");
}
