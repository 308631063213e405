/* The room on the data's file system: what is kept free there, and the ballast, a file that holds a part of it for the
 * outcomes of deliveries, whoever else fills the disk. Private to store/, but for disk_reserve_of()
 * and disk_ballast_of(); store_takes_mail() and store_condition() are the way in.
 *
 * All of it counts as room: what is free, and the ballast while it is there. Below the reserve no mail is taken. */
#ifndef SENDOFF_STORE_DISK_H
#define SENDOFF_STORE_DISK_H

#include "base/result.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define DISK_RESERVE_MOST (512ull * 1024 * 1024) /* of the default: the lesser of this and a twentieth of the disk */
#define DISK_BALLAST_MOST (32ull * 1024 * 1024)  /* the lesser of this and a quarter of the reserve */
#define DISK_LOOK_MS 100                         /* the disk is asked no more often than this */

/* Of a disk of `size` octets. */
uint64_t disk_reserve_of(uint64_t wanted, uint64_t size);

struct disk {
  char folder[512], ballast_path[544];
  uint64_t wanted, ballast; /* octets; `wanted` UINT64_MAX: the default; `ballast` 0: none is kept */
  atomic_uint_least64_t free, reserve, looked_ms;
  atomic_bool low, has_ballast;
};

/* What is kept free of a disk of `size` octets. */
uint64_t disk_reserve_of(uint64_t wanted, uint64_t size);
/* What the ballast in that folder takes; 0: there is none. */
uint64_t disk_ballast_of(const char *data_dir);
/* `reserve`: STORE_RESERVE_DEFAULT, or octets; 0: nothing is kept free. E_TOO_BIG: the path. */
int disk_init(struct disk *d, const char *data_dir, uint64_t reserve, struct reason *why);

/* --- any thread --- */

/* Octets that mail may still take: nothing while the reserve is touched, or while there is no ballast; UINT64_MAX
 * without a reserve. */
uint64_t disk_room(struct disk *d);
void disk_read(struct disk *d, uint64_t *free, uint64_t *reserve);

/* --- the writer thread --- */

/* True while there should be a ballast and is none. */
bool disk_wants_ballast(const struct disk *d);
/* Makes it, once there is room for it beside the reserve. */
void disk_make_ballast(struct disk *d);
/* False: there is none to give up. */
bool disk_give_up_ballast(struct disk *d);

#endif
