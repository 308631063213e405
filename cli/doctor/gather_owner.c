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

/* The octets of an address, 4 or 16. */
static const void *octets_of(const struct sockaddr *at, size_t *len) {
  bool four = at->sa_family == AF_INET;
  *len = four ? sizeof(struct in_addr) : sizeof(struct in6_addr);
  return four ? (const void *)&((const struct sockaddr_in *)at)->sin_addr
              : (const void *)&((const struct sockaddr_in6 *)at)->sin6_addr;
}

static bool is_wildcard(const void *octets, size_t len) {
  static const uint8_t zero[sizeof(struct in6_addr)];
  return memcmp(octets, zero, len) == 0;
}

/* Whether a socket at `hex` (each word of 32 bits as this machine has it in memory) takes the address from us: it has
 * the same, or one of both has all addresses. */
static bool takes(const char *hex, const struct sockaddr *at) {
  uint32_t words[4] = {0};
  size_t len, theirs = strlen(hex) / 2;
  const void *ours = octets_of(at, &len);
  for (size_t i = 0; i < 4 && 8 * i < strlen(hex); i++) sscanf(hex + 8 * i, "%8" SCNx32, &words[i]);
  if (is_wildcard(words, sizeof words) || is_wildcard(ours, len)) return true;
  return theirs == len && memcmp(words, ours, len) == 0;
}

/* The inode of the socket that listens there; 0: none, or not known. */
static uint64_t find_socket(const char *table, const struct sockaddr *at) {
  char line[512], hex[33];
  uint64_t found = 0, inode;
  unsigned port, state;
  FILE *f = fopen(table, "re");
  if (!f) return 0;
  while (!found && fgets(line, sizeof line, f))
    if (sscanf(line, " %*d: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*d %*d %" SCNu64, hex, &port, &state,
               &inode) == 4 &&
        state == STATE_LISTEN && port == ip_port(at) && takes(hex, at))
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
  uint64_t inode = find_socket("/proc/net/tcp", at);
  if (!inode) inode = find_socket("/proc/net/tcp6", at);
  DIR *processes = inode ? opendir("/proc") : NULL;
  if (!processes) return;
  snprintf(wanted, sizeof wanted, "socket:[%" PRIu64 "]", inode);
  for (struct dirent *e; !*l->owner && (e = readdir(processes));)
    if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && has_socket(e->d_name, wanted)) read_name(e->d_name, l->owner);
  closedir(processes);
}
