#include "relay/oauth2/token.h"

#include <stdio.h>

#define FORM_MAX (64 * 1024)
#define ANSWER_MAX (64 * 1024)

void token_answer_init(struct token_answer *a) {
  buffer_init_secret(&a->access, TOKEN_MAX);
  buffer_init_secret(&a->refresh, TOKEN_MAX);
  a->life_s = 0;
}

void token_answer_clear(struct token_answer *a) {
  buffer_wipe_free(&a->access);
  buffer_wipe_free(&a->refresh);
}

static bool is_unreserved(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

/* RFC 6749 appendix B; "%20" for a space is read by all, "+" by most. */
static int add_field(struct buffer *form, const char *name, struct bytes value) {
  if (!value.len) return OK;
  int rc = buffer_addf(form, "%s%s=", form->len ? "&" : "", name);
  for (size_t i = 0; rc == OK && i < value.len; i++) {
    if (is_unreserved(value.at[i]))
      rc = buffer_add(form, &value.at[i], 1);
    else
      rc = buffer_addf(form, "%%%02X", (unsigned)(unsigned char)value.at[i]);
  }
  return rc;
}

/* The client's name and secret in the form (RFC 6749 2.3.1), as Microsoft's and Google's documents have it. */
static int write_form(const struct token_request *q, struct buffer *form) {
  bool refresh = q->refresh_token.len;
  int rc = add_field(form, "grant_type", refresh ? BYTES("refresh_token") : BYTES("client_credentials"));
  if (rc == OK) rc = add_field(form, "client_id", bytes_of(q->client_id));
  if (rc == OK) rc = add_field(form, "client_secret", q->client_secret);
  if (rc == OK) rc = add_field(form, "refresh_token", q->refresh_token);
  return rc == OK ? add_field(form, "scope", bytes_of(q->scope)) : rc;
}

int token_fetch(const struct https *h, const struct token_request *q, struct token_answer *out, struct reason *why) {
  struct buffer form;
  struct https_answer answer = {.status = 0};
  buffer_init_secret(&form, FORM_MAX);
  buffer_init_secret(&answer.body, ANSWER_MAX);
  int rc = write_form(q, &form);
  if (rc != OK)
    fail(why, rc, "out of memory");
  else
    rc = https_post_form(h, q->endpoint, buffer_bytes(&form), &answer, why);
  if (rc == OK) rc = token_answer_read(answer.status, buffer_bytes(&answer.body), out, why);
  buffer_wipe_free(&form);
  buffer_wipe_free(&answer.body);
  return rc == OK || rc == E_MEMORY || rc == E_DENIED ? rc : E_TEMPORARY;
}
