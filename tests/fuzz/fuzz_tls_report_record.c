/* A TLSRPT record of a stranger's zone, as the RDATA of a TXT record: where it has mail and requests sent to. */
#include "tests/fuzz/fuzz.h"

#include "base/address/address.h"
#include "base/result.h"
#include "policy/tls_report_record.h"

static void check_printable(const char *text) {
  for (; *text; text++) CHECK(*text > ' ' && *text <= '~');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *hold;
  struct dns_record record = {.data = exact((struct bytes){(const char *)data, size}, &hold)};
  struct dns_answer answer = {.status = DNS_FOUND, .count = 1, .records = &record};
  struct tls_report_record r;
  int rc = tls_report_record_read(&answer, &r);
  free(hold);
  CHECK(rc == OK || rc == E_NOT_FOUND);
  CHECK(rc != OK || (r.count && r.count <= TLS_RUA_MAX));
  for (size_t i = 0; rc == OK && i < r.count; i++) {
    struct address a;
    check_printable(r.rua[i].target);
    if (r.rua[i].mail)
      CHECK(address_parse(bytes_of(r.rua[i].target), &a) == OK && a.domain.len && !a.literal);
    else
      CHECK(strncmp(r.rua[i].target, "https://", 8) == 0);
  }
  return 0;
}
