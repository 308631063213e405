/* What comes back: bounces and replies, and how others send them. */
#include "policy/tls_report_record.h"
#include "relay/domain/report_parts.h"
#include "relay/domain/txt.h"
#include "relay/net/sts_fetch.h"
#include "relay/net/sts_record.h"

#include "base/clock.h"

#include <arpa/nameser.h>
#include <stdio.h>
#include <string.h>

void report_return_path(struct checking *c) {
  static const enum found_state states[] = {
      [RETURN_PATH_MX] = FOUND_RIGHT,     [RETURN_PATH_ADDRESS] = FOUND_RIGHT, [RETURN_PATH_NULL_MX] = FOUND_WRONG,
      [RETURN_PATH_NONE] = FOUND_MISSING, [RETURN_PATH_DEAD] = FOUND_WRONG,    [RETURN_PATH_UNKNOWN] = FOUND_UNKNOWN};
  struct check_entry *e = report_add(c, RECORD_RETURN_PATH, c->domain, "MX");
  return_path_find(c->dns, c->domain, c->deadline_ms, &c->back);
  enum found_state state = states[c->back.state];
  report_say(e, state, state == FOUND_WRONG || state == FOUND_MISSING, "%s", c->back.text);
  if (c->back.mx.count)
    snprintf(e->found, sizeof e->found, "%u %s", c->back.mx.hosts[0].preference, c->back.mx.hosts[0].name);
  if (c->back.mx.null_mx) snprintf(e->found, sizeof e->found, "0 .");
}

static void ask(const struct checking *c, const char *name, struct dns_answer *out) {
  *out = (struct dns_answer){.status = DNS_FAILED};
  if (clock_monotonic_ms() < c->deadline_ms) c->dns->lookup(c->dns->arg, name, ns_t_txt, out);
}

static void done(const struct checking *c, struct dns_answer *answer) {
  if (answer->records || answer->owner) c->dns->release(c->dns->arg, answer);
}

static void copy_found(const struct dns_answer *answer, struct check_entry *e) {
  struct txt_list list;
  txt_read(answer, NULL, &list);
  if (list.count) snprintf(e->found, sizeof e->found, "%s", list.texts[0]);
  txt_free(&list);
}

/* --- MTA-STS (RFC 8461) --- */

/* With `enforce`, mail goes to no exchanger that the policy does not name. */
static void compare_exchangers(struct checking *c, const struct sts_policy *p, struct check_entry *e) {
  report_say(e, FOUND_RIGHT, false, "the policy is there (%s), and names every mail exchanger", sts_mode_name(p->mode));
  for (size_t i = 0; i < c->back.mx.count && p->mode != STS_MODE_NONE; i++) {
    const char *host = c->back.mx.hosts[i].name;
    if (sts_policy_names(p, host)) continue;
    report_say(e, FOUND_WRONG, p->mode == STS_MODE_ENFORCE, "the policy (%s) does not name the mail exchanger %.200s%s",
               sts_mode_name(p->mode), host, p->mode == STS_MODE_ENFORCE ? ": others do not deliver to it" : "");
    return;
  }
}

static void fetch_policy(struct checking *c, struct check_entry *e) {
  struct sts_policy *policy;
  enum sts_failure failure;
  struct reason why = {""};
  report_say(e, FOUND_RIGHT, false, "the record is well-formed");
  if (!c->plan->https || clock_monotonic_ms() >= c->deadline_ms) return;
  if (sts_fetch(c->plan->https, c->domain, &policy, &failure, &why) != OK) {
    report_say(e, FOUND_WRONG, false, "the policy that it announces cannot be had: %.300s", why.text);
    return;
  }
  compare_exchangers(c, policy, e);
  sts_policy_release(&policy);
}

void report_mta_sts(struct checking *c) {
  char name[256], id[STS_ID_MAX + 1];
  struct dns_answer answer;
  struct reason why = {""};
  if (!sts_record_name(c->domain, name)) return;
  ask(c, name, &answer);
  int rc = sts_record_read(&answer, id, &why);
  if (rc != E_NOT_FOUND) {
    struct check_entry *e = report_add(c, RECORD_MTA_STS, name, "TXT");
    copy_found(&answer, e);
    if (rc == OK)
      fetch_policy(c, e);
    else
      report_say(e, FOUND_WRONG, false, "it counts for nothing: %.200s", why.text);
  }
  done(c, &answer);
}

/* --- TLS-RPT (RFC 8460) --- */

static bool is_tls_rpt(struct bytes text) {
  return bytes_starts_nocase(text, BYTES("v=TLSRPT"));
}

void report_tls_rpt(struct checking *c) {
  char name[256];
  struct tls_report_record record;
  struct dns_answer answer;
  struct txt_list list;
  if (!tls_report_record_name(c->domain, name)) return;
  ask(c, name, &answer);
  txt_read(&answer, is_tls_rpt, &list);
  if (list.count) {
    struct check_entry *e = report_add(c, RECORD_TLS_RPT, name, "TXT");
    snprintf(e->found, sizeof e->found, "%s", list.texts[0]);
    if (tls_report_record_read(&answer, &record) == OK)
      report_say(e, FOUND_RIGHT, false, "reports go to %.300s", record.rua[0].target);
    else
      report_say(e, FOUND_WRONG, false, "nobody sends reports by it: %s",
                 list.count > 1 ? "there are several records"
                                : "it names no address that can be used (rua=mailto:ADDRESS)");
  }
  txt_free(&list);
  done(c, &answer);
}
