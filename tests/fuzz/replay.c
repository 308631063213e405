/* Runs a fuzz target on every file of a folder, as an ordinary test. A folder without any is a failure: then the corpus
 * has been lost. */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>

static void replay(const char *path) {
  FILE *file = fopen(path, "rb");
  CHECK(file);
  struct buffer content;
  buffer_init(&content, SIZE_MAX / 2);
  char piece[4096], *hold;
  for (size_t n; (n = fread(piece, 1, sizeof piece, file)) > 0;) CHECK(buffer_add(&content, piece, n) == 0);
  CHECK(!ferror(file));
  fclose(file);
  struct bytes input = exact(buffer_bytes(&content), &hold);
  buffer_free(&content);
  CHECK(LLVMFuzzerTestOneInput((const uint8_t *)input.at, input.len) == 0);
  free(hold);
}

int main(int count, char **arguments) {
  DIR *folder = count == 2 ? opendir(arguments[1]) : NULL;
  if (!folder) {
    fprintf(stderr, "usage: %s FOLDER\n", arguments[0]);
    return 2;
  }
  size_t files = 0;
  for (struct dirent *entry; (entry = readdir(folder));) {
    char path[PATH_MAX];
    if (entry->d_name[0] == '.') continue;
    snprintf(path, sizeof path, "%s/%s", arguments[1], entry->d_name);
    fprintf(stderr, "%s\n", path); /* the last one named is the one that failed */
    replay(path);
    files++;
  }
  closedir(folder);
  fprintf(stderr, "%zu files\n", files);
  return files ? 0 : 1;
}
