/* Clock, disk, the limits of the process, and the files of the store. */
#include "base/clock.h"
#include "base/id.h"
#include "base/text/quantity.h"
#include "cli/doctor/checks.h"
#include "store/store.h"

#include <string.h>

#define AHEAD_US (60 * SECOND_US) /* events of the future: the clock was set back */
#define INODES_LEAST 1000
#define OTHER_FILES 512                 /* as relay/daemon/process.c counts them */
#define WAL_MOST (512ull * 1024 * 1024) /* a commit moves it into the database from 32 MB on */
#define RESTORE "systemctl stop sendoff\nsendoff restore FILE    (the last backup)"
#define BACKUP_OLD_US (INT64_C(8) * 86400 * SECOND_US)

/* No time server is asked: the kernel knows whether one is followed, and the log what the time has been. */
void judge_clock(const struct doctor_facts *d, struct findings *f) {
  const struct machine_facts *m = &d->machine;
  size_t before = f->count;
  char span[40];
  if (m->newest_us > d->now_us + AHEAD_US) {
    clock_format_span(m->newest_us - d->now_us, span, sizeof span);
    findings_add(f, SEVERITY_ERROR, "",
                 "the clock is behind the delivery log by %s: it was set back, or is wrong now; retries, limits and "
                 "signatures go by it",
                 span);
    findings_fix(f, "timedatectl set-ntp true\ntimedatectl");
  }
  if (m->clock_known && !m->clock_synchronised) {
    findings_add(f, SEVERITY_WARNING, "", "the kernel says that nothing keeps the clock in step");
    findings_fix(f, "apt-get install systemd-timesyncd && timedatectl set-ntp true");
  }
  if (before == f->count && m->clock_known) findings_add(f, SEVERITY_OK, "", "in step with a time server");
}

/* --- disk --- */

static void check_room(const struct doctor_facts *d, struct findings *f) {
  const struct machine_facts *m = &d->machine;
  char has[40], wants[40];
  size_format(m->disk_free, has, sizeof has);
  size_format(m->disk_reserve, wants, sizeof wants);
  if (m->disk_reserve && m->disk_free < m->disk_reserve)
    findings_add(f, SEVERITY_ERROR, d->config->data_dir,
                 "%s are free, and %s are kept free for outcomes: mail is refused with 452", has, wants);
  else if (m->disk_free < 2 * m->disk_reserve)
    findings_add(f, SEVERITY_WARNING, d->config->data_dir, "%s are free; below %s mail is refused with 452", has,
                 wants);
  else
    return;
  findings_fix(f, "df -h %s    (then make room, or let the disk grow)", d->config->data_dir);
  findings_see(f, "docs/storage.md");
}

static void check_inodes(const struct doctor_facts *d, struct findings *f) {
  const struct machine_facts *m = &d->machine;
  if (!m->inodes || m->inodes_free >= INODES_LEAST) return;
  findings_add(f, m->inodes_free ? SEVERITY_WARNING : SEVERITY_ERROR, d->config->data_dir,
               "%llu inodes are free: large messages need a file each", (unsigned long long)m->inodes_free);
  findings_fix(f, "df -i %s    (then remove files that are not needed)", d->config->data_dir);
}

void judge_disk(const struct doctor_facts *d, struct findings *f) {
  size_t before = f->count;
  char has[40];
  if (!d->machine.disk_known) return;
  check_room(d, f);
  check_inodes(d, f);
  size_format(d->machine.disk_free, has, sizeof has);
  if (before == f->count) findings_add(f, SEVERITY_OK, d->config->data_dir, "%s are free", has);
}

/* --- the process --- */

void judge_process(const struct doctor_facts *d, struct findings *f) {
  const struct machine_facts *m = &d->machine;
  size_t before = f->count;
  uint64_t needed = (uint64_t)d->config->max_sessions + OTHER_FILES;
  if (!m->process_known) return;
  if (m->open_files < needed) {
    findings_add(f, SEVERITY_WARNING, "", "the gateway may open %llu files, and max_sessions = %u needs %llu",
                 (unsigned long long)m->open_files, d->config->max_sessions, (unsigned long long)needed);
    findings_fix(f, "systemctl edit sendoff    ([Service] LimitNOFILE=%llu; or a lower max_sessions)",
                 (unsigned long long)needed * 2);
  }
  if (!m->locked_memory && d->directory && directory_count_keys(d->directory, KEY_ACTIVE)) {
    findings_add(f, SEVERITY_WARNING, "", "memory cannot be locked: private keys may be written to swap");
    findings_fix(f, "systemctl edit sendoff    ([Service] LimitMEMLOCK=64M; or start it as root, with user = in %s)",
                 d->config->path);
    findings_see(f, "docs/domains.md");
  }
  if (before == f->count) findings_add(f, SEVERITY_OK, "", "files and locked memory suffice");
}

/* --- the store --- */

static void check_files(const struct doctor_facts *d, struct findings *f) {
  const struct store_facts *s = &d->store;
  char size[40];
  if (*s->foreign) {
    findings_add(f, SEVERITY_ERROR, s->foreign, "is not %s's, who serves: the gateway cannot write there", s->owner);
    findings_fix(f, "chown -R %s %s", s->owner, d->config->data_dir);
  }
  if (*s->exposed) {
    findings_add(f, SEVERITY_WARNING, s->exposed, "may be read by others: private keys and mail are in it");
    findings_fix(f, "chmod 600 %s", s->exposed);
  }
  size_format(s->wal, size, sizeof size);
  if (s->wal < WAL_MOST) return;
  findings_add(f, SEVERITY_WARNING, "",
               "the write-ahead log has grown to %s: something keeps the database open for "
               "reading, or the disk is too slow",
               size);
  findings_fix(f, "fuser -v %s/" STORE_FILE, d->config->data_dir);
}

void judge_store(const struct doctor_facts *d, struct findings *f) {
  const struct store_facts *s = &d->store;
  size_t before = f->count;
  check_files(d, f);
  if (s->rc != OK) {
    findings_add(f, SEVERITY_ERROR, d->config->data_dir, "the store cannot be read: %s",
                 *s->why.text ? s->why.text : result_text(s->rc));
    if (s->rc == E_NOT_FOUND) findings_fix(f, "sendoff init --hostname %s", d->config->hostname);
    if (strstr(s->why.text, "malformed")) findings_fix(f, RESTORE); /* SQLite's word */
    findings_see(f, "docs/storage.md");
  }
  if (*s->damage) {
    findings_add(f, SEVERITY_ERROR, d->config->data_dir, "the database is damaged: %s", s->damage);
    findings_fix(f, RESTORE);
    findings_see(f, "docs/storage.md");
  }
  if (before != f->count) return;
  findings_add(f, SEVERITY_OK, "", s->checked ? "whole" : "open; too large to be checked to the end here");
}

void judge_backup(const struct doctor_facts *d, struct findings *f) {
  int64_t last = d->store.backup_us;
  char span[40];
  if (last < 0) return;
  clock_format_span(d->now_us - last, span, sizeof span);
  if (!last)
    findings_add(f, SEVERITY_NOTE, "", "no backup is known: keys, accounts and queued mail are only here");
  else if (d->now_us - last > BACKUP_OLD_US)
    findings_add(f, SEVERITY_NOTE, "", "the last backup was made %s ago", span);
  else {
    findings_add(f, SEVERITY_OK, "", "the last one was made %s ago", span);
    return;
  }
  findings_fix(f, "sendoff backup FILE");
}
