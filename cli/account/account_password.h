/* Passwords that are made here, and what is kept of those that others have made: what a file says of a password, as it
 * stands in a passwd file of Dovecot's or in a list. One thread. */
#ifndef SENDOFF_CLI_ACCOUNT_ACCOUNT_PASSWORD_H
#define SENDOFF_CLI_ACCOUNT_ACCOUNT_PASSWORD_H

#include "base/bytes.h"
#include "base/directory/directory.h"
#include "base/result.h"

#define PASSWORD_LEAST 12 /* characters */
#define PASSWORD_MADE 26  /* of 32 characters each: 130 bits */

void account_password_make(char out[PASSWORD_MADE + 1]);
bool account_password_is_long(const char *text); /* PASSWORD_LEAST characters of UTF-8 at least */

enum password_form { PASSWORD_NONE, PASSWORD_PLAIN, PASSWORD_SCRAM };
/* PASSWORD_PLAIN: `plain` is it, a view. PASSWORD_SCRAM: `verifier`. E_SYNTAX, with `why`: it is a hash that no
 * verifier can be made of, is too short, or cannot be read.
 *
 *   {PLAIN}text, {CLEAR}text, {CLEARTEXT}text, or text           the password
 *   {SCRAM-SHA-256}4096,SALT,STOREDKEY,SERVERKEY                 Dovecot's
 *   SCRAM-SHA-256$4096:SALT$STOREDKEY:SERVERKEY                  RFC 5803 3, PostgreSQL's */
int account_password_read(const char *text, enum password_form *form, const char **plain,
                          struct scram_verifier *verifier, struct reason *why);

#endif
