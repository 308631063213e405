/* What would have happened, where nothing does: mail to the simulator, and mail of sandbox accounts, which never leaves
 * (docs/simulator.md). Pure; any thread. */
#ifndef SENDOFF_RELAY_DELIVERY_OUTCOME_SIMULATION_H
#define SENDOFF_RELAY_DELIVERY_OUTCOME_SIMULATION_H

#include "base/mail/simulator.h"
#include "relay/delivery/outcome/incident.h"

/* The host that the log and notices name, instead of a next hop. */
#define SIMULATION_HOST "simulator"
#define SANDBOX_HOST "sandbox"

/* How the simulator answers a recipient that was tried so often before. */
void simulate(enum simulated what, unsigned attempts, struct incident *out);
/* Mail of a sandbox account has come to where it would have left; `how`: "would have been sent to ...". */
void simulate_sandbox(const char *how, struct incident *out);

#endif
