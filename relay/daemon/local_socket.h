/* A local socket (AF_UNIX) to listen on: made where nothing but a stale one is in the way, open to every user, and
 * removed only while it is still this one. Main thread. */
#ifndef SENDOFF_RELAY_DAEMON_LOCAL_SOCKET_H
#define SENDOFF_RELAY_DAEMON_LOCAL_SOCKET_H

#include "base/directory/config.h"
#include "base/result.h"

struct local_socket;
/* Binds `c`'s path, mode 0666, in a folder that is made if it is not there: mode 0755, `user`'s (NULL: whoever runs
 * this). *fd, non-blocking, is the caller's; so is *out, for local_socket_remove. E_IO with what to do; E_MEMORY. */
int local_socket_make(const struct listen_config *c, const char *user, int *fd, struct local_socket **out,
                      struct reason *why);
/* Removes it from the file system, unless another one has its path by now, and frees it. NULL is allowed. */
void local_socket_remove(struct local_socket **socket);
/* "unix:none": the configuration wants none. */
bool local_socket_is_none(const struct listen_config *c);
#define LOCAL_SOCKET_TEXT 128
/* "unix:/PATH"; false: it is no local socket's, and `out` stays as it is. */
bool local_socket_format(const struct sockaddr_storage *a, char out[LOCAL_SOCKET_TEXT]);
/* Both are local, and have the same path. */
bool local_socket_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b);

#endif
