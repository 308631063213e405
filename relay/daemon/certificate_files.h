/* The files of the gateway's certificates and keys, and whether they have changed since they were loaded. One thread.
 */
#ifndef SENDOFF_RELAY_DAEMON_CERTIFICATE_FILES_H
#define SENDOFF_RELAY_DAEMON_CERTIFICATE_FILES_H

#include "relay/net/tls.h"

struct certificate_files;
/* Copies the paths. NULL without memory. */
struct certificate_files *certificate_files_new(const struct tls_files *files, size_t count);
void certificate_files_free(struct certificate_files **f);
bool certificate_files_any(const struct certificate_files *f); /* there is one */
/* These are the paths that it has, in this order, to be used in the same way. */
bool certificate_files_are(const struct certificate_files *f, const struct tls_files *files, size_t count);

/* `*out` is the caller's reference; NULL when there are no files, and on failure: E_IO or E_MEMORY with the reason. */
int certificate_files_load(struct certificate_files *f, struct tls_server **out, struct reason *why);
/* What was loaded is not in use: they count as changed. */
void certificate_files_distrust(struct certificate_files *f);
/* A poll. True: a file is not as it was when they were loaded, but as it was at the poll before. */
bool certificate_files_changed(struct certificate_files *f);

#endif
