#include "cli/setup/answers.h"

#include "base/address/address.h"
#include "base/address/global_address.h"
#include "base/result.h"
#include "cli/command.h"

#include <string.h>

bool answer_is_none(const char *answer) {
  return !*answer || strcmp(answer, "none") == 0;
}

static bool is_domain(const char *text) {
  return strchr(text, '.') && domain_valid(bytes_of(text)) && !domain_ends_in_number(bytes_of(text));
}

static bool is_address(const char *text) {
  struct address a;
  return address_parse(bytes_of(text), &a) == OK;
}

const char *answer_hostname(const char *answer) {
  return is_domain(answer) ? NULL : "write a full name, as in smtp.example.com";
}

const char *answer_source(const char *answer) {
  return answer_is_none(answer) || ip_is_of_host(answer)
             ? NULL
             : "write an address of this machine, as in 192.0.2.10, or none";
}

const char *answer_public(const char *answer) {
  return answer_is_none(answer) || ip_is_global(answer) ? NULL
                                                        : "the world sees none such; write as in 203.0.114.9, or none";
}

const char *answer_domain(const char *answer) {
  return answer_is_none(answer) || is_domain(answer) ? NULL : "write a domain, as in example.com, or none";
}

const char *answer_account(const char *answer) {
  return answer_is_none(answer) || cli_name_ok(answer) ? NULL
                                                       : "write 1 to 64 letters, digits and . _ @ + -, as in shop";
}

const char *answer_kind(const char *answer) {
  static const char *const kinds[] = {"wordpress", "php", "device", "server"};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
    if (strcmp(kinds[i], answer) == 0) return NULL;
  return "write wordpress, php, device or server";
}

const char *answer_sender(const char *answer) {
  const char *domain = strncmp(answer, "*.", 2) == 0 ? answer + 2 : answer;
  return strcmp(answer, "*") == 0 || is_domain(domain) || is_address(answer)
             ? NULL
             : "write a domain, as in example.com, or an address";
}

const char *answer_device_sender(const char *answer) {
  return is_address(answer) ? NULL
                            : "write the address that the device's mail is to come from, as in printer@example.com";
}

const char *answer_recipient(const char *answer) {
  return answer_is_none(answer) || is_address(answer) ? NULL : "write an address, as in you@example.net, or none";
}
