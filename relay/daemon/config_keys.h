/* The keys of the configuration file, one row each: libconfuse's options, the checks, the copy into struct config and
 * its release are all made from these rows. A new key is a field in base/directory/config.h and one row. Any thread. */
#ifndef SENDOFF_RELAY_DAEMON_CONFIG_KEYS_H
#define SENDOFF_RELAY_DAEMON_CONFIG_KEYS_H

#include "base/directory/config.h"
#include "relay/daemon/config_values.h"

#define CONFIG_TOP "root" /* the block of keys outside every block; libconfuse's name for it */
#define CONFIG_TITLE ""   /* the key of a value made from the block's title */

/* A block fills the struct config itself or, when it is repeated, one element of an array. */
struct config_block {
  const char *name;
  bool repeated, titled;
  size_t array, count, element_size; /* of a repeated block: offsets in struct config */
  size_t most;                       /* of a repeated block; 0: any number */
  const char *refusal;               /* why the block is refused; NULL: it is not */
};

/* A key that takes a list. The values are in the struct itself, or in an array that is allocated. */
struct config_list {
  size_t count; /* offset of the number of values */
  size_t most;
  bool in_place;
};

struct config_key {
  const char *block, *name;
  const struct config_type *type;
  const char *preset; /* the default, as the file would have it; NULL: none */
  size_t offset;      /* in the struct that the block fills */
  struct config_range range;
  const struct config_list *list; /* NULL: one value */
};

extern const struct config_block config_blocks[];
extern const size_t config_block_count;
extern const struct config_key config_keys[];
extern const size_t config_key_count;

/* NULL: there is no such key. */
const struct config_key *config_key_find(const char *block, const char *name);

#endif
