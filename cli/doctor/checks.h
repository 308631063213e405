/* The checks of `sendoff doctor`: each judges what was gathered, and adds what it finds. Pure; one thread. A new check
 * is a row in checks.c. */
#ifndef SENDOFF_CLI_DOCTOR_CHECKS_H
#define SENDOFF_CLI_DOCTOR_CHECKS_H

#include "cli/doctor/facts.h"
#include "cli/doctor/findings.h"

struct doctor_check {
  const char *name; /* stable: scripts read it, and docs/doctor.md has a section for it */
  void (*run)(const struct doctor_facts *d, struct findings *f);
  bool needs_config, needs_store; /* it is left out without */
};
extern const struct doctor_check doctor_checks[];
extern const size_t doctor_check_count;
/* All of them, in the order of the table. */
void doctor_judge(const struct doctor_facts *d, struct findings *f);

void judge_configuration(const struct doctor_facts *d, struct findings *f);
void judge_first_steps(const struct doctor_facts *d, struct findings *f);
void judge_gateway(const struct doctor_facts *d, struct findings *f);
void judge_hostname(const struct doctor_facts *d, struct findings *f);
void judge_ports(const struct doctor_facts *d, struct findings *f);
void judge_relay(const struct doctor_facts *d, struct findings *f);
void judge_certificates(const struct doctor_facts *d, struct findings *f);
void judge_clock(const struct doctor_facts *d, struct findings *f);
void judge_disk(const struct doctor_facts *d, struct findings *f);
void judge_process(const struct doctor_facts *d, struct findings *f);
void judge_store(const struct doctor_facts *d, struct findings *f);
void judge_backup(const struct doctor_facts *d, struct findings *f);
void judge_sources(const struct doctor_facts *d, struct findings *f);
void judge_blocklists(const struct doctor_facts *d, struct findings *f);
void judge_domains(const struct doctor_facts *d, struct findings *f);
void judge_outgoing(const struct doctor_facts *d, struct findings *f);
void judge_accounts(const struct doctor_facts *d, struct findings *f);
void judge_queue(const struct doctor_facts *d, struct findings *f);

#endif
