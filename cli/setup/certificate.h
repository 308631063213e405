/* The self-signed certificate that `sendoff init` starts with. Any thread. */
#ifndef SENDOFF_CLI_SETUP_CERTIFICATE_H
#define SENDOFF_CLI_SETUP_CERTIFICATE_H

#include "base/result.h"

/* ECDSA P-256, ten years, for this host name. The key's file is made with mode 0600.
 * E_IO also when one of the files is there already. */
int certificate_self_signed(const char *hostname, const char *certificate_path, const char *key_path,
                            struct reason *why);

#endif
