#include "cli/machine/machine.h"

#include "base/address/global_address.h"
#include "relay/net/certificate_facts.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <ifaddrs.h>
#include <limits.h>
#include <net/if.h>
#include <netdb.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define CERTBOT_LIVE "/etc/letsencrypt/live"

/* --- its name --- */

static bool is_full_name(const char *name) {
  return strchr(name, '.') && domain_valid(bytes_of(name)) && strcmp(name, "localhost.localdomain") != 0;
}

void machine_name(char out[DOMAIN_MAX + 1]) {
  char name[HOST_NAME_MAX + 1] = "";
  struct addrinfo hints = {.ai_flags = AI_CANONNAME, .ai_socktype = SOCK_STREAM}, *found = NULL;
  out[0] = '\0';
  gethostname(name, sizeof name - 1);
  const char *full = name;
  if (!is_full_name(name) && getaddrinfo(name, NULL, &hints, &found) == 0 && found && found->ai_canonname)
    full = found->ai_canonname;
  if (is_full_name(full) && domain_normalize(bytes_of(full), out) != OK) out[0] = '\0';
  if (found) freeaddrinfo(found);
}

/* --- its addresses --- */

static bool read_address(const struct ifaddrs *i, struct machine_address *out) {
  if (!i->ifa_addr || !(i->ifa_flags & IFF_UP) || i->ifa_flags & IFF_LOOPBACK) return false;
  int family = i->ifa_addr->sa_family;
  if (family != AF_INET && family != AF_INET6) return false;
  const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)i->ifa_addr;
  if (family == AF_INET6 && IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr)) return false;
  const void *at = family == AF_INET ? (const void *)&((const struct sockaddr_in *)(const void *)i->ifa_addr)->sin_addr
                                     : (const void *)&six->sin6_addr;
  if (!inet_ntop(family, at, out->text, sizeof out->text)) return false;
  out->six = family == AF_INET6;
  out->global = address_is_global(i->ifa_addr);
  return true;
}

/* IPv4 first: IPv6 needs a PTR record before it is of use (docs/sources.md). */
static int by_use(const void *a, const void *b) {
  const struct machine_address *one = a, *other = b;
  if (one->six != other->six) return one->six ? 1 : -1;
  if (one->global != other->global) return one->global ? -1 : 1;
  return strcmp(one->text, other->text);
}

size_t machine_addresses(struct machine_address *out, size_t room) {
  struct ifaddrs *all;
  size_t n = 0;
  if (getifaddrs(&all) != 0) return 0;
  for (const struct ifaddrs *i = all; i && n < room; i = i->ifa_next)
    if (read_address(i, &out[n])) n++;
  freeifaddrs(all);
  qsort(out, n, sizeof *out, by_use);
  return n;
}

bool machine_public(const char *hostname, bool six, char out[INET6_ADDRSTRLEN]) {
  struct addrinfo hints = {.ai_family = six ? AF_INET6 : AF_INET, .ai_socktype = SOCK_STREAM}, *found = NULL;
  bool ok = false;
  if (getaddrinfo(hostname, NULL, &hints, &found) != 0) return false;
  for (const struct addrinfo *i = found; i && !ok; i = i->ai_next)
    ok = address_is_global(i->ai_addr) &&
         getnameinfo(i->ai_addr, i->ai_addrlen, out, INET6_ADDRSTRLEN, NULL, 0, NI_NUMERICHOST) == 0;
  freeaddrinfo(found);
  return ok;
}

/* --- what is installed --- */

/* Those of this name: 0 when there is none, or it is not for the host. */
static int64_t lineage_until(const char *name, const char *hostname, char folder[PATH_MAX]) {
  char path[PATH_MAX + 16];
  struct certificate_facts facts;
  bool plain = name[0] != '.' && !strpbrk(name, "'\"\\$");
  if (!plain || snprintf(folder, PATH_MAX, CERTBOT_LIVE "/%s", name) >= PATH_MAX) return 0;
  snprintf(path, sizeof path, "%s/fullchain.pem", folder);
  if (certificate_facts_read(path, &facts, NULL) != OK || !certificate_file_is_for(path, hostname)) return 0;
  return facts.expires_us;
}

static bool search_certbot(const char *hostname, char folder[PATH_MAX]) {
  char one[PATH_MAX];
  struct dirent *entry;
  int64_t longest = 0;
  DIR *live = opendir(CERTBOT_LIVE);
  while (live && (entry = readdir(live))) {
    int64_t until = lineage_until(entry->d_name, hostname, one);
    if (until <= longest) continue;
    longest = until;
    strcpy(folder, one);
  }
  if (live) closedir(live);
  return longest > 0;
}

bool machine_certbot(const char *hostname, char folder[PATH_MAX]) {
  char path[PATH_MAX + 16];
  snprintf(folder, PATH_MAX, CERTBOT_LIVE "/%s", hostname);
  snprintf(path, sizeof path, "%s/fullchain.pem", folder);
  return access(path, R_OK) == 0 || search_certbot(hostname, folder);
}

static bool has_unit_file(void) {
  return access("/lib/systemd/system/sendoff.service", F_OK) == 0 ||
         access("/etc/systemd/system/sendoff.service", F_OK) == 0;
}

bool machine_has_unit(void) {
  return access("/run/systemd/system", F_OK) == 0 && has_unit_file();
}

/* Docker's and Podman's mark of a container: what runs there is its own command, never a unit. */
static bool in_container(void) {
  return access("/.dockerenv", F_OK) == 0 || access("/run/.containerenv", F_OK) == 0;
}

const char *machine_start_command(void) {
  return has_unit_file() && !in_container() ? "systemctl start sendoff" : "sendoff serve";
}

enum exit_status machine_not_running(void) {
  return cli_fail(EXIT_NO, "the gateway is not running; start it with: %s", machine_start_command());
}

bool machine_may_ask(const struct config *config) {
  char path[4096];
  snprintf(path, sizeof path, "%s/control.sock", config->data_dir);
  return access(path, W_OK) == 0 || errno != EACCES;
}

enum exit_status machine_no_answer(const struct config *config) {
  if (machine_may_ask(config)) return cli_fail(EXIT_NO, "the gateway does not answer; see its log");
  return cli_fail(EXIT_NO, "you may not ask the gateway; run this as root or as the user that the gateway runs as");
}

/* --- its programs --- */

/* Without a shell, which would read names and paths as more than that. */
bool machine_run(const char *const *argv) {
  posix_spawn_file_actions_t files;
  pid_t pid;
  int status = 0;
  if (posix_spawn_file_actions_init(&files) != 0) return false;
  bool ran = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO) == 0 &&
             posix_spawnp(&pid, argv[0], &files, NULL, (char *const *)(uintptr_t)argv, environ) == 0;
  posix_spawn_file_actions_destroy(&files);
  if (!ran) return false;
  while (waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return false;
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
