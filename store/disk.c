#include "store/disk.h"

#include "base/clock.h"
#include "base/log.h"
#include "base/text/quantity.h"
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define BALLAST_FILE "ballast"

/* --- looking --- */

uint64_t disk_reserve_of(uint64_t wanted, uint64_t size) {
  if (wanted != STORE_RESERVE_DEFAULT) return wanted;
  return size / 20 < DISK_RESERVE_MOST ? size / 20 : DISK_RESERVE_MOST;
}

/* So that it does not begin and end with each message. */
static uint64_t margin(uint64_t reserve) {
  return reserve / 16;
}

static void tell(uint64_t available, uint64_t reserve, bool low) {
  char has[40], wants[40];
  size_format(available, has, sizeof has);
  size_format(reserve, wants, sizeof wants);
  if (low)
    log_event(LOG_WARN_, NULL, "the disk is almost full", "free", has, "reserve", wants, "next",
              "no new mail is accepted until there is room", NULL);
  else
    log_event(LOG_INFO_, NULL, "the disk has room again", "free", has, "reserve", wants, NULL);
}

static uint64_t available(const struct disk *d) {
  return atomic_load(&d->free) + (atomic_load(&d->has_ballast) ? d->ballast : 0);
}

static void decide(struct disk *d) {
  uint64_t has = available(d), reserve = atomic_load(&d->reserve);
  bool was = atomic_load(&d->low);
  bool low = reserve && (has < reserve || (was && has < reserve + margin(reserve)));
  if (low != was && atomic_compare_exchange_strong(&d->low, &was, low)) tell(has, reserve, low);
}

/* A disk that does not say is taken to be as it was. */
static void look(struct disk *d) {
  struct statvfs v;
  if (statvfs(d->folder, &v) != 0) return;
  uint64_t unit = v.f_frsize ? v.f_frsize : v.f_bsize;
  atomic_store(&d->free, (uint64_t)v.f_bavail * unit);
  atomic_store(&d->reserve, disk_reserve_of(d->wanted, (uint64_t)v.f_blocks * unit));
  decide(d);
}

/* One thread looks for all. */
static void look_again(struct disk *d) {
  uint64_t now = clock_monotonic_ms(), last = atomic_load(&d->looked_ms);
  if (now - last >= DISK_LOOK_MS && atomic_compare_exchange_strong(&d->looked_ms, &last, now)) look(d);
}

uint64_t disk_room(struct disk *d) {
  look_again(d);
  uint64_t has = available(d), reserve = atomic_load(&d->reserve);
  if (!reserve) return UINT64_MAX;
  if (atomic_load(&d->low) || disk_wants_ballast(d)) return 0;
  return has > reserve ? has - reserve : 0;
}

void disk_read(struct disk *d, uint64_t *free, uint64_t *reserve) {
  look_again(d);
  *free = atomic_load(&d->free);
  *reserve = atomic_load(&d->reserve);
}

/* --- the ballast --- */

bool disk_wants_ballast(const struct disk *d) {
  return d->ballast && !atomic_load(&d->has_ballast);
}

/* One of an earlier run, whole. */
static bool is_there(const struct disk *d) {
  struct stat st;
  return stat(d->ballast_path, &st) == 0 && S_ISREG(st.st_mode) && (uint64_t)st.st_size == d->ballast &&
         (uint64_t)st.st_blocks * 512 >= d->ballast;
}

uint64_t disk_ballast_of(const char *data_dir) {
  char path[544];
  struct stat st;
  snprintf(path, sizeof path, "%s/" BALLAST_FILE, data_dir);
  return stat(path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static bool make_file(const struct disk *d) {
  int fd = open(d->ballast_path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return false;
  bool made = ftruncate(fd, 0) == 0 && posix_fallocate(fd, 0, (off_t)d->ballast) == 0;
  close(fd);
  if (!made) unlink(d->ballast_path);
  return made;
}

void disk_make_ballast(struct disk *d) {
  look(d);
  if (!disk_wants_ballast(d) || atomic_load(&d->free) < atomic_load(&d->reserve) || !make_file(d)) return;
  atomic_store(&d->has_ballast, true);
  look(d);
}

bool disk_give_up_ballast(struct disk *d) {
  if (!d->ballast || !atomic_load(&d->has_ballast)) return false;
  if (unlink(d->ballast_path) != 0 && errno != ENOENT) return false;
  atomic_store(&d->has_ballast, false);
  log_event(LOG_WARN_, NULL, "the disk is full", "next",
            "the ballast was given up, so that outcomes can be recorded; no new mail is accepted", NULL);
  look(d);
  return true;
}

int disk_init(struct disk *d, const char *data_dir, uint64_t reserve, struct reason *why) {
  memset(d, 0, sizeof *d);
  int n = snprintf(d->folder, sizeof d->folder, "%s", data_dir);
  if (n < 0 || (size_t)n >= sizeof d->folder) return fail(why, E_TOO_BIG, "the path of the data is too long");
  snprintf(d->ballast_path, sizeof d->ballast_path, "%s/" BALLAST_FILE, data_dir);
  d->wanted = reserve;
  look(d);
  uint64_t quarter = atomic_load(&d->reserve) / 4;
  d->ballast = quarter < DISK_BALLAST_MOST ? quarter : DISK_BALLAST_MOST;
  d->ballast -= d->ballast % 4096;
  atomic_store(&d->has_ballast, d->ballast && is_there(d));
  if (!d->ballast) unlink(d->ballast_path);
  if (disk_wants_ballast(d)) disk_make_ballast(d);
  look(d);
  return OK;
}
