#include "relay/tls_report/tls_report.h"

#include "base/clock.h"
#include "relay/json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one row takes at most beside its text, with all the names of its members. */
#define ROW_OCTETS 700

struct tls_report {
  json_t *root, *policies;
  int64_t last_id; /* of the policy that was added last */
  json_t *last;
  size_t octets; /* about */
};

/* --- names --- */

void tls_report_id(const char *hostname, const char *domain, int64_t day, char out[TLS_REPORT_ID_MAX]) {
  char date[TLS_DAY_TEXT];
  tls_day_text(day, date);
  snprintf(out, TLS_REPORT_ID_MAX, "%s.%.255s@%.255s", date, domain, hostname);
}

void tls_report_file(const char *hostname, const char *domain, int64_t day, char out[TLS_REPORT_FILE_MAX]) {
  long long start = (long long)(tls_day_start_us(day) / SECOND_US);
  snprintf(out, TLS_REPORT_FILE_MAX, "%.255s!%.255s!%lld!%lld.json.gz", hostname, domain, start, start + 86400 - 1);
}

/* --- the JSON --- */

static json_t *moment(int64_t day, const char *time) {
  char date[TLS_DAY_TEXT];
  tls_day_text(day, date);
  return json_sprintf("%sT%s", date, time);
}

/* What is not known is left out. */
static int set_text(json_t *o, const char *name, const char *text) {
  return text && *text ? json_object_set_new(o, name, json_text(text)) : 0;
}

struct tls_report *tls_report_new(const struct tls_report_sender *by, const char *domain, int64_t day) {
  struct tls_report *r = calloc(1, sizeof *r);
  char id[TLS_REPORT_ID_MAX];
  if (!r) return NULL;
  tls_report_id(by->hostname, domain, day, id);
  r->last_id = -1;
  r->policies = json_array();
  r->root = json_pack("{s:o, s:{s:o, s:o}, s:o, s:O}", "organization-name", json_text(by->organization), "date-range",
                      "start-datetime", moment(day, "00:00:00Z"), "end-datetime", moment(day, "23:59:59Z"), "report-id",
                      json_text(id), "policies", r->policies);
  if (!r->root || set_text(r->root, "contact-info", by->contact) != 0) tls_report_free(&r);
  return r;
}

void tls_report_free(struct tls_report **at) {
  struct tls_report *r = *at;
  *at = NULL;
  if (!r) return;
  json_decref(r->root);
  json_decref(r->policies);
  free(r);
}

static json_t *lines_json(const char *lines) {
  json_t *array = json_array();
  for (const char *at = lines; array && *at;) {
    size_t len = strcspn(at, "\n");
    char *line = strndup(at, len);
    if (!line || json_array_append_new(array, json_text(line)) != 0) {
      json_decref(array);
      array = NULL;
    }
    free(line);
    at += len + (at[len] == '\n');
  }
  return array;
}

static json_t *policy_json(const struct tls_policy *p) {
  json_t *o =
      json_pack("{s:s, s:o}", "policy-type", tls_policy_type_name(p->type), "policy-domain", json_text(p->domain));
  int rc = o ? 0 : -1;
  if (rc == 0 && *p->strings) rc = json_object_set_new(o, "policy-string", lines_json(p->strings));
  if (rc == 0 && *p->mx) rc = json_object_set_new(o, "mx-host", lines_json(p->mx));
  if (rc == 0) return o;
  json_decref(o);
  return NULL;
}

static json_t *entry_json(const struct tls_report_row *row) {
  json_t *policy = policy_json(&row->policy);
  return policy ? json_pack("{s:o, s:{s:I, s:I}}", "policy", policy, "summary", "total-successful-session-count",
                            (json_int_t)row->successes, "total-failure-session-count", (json_int_t)row->failures)
                : NULL;
}

static json_t *failure_json(const struct tls_report_row *row) {
  json_t *o = json_pack("{s:s, s:I}", "result-type", tls_result_name(row->result), "failed-session-count",
                        (json_int_t)row->sessions);
  if (o && set_text(o, "sending-mta-ip", row->sending_ip) == 0 && set_text(o, "receiving-mx-hostname", row->mx) == 0 &&
      set_text(o, "receiving-mx-helo", row->helo) == 0 && set_text(o, "receiving-ip", row->receiving_ip) == 0 &&
      set_text(o, "failure-reason-code", row->reason) == 0)
    return o;
  json_decref(o);
  return NULL;
}

static size_t length(const char *text) {
  return text ? strlen(text) : 0;
}

/* An escaped octet takes six at most. */
static size_t octets_of(const struct tls_report_row *row) {
  return ROW_OCTETS + 2 * (length(row->policy.strings) + length(row->policy.mx)) + length(row->policy.domain) +
         length(row->mx) + length(row->helo) + 6 * length(row->reason);
}

static int add_policy(struct tls_report *r, const struct tls_report_row *row) {
  json_t *entry = entry_json(row);
  if (!entry || json_array_append_new(r->policies, entry) != 0) return E_MEMORY;
  r->last = entry;
  r->last_id = row->policy_id;
  return OK;
}

static int add_failure(struct tls_report *r, const struct tls_report_row *row) {
  json_t *details = json_object_get(r->last, "failure-details");
  if (!details) {
    details = json_array();
    if (json_object_set_new(r->last, "failure-details", details) != 0) return E_MEMORY;
  }
  return json_array_append_new(details, failure_json(row)) == 0 ? OK : E_MEMORY;
}

int tls_report_add(struct tls_report *r, const struct tls_report_row *row) {
  r->octets += octets_of(row);
  if (r->octets > TLS_REPORT_MAX) return E_TOO_BIG;
  int rc = !r->last || r->last_id != row->policy_id ? add_policy(r, row) : OK;
  return rc == OK && row->sessions ? add_failure(r, row) : rc;
}

bool tls_report_is_empty(const struct tls_report *r) {
  return !r->last;
}

int tls_report_json(const struct tls_report *r, bool indented, struct buffer *out) {
  char *text = json_dumps(r->root, JSON_ENSURE_ASCII | (indented ? JSON_INDENT(2) : JSON_COMPACT));
  int rc = text ? buffer_add(out, text, strlen(text)) : E_MEMORY;
  free(text);
  return rc;
}
