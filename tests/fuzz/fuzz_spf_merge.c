/* The SPF records that are there, a line each, to which the sources' addresses are added. */
#include "tests/fuzz/fuzz.h"

#include "policy/spf/spf_merge.h"

#include <stdlib.h>

#define RECORDS_MAX 3

static const char *const addresses[] = {"192.0.2.1", "2001:db8::1", "198.51.100.7"};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  struct bytes rest = {(const char *)data, size}, records[RECORDS_MAX];
  char *hold[RECORDS_MAX];
  size_t count = 0;
  struct spf_merge *first = malloc(sizeof *first), *again = malloc(sizeof *again);
  CHECK(first && again);
  while (rest.len && count < RECORDS_MAX) {
    struct bytes line = {rest.at, bytes_find(rest, '\n', 0)};
    rest = bytes_from(rest, line.len + 1);
    if (!spf_is_record(line)) continue;
    records[count] = exact(line, &hold[count]);
    count++;
  }
  spf_merge(records, count, addresses, 3, first);
  CHECK((first->state == SPF_MERGE_NEW) == (count == 0));
  if (*first->value) { /* it is a record that can be read, and nothing is to be added to it any more */
    struct spf_terms *terms = malloc(sizeof *terms);
    struct bytes made = bytes_of(first->value);
    CHECK(terms && spf_is_record(made) && spf_terms_read(made, terms, NULL) == OK);
    spf_merge(&made, 1, addresses, 3, again);
    CHECK(again->state == SPF_MERGE_SAME && strcmp(again->value, first->value) == 0 && !*again->added);
    free(terms);
  }
  for (size_t i = 0; i < count; i++) free(hold[i]);
  free(first);
  free(again);
  return 0;
}
