#include "relay/daemon/service_manager.h"

#include "base/bytes.h"
#include "base/clock.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#define KEPT "listen-" /* the names of what we have had kept begin with it; no unit's name does */
#define NAME_ROOM (sizeof KEPT + IP_TEXT + 8)

/* --- state --- */

/* An assignment is a line: no other may follow from what `status` quotes. */
static void notify_with(const char *state, const char *status) {
  char line[512];
  size_t n = 0;
  for (; status[n] && n < sizeof line - 1; n++) line[n] = (unsigned char)status[n] < ' ' ? ' ' : status[n];
  line[n] = '\0';
  sd_notifyf(0, "%sSTATUS=%s", state, line);
}

void service_ready(const char *status) {
  notify_with("READY=1\n", status);
}

void service_status(const char *status) {
  notify_with("", status);
}

void service_reloading(void) {
  sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRIu64, clock_monotonic_ms() * 1000);
}

void service_stopping(void) {
  notify_with("STOPPING=1\n", "sessions and deliveries end");
}

uint64_t service_watchdog_ms(void) {
  uint64_t us;
  return sd_watchdog_enabled(0, &us) > 0 ? us / 1000 : 0;
}

void service_alive(void) {
  sd_notify(0, "WATCHDOG=1");
}

/* --- listening sockets --- */

static bool take_one(int fd, const char *name, struct service_socket *out) {
  socklen_t len = sizeof out->address;
  memset(out, 0, sizeof *out);
  if (sd_is_socket(fd, AF_UNSPEC, SOCK_STREAM, 1) <= 0) return false;
  if (getsockname(fd, (struct sockaddr *)&out->address, &len) != 0) return false;
  sa_family_t family = out->address.ss_family;
  if (family != AF_INET && family != AF_INET6 && family != AF_UNIX) return false;
  out->fd = fd;
  out->name = strdup(name);
  out->kept = strncmp(name, KEPT, strlen(KEPT)) == 0;
  return out->name != NULL;
}

/* What dns_hook starts must not take them for its own, so the environment is cleared. */
size_t service_sockets_take(struct service_socket **out) {
  char **names = NULL;
  int n = sd_listen_fds_with_names(1, &names);
  size_t count = 0;
  *out = n > 0 ? calloc((size_t)n, sizeof **out) : NULL;
  for (int i = 0; i < n; i++) {
    int fd = SD_LISTEN_FDS_START + i;
    if (*out && take_one(fd, names[i], &(*out)[count]))
      count++;
    else
      close(fd);
    free(names[i]);
  }
  free(names);
  if (count) return count;
  free(*out);
  *out = NULL;
  return 0;
}

void service_sockets_free(struct service_socket **at, size_t count) {
  struct service_socket *sockets = *at;
  *at = NULL;
  for (size_t i = 0; i < count; i++) {
    if (sockets[i].kept && !sockets[i].wanted) sd_notifyf(0, "FDSTOREREMOVE=1\nFDNAME=%s", sockets[i].name);
    close(sockets[i].fd);
    free(sockets[i].name);
  }
  free(sockets);
}

/* No colon may be in it (sd_notify(3)), and IPv6 addresses have some. */
static void name_of(const struct sockaddr *address, char out[NAME_ROOM]) {
  char text[IP_TEXT];
  ip_format(address, text);
  snprintf(out, NAME_ROOM, KEPT "%s@%u", text, ip_port(address));
  for (char *colon = out; (colon = strchr(colon, ':'));) *colon = '_';
}

bool service_keep_socket(int fd, const struct sockaddr *address) {
  char name[NAME_ROOM], text[NAME_ROOM + 32];
  name_of(address, name);
  snprintf(text, sizeof text, "FDSTORE=1\nFDNAME=%s", name);
  return sd_pid_notify_with_fds(0, 0, text, &fd, 1) > 0;
}
