/* The checks, one file each, and what they share. Private to policy/. */
#ifndef SENDOFF_POLICY_CHECK_H
#define SENDOFF_POLICY_CHECK_H

#include "policy/policy.h"

void check_account(const struct facts *f, struct finding *out);
void check_reverse_path(const struct facts *f, struct finding *out);
void check_recipient(const struct facts *f, struct finding *out);
void check_header_sender(const struct facts *f, struct finding *out);
void check_suppression(const struct facts *f, struct finding *out);
bool suppression_drops(const struct facts *f); /* the recipient that is asked about is taken, and not delivered to */
void check_limits(const struct facts *f, struct finding *out);
void check_room(const struct facts *f, struct finding *out);
void check_dmarc(const struct facts *f, struct finding *out);
void check_spf(const struct facts *f, struct finding *out);
void check_recipient_count(const struct facts *f, struct finding *out);
void check_header_from(const struct facts *f, struct finding *out);
void check_from_form(const struct facts *f, struct finding *out);
void check_bulk_rules(const struct facts *f, struct finding *out);
void check_brake(const struct facts *f, struct finding *out);
void check_store(const struct facts *f, struct finding *out);

/* Causes, where one rule has several texts. */
enum cause {
  CAUSE_MAIN,
  CAUSE_MISLEADING, /* the domain is not written as it is read */
  CAUSE_NO_DOMAIN,
  CAUSE_MANY_FROM,  /* several mailboxes without a Sender field */
  CAUSE_DENIED,     /* of a list of those that are not allowed */
  CAUSE_UNREADABLE, /* of something that was to be read */
  CAUSE_LOST,       /* the store's files have gone */
  CAUSE_LATE,       /* found at the commit */
};

void record_finding(struct check_result *r, const struct finding *found); /* trace.c */
void result_copy(struct check_result *to, const struct check_result *from);

static inline void finding_refuse(struct finding *out, const char *rule, enum cause cause) {
  out->outcome = OUTCOME_REFUSE;
  out->rule = rule;
  out->cause = (int)cause;
}

#endif
