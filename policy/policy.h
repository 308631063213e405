/* The decision: may this account send this message now? Facts in, verdict out. policy.c has THE ordered table of
 * checks; the live path (relay/submission/), `sendoff explain`, `sendoff why` and `sendoff policy replay` all run it.
 *
 * A check looks at facts and finds something (struct finding, typed); wording.c alone makes a reply of it. To add one:
 * a file check_NAME.c, a row of the table, a test table in tests/unit/policy/. Pure; any thread; allocates nothing that
 * outlives the call. */
#ifndef SENDOFF_POLICY_POLICY_H
#define SENDOFF_POLICY_POLICY_H

#include "base/address/address.h"
#include "base/directory/directory.h"
#include "base/mail/bulk_fields.h"
#include "base/mail/refusal.h"
#include "base/mail/simulator.h"
#include "base/mail/suppression.h"
#include "base/result.h"
#include "base/usage/brake.h"
#include "base/usage/limits.h"
#include "policy/dmarc/dmarc_predict.h"
#include "policy/source_rank.h"

/* When a check runs. One that runs at several asks the same again with what has become known. */
enum stage {
  STAGE_SESSION = 1, /* with every command of a transaction */
  STAGE_MAIL = 2,
  STAGE_RCPT = 4,     /* for each recipient */
  STAGE_DATA = 8,     /* while the content of a large message comes */
  STAGE_HEADER = 16,  /* the header is whole, and not yet signed */
  STAGE_CONTENT = 32, /* the content is whole, and not yet kept */
  STAGE_STORE = 64,   /* what the store decided, with the commit */
  STAGE_LAST = STAGE_STORE,
};
const char *stage_name(enum stage stage); /* "session", "mail", "rcpt", "data", "header", "content", "commit" */

/* What a check may need to know beyond the account; each a group of struct facts. */
enum fact {
  FACT_ENVELOPE = 1,
  FACT_USAGE = 2,
  FACT_ROOM = 4,
  FACT_SPF = 8,
  FACT_RECIPIENT = 16,
  FACT_HEADER = 32,
  FACT_STORED = 64,
  FACT_SUPPRESSION = 256,
  FACT_DMARC = 512,
  FACT_BRAKE = 1024,
  FACT_BULK = 2048,
  FACT_ACCOUNT = 128, /* known when `account` is there */
};

enum answer { ANSWER_UNKNOWN, ANSWER_NO, ANSWER_YES };

struct policy_record;

struct facts {
  unsigned known; /* enum fact: which groups are filled in */
  int64_t now_us;
  const struct directory *directory;
  /* the account, always */
  const struct account *account; /* NULL: gone */
  const char *account_name;
  enum account_standing standing;
  const char *suspend_reason;
  bool login_holds;                   /* of this session */
  const struct policy_record *before; /* what checks found at the stages before; NULL: nothing */
  /* FACT_ENVELOPE */
  const char *reverse_path;
  struct address from;                  /* views into reverse_path */
  const struct domain *envelope_domain; /* of the reverse-path, if it is configured here */
  uint64_t size;                        /* declared (RFC 1870), 0: not known */
  bool rewritten;                       /* the account has its sender written by us (--rewrite-from) */
  /* FACT_USAGE: whose mail it counts as, as far as that is certain, and what each has used, rolled to now_us */
  const struct usage_scope *scopes;
  struct usage *const *usage;
  size_t scope_count;
  /* FACT_ROOM: what the store says of the disk */
  uint64_t room_octets; /* that it was asked for; 0: not known */
  int room;
  const char *room_why;
  /* FACT_SPF: of the source that does best */
  const struct spf_verdict *spf;
  /* FACT_RECIPIENT: the one that is asked about, and how many there are with it (0: none yet) */
  const char *recipient;
  struct address to; /* views into it */
  size_t recipient_count, recipients_max;
  enum simulated simulated;  /* what of the simulator's it is */
  size_t recipients_dropped; /* of those before it; they count nothing */
  /* FACT_SUPPRESSION: of that recipient; NULL: it is on no list */
  const struct suppression *suppression;
  int suppression_failed; /* why it could not be looked up; OK: it could */
  /* FACT_BRAKE: where the account is, as far as it is committed */
  const struct brake_status *brake;
  /* FACT_HEADER */
  struct bytes header_from;           /* the From field's value */
  struct bytes header_sender;         /* the Sender field's, empty when there is none */
  const char *from_domain;            /* its first mailbox's, normalised; NULL: it has none */
  bool daemon;                        /* From has MAILER-DAEMON's address here, which was not the client's choice */
  const struct domain *header_domain; /* From's, or its nearest parent that is configured here */
  enum mail_stream stream;
  /* FACT_DMARC: what receivers will find; NULL: DNS did not answer in time */
  const struct dmarc_prediction *dmarc;
  /* FACT_BULK: of mail of the stream bulk. With FACT_DMARC it is judged by that, too. */
  struct bulk_fields bulk;
  const char *signing_domain;   /* the signature's d=; NULL: it will have none */
  enum answer from_aligned;     /* bulk_from_aligned */
  enum answer source_confirmed; /* a source of its pool has a forward-confirmed name */
  /* FACT_STORED */
  int stored; /* the result: OK, E_LIMIT, E_DENIED (standing says why), E_FULL, other */
  const struct limit_verdict *stored_limit;
};

enum outcome {
  OUTCOME_UNKNOWN, /* a fact that it needs is not known (yet) */
  OUTCOME_OFF,
  OUTCOME_PASS,
  OUTCOME_REFUSE, /* or would, if it were enforced */
  OUTCOME_DROP,   /* taken, logged, and not delivered */
  OUTCOME_SLOW,   /* taken, and put off */
  OUTCOME_HOLD,   /* taken, and held until somebody releases it */
};

/* What one check found, typed. */
struct finding {
  const struct check *check;
  enum outcome outcome;
  enum check_mode mode;
  unsigned missing; /* OUTCOME_UNKNOWN: which facts */
  const char *rule; /* OUTCOME_REFUSE: base/mail/rule.h */
  const char *what; /* SPF's or DMARC's own result; NULL: the outcome says all */
  /* OUTCOME_PASS, because DNS did not say what decides: why, as long as the facts live. NULL otherwise. */
  const char *doubt;
  int cause; /* of several that a rule has: wording.c */
  /* what wording needs besides the facts */
  char subject[ADDRESS_MAX + 1]; /* an address */
  char meant[DOMAIN_MAX + 1];    /* a domain as it is read */
  uint64_t count;
  struct limit_verdict limit;
};

#define POLICY_CHECKS_MAX 16
#define RESULT_DETAIL (LIMIT_TEXT + 32)

/* What checks found when they were asked, in the table's order. It outlives the facts. */
struct policy_record {
  struct check_result {
    enum outcome outcome; /* OUTCOME_UNKNOWN: it was not asked */
    enum check_mode mode;
    char detail[RESULT_DETAIL]; /* "5000 of 5000/day"; or "" */
  } of[POLICY_CHECKS_MAX];
};

enum action { ACTION_ACCEPT, ACTION_REFUSE, ACTION_GATHER };

#define NOTES_TEXT 720

struct verdict {
  enum action action;
  bool drop;                   /* ACTION_ACCEPT: the recipient is taken, and not delivered to */
  unsigned missing;            /* ACTION_GATHER: the facts to gather; then ask again */
  struct refusal refusal;      /* ACTION_REFUSE */
  struct policy_record record; /* of the stages before, and of this one as far as it was asked */
  /* what observed checks would have said, unless they did at a stage before: "spf=would refuse: TEXT; ..."; and what
   * has passed in doubt: "dmarc=pass: TEXT" */
  char notes[NOTES_TEXT];
};
#define NOTES_MAX 1000 /* of a message, over all stages */

/* The checks of a stage, in order, up to the first that refuses or lacks a fact. */
void policy_decide(const struct facts *f, enum stage stage, struct verdict *out);
/* Takes over what a stage found that accepted: facts.before of the next. */
void policy_record_add(struct policy_record *r, const struct policy_record *stage);

/* --- the table --- */

struct check {
  const char *name;
  unsigned stages, needs;    /* enum stage, enum fact */
  bool fixed;                /* always enforced: it cannot be switched off or observed */
  enum check_mode otherwise; /* the mode, where nothing is set */
  void (*run)(const struct facts *f, struct finding *out);
  const char *about; /* for `sendoff policy list` and the documents */
};
extern const struct check policy_checks[];
extern const size_t policy_check_count;

/* The mode of the check of that name, for what these facts are about. */
enum check_mode policy_mode(const struct facts *f, const char *check);
static inline bool policy_enforces(const struct facts *f, const char *check) {
  return policy_mode(f, check) == CHECK_ENFORCE;
}
/* Every check of every stage, whether or not one refuses before it: for explain and tests. `out` has policy_check_count
 * rows. */
void policy_find_all(const struct facts *f, struct finding *out);
/* The reply and the log's text of a finding that refuses. */
void policy_word(const struct facts *f, const struct finding *found, struct refusal *out);
/* In one line, for the log: "account=pass; limits=refuse 5000 of 5000/day". What was not asked is left out. */
void policy_trace(const struct policy_record *r, char out[TRACE_TEXT]);
/* Also for what is found while a path is read: an address whose domain is not written as it is read
 * (domain_is_plain): `meant` is what it is. Returns E_DENIED. */
int refuse_misleading(struct refusal *out, int code, const char *enhanced, const char *rule, struct bytes address,
                      const char *meant);

#endif
