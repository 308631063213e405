/* SHA-256 of what passes by. One thread. */
#ifndef SENDOFF_CLI_BACKUP_DIGEST_H
#define SENDOFF_CLI_BACKUP_DIGEST_H

#include "base/bytes.h"

#include <stdbool.h>

#define DIGEST_TEXT 65 /* in lower case hexadecimal, and its NUL */

struct digest;
struct digest *digest_new(void); /* NULL without memory */
void digest_add(struct digest *d, struct bytes data);
void digest_end(struct digest **d, char out[DIGEST_TEXT]); /* frees; nothing is written for NULL */

#endif
