#include "relay/daemon/expect.h"

#include "base/log.h"
#include "relay/net/local_address.h"

#include <stdio.h>
#include <string.h>

struct expectation {
  struct sockaddr_storage client;
  const struct account *account; /* NULL: a stranger */
};

/* NULL, or what is wrong with it. */
static const char *read_expectation(const struct directory *d, const char *what, struct expectation *out) {
  char address[IP_TEXT], account[80];
  unsigned port;
  int n = sscanf(what, "%63s %u %79s", address, &port, account);
  if (n < 2 || !port || port > 65535 || ip_parse(address, port, &out->client) != OK) return "error: no such address";
  /* One that comes from elsewhere is never let in by this. */
  if (!address_is_here((const struct sockaddr *)&out->client)) return "error: no address of this machine";
  out->account = n == 3 ? directory_account(d, bytes_of(account)) : NULL;
  return n == 3 && !out->account ? "error: no such account" : NULL;
}

static void withdraw(void *arg, int fd) {
  expected_withdraw(arg, fd);
}

void expect_ask(struct expected *e, const struct directory *d, const char *what, struct control_request *r) {
  struct expectation x = {.account = NULL};
  const char *wrong = read_expectation(d, what, &x);
  if (!wrong && expected_add(e, (const struct sockaddr *)&x.client, x.account ? x.account->id : 0, control_fd(r)) != OK)
    wrong = "error: too many commands at once";
  if (!wrong && x.account) log_event(LOG_INFO_, NULL, "a test message is announced", "account", x.account->name, NULL);
  if (wrong)
    control_answer(r, wrong);
  else
    control_answer_and_stay(r, "ok", EXPECTED_MS, withdraw, e);
}
