#include "relay/daemon/status.h"

#include "relay/daemon/certificates.h"
#include "relay/daemon/counters.h"
#include "relay/json/json.h"
#include "relay/submission/auth/login_bans.h"

#include <jansson.h>
#include <stdlib.h>
#include <unistd.h>

#define BANS_SHOWN_MAX 200 /* what a person reads, and the command's buffer holds */
#define CERTIFICATES_SHOWN_MAX 200
#define LISTINGS_SHOWN_MAX 200
#define ALARMS_SHOWN_MAX 200

struct status {
  const struct config *config;
  struct login_bans *bans;
  const struct certificates *certificates;
  struct directory *directory; /* held */
  struct control_request *request;
};

static bool add_number(json_t *object, const char *name, uint64_t n) {
  return json_object_set_new(object, name, json_integer((json_int_t)n)) == 0;
}

static bool add_counters(json_t *object, const struct counters_snapshot *s) {
  for (size_t i = 0; i < counter_count; i++)
    if (!add_number(object, counters[i].name, counter_value(&counters[i], s))) return false;
  return true;
}

/* All of them as a number, the first of them as a list. */
static bool add_bans(json_t *object, struct login_bans *b) {
  struct ban *bans = calloc(BANS_SHOWN_MAX, sizeof *bans);
  if (!bans) return false;
  size_t count = login_bans_list(b, bans, BANS_SHOWN_MAX);
  json_t *list = json_array();
  for (size_t i = 0; i < count && i < BANS_SHOWN_MAX; i++)
    json_array_append_new(list, json_pack("{s:s, s:I}", bans[i].account ? "account" : "address", bans[i].what,
                                          "seconds_left", (json_int_t)(bans[i].left_ms + 999) / 1000));
  free(bans);
  return add_number(object, "banned", count) && json_object_set_new(object, "bans", list) == 0;
}

/* null: nothing is wrong with it. */
static json_t *certificate_alarm(const struct certificate_facts *f) {
  switch (certificate_life(f, clock_now_us())) {
  case CERTIFICATE_GOOD: break;
  case CERTIFICATE_SOON: return json_string("expires soon");
  case CERTIFICATE_OVER: return json_string("expired");
  }
  return json_null();
}

/* Those in use, and why what is on disk is not, if so. */
static bool add_certificates(json_t *object, const struct certificates *c) {
  struct tls_server *tls = certificates_current(c);
  size_t count = 0;
  const struct tls_certificate *all = tls ? tls_server_certificates(tls, &count) : NULL;
  const char *problem = certificates_problem(c);
  json_t *list = json_array();
  for (size_t i = 0; i < count && i < CERTIFICATES_SHOWN_MAX; i++)
    json_array_append_new(
        list, json_pack("{s:o, s:o, s:o, s:I, s:b, s:o}", "file", json_text(all[i].file), "names",
                        json_text(all[i].facts.names), "expires", json_time(all[i].facts.expires_us), "seconds_left",
                        (json_int_t)((all[i].facts.expires_us - clock_now_us()) / SECOND_US), "self_signed",
                        all[i].facts.self_signed, "alarm", certificate_alarm(&all[i].facts)));
  return json_object_set_new(object, "certificates", list) == 0 &&
         json_object_set_new(object, "certificates_problem", problem ? json_text(problem) : json_null()) == 0;
}

/* What blocklists list now. */
static bool add_listings(json_t *object, const struct directory *d) {
  json_t *list = json_array();
  for (size_t i = 0; i < d->blocklist_note_count && json_array_size(list) < LISTINGS_SHOWN_MAX; i++)
    if (d->blocklist_notes[i].state == BLOCKLIST_LISTED)
      json_array_append_new(list, blocklist_note_json(&d->blocklist_notes[i]));
  return json_object_set_new(object, "listings", list) == 0;
}

/* Records of domains that were right once and are not any more. */
static bool add_domain_alarms(json_t *object, const struct directory *d) {
  json_t *list = json_array();
  for (size_t i = 0; i < d->domain_alarm_count && i < ALARMS_SHOWN_MAX; i++)
    json_array_append_new(list, domain_note_json(&d->domain_alarms[i]));
  return json_object_set_new(object, "domain_alarms", list) == 0;
}

/* One word, and a reason where there is one. */
static bool add_store(json_t *object, const struct store_condition *c) {
  static const char *const words[] = {[STORE_GOOD] = "good",
                                      [STORE_LOCKED] = "locked",
                                      [STORE_FULL] = "full",
                                      [STORE_FAILING] = "failing",
                                      [STORE_LOST] = "lost"};
  bool low = c->state == STORE_GOOD && c->disk_low;
  const char *why = low ? "the disk is almost full: no new mail is accepted until there is room" : c->why.text;
  return json_object_set_new(object, "store", json_string(low ? "low on disk" : words[c->state])) == 0 &&
         (!*why || json_object_set_new(object, "store_reason", json_text(why)) == 0);
}

/* NULL: out of memory. */
static char *describe(const struct status *s, const struct counters_snapshot *snapshot) {
  char *text = NULL;
  json_t *object = json_pack("{s:s, s:s, s:I}", "version", SENDOFF_VERSION, "hostname", s->config->hostname, "pid",
                             (json_int_t)getpid());
  if (object && add_counters(object, snapshot) && add_store(object, &snapshot->condition) &&
      add_bans(object, s->bans) && add_certificates(object, s->certificates) && add_listings(object, s->directory) &&
      add_domain_alarms(object, s->directory))
    text = json_line(object);
  json_decref(object);
  return text;
}

static void answer(void *arg, const struct counters_snapshot *snapshot) {
  struct status *s = arg;
  char *text = describe(s, snapshot);
  control_answer(s->request, text ? text : "error: out of memory");
  free(text);
  directory_release(&s->directory);
  free(s);
}

void status_ask(struct loop *supervisor, struct login_bans *bans, const struct certificates *certificates,
                const struct directory *directory, int64_t started_us, struct control_request *r) {
  struct status *s = malloc(sizeof *s);
  if (s) *s = (struct status){supervisor->gateway->config, bans, certificates, directory_hold(directory), r};
  if (s && counters_gather(supervisor, directory, started_us, answer, s) == OK) return;
  control_answer(r, "error: out of memory");
  if (s) directory_release(&s->directory);
  free(s);
}
