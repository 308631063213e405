/* Passwords: what is kept of them, and whether one is right. Any thread; password_matches takes milliseconds, so
 * libuv's pool. */
#ifndef SENDOFF_RELAY_SUBMISSION_AUTH_PASSWORD_H
#define SENDOFF_RELAY_SUBMISSION_AUTH_PASSWORD_H

#include "base/directory/directory.h"

#define PASSWORD_ITERATIONS_GENERATED 4096 /* RFC 7677 4's least: 128 random bits need no stretching */
#define PASSWORD_ITERATIONS_CHOSEN 65536   /* a person's choice does */

/* A SCRAM-SHA-256 verifier (RFC 5802 3, RFC 7677) with a fresh salt. E_SYNTAX: not UTF-8, or what SASLprep (RFC 4013)
 * forbids. */
int password_verifier(struct bytes password, unsigned iterations, struct scram_verifier *out);
/* The same with a given salt (iterations and salt taken from `out`); for tests against published vectors. */
int password_derive(struct bytes password, struct scram_verifier *out);
/* One for a name that is no account: always the same for a name, it looks like that of an account whose password was
 * generated, and no password is known that it fits (RFC 5802 9: the salt must not tell which names exist). */
void password_of_nobody(const unsigned char secret[32], const char *name, struct scram_verifier *out);
bool password_matches(struct bytes password, const struct scram_verifier *v);

#endif
