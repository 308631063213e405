#include "base/directory/auth_mechanism.h"

#include "base/result.h"

static const char *const names[AUTH_MECHANISM_COUNT] = {
    [AUTH_PLAIN] = "PLAIN",
    [AUTH_LOGIN] = "LOGIN",
    [AUTH_SCRAM_SHA_256] = "SCRAM-SHA-256",
    [AUTH_SCRAM_SHA_256_PLUS] = "SCRAM-SHA-256-PLUS",
    [AUTH_EXTERNAL] = "EXTERNAL",
};

const char *auth_mechanism_name(enum auth_mechanism m) {
  return names[m];
}

int auth_mechanism_parse(struct bytes name, enum auth_mechanism *out) {
  for (size_t i = 0; i < AUTH_MECHANISM_COUNT; i++) {
    if (!bytes_equal_nocase(name, bytes_of(names[i]))) continue;
    *out = (enum auth_mechanism)i;
    return OK;
  }
  return E_NOT_FOUND;
}
