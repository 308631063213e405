/* What `sendoff doctor` has found: for each finding one sentence, and what fixes it. One thread. */
#ifndef SENDOFF_CLI_DOCTOR_FINDINGS_H
#define SENDOFF_CLI_DOCTOR_FINDINGS_H

#include <stdbool.h>
#include <stddef.h>

enum severity {
  SEVERITY_ERROR,   /* mail is refused, lost from sight, or does not leave */
  SEVERITY_WARNING, /* some of it is, or soon will be */
  SEVERITY_NOTE,    /* worth knowing; nothing hurts */
  SEVERITY_OK,
};
const char *severity_name(enum severity s); /* "error", "warning", "note", "ok" */

struct doctor_finding {
  enum severity severity;
  const char *check; /* static */
  char *about;       /* a domain, an address, an account; "" */
  char *text;        /* one sentence */
  char *fix;         /* commands or DNS records, one a line; "" */
  const char *see;   /* "docs/sources.md"; "" ; static */
};

struct findings {
  struct doctor_finding *list;
  size_t count, room;
  const char *check; /* of those that are added */
  bool failed;       /* out of memory: some are missing */
};

/* `about` "": of the machine, or the gateway. */
void findings_add(struct findings *f, enum severity s, const char *about, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* Of the one that was added last. */
void findings_fix(struct findings *f, const char *format, ...) __attribute__((format(printf, 2, 3)));
void findings_see(struct findings *f, const char *see);
/* The worst first, and otherwise as they were added. */
void findings_sort(struct findings *f);
size_t findings_count(const struct findings *f, enum severity s);
void findings_clear(struct findings *f);

#endif
