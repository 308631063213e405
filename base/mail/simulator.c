#include "base/mail/simulator.h"

#include <string.h>
#include <strings.h>

static const struct {
  const char *name, *phrase;
} addresses[] = {
    [SIMULATED_DELIVERED] = {"delivered", "is delivered"},
    [SIMULATED_BOUNCE] = {"bounce", "bounces with 550 5.1.1"},
    [SIMULATED_DEFER] = {"defer", "is put off with 451 each time, until it expires"},
    [SIMULATED_GREYLIST] = {"greylist", "is put off with 451 4.7.1, and taken the second time"},
    [SIMULATED_SLOW] = {"slow", "is delivered after some seconds"},
    [SIMULATED_SUPPRESSED] = {"suppressed", "is on the suppression list; where that is not asked, it bounces"},
    [SIMULATED_UNKNOWN] = {"", "bounces with 550 5.1.1: the simulator has no such address"},
};

enum simulated simulated_of(const char *simulator, const char *domain, struct bytes local) {
  if (!simulator || strcmp(simulator, domain) != 0) return SIMULATED_NOT;
  const char *plus = local.len ? memchr(local.at, '+', local.len) : NULL;
  size_t len = plus ? (size_t)(plus - local.at) : local.len;
  for (int i = SIMULATED_DELIVERED; i < SIMULATED_UNKNOWN; i++)
    if (strlen(addresses[i].name) == len && strncasecmp(addresses[i].name, local.at, len) == 0)
      return (enum simulated)i;
  return SIMULATED_UNKNOWN;
}

enum simulated simulated_address(const char *simulator, const char *domain, const char *address) {
  const char *at = strrchr(address, '@');
  return simulated_of(simulator, domain, (struct bytes){address, at ? (size_t)(at - address) : 0});
}

const char *simulated_phrase(enum simulated what) {
  return what == SIMULATED_NOT ? "" : addresses[what].phrase;
}

const struct suppression simulator_suppression = {.account = "",
                                                  .address = "",
                                                  .origin = SUPPRESSION_MANUAL,
                                                  .reason = "this address of the simulator always is",
                                                  .enhanced = "",
                                                  .text = ""};
