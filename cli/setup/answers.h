/* What the answers of `sendoff setup` may be: each an answer_check of ask.h. Pure; any thread. */
#ifndef SENDOFF_CLI_SETUP_ANSWERS_H
#define SENDOFF_CLI_SETUP_ANSWERS_H

#include <stdbool.h>

bool answer_is_none(const char *answer); /* "none", or nothing */

const char *answer_hostname(const char *answer);
const char *answer_source(const char *answer);  /* that mail can leave from, or none */
const char *answer_public(const char *answer);  /* that the world sees, or none */
const char *answer_domain(const char *answer);  /* or none */
const char *answer_account(const char *answer); /* or none */
const char *answer_kind(const char *answer);    /* of preset.h */
const char *answer_sender(const char *answer);
const char *answer_device_sender(const char *answer);
const char *answer_recipient(const char *answer); /* or none */

#endif
