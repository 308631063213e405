#include "relay/domain/probe.h"

#include "dkim/signer.h"

#include <stdio.h>
#include <string.h>

#define SIGNED_MAX (64 * 1024)

/* With what a canonicalization must see to: folding, white space, empty lines at the end. */
static int write_header(struct buffer *out, const char *domain) {
  return buffer_addf(out,
                     "From: Sendoff domain check <postmaster@%s>\r\n"
                     "To: postmaster@%s\r\n"
                     "Subject: a probe that is \t never\r\n sent  \r\n"
                     "Date: Mon, 23 Nov 2026 10:20:30 +0000\r\n"
                     "Message-ID: <probe@%s>\r\n"
                     "MIME-Version: 1.0\r\n"
                     "Content-Type: text/plain; charset=utf-8\r\n",
                     domain, domain, domain);
}

static const char body[] =
    "This message shows whether  a signature \t verifies. \r\n\r\n \r\nIt is never sent.\r\n\r\n\r\n";

static int give_fields(struct signer *s, struct bytes header) {
  int rc = OK;
  for (size_t at = 0, end; rc == OK && at < header.len; at = end) {
    end = at;
    do end = bytes_find(header, '\n', end) + 1;
    while (end < header.len && (header.at[end] == ' ' || header.at[end] == '\t'));
    rc = signer_header(s, (struct bytes){header.at + at, end - at});
  }
  return rc;
}

static int sign(const struct signer_identity *id, struct bytes header, struct buffer *out, struct reason *why) {
  struct signer_lib *lib = NULL;
  struct signer *s = NULL;
  int rc = signer_lib_new(&lib, why);
  if (rc == OK) rc = signer_begin(lib, id, 1, &s, why);
  if (rc == OK) rc = give_fields(s, header);
  if (rc == OK) rc = signer_headers_end(s, why);
  if (rc == OK) rc = signer_body(s, BYTES(body));
  if (rc == OK) rc = signer_finish(s, out, why);
  if (s) signer_free(&s);
  if (lib) signer_lib_free(&lib);
  return rc;
}

int probe_key(const char *domain, const char *selector, struct bytes private_pem, const char *key_record,
              struct reason *why) {
  struct buffer header, message;
  struct signer_key *key = NULL;
  buffer_init(&header, SIGNED_MAX);
  buffer_init(&message, SIGNED_MAX);
  int rc = signer_key_load(private_pem, &key, why);
  const struct signer_identity id = {.key = key, .domain = domain, .selector = selector};
  if (rc == OK) rc = write_header(&header, domain);
  if (rc == OK) rc = sign(&id, buffer_bytes(&header), &message, why);
  if (rc == OK) rc = buffer_add_bytes(&message, buffer_bytes(&header));
  if (rc == OK) rc = buffer_addf(&message, "\r\n%s", body);
  if (rc == OK) rc = probe_verify(buffer_bytes(&message), bytes_of(key_record), why);
  if (key) signer_key_release(&key);
  buffer_free(&message);
  buffer_free(&header);
  return rc;
}
