#include "relay/domain/key_job.h"

#include "base/clock.h"
#include "dkim/key_name.h"

#include <stdio.h>

#define PEM_MAX (32 * 1024)

static int record_of(const struct key_job *j, char name[KEY_NAME_MAX], struct buffer *value) {
  buffer_init(value, PEM_MAX);
  int rc = key_record_name(j->key->selector, j->key->domain, j->domain->delegation, name);
  if (rc == OK) rc = key_record(j->key->algorithm, j->key->public_base64, value);
  return rc == OK ? buffer_add(value, "", 1) : rc;
}

/* False: somebody else does. */
static bool is_ours(const struct key_job *j, const struct key_job_tools *t) {
  char name[KEY_NAME_MAX];
  return key_record_name(j->key->selector, j->key->domain, j->domain->delegation, name) == OK &&
         publisher_covers(t->publisher, name);
}

static int publish(struct key_job *j, const struct key_job_tools *t, enum publisher_act act, uint64_t deadline_ms) {
  char name[KEY_NAME_MAX];
  struct buffer value;
  int rc = record_of(j, name, &value);
  if (rc != OK)
    fail(&j->why, rc, "the record cannot be written");
  else
    rc = publisher_run(t->publisher, act, name, value.at, deadline_ms, &j->why);
  buffer_free(&value);
  return rc;
}

static void publish_missing(struct key_job *j, const struct key_job_tools *t, uint64_t deadline_ms) {
  int rc = publish(j, t, PUBLISHER_ADD, deadline_ms);
  if (rc == OK)
    snprintf(j->found.text, sizeof j->found.text, "its record was published just now");
  else
    snprintf(j->found.text, sizeof j->found.text, "its record cannot be published: %.200s", j->why.text);
}

static void look_for_service(struct key_job *j, const struct key_job_tools *t, uint64_t deadline_ms) {
  struct buffer pem;
  buffer_init_secret(&pem, PEM_MAX);
  j->found.service = KEY_SERVICE_UNKNOWN;
  int rc = reader_private_key(t->reader, j->key->id, &pem, &j->why);
  if (rc == OK)
    key_service_ask(t->plan, j->key, buffer_bytes(&pem), deadline_ms, &j->found);
  else
    snprintf(j->found.text, sizeof j->found.text, "%.250s", j->why.text);
  if (j->found.service == KEY_SERVICE_MISSING && is_ours(j, t)) publish_missing(j, t, deadline_ms);
  j->known = j->found.service != KEY_SERVICE_UNKNOWN;
  buffer_wipe_free(&pem);
}

static void look_for_mail(struct key_job *j, const struct key_job_tools *t) {
  const struct signing_key *k = j->key;
  int rc = reader_key_mail_waits(t->reader, k->domain, k->selector, k->state_us + ROTATION_SLACK_US, &j->mail_waits);
  j->known = rc == OK;
  if (rc != OK) fail(&j->why, rc, "the queue cannot be read: %s", result_text(rc));
}

void key_job_run(struct key_job *j, const struct key_job_tools *t, uint64_t deadline_ms, int64_t now_us) {
  switch (j->kind) {
  case KEY_JOB_SERVICE: look_for_service(j, t, deadline_ms); break;
  case KEY_JOB_MAIL: look_for_mail(j, t); break;
  case KEY_JOB_WITHDRAW: j->known = publish(j, t, PUBLISHER_REMOVE, deadline_ms) == OK; break;
  case KEY_JOB_SUCCESSOR:
    j->known = new_key_make(&j->next, j->domain, j->key->algorithm, 0, j->key, now_us, &j->why) == OK;
    break;
  }
}

void key_job_clear(struct key_job *j) {
  new_key_clear(&j->next);
  directory_release(&j->directory);
}
