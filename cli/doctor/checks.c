#include "cli/doctor/checks.h"

const struct doctor_check doctor_checks[] = {
    {"configuration", judge_configuration, false, false},
    {"gateway", judge_gateway, true, false},
    {"ports", judge_ports, true, false},
    {"relay", judge_relay, true, false},
    {"certificate", judge_certificates, true, false},
    {"store", judge_store, true, false},
    {"disk", judge_disk, true, false},
    {"clock", judge_clock, false, false},
    {"process", judge_process, true, false},
    {"hostname", judge_hostname, true, false},
    {"sources", judge_sources, true, true},
    {"outgoing", judge_outgoing, true, true},
    {"blocklists", judge_blocklists, true, true},
    {"domains", judge_domains, true, true},
    {"accounts", judge_accounts, true, true},
    {"queue", judge_queue, true, true},
    {"first-steps", judge_first_steps, true, true},
    {"backup", judge_backup, true, true},
};
const size_t doctor_check_count = sizeof doctor_checks / sizeof doctor_checks[0];

void doctor_judge(const struct doctor_facts *d, struct findings *f) {
  for (size_t i = 0; i < doctor_check_count; i++) {
    const struct doctor_check *c = &doctor_checks[i];
    if ((c->needs_config && !d->config) || (c->needs_store && !d->directory)) continue;
    f->check = c->name;
    c->run(d, f);
  }
}
