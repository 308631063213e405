/* What the brake has found, in words and numbers. Pure; any thread. */
#ifndef SENDOFF_BASE_BRAKE_TEXT_H
#define SENDOFF_BASE_BRAKE_TEXT_H

#include "base/mail/refusal.h"
#include "base/usage/brake.h"

#define BRAKE_TEXT_BEGIN "brake: " /* by which a suspension is the brake's */

/* What exceeds its budget: "812 first-time recipients today (budget 200); ...". "": nothing. */
void brake_evidence(const struct brake_use uses[BUDGET_COUNT], char *out, size_t size);
/* What the step does, or would do, and why: "brake: new mail is held: EVIDENCE; see: sendoff account review blog". */
void brake_text(const struct brake *b, const char *account, int64_t now_us, char out[BRAKE_TEXT]);
/* "step=1 first_time=812 first_time_budget=200 ...", for the log. */
void brake_numbers(const struct brake *b, int64_t now_us, char out[NUMBERS_TEXT]);

#endif
