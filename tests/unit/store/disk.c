/* The disk's reserve and its ballast, on a small file system of the test's own. */
#include "store/disk.h"

#include "tests/unit/store_lab.h"

#include <sched.h>
#include <sys/mount.h>

#define MB (1024 * 1024ull)

struct small {
  char folder[256], filler[300];
  struct disk disk;
};

/* In a namespace of its own, so that nobody else sees the mount and it cannot be left behind. */
static int mount_small(void **state) {
  struct small *s = *state = calloc(1, sizeof *s);
  if (!s) return -1;
  folder_make(s->folder, sizeof s->folder);
  snprintf(s->filler, sizeof s->filler, "%s/filler", s->folder);
  static bool own;
  if (!own && (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)) return -1;
  own = true;
  return mount("tmpfs", s->folder, "tmpfs", 0, "size=64m");
}

static int unmount_small(void **state) {
  struct small *s = *state;
  umount2(s->folder, MNT_DETACH);
  folder_remove(s->folder);
  free(s);
  return 0;
}

static bool fill(struct small *s, uint64_t size) {
  int fd = open(s->filler, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  bool filled = fd >= 0 && ftruncate(fd, 0) == 0 && posix_fallocate(fd, 0, (off_t)size) == 0;
  if (fd >= 0) close(fd);
  return filled;
}

static uint64_t room_soon(struct small *s) {
  usleep((DISK_LOOK_MS + 20) * 1000);
  return disk_room(&s->disk);
}

static void open_disk(struct small *s, uint64_t reserve) {
  struct reason why;
  assert_ok(disk_init(&s->disk, s->folder, reserve, &why), why);
}

static uint64_t ballast_size(const struct small *s) {
  struct stat st;
  return stat(s->disk.ballast_path, &st) == 0 ? (uint64_t)st.st_blocks * 512 : 0;
}

static void the_default_is_a_part_of_the_disk(void **state) {
  struct small *s = *state;
  uint64_t free, reserve;
  open_disk(s, STORE_RESERVE_DEFAULT);
  disk_read(&s->disk, &free, &reserve);
  assert_true(reserve == 64 * MB / 20);
  assert_true(free < 64 * MB && free > 60 * MB);
  assert_true(ballast_size(s) > reserve / 5 && ballast_size(s) <= reserve / 4);
}

static void nothing_is_kept_without_a_reserve(void **state) {
  struct small *s = *state;
  open_disk(s, 16 * MB);
  assert_true(ballast_size(s) == 4 * MB);
  open_disk(s, 0);
  assert_true(ballast_size(s) == 0);
  assert_false(disk_wants_ballast(&s->disk));
  assert_true(disk_room(&s->disk) == UINT64_MAX);
}

/* The ballast is a part of the reserve: making it changes nothing of the room. */
static void mail_gets_what_is_above_the_reserve(void **state) {
  struct small *s = *state;
  open_disk(s, 16 * MB);
  uint64_t room = room_soon(s);
  assert_true(room <= 48 * MB && room > 47 * MB);
  assert_true(fill(s, 47 * MB));
  room = room_soon(s);
  assert_true(room <= MB && room > 0);
  assert_true(fill(s, 49 * MB));
  assert_true(room_soon(s) == 0);
  assert_true(fill(s, 47 * MB + MB / 2)); /* above it, but not by much: it does not begin and end all the time */
  assert_true(room_soon(s) == 0);
  assert_true(fill(s, 40 * MB));
  assert_true(room_soon(s) > 7 * MB);
}

static void the_ballast_is_given_up_and_made_again(void **state) {
  struct small *s = *state;
  open_disk(s, 16 * MB);
  assert_true(fill(s, 59 * MB));
  assert_true(disk_give_up_ballast(&s->disk));
  assert_true(ballast_size(s) == 0);
  assert_false(disk_give_up_ballast(&s->disk));
  assert_true(disk_wants_ballast(&s->disk));
  disk_make_ballast(&s->disk); /* no room beside the reserve yet */
  assert_true(disk_wants_ballast(&s->disk));
  assert_true(fill(s, 20 * MB));
  assert_true(room_soon(s) == 0); /* without it no mail comes in, whatever is free */
  disk_make_ballast(&s->disk);
  assert_false(disk_wants_ballast(&s->disk));
  assert_true(ballast_size(s) == 4 * MB);
  assert_true(room_soon(s) > 20 * MB);
}

static void one_of_an_earlier_run_is_kept(void **state) {
  struct small *s = *state;
  struct stat before, after;
  open_disk(s, 16 * MB);
  assert_int_equal(stat(s->disk.ballast_path, &before), 0);
  assert_true(fill(s, 59 * MB));
  open_disk(s, 16 * MB);
  assert_int_equal(stat(s->disk.ballast_path, &after), 0);
  assert_true(before.st_ino == after.st_ino);
  assert_false(disk_wants_ballast(&s->disk));
  /* One that holds nothing is none. */
  assert_int_equal(truncate(s->disk.ballast_path, 0), 0);
  assert_int_equal(truncate(s->disk.ballast_path, (off_t)(4 * MB)), 0);
  open_disk(s, 16 * MB);
  assert_true(disk_wants_ballast(&s->disk));
}

int main(void) {
  const struct CMUnitTest tests[] = {
      cmocka_unit_test_setup_teardown(the_default_is_a_part_of_the_disk, mount_small, unmount_small),
      cmocka_unit_test_setup_teardown(nothing_is_kept_without_a_reserve, mount_small, unmount_small),
      cmocka_unit_test_setup_teardown(mail_gets_what_is_above_the_reserve, mount_small, unmount_small),
      cmocka_unit_test_setup_teardown(the_ballast_is_given_up_and_made_again, mount_small, unmount_small),
      cmocka_unit_test_setup_teardown(one_of_an_earlier_run_is_kept, mount_small, unmount_small),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
