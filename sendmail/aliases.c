#include "sendmail/aliases.h"

#include "base/result.h"

#include <stdio.h>
#include <string.h>

static void read_file(const char *path, struct buffer *out) {
  char block[4096];
  size_t n;
  FILE *f = fopen(path, "re");
  if (!f) return;
  while ((n = fread(block, 1, sizeof block, f)) > 0)
    if (buffer_add(out, block, n) != OK) break; /* what is beyond the bound does not count */
  fclose(f);
}

/* A line that begins with white space goes on with the one before. */
static void unfold(struct buffer *text) {
  for (size_t i = 0; i + 1 < text->len; i++)
    if (text->at[i] == '\n' && (text->at[i + 1] == ' ' || text->at[i + 1] == '\t')) text->at[i] = ' ';
}

void aliases_read(struct aliases *a, const char *aliases_path, const char *mailname_path) {
  struct buffer name;
  buffer_init(&a->text, ALIASES_MAX);
  buffer_init(&name, 4096);
  read_file(aliases_path, &a->text);
  unfold(&a->text);
  read_file(mailname_path, &name);
  struct bytes line = bytes_trim((struct bytes){name.at, bytes_find(buffer_bytes(&name), '\n', 0)});
  if (!domain_valid(line) || domain_normalize(line, a->domain) != OK) a->domain[0] = '\0';
  buffer_free(&name);
}

static struct bytes next_entry(struct bytes text, size_t *at) {
  size_t from = *at, end = bytes_find(text, '\n', from);
  *at = end + 1;
  return (struct bytes){text.at + from, end - from};
}

static bool is_named(struct bytes entry, struct bytes name, struct bytes *value) {
  size_t colon = bytes_find(entry, ':', 0);
  struct bytes left = bytes_trim((struct bytes){entry.at, colon});
  if (colon == entry.len || !left.len || left.at[0] == '#') return false;
  if (left.len > 2 && left.at[0] == '"' && left.at[left.len - 1] == '"')
    left = (struct bytes){left.at + 1, left.len - 2};
  *value = bytes_trim(bytes_from(entry, colon + 1));
  return bytes_equal_nocase(left, name);
}

bool aliases_find(const struct aliases *a, struct bytes name, struct bytes *value) {
  struct bytes text = buffer_bytes(&a->text);
  for (size_t at = 0; at < text.len;)
    if (is_named(next_entry(text, &at), name, value)) return true;
  return false;
}

void aliases_free(struct aliases *a) {
  buffer_free(&a->text);
}
