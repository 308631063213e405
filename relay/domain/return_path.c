#include "relay/domain/return_path.h"

#include "base/clock.h"

#include <arpa/nameser.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct asking {
  const struct dns_source *dns;
  uint64_t deadline_ms;
};

static void ask(const struct asking *a, const char *name, int type, struct dns_answer *out) {
  *out = (struct dns_answer){.status = DNS_FAILED};
  if (clock_monotonic_ms() < a->deadline_ms) a->dns->lookup(a->dns->arg, name, type, out);
}

static void done(const struct asking *a, struct dns_answer *answer) {
  if (answer->records || answer->owner) a->dns->release(a->dns->arg, answer);
}

static void __attribute__((format(printf, 3, 4)))
found(struct return_path_finding *out, enum return_path state, const char *format, ...) {
  va_list args;
  va_start(args, format);
  out->state = state;
  vsnprintf(out->text, sizeof out->text, format, args);
  va_end(args);
}

/* 1: it has one; 0: it has none; -1: not known. */
static int has_address(const struct asking *a, const char *name, bool *bogus) {
  static const int types[] = {ns_t_a, ns_t_aaaa};
  int has = 0;
  for (size_t i = 0; i < 2 && has != 1; i++) {
    struct dns_answer answer;
    ask(a, name, types[i], &answer);
    if (answer.status == DNS_FOUND) has = 1;
    if (answer.status == DNS_FAILED) {
      has = -1;
      *bogus |= answer.bogus;
    }
    done(a, &answer);
  }
  return has;
}

static void without_mx(const struct asking *a, const char *domain, struct return_path_finding *out) {
  int has = has_address(a, domain, &out->bogus);
  if (has < 0)
    found(out, RETURN_PATH_UNKNOWN, "%s for the addresses of %.200s", dns_failure(out->bogus), domain);
  else if (has)
    found(out, RETURN_PATH_ADDRESS,
          "%.120s has an address and no MX record: bounces are delivered to that address; an MX record says so plainly",
          domain);
  else
    found(out, RETURN_PATH_NONE,
          "%.120s has no MX, A or AAAA record: bounces and replies cannot come back, and many receivers refuse mail "
          "from such a domain; publish an MX record that leads to a mail server which takes mail for it",
          domain);
}

static void with_mx(const struct asking *a, const char *domain, struct return_path_finding *out) {
  bool unknown = false;
  for (size_t i = 0; i < out->mx.count; i++) {
    int has = has_address(a, out->mx.hosts[i].name, &out->bogus);
    unknown |= has < 0;
    if (has != 1) continue;
    found(out, RETURN_PATH_MX, "bounces and replies go to %.200s", out->mx.hosts[i].name);
    return;
  }
  if (unknown)
    found(out, RETURN_PATH_UNKNOWN, "%s for the mail exchangers of %.200s", dns_failure(out->bogus), domain);
  else
    found(
        out, RETURN_PATH_DEAD,
        "the MX records of %.120s lead to no host that has an address: bounces and replies cannot come back, and many "
        "receivers refuse mail from such a domain",
        domain);
}

void return_path_find(const struct dns_source *dns, const char *domain, uint64_t deadline_ms,
                      struct return_path_finding *out) {
  const struct asking a = {dns, deadline_ms};
  struct dns_answer answer;
  memset(out, 0, sizeof *out);
  ask(&a, domain, ns_t_mx, &answer);
  enum dns_status status = answer.status;
  out->bogus = answer.bogus;
  if (status == DNS_FOUND) mx_list_read(&answer, &out->mx);
  done(&a, &answer);
  if (status == DNS_FAILED)
    found(out, RETURN_PATH_UNKNOWN, "%s for the MX records of %.200s", dns_failure(out->bogus), domain);
  else if (out->mx.null_mx)
    found(out, RETURN_PATH_NULL_MX,
          "%.120s says that it takes no mail (MX 0 .): bounces cannot come back, and many receivers refuse mail from "
          "such a domain (RFC 7505 4.2); publish an MX record that leads to a mail server which takes mail for it",
          domain);
  else if (status != DNS_FOUND)
    without_mx(&a, domain, out);
  else
    with_mx(&a, domain, out);
}
