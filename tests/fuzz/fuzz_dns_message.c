/* What a stranger's name server replies. */
#include "tests/fuzz/fuzz.h"

#include "relay/domain/dns_message.h"

#include <arpa/nameser.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *hold;
  struct bytes wire = exact((struct bytes){(const char *)data, size}, &hold);
  struct dns_reply r;
  dns_reply_read(wire, "d.example", "k.d.example", ns_t_txt, &r);
  CHECK((r.kind == REPLY_NONE) == (*r.why != '\0'));
  CHECK(r.kind == REPLY_FINAL || (r.answer.status == DNS_FAILED && !r.answer.count));
  CHECK((r.answer.status == DNS_FOUND) == (r.answer.count > 0));
  CHECK((r.kind == REPLY_ALIAS) == (*r.alias != '\0'));
  size_t sum = 0;
  for (size_t i = 0; i < r.answer.count; i++)
    for (size_t k = 0; k < r.answer.records[i].data.len; k++) sum += (unsigned char)r.answer.records[i].data.at[k];
  CHECK(sum < SIZE_MAX);
  dns_answer_clear(&r.answer);
  free(hold);
  return 0;
}
