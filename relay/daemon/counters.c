#include "relay/daemon/counters.h"

#include "relay/net/broadcast.h"

#include <stdlib.h>
#include <string.h>

/* A field that is no uint64_t does not compile. */
#define FIELD(field)                                                                                                   \
  (offsetof(struct counters_snapshot, field) +                                                                         \
   0 * sizeof(&((struct counters_snapshot *)NULL)->field == (uint64_t *)NULL))

#define NOW(name, field, help)                                                                                         \
  { name, help, false, FIELD(field) }
#define SINCE_START(name, field, help)                                                                                 \
  { name, help, true, FIELD(field) }

/* clang-format off: one row a counter */
const struct counter counters[] = {
    NOW("uptime_seconds", uptime_seconds, "Seconds since the gateway started."),
    NOW("sessions", submission.sessions, "Open SMTP sessions of clients."),
    NOW("connections", delivery.connections, "Open connections to next hops."),
    NOW("idle_connections", delivery.idle_connections, "Open connections to next hops that wait for a message."),
    NOW("destinations", delivery.destinations, "Pairs of source address and next-hop site in use."),
    NOW("waiting_jobs", delivery.waiting_jobs, "Delivery jobs that wait for a connection to their next hop."),
    NOW("in_flight", delivery.in_flight, "Recipients whose delivery is under way."),
    NOW("domains_waiting", delivery.domains_waiting, "Recipient domains with mail that is queued or under way."),
    SINCE_START("delivered", delivery.delivered, "Recipients delivered since the start."),
    SINCE_START("deferred", delivery.deferred, "Delivery attempts deferred since the start, by recipient."),
    SINCE_START("bounced", delivery.bounced, "Recipients bounced since the start."),
    SINCE_START("store_operations", store.operations, "Store operations executed since the start."),
    SINCE_START("store_commits", store.commits, "Store transactions committed since the start."),
    SINCE_START("store_failed_commits", store.failed_commits, "Store transactions that failed since the start."),
    NOW("store_waiting", store.waiting, "Store operations that wait to be executed."),
    SINCE_START("queue_direct", delivery.queue_direct, "Recipients handed over in memory since the start."),
    SINCE_START("queue_read", delivery.queue_read, "Recipients read from the queue since the start."),
    SINCE_START("queue_left", delivery.queue_left,
                "Recipients that found no room in memory since the start: left in the queue."),
    NOW("destinations_starved", delivery.starved,
        "Destinations with mail that wait for a connection because too many are open."),
    SINCE_START("tls_handshakes_failed", submission.tls_failed,
                "TLS handshakes of clients that failed since the start."),
    SINCE_START("tls_cert_not_trusted", submission.tls_not_trusted,
                "Clients that did not trust the TLS certificate, and said so, since the start."),
    NOW("disk_free", condition.disk_free, "Octets that are free on the disk of the store."),
    NOW("disk_reserve", condition.disk_reserve, "Octets that are kept free there: below, no mail is accepted."),
    NOW("sites_paused", delivery.sites_paused, "Pairs of source and site that nothing is sent to for a while."),
    NOW("sites_blocked", delivery.sites_blocked, "Those of them that say that the source is blocked: see site list."),
    NOW("logins_refused", delivery.logins_refused,
        "Routes, on each event loop, whose login at the next hop was refused when it was tried last."),
    NOW("tokens_failed", delivery.tokens_failed,
        "Routes whose access token could not be renewed when that was tried last."),
    NOW("sources_away", delivery.sources_away,
        "Sources that are not addresses of this machine, so that nothing leaves from them: see source list."),
    NOW("sources_listed", delivery.sources_listed,
        "Listings of sources and their HELO names at blocklists: see source list."),
    NOW("blocklists_failing", delivery.blocklists_failing,
        "Blocklists that are not believed or do not answer: see the gateway's log."),
    NOW("warmups_held", delivery.warmups_held,
        "Pairs of source and provider whose warm-up is held back by what the provider refuses: see source list."),
    NOW("sites_unreachable", delivery.sites_unreachable,
        "Pairs of source and site of which no host takes a connection: their mail waits for a probe."),
    SINCE_START(
        "idle_gave_way", delivery.idle_gave_way,
        "Idle connections to next hops that were ended for others since the start, because too many were open."),
    NOW("mta_sts_policies", delivery.sts_policies, "Domains whose MTA-STS policy is known."),
    SINCE_START("mta_sts_fetches_failed", delivery.sts_fetches_failed,
                "MTA-STS policies that could not be fetched since the start: see the gateway's log."),
    SINCE_START("mta_sts_refused", delivery.sts_refused,
                "Delivery attempts since the start, by recipient, at which the MTA-STS policy allowed no host."),
    NOW("keys_waiting", keys_waiting, "Signing keys that sign once DNS has their record: see dkim list."),
    NOW("keys_old", keys_old, "Signing keys that sign no more: their record stays for mail that they have signed."),
    NOW("keys_retired", keys_retired, "Signing keys whose record can be taken out of DNS: see dkim list."),
};
/* clang-format on */
const size_t counter_count = sizeof counters / sizeof counters[0];

uint64_t counter_value(const struct counter *c, const struct counters_snapshot *s) {
  uint64_t value;
  memcpy(&value, (const char *)s + c->offset, sizeof value);
  return value;
}

/* --- the snapshot, from every loop --- */

struct gathering {
  struct loop *supervisor;
  struct counters_snapshot snapshot; /* without the loops' part until all have been read */
  void (*done)(void *arg, const struct counters_snapshot *s);
  void *arg;
  struct { /* one each: no loop writes where another does */
    struct submission_counters submission;
    struct delivery_counters delivery;
  } loops[];
};

static void read_loop(struct loop *on, struct broadcast_token *t) {
  struct gathering *g = broadcast_arg(t);
  submission_count(on->submission, &g->loops[on->index].submission);
  delivery_count(on, &g->loops[on->index].delivery);
  broadcast_return(t);
}

static void add_submission(struct submission_counters *sum, const struct submission_counters *s) {
  sum->sessions += s->sessions;
  sum->tls_failed += s->tls_failed;
  sum->tls_not_trusted += s->tls_not_trusted;
}

static void add_delivery(struct delivery_counters *sum, const struct delivery_counters *d) {
  sum->connections += d->connections;
  sum->idle_connections += d->idle_connections;
  sum->destinations += d->destinations;
  sum->waiting_jobs += d->waiting_jobs;
  sum->starved += d->starved;
  sum->idle_gave_way += d->idle_gave_way;
  sum->sites_paused += d->sites_paused;
  sum->sites_blocked += d->sites_blocked;
  sum->logins_refused += d->logins_refused;
  sum->tokens_failed += d->tokens_failed;
  sum->sources_away += d->sources_away;
  sum->sources_listed += d->sources_listed;
  sum->blocklists_failing += d->blocklists_failing;
  sum->warmups_held += d->warmups_held;
  sum->sites_unreachable += d->sites_unreachable;
  sum->sts_policies += d->sts_policies;
  sum->sts_fetches_failed += d->sts_fetches_failed;
  sum->sts_refused += d->sts_refused;
  sum->delivered += d->delivered;
  sum->deferred += d->deferred;
  sum->bounced += d->bounced;
  sum->in_flight += d->in_flight;
  sum->domains_waiting += d->domains_waiting;
  sum->queue_direct += d->queue_direct;
  sum->queue_read += d->queue_read;
  sum->queue_left += d->queue_left;
}

static void every_loop_read(void *arg) {
  struct gathering *g = arg;
  const struct gateway *gateway = g->supervisor->gateway;
  struct counters_snapshot *s = &g->snapshot;
  for (size_t i = 0; i < gateway->loop_count; i++) {
    add_submission(&s->submission, &g->loops[i].submission);
    add_delivery(&s->delivery, &g->loops[i].delivery);
  }
  if (gateway->store) store_counters(gateway->store, &s->store);
  if (gateway->store) store_condition(gateway->store, &s->condition);
  g->done(g->arg, s);
  free(g);
}

int counters_gather(struct loop *supervisor, const struct directory *directory, int64_t started_us,
                    void (*done)(void *arg, const struct counters_snapshot *s), void *arg) {
  struct gathering *g = calloc(1, sizeof *g + supervisor->gateway->loop_count * sizeof g->loops[0]);
  if (!g) return E_MEMORY;
  g->supervisor = supervisor;
  g->snapshot = (struct counters_snapshot){.uptime_seconds = (uint64_t)((clock_now_us() - started_us) / SECOND_US),
                                           .keys_waiting = directory_count_keys(directory, KEY_WAITING),
                                           .keys_old = directory_count_keys(directory, KEY_OLD),
                                           .keys_retired = directory_count_keys(directory, KEY_RETIRED)};
  g->done = done;
  g->arg = arg;
  int rc = broadcast(supervisor, read_loop, every_loop_read, g);
  if (rc != OK) free(g);
  return rc;
}
