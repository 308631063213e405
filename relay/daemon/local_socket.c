#include "relay/daemon/local_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG 1024

struct local_socket {
  struct sockaddr_un address;
  dev_t device;
  ino_t inode;
};

static const struct sockaddr_un *address_of(const struct sockaddr_storage *a) {
  return (const struct sockaddr_un *)a;
}

bool local_socket_is_none(const struct listen_config *c) {
  return c->address.ss_family == AF_UNIX && !*address_of(&c->address)->sun_path;
}

bool local_socket_format(const struct sockaddr_storage *a, char out[LOCAL_SOCKET_TEXT]) {
  if (a->ss_family != AF_UNIX) return false;
  snprintf(out, LOCAL_SOCKET_TEXT, "unix:%.107s", address_of(a)->sun_path);
  return true;
}

bool local_socket_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b) {
  return a->ss_family == AF_UNIX && b->ss_family == AF_UNIX &&
         strcmp(address_of(a)->sun_path, address_of(b)->sun_path) == 0;
}

static int trouble(const char *path, const char *advice, struct reason *why) {
  return fail(why, E_IO, "cannot listen on unix:%s: %s%s", path, strerror(errno), advice);
}

/* By descriptor: where the folder around it is somebody else's, the name could lead to something else by now. */
static bool give_folder(const char *folder, const struct passwd *to) {
  struct stat st;
  int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  bool given = fd >= 0 && fstat(fd, &st) == 0;
  if (given && st.st_uid != geteuid()) {
    errno = EPERM;
    given = false;
  }
  given = given && fchmod(fd, 0755) == 0 && (!to || fchown(fd, to->pw_uid, to->pw_gid) == 0);
  int error = errno;
  if (fd >= 0) close(fd);
  errno = error;
  return given;
}

/* The gateway removes its socket when it is `user` already, and only who owns the folder can do that. */
static int make_folder(const char *path, const char *user, struct reason *why) {
  char copy[sizeof((struct sockaddr_un *)NULL)->sun_path];
  strcpy(copy, path); /* of the same size */
  const char *folder = dirname(copy);
  if (mkdir(folder, 0755) != 0)
    return errno == EEXIST ? OK : trouble(path, "; make its folder, as the gateway's user's", why);
  const struct passwd *p = user && geteuid() == 0 ? getpwnam(user) : NULL; /* whom there is none of is refused later */
  if (give_folder(folder, p)) return OK;
  int rc = trouble(path, " (its folder)", why);
  rmdir(folder);
  return rc;
}

/* Does nobody listen there? */
static bool is_stale(const struct sockaddr_un *a) {
  int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  bool stale = fd >= 0 && connect(fd, (const struct sockaddr *)a, sizeof *a) != 0 && errno == ECONNREFUSED;
  if (fd >= 0) close(fd);
  return stale;
}

/* What a gateway has left behind that was killed. Nothing else is removed, and no link is followed. */
static int clear_path(const struct sockaddr_un *a, struct reason *why) {
  struct stat st;
  const char *path = a->sun_path;
  if (lstat(path, &st) != 0) return errno == ENOENT ? OK : trouble(path, "", why);
  if (!S_ISSOCK(st.st_mode))
    return fail(why, E_IO,
                "cannot listen on unix:%s: something else has this path; remove it, or change the listen line", path);
  if (!is_stale(a))
    return fail(why, E_IO,
                "cannot listen on unix:%s: another program listens there: stop it, or change the listen line", path);
  return unlink(path) == 0 || errno == ENOENT ? OK : trouble(path, "", why);
}

/* Mode 0666 from the beginning: we may be root and the folder the gateway's user's, who could put a link to another
 * file in the socket's place before a chmod of it. The umask is the whole process's, which has one thread yet. */
static int bind_open(int fd, const struct sockaddr_un *a) {
  mode_t before = umask(0111);
  int rc = bind(fd, (const struct sockaddr *)a, sizeof *a);
  int error = errno;
  umask(before);
  errno = error;
  return rc;
}

static int bind_path(struct local_socket *s, int fd, struct reason *why) {
  struct stat st;
  const char *path = s->address.sun_path;
  if (bind_open(fd, &s->address) != 0)
    return trouble(path, errno == EACCES ? "; give its folder to the gateway's user" : "", why);
  /* From here on it is not stale to others. Who connects early waits in the kernel. */
  if (listen(fd, BACKLOG) != 0 || lstat(path, &st) != 0) return trouble(path, "", why);
  s->device = st.st_dev;
  s->inode = st.st_ino;
  return OK;
}

int local_socket_make(const struct listen_config *c, const char *user, int *fd, struct local_socket **out,
                      struct reason *why) {
  struct local_socket *s = *out = calloc(1, sizeof *s);
  *fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  int rc = s ? OK : fail(why, E_MEMORY, "out of memory");
  if (rc == OK) s->address = *address_of(&c->address);
  if (rc == OK && *fd < 0) rc = trouble(s->address.sun_path, "", why);
  if (rc == OK) rc = make_folder(s->address.sun_path, user, why);
  if (rc == OK) rc = clear_path(&s->address, why);
  if (rc == OK) rc = bind_path(s, *fd, why);
  if (rc == OK) return OK;
  if (*fd >= 0) close(*fd);
  free(s);
  *out = NULL;
  return rc;
}

void local_socket_remove(struct local_socket **at) {
  struct local_socket *s = *at;
  struct stat st;
  *at = NULL;
  if (!s) return;
  bool ours = lstat(s->address.sun_path, &st) == 0 && st.st_dev == s->device && st.st_ino == s->inode;
  if (ours) unlink(s->address.sun_path); /* left where the folder is not the user's: the next start clears it away */
  free(s);
}
