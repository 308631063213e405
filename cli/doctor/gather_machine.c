#include "base/clock.h"
#include "base/id.h"
#include "cli/doctor/gather.h"
#include "cli/machine/machine.h"
#include "relay/daemon/control_client.h"
#include "store/disk.h"
#include "store/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

#define STATUS_MAX (1024 * 1024)

/* --- the running gateway --- */

static void read_process(struct doctor_facts *d) {
  char path[64], line[256];
  long long pid = json_integer_value(json_object_get(d->status, "pid"));
  snprintf(path, sizeof path, "/proc/%lld/limits", pid);
  FILE *limits = fopen(path, "re");
  if (!limits) return;
  while (fgets(line, sizeof line, limits))
    if (sscanf(line, "Max open files %" SCNu64, &d->machine.open_files) == 1) d->machine.process_known = true;
  fclose(limits);
  snprintf(path, sizeof path, "/proc/%lld/status", pid);
  FILE *status = fopen(path, "re");
  while (status && fgets(line, sizeof line, status))
    if (sscanf(line, "VmLck: %" SCNu64, &d->machine.locked_memory) == 1) d->machine.locked_memory *= 1024;
  if (status)
    fclose(status);
  else
    d->machine.process_known = false;
}

void gather_gateway(struct gathering *g) {
  struct doctor_facts *d = g->facts;
  struct buffer answer;
  if (!d->config) return;
  buffer_init(&answer, STATUS_MAX);
  int rc = control_ask(d->config->data_dir, "status", &answer);
  if (rc == OK) d->status = json_loadb(answer.at, answer.len, 0, NULL);
  buffer_free(&answer);
  d->gateway = d->status                    ? GATEWAY_RUNS
               : rc == E_NOT_FOUND          ? GATEWAY_DOWN
               : machine_may_ask(d->config) ? GATEWAY_SILENT
                                            : GATEWAY_CLOSED;
  if (d->status) read_process(d);
}

/* --- clock and disk --- */

static void read_clock(struct machine_facts *m) {
  struct timex t = {.modes = 0};
  int state = adjtimex(&t);
  m->clock_known = state >= 0;
  m->clock_synchronised = state >= 0 && state != TIME_ERROR && !(t.status & STA_UNSYNC);
}

/* The ballast counts as free, as for the gateway (store/disk.h). */
static void read_disk(const struct config *c, struct machine_facts *m) {
  struct statvfs v;
  if (statvfs(c->data_dir, &v) != 0) return;
  uint64_t unit = v.f_frsize ? v.f_frsize : v.f_bsize;
  m->disk_known = true;
  m->disk_free = (uint64_t)v.f_bavail * unit + disk_ballast_of(c->data_dir);
  m->disk_size = (uint64_t)v.f_blocks * unit;
  m->disk_reserve = disk_reserve_of(c->disk_reserve, m->disk_size);
  m->inodes = v.f_files;
  m->inodes_free = v.f_favail;
}

void gather_machine(struct gathering *g) {
  struct doctor_facts *d = g->facts;
  read_clock(&d->machine);
  if (d->config) read_disk(d->config, &d->machine);
}
