/* Which process listens at an address, as /proc says: proc(5), /proc/net/tcp. Of others' processes only root is told.
 */
#include "cli/doctor/gather.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_LISTEN 0x0A

/* The inode of the socket that listens at that port; 0: none, or not known. The address is not compared: one that takes
 * the port of all addresses takes it from us, too. */
static uint64_t find_socket(const char *table, unsigned wanted_port) {
  char line[512];
  uint64_t found = 0, inode;
  unsigned port, state;
  FILE *f = fopen(table, "re");
  if (!f) return 0;
  while (!found && fgets(line, sizeof line, f))
    if (sscanf(line, " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*d %*d %" SCNu64, &port, &state,
               &inode) == 3 &&
        state == STATE_LISTEN && port == wanted_port)
      found = inode;
  fclose(f);
  return found;
}

static bool has_socket(const char *pid, const char *wanted) {
  char path[300], target[64];
  bool found = false;
  snprintf(path, sizeof path, "/proc/%.20s/fd", pid);
  DIR *fds = opendir(path);
  if (!fds) return false;
  for (struct dirent *e; !found && (e = readdir(fds));) {
    ssize_t n = readlinkat(dirfd(fds), e->d_name, target, sizeof target - 1);
    if (n < 0) continue;
    target[n] = '\0';
    found = strcmp(target, wanted) == 0;
  }
  closedir(fds);
  return found;
}

static void read_name(const char *pid, char out[64]) {
  char path[64], name[32] = "";
  snprintf(path, sizeof path, "/proc/%.20s/comm", pid);
  FILE *f = fopen(path, "re");
  if (f && fgets(name, sizeof name, f)) name[strcspn(name, "\n")] = '\0';
  if (f) fclose(f);
  snprintf(out, 64, "%s (process %.20s)", *name ? name : "?", pid);
}

void gather_listener_owner(struct listener_facts *l) {
  const struct sockaddr *at = (const struct sockaddr *)&l->listen->address;
  char wanted[64];
  uint64_t inode = find_socket("/proc/net/tcp", ip_port(at));
  if (!inode) inode = find_socket("/proc/net/tcp6", ip_port(at));
  DIR *processes = inode ? opendir("/proc") : NULL;
  if (!processes) return;
  snprintf(wanted, sizeof wanted, "socket:[%" PRIu64 "]", inode);
  for (struct dirent *e; !*l->owner && (e = readdir(processes));)
    if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && has_socket(e->d_name, wanted)) read_name(e->d_name, l->owner);
  closedir(processes);
}
