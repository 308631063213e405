/* Converts messages from standard input for tests that read the result with another parser. Each comes as a line
 * "OCTETS 7bit" or "OCTETS 8bit" (the target) and the octets; each answer is a line "OBSTACLE OCTETS" and the result.
 */
#include "relay/mime/mime_7bit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MESSAGE_MAX (256 * 1024 * 1024)

static int on_field(void *arg, struct bytes field) {
  return buffer_add_bytes(arg, field);
}

static int on_header_end(void *arg) {
  return buffer_add(arg, "\r\n", 2);
}

static int convert(struct bytes message, bool keep_8bit) {
  struct buffer result;
  buffer_init(&result, MESSAGE_MAX);
  struct mime_source m = {.content = message, .keep_8bit = keep_8bit};
  struct mime_out out = {.field = on_field, .header_end = on_header_end, .body = on_field, .arg = &result};
  enum mime_obstacle why;
  int rc = mime_7bit_convert(&m, &out, &why);
  if (rc != OK && rc != E_DENIED) return 1;
  printf("%d %zu\n", (int)why, result.len);
  if (result.len) fwrite(result.at, 1, result.len, stdout);
  buffer_free(&result);
  return 0;
}

int main(void) {
  size_t octets;
  char target[8];
  while (scanf("%zu %7s", &octets, target) == 2 && octets <= MESSAGE_MAX && getchar() == '\n') {
    char *message = malloc(octets + 1);
    if (!message || fread(message, 1, octets, stdin) != octets) abort();
    if (convert((struct bytes){message, octets}, strcmp(target, "8bit") == 0) != 0) return 1;
    free(message);
  }
  return fflush(stdout) == 0 && feof(stdin) ? 0 : 1;
}
