/* What a header has of that which receivers ask bulk mail for. Plain data. */
#ifndef SENDOFF_BASE_BULK_FIELDS_H
#define SENDOFF_BASE_BULK_FIELDS_H

#include <stdbool.h>

struct bulk_fields {
  bool unsubscribe; /* one List-Unsubscribe, with one https URI (RFC 8058 3.1) */
  bool one_click;   /* one List-Unsubscribe-Post, and it says List-Unsubscribe=One-Click */
  bool feedback_id; /* one Feedback-ID that is not empty */
};

#endif
