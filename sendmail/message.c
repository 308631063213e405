#include "sendmail/message.h"

#include "base/text/header.h"
#include "relay/mime/header_preamble.h"
#include "sendmail/qualify.h"

#include <stdlib.h>

#define HEADER_ROOM (4 * (size_t)SPOOL_MEMORY)

static bool is_named(const struct field *f, const char *name) {
  return bytes_equal_nocase(f->name, bytes_of(name));
}

int message_find_header(struct message *m, const struct spool *s, struct reason *why) {
  struct bytes head = buffer_bytes(&s->head);
  struct field f;
  bool open;
  size_t from = header_preamble(head, &open), at = 0, end = 0;
  struct bytes block = bytes_from(head, from);
  int rc;
  while ((rc = header_next(block, &at, &f)) == 1) end = at;
  if (at == block.len && rc == 0 && s->octets > head.len)
    return fail(why, E_TOO_BIG, "the header is over %d MB", SPOOL_MEMORY / (1024 * 1024));
  bool empty_line = rc == 0 && end + 2 <= block.len;
  *m = (struct message){.fields = {block.at, end}, .body_at = from + end + (empty_line ? 2 : 0)};
  buffer_init(&m->header, HEADER_ROOM);
  return OK;
}

/* --- who it is from --- */

static bool first_address(struct bytes list, const char *domain, char out[ADDRESS_MAX + 1]) {
  struct buffer named;
  struct address a;
  size_t at = 0;
  buffer_init(&named, HEADER_ROOM);
  char *scratch = qualify(list, domain, &named) == OK ? malloc(named.len + 1) : NULL;
  bool found = scratch && mailbox_next(buffer_bytes(&named), &at, &a, scratch, named.len) == 1 &&
               bytes_copy(a.whole, out, ADDRESS_MAX + 1);
  free(scratch);
  buffer_free(&named);
  return found;
}

bool message_author(const struct message *m, const char *domain, char out[ADDRESS_MAX + 1]) {
  struct field f;
  return header_find(m->fields, "From", &f) && first_address(f.value, domain, out);
}

/* --- the header --- */

static bool has_addresses(const struct field *f) {
  static const char *const names[] = {"From",        "Sender",        "Reply-To",  "To",        "Cc",
                                      "Resent-From", "Resent-Sender", "Resent-To", "Resent-Cc", "Resent-Reply-To"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (is_named(f, names[i])) return true;
  return false;
}

static int add_field(struct message *m, const struct field *f, const char *domain) {
  if (!has_addresses(f)) return buffer_add_bytes(&m->header, f->whole);
  int rc = buffer_add(&m->header, f->whole.at, (size_t)(f->value.at - f->whole.at));
  if (rc == OK) rc = qualify(f->value, domain, &m->header);
  return rc == OK ? buffer_add(&m->header, "\r\n", 2) : rc;
}

static int add_fields(struct message *m, const char *domain, bool drop_bcc) {
  struct field f;
  size_t at = 0;
  int rc = OK;
  while (rc == OK && header_next(m->fields, &at, &f) == 1)
    if (!drop_bcc || !(is_named(&f, "Bcc") || is_named(&f, "Resent-Bcc"))) rc = add_field(m, &f, domain);
  return rc;
}

/* As a quoted string (RFC 5322 3.2.4). What is beyond ASCII the gateway encodes. */
static int add_name(struct buffer *out, const char *name) {
  int rc = buffer_add(out, "\"", 1);
  for (; rc == OK && *name; name++) {
    if ((unsigned char)*name < ' ' || *name == 127) continue;
    if (*name == '"' || *name == '\\') rc = buffer_add(out, "\\", 1);
    if (rc == OK) rc = buffer_add(out, name, 1);
  }
  return rc == OK ? buffer_add(out, "\" ", 2) : rc;
}

static int add_from(struct message *m, const char *address, const char *full_name) {
  int rc = buffer_add(&m->header, "From: ", 6);
  if (rc == OK && full_name && *full_name) rc = add_name(&m->header, full_name);
  return rc == OK ? buffer_addf(&m->header, "<%s>\r\n", address) : rc;
}

int message_make_header(struct message *m, const char *domain, const char *address, const char *full_name,
                        bool drop_bcc, struct reason *why) {
  int rc = header_find(m->fields, "From", NULL) ? OK : add_from(m, address, full_name);
  if (rc == OK) rc = add_fields(m, domain, drop_bcc);
  if (rc == OK) rc = buffer_add(&m->header, "\r\n", 2);
  return rc == OK ? OK : fail(why, rc, "the header: %s", result_text(rc));
}

uint64_t message_size(const struct message *m, const struct spool *s) {
  return m->header.len + s->octets - m->body_at;
}

void message_free(struct message *m) {
  buffer_free(&m->header);
}
