/* The file of a backup: whatever it is, each entry has a name that is safe to print and content of the size that it
 * says, and a file that ends well has its checksums. */
#include "tests/fuzz/fuzz.h"

#include "base/text/text.h"
#include "cli/backup/bundle.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define ENTRY_MAX ((size_t)1 << 20)

static int take(struct bundle_reader *r, const struct bundle_entry *e, struct reason *why) {
  struct buffer text;
  CHECK(*e->name && strlen(e->name) < BUNDLE_NAME && text_has_no_controls(e->name) &&
        strcmp(e->name, BUNDLE_SUMS) != 0);
  buffer_init(&text, ENTRY_MAX);
  int rc = bundle_read_text(r, &text, why);
  CHECK(rc != OK || text.len == e->size);
  buffer_free(&text);
  return rc;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bundle_reader *r;
  struct bundle_entry e;
  struct reason why = {""};
  int fd = memfd_create("fuzz", MFD_CLOEXEC), rc = OK;
  CHECK(fd >= 0 && write(fd, data, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
  if (bundle_reader_new(fd, NULL, NULL, &r, &why) == OK) {
    while (rc == OK && (rc = bundle_next(r, &e, &why)) == 1) rc = take(r, &e, &why);
    CHECK(rc == OK || *why.text);
    bundle_reader_free(&r);
  }
  CHECK(!r);
  close(fd);
  return 0;
}
