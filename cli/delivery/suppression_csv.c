#include "cli/delivery/suppression_csv.h"

#include "base/text/quantity.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* --- columns --- */

/* In lower case, with letters and digits alone: "Email Address", "email_address" and "EmailAddress" are one name. */
#define NAME_MAX_OCTETS 32
static void plain_name(const char *text, char out[NAME_MAX_OCTETS]) {
  size_t n = 0;
  for (; *text && n + 1 < NAME_MAX_OCTETS; text++) {
    char c = (char)(*text >= 'A' && *text <= 'Z' ? *text - 'A' + 'a' : *text);
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out[n++] = c;
  }
  out[n] = '\0';
}

static const struct {
  const char *name; /* the first of a column is the one that is written */
  enum suppression_column column;
} names[] = {
    {"address", COLUMN_ADDRESS},
    {"email", COLUMN_ADDRESS},
    {"emailaddress", COLUMN_ADDRESS},
    {"mail", COLUMN_ADDRESS},
    {"recipient", COLUMN_ADDRESS},
    {"recipientemail", COLUMN_ADDRESS},
    {"to", COLUMN_ADDRESS},
    {"recipientaddress", COLUMN_ADDRESS},
    {"reason", COLUMN_REASON},
    {"description", COLUMN_REASON},
    {"suppressionreason", COLUMN_REASON},
    {"type", COLUMN_REASON},
    {"cause", COLUMN_REASON},
    {"date", COLUMN_DATE},
    {"created", COLUMN_DATE},
    {"createdat", COLUMN_DATE},
    {"added", COLUMN_DATE},
    {"addedat", COLUMN_DATE},
    {"dateadded", COLUMN_DATE},
    {"timestamp", COLUMN_DATE},
    {"time", COLUMN_DATE},
    {"bouncedat", COLUMN_DATE},
    {"lastupdatetime", COLUMN_DATE},
    {"expires", COLUMN_EXPIRES},
    {"expiresat", COLUMN_EXPIRES},
    {"origin", COLUMN_ORIGIN},
    {"code", COLUMN_CODE},
    {"enhanced", COLUMN_ENHANCED},
    {"text", COLUMN_TEXT},
    {"error", COLUMN_TEXT},
    {"reply", COLUMN_TEXT},
};

/* The column of that name; COLUMN_COUNT: none that is known. */
static enum suppression_column column_named(const char *text) {
  char name[NAME_MAX_OCTETS];
  plain_name(text, name);
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(names[i].name, name) == 0) return names[i].column;
  return COLUMN_COUNT;
}

static void place(struct suppression_columns *c, enum suppression_column column, size_t at) {
  if (column < COLUMN_COUNT && c->at[column] == CSV_FIELDS_MAX) c->at[column] = at;
}

bool suppression_columns_read(const struct csv_record *first, struct suppression_columns *out) {
  for (size_t i = 0; i < COLUMN_COUNT; i++) out->at[i] = CSV_FIELDS_MAX;
  bool addresses = false;
  for (size_t i = 0; i < first->count; i++) {
    addresses |= strchr(first->fields[i], '@') != NULL;
    place(out, column_named(first->fields[i]), i);
  }
  if (out->at[COLUMN_ADDRESS] != CSV_FIELDS_MAX && !addresses) return true;
  for (size_t i = 0; i < COLUMN_COUNT; i++) out->at[i] = i <= COLUMN_DATE ? i : CSV_FIELDS_MAX;
  return false;
}

/* --- fields --- */

static const char *field(const struct csv_record *r, const struct suppression_columns *c,
                         enum suppression_column which) {
  size_t at = c->at[which];
  return at < r->count ? r->fields[at] : "";
}

/* What moment_parse reads, seconds or milliseconds since 1970, and dates as services write them; a zone beside UTC is
 * not minded. */
static int date_parse(const char *text, int64_t now_us, int64_t *out) {
  static const char *const formats[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%a, %d %b %Y %H:%M:%S", "%m/%d/%Y"};
  uint64_t number;
  if (bytes_to_u64(bytes_of(text), &number) && number < UINT64_C(100000000000000)) {
    *out = (int64_t)number * (number < UINT64_C(100000000000) ? SECOND_US : SECOND_US / 1000);
    return OK;
  }
  if (moment_parse(text, now_us, out) == OK) return OK;
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
    struct tm tm = {0};
    if (!strptime(text, formats[i], &tm)) continue;
    *out = (int64_t)timegm(&tm) * SECOND_US;
    return OK;
  }
  return E_SYNTAX;
}

static int read_expiry(const char *text, int64_t now_us, struct suppression_line *out, struct reason *why) {
  out->says_expiry = *text != '\0';
  if (!*text || strcmp(text, "never") == 0) return OK;
  if (date_parse(text, now_us, &out->expires_us) == OK && out->expires_us > 0) return OK;
  return fail(why, E_SYNTAX, "%.100s is no time at which it could expire", text);
}

int suppression_line_read(const struct csv_record *r, const struct suppression_columns *c, int64_t now_us,
                          struct suppression_line *out, struct reason *why) {
  uint64_t code = 0;
  const char *address = field(r, c, COLUMN_ADDRESS), *date = field(r, c, COLUMN_DATE);
  *out = (struct suppression_line){0};
  int rc = address_key(bytes_of(address), out->key);
  if (rc == E_MEMORY) return fail(why, rc, "out of memory");
  if (rc != OK) return fail(why, E_SYNTAX, "%.100s is no address", *address ? address : "(nothing)");
  rc = read_expiry(field(r, c, COLUMN_EXPIRES), now_us, out, why);
  if (rc != OK) return rc;
  out->entry = (struct suppression){.address = out->key,
                                    .origin = SUPPRESSION_IMPORT,
                                    .reason = field(r, c, COLUMN_REASON),
                                    .enhanced = field(r, c, COLUMN_ENHANCED),
                                    .text = field(r, c, COLUMN_TEXT),
                                    .added_us = now_us};
  suppression_origin_parse(field(r, c, COLUMN_ORIGIN), &out->entry.origin);
  if (bytes_to_u64(bytes_of(field(r, c, COLUMN_CODE)), &code) && code < 600) out->entry.code = (int)code;
  out->odd_date = *date && date_parse(date, now_us, &out->entry.added_us) != OK;
  if (out->odd_date || out->entry.added_us <= 0 || out->entry.added_us > now_us) out->entry.added_us = now_us;
  return OK;
}

/* --- writing --- */

int suppression_csv_header(struct buffer *out) {
  return buffer_add_bytes(out, BYTES("address,reason,date,expires,origin,code,enhanced,text\r\n"));
}

static int add_time(struct buffer *out, int64_t us) {
  char text[40] = "never";
  if (us) clock_format_iso(us, text, sizeof text);
  return buffer_add(out, text, strlen(text));
}

int suppression_csv_write(const struct suppression *s, struct buffer *out) {
  int rc = csv_add_field(out, s->address);
  if (rc == OK) rc = buffer_add(out, ",", 1);
  if (rc == OK) rc = csv_add_field(out, s->reason);
  if (rc == OK) rc = buffer_add(out, ",", 1);
  if (rc == OK) rc = add_time(out, s->added_us);
  if (rc == OK) rc = buffer_add(out, ",", 1);
  if (rc == OK) rc = add_time(out, s->expires_us);
  if (rc == OK) rc = buffer_addf(out, ",%s,%d,", suppression_origin_name(s->origin), s->code);
  if (rc == OK) rc = csv_add_field(out, s->enhanced);
  if (rc == OK) rc = buffer_add(out, ",", 1);
  if (rc == OK) rc = csv_add_field(out, s->text);
  return rc == OK ? buffer_add(out, "\r\n", 2) : rc;
}
