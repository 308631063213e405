/* What one decision costs: every stage of a message to one recipient, with all facts at hand, as on the live path once
 * its caches are warm; and with N accounts in the directory, which must not matter.
 *
 *   bench_decision_rate [ACCOUNTS]          default 50000 */
#include "base/clock.h"
#include "policy/policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ROUNDS 200000

static int64_t cpu_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static struct account *make_accounts(size_t count, const struct limit *limits) {
  static const char *const senders[] = {"example.com", "*.example.org", "a@example.net"};
  struct account *all = calloc(count, sizeof *all);
  if (!all) exit(1);
  for (size_t i = 0; i < count; i++)
    all[i] = (struct account){.id = (int64_t)i + 1,
                              .name = "blog",
                              .senders = senders,
                              .sender_count = 3,
                              .rewrite_from = "",
                              .settings = {.all = {limits, 3}}};
  return all;
}

int main(int argc, char **argv) {
  static const char *const specs[] = {"5000/day", "100000/hour", "100rcpt/message"};
  size_t count = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 50000;
  static const enum stage stages[] = {STAGE_SESSION, STAGE_MAIL, STAGE_RCPT, STAGE_HEADER, STAGE_CONTENT};
  struct limit limits[3];
  struct reason why;
  for (size_t i = 0; i < 3; i++)
    if (limit_parse(specs[i], &limits[i], &why) != OK) return 1;
  struct account *accounts = make_accounts(count ? count : 1, limits);
  struct directory directory = {.accounts = accounts, .account_count = count};
  static struct usage usage;
  struct usage *of_scope = &usage;
  struct usage_scope scope = {.scope = SCOPE_ACCOUNT, .owner = "blog", .limits = limits, .limit_count = 3};
  static const struct spf_verdict spf = {.result = SPF_PASS};
  static const struct dmarc_prediction dmarc = {.now = {.result = DMARC_PASS}, .old = {.result = DMARC_PASS}};
  static const struct brake_status brake = {.step = BRAKE_NONE};
  struct facts f = {.known = ~(unsigned)FACT_STORED,
                    .now_us = clock_now_us(),
                    .directory = &directory,
                    .account = &accounts[count / 2],
                    .account_name = "blog",
                    .suspend_reason = "",
                    .login_holds = true,
                    .reverse_path = "shop@example.com",
                    .scopes = &scope,
                    .usage = &of_scope,
                    .scope_count = 1,
                    .room_why = "",
                    .spf = &spf,
                    .dmarc = &dmarc,
                    .brake = &brake,
                    .recipient = "user@example.net",
                    .recipient_count = 1,
                    .recipients_max = 100,
                    .header_from = bytes_of("\"The Shop\" <shop@example.com>"),
                    .header_sender = {"", 0},
                    .from_domain = "example.com"};
  if (address_parse(bytes_of(f.reverse_path), &f.from) != OK || address_parse(bytes_of(f.recipient), &f.to) != OK)
    return 1;
  usage_roll(&usage, f.now_us, NULL);
  struct verdict v;
  int64_t begin = cpu_ns();
  for (size_t n = 0; n < ROUNDS; n++)
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
      policy_decide(&f, stages[i], &v);
      if (v.action != ACTION_ACCEPT) {
        fprintf(stderr, "not accepted at %s: %s\n", stage_name(stages[i]), v.refusal.text);
        return 1;
      }
    }
  double us = (double)(cpu_ns() - begin) / 1000 / ROUNDS;
  printf("%.2f microseconds a message, %zu accounts\n", us, count);
  free(accounts);
  return us < 20 ? 0 : 1;
}
