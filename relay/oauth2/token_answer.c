/* What a token endpoint answers (RFC 6749 5.1, 5.2). */
#include "relay/oauth2/token.h"

#include <jansson.h>
#include <string.h>

/* Shown in logs: printable, and not endless. */
static void clean(const char *text, char out[300]) {
  size_t n = 0;
  for (; *text && n < 299; text++) out[n++] = (unsigned char)*text < 0x20 || *text == 0x7f ? ' ' : *text;
  out[n] = '\0';
}

static const char *text_of(const json_t *object, const char *name) {
  const char *text = json_string_value(json_object_get(object, name));
  return text ? text : "";
}

static int refused(long status, const json_t *object, struct reason *why) {
  char error[300], description[300];
  clean(text_of(object, "error"), error);
  clean(text_of(object, "error_description"), description);
  if (!*error) return fail(why, E_TEMPORARY, "the token endpoint answers %ld, and says no reason", status);
  return fail(why, E_DENIED, "the token endpoint answers %ld %.60s%s%s", status, error, *description ? ": " : "",
              description);
}

/* A token goes into a line of SMTP (RFC 6750 2.1 has its characters). */
static bool is_token(const char *text) {
  for (const char *at = text; *at; at++)
    if (*at <= 0x20 || *at >= 0x7f) return false;
  return *text;
}

static int64_t life_of(const json_t *object) {
  const json_t *value = json_object_get(object, "expires_in");
  uint64_t typed = 0;
  json_int_t life = json_integer_value(value);
  if (json_is_string(value) && bytes_to_u64(bytes_of(json_string_value(value)), &typed) && typed < TOKEN_LIFE_MOST_S)
    life = (json_int_t)typed; /* which some endpoints write */
  if (life <= 0) return TOKEN_LIFE_S;
  return life > TOKEN_LIFE_MOST_S ? TOKEN_LIFE_MOST_S : (int64_t)life;
}

static int granted(const json_t *object, struct token_answer *out, struct reason *why) {
  const char *access = text_of(object, "access_token"), *refresh = text_of(object, "refresh_token"),
             *type = text_of(object, "token_type");
  if (!is_token(access) || (*refresh && !is_token(refresh)))
    return fail(why, E_TEMPORARY, "the token endpoint answers without a token");
  if (*type && strcasecmp(type, "bearer") != 0)
    return fail(why, E_TEMPORARY, "the token endpoint answers with a token of the type %.40s", type);
  out->life_s = life_of(object);
  if (buffer_add_bytes(&out->access, bytes_of(access)) != OK ||
      buffer_add_bytes(&out->refresh, bytes_of(refresh)) != OK)
    return fail(why, E_TEMPORARY, "the token endpoint's token is too long");
  return OK;
}

/* jansson frees its copies as they are. */
static void wipe_text(const json_t *object, const char *name) {
  const json_t *text = json_object_get(object, name);
  if (json_is_string(text)) wipe((char *)(uintptr_t)json_string_value(text), json_string_length(text));
}

int token_answer_read(long status, struct bytes body, struct token_answer *out, struct reason *why) {
  json_t *object = json_loadb(body.at ? body.at : "", body.len, JSON_REJECT_DUPLICATES, NULL);
  int rc;
  if (status == 200 && json_is_object(object))
    rc = granted(object, out, why);
  else if (json_is_object(object))
    rc = refused(status, object, why);
  else
    rc = fail(why, E_TEMPORARY, "the token endpoint answers %ld, and what is no JSON object", status);
  wipe_text(object, "access_token");
  wipe_text(object, "refresh_token");
  json_decref(object);
  return rc;
}
