/* What DNS, other hosts and our own listeners say: every question is a task, and the tasks run on threads of their own,
 * so that all of them take no longer than the slowest, and none longer than the deadline. */
#include "base/address/address_kind.h"
#include "base/address/global_address.h"
#include "base/clock.h"
#include "base/directory/static_route.h"
#include "cli/doctor/gather.h"
#include "cli/machine/smtp_talk.h"
#include "relay/net/local_address.h"
#include "relay/net/mx.h"
#include "relay/net/resolver.h"

#include <arpa/nameser.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS_MAX 48
#define SOURCES_TRIED_MAX 16 /* of which connections go out */
#define TARGETS_MAX 4
#define LATELY_US (7 * INT64_C(86400) * SECOND_US)
#define LATELY_EVENTS 200

/* Where connections go out to. */
struct target {
  char name[DOMAIN_MAX + 1]; /* a domain with exchangers; a host when `direct` */
  bool direct;
  unsigned port;
};

struct network {
  struct gathering *g;
  struct resolver *resolver;
  struct dns_source dns; /* the resolver, up to the deadline */
  atomic_uint_least64_t until_ms;
  struct https https;
  pthread_mutex_t store_lock; /* a reader is one thread's at a time */
  struct target targets[TARGETS_MAX];
  size_t target_count;
  struct task {
    void (*run)(struct network *n, size_t index);
    size_t index;
  } * tasks;
  size_t task_count, task_room;
  atomic_size_t next;
};

/* --- DNS, up to the deadline --- */

static void lookup(void *arg, const char *name, int type, struct dns_answer *out) {
  const struct network *n = arg;
  *out = (struct dns_answer){.status = DNS_FAILED};
  if (clock_monotonic_ms() < n->g->deadline_ms) resolver_lookup_until(n->resolver, name, type, n->g->deadline_ms, out);
}

static void release(void *arg, struct dns_answer *answer) {
  const struct network *n = arg;
  if (answer->records || answer->owner) resolver_release(n->resolver, answer);
}

/* The addresses of a name, of one family, as text. Returns how many; -1: DNS did not answer. */
static int read_addresses(struct network *n, const char *name, int type, char (*out)[IP_TEXT], int most) {
  struct dns_answer answer;
  int count = 0;
  n->dns.lookup(n->dns.arg, name, type, &answer);
  if (answer.status == DNS_FAILED) count = -1;
  for (size_t i = 0; i < answer.count && count < most; i++) {
    struct sockaddr_storage a = {.ss_family = type == ns_t_a ? AF_INET : AF_INET6};
    struct bytes data = answer.records[i].data;
    if (data.len != (type == ns_t_a ? 4u : 16u)) continue;
    if (type == ns_t_a)
      memcpy(&((struct sockaddr_in *)&a)->sin_addr, data.at, data.len);
    else
      memcpy(&((struct sockaddr_in6 *)&a)->sin6_addr, data.at, data.len);
    ip_format((const struct sockaddr *)&a, out[count++]);
  }
  n->dns.release(n->dns.arg, &answer);
  return count;
}

/* --- the tasks --- */

static void run_hostname(struct network *n, size_t index) {
  struct hostname_facts *h = &n->g->facts->hostname;
  const char *name = n->g->facts->config->hostname;
  (void)index;
  int four = read_addresses(n, name, ns_t_a, h->addresses, HOST_ADDRESSES_MAX);
  size_t had = four > 0 ? (size_t)four : 0;
  int six = read_addresses(n, name, ns_t_aaaa, h->addresses + had, (int)(HOST_ADDRESSES_MAX - had));
  h->asked = true;
  h->known = four >= 0 && six >= 0;
  h->count = had + (six > 0 ? (size_t)six : 0);
  for (size_t i = 0; i < h->count; i++) {
    struct sockaddr_storage a;
    h->here |= ip_parse(h->addresses[i], 0, &a) == OK && address_is_here((const struct sockaddr *)&a);
  }
}

static void run_listener(struct network *n, size_t index) {
  gather_listener(n->g, &n->g->facts->listeners[index]);
}

static void run_source(struct network *n, size_t index) {
  struct source_facts *s = &n->g->facts->sources[index];
  const char *public_address = source_public(s->source);
  char helo[DOMAIN_MAX + 1];
  s->asked = ip_is_global(public_address) && domain_normalize(bytes_of(s->source->helo), helo) == OK;
  if (s->asked) source_name_check(&n->dns, public_address, helo, n->g->deadline_ms, &s->name);
}

static int private_key(void *arg, int64_t key_id, struct buffer *pem, struct reason *why) {
  struct network *n = arg;
  pthread_mutex_lock(&n->store_lock);
  int rc = reader_private_key(n->g->reader, key_id, pem, why);
  pthread_mutex_unlock(&n->store_lock);
  return rc;
}

static void run_domain(struct network *n, size_t index) {
  struct domain_facts *f = &n->g->facts->domains[index];
  struct check_plan plan = {.directory = n->g->directory,
                            .domain = f->domain,
                            .authority = {.dns = &n->dns, .local = n->g->facts->config->local_next_hops},
                            .https = &n->https,
                            .private_key = private_key,
                            .arg = n};
  f->report = calloc(1, sizeof *f->report);
  f->checked = f->report && check_domain(&plan, n->g->deadline_ms, f->report) == OK;
}

/* --- outgoing connections --- */

static bool may_try(const struct network *n, const struct sockaddr *to) {
  enum address_kind kind = address_kind_of(to);
  return kind == ADDRESS_HOST || (kind == ADDRESS_LOOPBACK && n->g->facts->config->local_next_hops);
}

/* The first address of that family of the first host that has one. False: there is none. */
static bool find_address(struct network *n, const struct mx_list *hosts, bool v6, unsigned port,
                         struct sockaddr_storage *out, struct outgoing_facts *o) {
  char addresses[4][IP_TEXT];
  for (size_t i = 0; i < hosts->count; i++) {
    int count = read_addresses(n, hosts->hosts[i].name, v6 ? ns_t_aaaa : ns_t_a, addresses, 4);
    for (int k = 0; k < count; k++) {
      if (ip_parse(addresses[k], port, out) != OK || !may_try(n, (const struct sockaddr *)out)) continue;
      snprintf(o->to, sizeof o->to, "%.200s[%.63s]:%u", hosts->hosts[i].name, addresses[k], port);
      return true;
    }
  }
  return false;
}

static void find_hosts(struct network *n, const struct target *t, struct mx_list *out) {
  struct dns_answer answer;
  *out = (struct mx_list){.count = t->direct};
  snprintf(out->hosts[0].name, sizeof out->hosts[0].name, "%s", t->name);
  if (t->direct) return;
  n->dns.lookup(n->dns.arg, t->name, ns_t_mx, &answer);
  mx_list_read(&answer, out);
  n->dns.release(n->dns.arg, &answer);
}

static void connect_out(const struct sockaddr *from, const struct sockaddr *to, struct outgoing_facts *o) {
  const struct talk_plan plan = {.to = to, .from = from, .deadline_ms = clock_monotonic_ms() + DOCTOR_CONNECT_MS};
  struct talk *t;
  o->rc = talk_open(&plan, &t, &o->why);
  if (o->rc != OK) return;
  o->rc = talk_reply(t, &o->greeting, &o->why);
  if (o->rc == OK) talk_send(t, BYTES("QUIT\r\n"), &o->why);
  talk_close(&t);
}

static void run_outgoing(struct network *n, size_t index) {
  struct outgoing_facts *o = &n->g->facts->outgoing[index];
  const struct target *t = &n->targets[index % n->target_count];
  struct sockaddr_storage from = {0}, to;
  struct mx_list *hosts = calloc(1, sizeof *hosts);
  bool bound = *o->source && ip_parse(o->source, 0, &from) == OK;
  if (!hosts) return;
  find_hosts(n, t, hosts);
  if (find_address(n, hosts, bound && from.ss_family == AF_INET6, t->port, &to, o))
    connect_out(bound ? (const struct sockaddr *)&from : NULL, (const struct sockaddr *)&to, o);
  free(hosts);
}

static void add_target(struct network *n, const char *name, bool direct, unsigned port) {
  for (size_t i = 0; i < n->target_count; i++)
    if (strcmp(n->targets[i].name, name) == 0) return;
  if (n->target_count == TARGETS_MAX || !*name || *name == '[') return;
  struct target *t = &n->targets[n->target_count++];
  *t = (struct target){.direct = direct, .port = port};
  snprintf(t->name, sizeof t->name, "%.255s", name);
}

static const struct static_route *route_to(const struct network *n, const char *domain) {
  const struct route_question q = {.to = domain, .account = "", .sender = ""};
  return static_route_find(n->g->directory->routes, n->g->directory->route_count, &q);
}

/* A domain that mail went to lately, by no route. */
static bool take_recent(void *arg, const struct event *e) {
  struct network *n = arg;
  char domain[DOMAIN_MAX + 1];
  const char *at = strrchr(e->to, '@');
  if (at && domain_normalize(bytes_of(at + 1), domain) == OK && !route_to(n, domain))
    add_target(n, domain, false, n->g->facts->config->delivery_port);
  return n->target_count < TARGETS_MAX / 2;
}

/* What all mail takes, or else where mail went lately, and large providers, which answer. */
static void choose_targets(struct network *n) {
  static const char *const providers[] = {"gmail.com", "outlook.com", "yahoo.com"};
  const struct static_route *r = route_to(n, "sendoff-doctor.invalid");
  unsigned port = n->g->facts->config->delivery_port;
  if (r && r->lookup != ROUTE_DIRECT) {
    add_target(n, r->host, r->lookup == ROUTE_BY_ADDRESS, static_route_port(r, port));
    return;
  }
  struct log_filter lately = {.kind = EVENT_DELIVERED, .since_us = clock_now_us() - LATELY_US, .limit = LATELY_EVENTS};
  reader_log(n->g->reader, &lately, take_recent, n);
  for (size_t i = 0; i < sizeof providers / sizeof providers[0]; i++) add_target(n, providers[i], false, port);
}

static void name_targets(const struct network *n, char *out, size_t size) {
  size_t at = 0;
  for (size_t i = 0; i < n->target_count && at < size; i++)
    at += (size_t)snprintf(out + at, size - at, "%s%s", i ? ", " : "", n->targets[i].name);
}

/* --- all of them --- */

static void add_tasks(struct network *n, void (*run)(struct network *n, size_t index), size_t count) {
  struct task *tasks = realloc(n->tasks, (n->task_count + count + 1) * sizeof *tasks);
  if (!tasks) return;
  n->tasks = tasks;
  for (size_t i = 0; i < count; i++) tasks[n->task_count++] = (struct task){run, i};
}

static void plan_listeners(struct network *n) {
  struct doctor_facts *d = n->g->facts;
  if (d->gateway == GATEWAY_SILENT) return; /* none would answer, either */
  d->listeners = calloc(d->config->listen_count + 1, sizeof *d->listeners);
  if (!d->listeners) return;
  for (size_t i = 0; i < d->config->listen_count; i++)
    d->listeners[d->listener_count++].listen = &d->config->listens[i];
  add_tasks(n, run_listener, d->listener_count);
}

static void plan_sources(struct network *n) {
  struct doctor_facts *d = n->g->facts;
  struct sockaddr_storage a;
  d->sources = calloc(d->directory->source_count + 1, sizeof *d->sources);
  if (!d->sources) return;
  for (size_t i = 0; i < d->directory->source_count; i++) {
    const struct source *s = &d->directory->sources[i];
    bool here = ip_parse(s->address, 0, &a) == OK && address_is_here((const struct sockaddr *)&a);
    d->sources[d->source_count++] = (struct source_facts){.source = s, .here = here};
  }
  add_tasks(n, run_source, d->source_count);
}

static void plan_domains(struct network *n) {
  struct doctor_facts *d = n->g->facts;
  size_t count = d->directory->domain_count < DOCTOR_DOMAINS_MAX ? d->directory->domain_count : DOCTOR_DOMAINS_MAX;
  d->domains = calloc(count + 1, sizeof *d->domains);
  if (!d->domains) return;
  for (size_t i = 0; i < count; i++) d->domains[d->domain_count++].domain = &d->directory->domains[i];
  add_tasks(n, run_domain, d->domain_count);
}

/* From each source that is here, or as the system likes; each to every target. */
static void plan_outgoing(struct network *n) {
  struct doctor_facts *d = n->g->facts;
  const char *from[SOURCES_TRIED_MAX] = {""};
  size_t count = 0;
  choose_targets(n);
  name_targets(n, d->outgoing_domains, sizeof d->outgoing_domains);
  for (size_t i = 0; i < d->source_count && count < SOURCES_TRIED_MAX; i++)
    if (d->sources[i].here) from[count++] = d->sources[i].source->address;
  if (!count && !d->source_count) count = 1;
  d->outgoing = calloc(count * n->target_count + 1, sizeof *d->outgoing);
  if (!d->outgoing) return;
  d->outgoing_count = count * n->target_count;
  for (size_t i = 0; i < d->outgoing_count; i++)
    snprintf(d->outgoing[i].source, sizeof d->outgoing[i].source, "%s", from[i / n->target_count]);
  add_tasks(n, run_outgoing, d->outgoing_count);
}

static void *work(void *arg) {
  struct network *n = arg;
  for (size_t i; (i = atomic_fetch_add(&n->next, 1)) < n->task_count;) n->tasks[i].run(n, n->tasks[i].index);
  return NULL;
}

static void run_all(struct network *n) {
  pthread_t threads[THREADS_MAX];
  size_t count = 0, wanted = n->task_count < THREADS_MAX ? n->task_count : THREADS_MAX;
  while (count < wanted && pthread_create(&threads[count], NULL, work, n) == 0) count++;
  if (!count) work(n);
  while (count) pthread_join(threads[--count], NULL);
}

static void plan_and_run(struct network *n) {
  struct doctor_facts *d = n->g->facts;
  n->dns = (struct dns_source){n, lookup, release};
  n->https = (struct https){.dns = &n->dns,
                            .trust = d->config->https_trust,
                            .until_ms = &n->until_ms,
                            .may_connect = d->config->local_next_hops ? NULL : https_global_only};
  atomic_store(&n->until_ms, n->g->deadline_ms);
  plan_listeners(n); /* the first to run: they take no DNS, and users wait for them */
  add_tasks(n, run_hostname, 1);
  if (d->directory) {
    plan_sources(n);
    plan_outgoing(n);
    plan_domains(n);
  }
  run_all(n);
  free(n->tasks);
}

void gather_network(struct gathering *g) {
  struct network n = {.g = g};
  struct reason why;
  if (!g->facts->config || https_setup() != OK) return;
  if (resolver_new(g->facts->config, &n.resolver, &why) == OK) {
    pthread_mutex_init(&n.store_lock, NULL);
    plan_and_run(&n);
    pthread_mutex_destroy(&n.store_lock);
    resolver_free(&n.resolver);
  } else {
    g->facts->dns_why = why;
  }
  https_teardown();
}
