#include "relay/delivery/outcome/simulation.h"

#include <stdio.h>

struct answer {
  int code;
  const char *enhanced, *text;
};

static struct answer answer_of(enum simulated what, unsigned attempts) {
  switch (what) {
  case SIMULATED_DELIVERED: return (struct answer){250, "2.0.0", "simulated: delivered"};
  case SIMULATED_SLOW: return (struct answer){250, "2.0.0", "simulated: delivered after a while"};
  case SIMULATED_GREYLIST:
    return attempts ? (struct answer){250, "2.0.0", "simulated: delivered when it came again"}
                    : (struct answer){451, "4.7.1", "simulated: greylisted, come again later"};
  case SIMULATED_DEFER: return (struct answer){451, "4.3.0", "simulated: put off each time"};
  case SIMULATED_SUPPRESSED: return (struct answer){550, "5.1.1", "simulated: no such user, it bounced before"};
  case SIMULATED_BOUNCE: return (struct answer){550, "5.1.1", "simulated: no such user"};
  default: return (struct answer){550, "5.1.1", "the simulator has no such address; it has: " SIMULATOR_NAMES};
  }
}

void simulate(enum simulated what, unsigned attempts, struct incident *out) {
  const struct answer a = answer_of(what, attempts);
  bool taken = a.code / 100 == 2;
  *out = (struct incident){.stage = taken ? STAGE_DOT : STAGE_RCPT,
                           .trouble = taken ? TROUBLE_NONE : TROUBLE_REPLY,
                           .played = true,
                           .greylisted = what == SIMULATED_GREYLIST && !taken,
                           .host_deliver_by = true};
  out->reply.code = a.code;
  snprintf(out->reply.enhanced, sizeof out->reply.enhanced, "%s", a.enhanced);
  snprintf(out->reply.text, sizeof out->reply.text, "%s", a.text);
}

void simulate_sandbox(const char *how, struct incident *out) {
  *out = (struct incident){.stage = STAGE_DOT, .trouble = TROUBLE_SANDBOX, .played = true, .host_deliver_by = true};
  out->reply.code = 250;
  snprintf(out->reply.enhanced, sizeof out->reply.enhanced, "2.0.0");
  snprintf(out->reply.text, sizeof out->reply.text, "sandbox: %s", how);
}
