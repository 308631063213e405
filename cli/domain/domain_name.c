#include "cli/domain/domain_name.h"

#include <string.h>

enum exit_status domain_name_read(const char *typed, char out[DOMAIN_MAX + 1]) {
  if (domain_normalize(bytes_of(typed), out) == OK && strchr(out, '.') && !domain_ends_in_number(bytes_of(out)))
    return EXIT_DONE;
  return cli_fail(EXIT_USAGE, "%s is no domain name; write one as in example.com", typed);
}
