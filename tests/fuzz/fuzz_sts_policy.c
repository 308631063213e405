/* What a stranger's web server gives as an MTA-STS policy, and what its zone says of it: the text as a policy, and as
 * the strings of a TXT record. */
#include "tests/fuzz/fuzz.h"

#include "relay/net/sts_policy.h"
#include "relay/net/sts_record.h"

static void policy(struct bytes text) {
  struct sts_policy *p, *again;
  struct reason why;
  int rc = sts_policy_read(text, &p, &why);
  CHECK((rc == OK) == (p != NULL) && (rc == OK || rc == E_SYNTAX || rc == E_TOO_BIG));
  if (!p) return;
  CHECK(p->mode <= STS_MODE_ENFORCE && p->max_age <= STS_MAX_AGE_MOST);
  CHECK(p->mx_count || p->mode == STS_MODE_NONE);
  struct buffer lines; /* as they are kept, they are the same policy */
  buffer_init(&lines, 2 * STS_POLICY_MAX);
  for (size_t i = 0; i < p->line_count; i++) CHECK(buffer_addf(&lines, "%s\n", p->lines[i]) == OK);
  CHECK(sts_policy_read(buffer_bytes(&lines), &again, &why) == OK && sts_policy_same(p, again));
  for (size_t i = 0; i < p->mx_count; i++) {
    bool wild = p->mx[i][0] == '*';
    CHECK(strcmp(p->mx[i], again->mx[i]) == 0);
    CHECK(!strchr(p->mx[i] + wild, '*') && p->mx[i][0]);
    if (!wild) CHECK(sts_policy_names(p, p->mx[i]));
  }
  CHECK(again->mode == p->mode && again->max_age == p->max_age);
  buffer_free(&lines);
  sts_policy_release(&p);
  sts_policy_release(&again);
}

static void record(struct bytes rdata) {
  struct dns_record records[] = {{rdata}};
  struct dns_answer answer = {.status = DNS_FOUND, .count = 1, .records = records};
  char id[STS_ID_MAX + 1];
  struct reason why;
  int rc = sts_record_read(&answer, id, &why);
  CHECK((rc == OK) == (id[0] != '\0'));
  for (const char *c = id; *c; c++)
    CHECK((*c >= '0' && *c <= '9') || (*c >= 'A' && *c <= 'Z') || (*c >= 'a' && *c <= 'z'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  char *hold;
  struct bytes text = exact((struct bytes){(const char *)data, size}, &hold);
  policy(text);
  record(text);
  free(hold);
  return 0;
}
