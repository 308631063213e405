/* Host name, sources, what DNS and blocklists say of them, and whether mail gets out. */
#include "base/address/address_kind.h"
#include "base/address/global_address.h"
#include "base/address/reverse_name.h"
#include "cli/doctor/checks.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

/* "10.2.0.192.in-addr.arpa. PTR smtp.example.com." */
static void ptr_record(const char *address, const char *name, char *out, size_t size) {
  struct sockaddr_storage a;
  char reverse[160];
  *out = '\0';
  if (ip_parse(address, 0, &a) != OK) return;
  bool v6 = a.ss_family == AF_INET6;
  if (reverse_name(address_octets(&a), v6 ? "ip6.arpa" : "in-addr.arpa", reverse, sizeof reverse))
    snprintf(out, size, "%s. PTR %s.", reverse, name);
}

/* --- the host name --- */

static bool is_qualified(const char *name) {
  static const char *const local[] = {".local", ".localdomain", ".lan", ".internal", ".home"};
  size_t len = strlen(name);
  if (!strchr(name, '.') || strcasecmp(name, "localhost.localdomain") == 0) return false;
  for (size_t i = 0; i < sizeof local / sizeof local[0]; i++) {
    size_t n = strlen(local[i]);
    if (len > n && strcasecmp(name + len - n, local[i]) == 0) return false;
  }
  return true;
}

/* What the world sees of a source behind NAT. */
static bool is_public_address(const struct doctor_facts *d, const char *address) {
  for (size_t i = 0; i < d->source_count; i++)
    if (strcmp(source_public(d->sources[i].source), address) == 0) return true;
  return false;
}

static void check_addresses(const struct doctor_facts *d, struct findings *f) {
  const struct hostname_facts *h = &d->hostname;
  const char *name = d->config->hostname;
  if (!h->known) {
    findings_add(f, SEVERITY_NOTE, name, "DNS does not answer for its addresses");
    return;
  }
  if (!h->count) {
    findings_add(f, SEVERITY_WARNING, name,
                 "has no address in DNS: clients cannot find the gateway, and receivers "
                 "distrust its HELO name");
    findings_fix(f, "%s. A ADDRESS    (this machine's public one)", name);
    return;
  }
  for (size_t i = 0; i < h->count; i++)
    if (h->here || is_public_address(d, h->addresses[i])) return;
  findings_add(f, SEVERITY_NOTE, name,
               "leads to %s, which is no address of this machine: right behind NAT or a load "
               "balancer, and else wrong",
               h->addresses[0]);
  findings_fix(f, "sendoff source set ADDRESS --public %s    (behind NAT; else publish: %s. A ADDRESS)",
               h->addresses[0], name);
  findings_see(f, "docs/sources.md");
}

void judge_hostname(const struct doctor_facts *d, struct findings *f) {
  const char *name = d->config->hostname;
  size_t before = f->count;
  if (!is_qualified(name)) {
    findings_add(f, SEVERITY_ERROR, name,
                 "is no name that others can look up: receivers refuse mail from it, and no "
                 "certificate can be had for it");
    findings_fix(f, "hostname = \"smtp.example.com\"    (in %s)", d->config->path);
  } else if (d->hostname.asked) {
    check_addresses(d, f);
  }
  if (before == f->count) findings_add(f, SEVERITY_OK, name, "leads here");
}

/* --- sources --- */

static void check_place(const struct doctor_facts *d, const struct source_facts *s, struct findings *f) {
  const struct source *source = s->source;
  if (!s->here) {
    findings_add(f, SEVERITY_ERROR, source->address, "is not an address of this machine: no mail leaves from it");
    findings_fix(f, "ip address add %s dev eth0    (or: sendoff source remove %s)", source->address, source->address);
  } else if (!ip_is_global(source_public(source)) && !d->config->local_next_hops) {
    findings_add(f, SEVERITY_WARNING, source->address,
                 "is a private address: receivers see another, and SPF, PTR and blocklists are about that one");
    findings_fix(f, "sendoff source set %s --public PUBLIC-ADDRESS", source->address);
  } else {
    return;
  }
  findings_see(f, "docs/sources.md");
}

static void check_name(const struct source_facts *s, struct findings *f) {
  const struct source *source = s->source;
  const char *address = source_public(source);
  bool v6 = strchr(address, ':') != NULL;
  char record[420];
  if (!s->asked || s->name.confirmed) return;
  if (!s->name.known) {
    findings_add(f, SEVERITY_NOTE, address, "DNS does not say whether its name is right: %s", s->name.text);
    return;
  }
  findings_add(f, v6 ? SEVERITY_ERROR : SEVERITY_WARNING, address, "%s%s", s->name.text,
               v6 ? "; until then no mail leaves from this IPv6 address" : "");
  ptr_record(address, source->helo, record, sizeof record);
  findings_fix(f, "%s    (whoever gave you the address publishes it)\n%s. %s %s", record, source->helo,
               v6 ? "AAAA" : "A", address);
  findings_see(f, "docs/sources.md");
}

/* A pool that an account has, and no source is in. */
static void check_pools(const struct directory *all, struct findings *f) {
  size_t count;
  for (size_t i = 0; i < all->account_count; i++) {
    const struct account *a = &all->accounts[i];
    directory_pool(all, a->pool, &count);
    if (count || !all->source_count) continue;
    findings_add(f, SEVERITY_WARNING, a->name, "sends from the pool %s, which has no source: the system chooses",
                 a->pool);
    findings_fix(f, "sendoff account set %s --pool %s", a->name, all->sources[0].pool);
    return;
  }
}

void judge_sources(const struct doctor_facts *d, struct findings *f) {
  size_t before = f->count;
  for (size_t i = 0; i < d->source_count; i++) {
    check_place(d, &d->sources[i], f);
    check_name(&d->sources[i], f);
  }
  check_pools(d->directory, f);
  if (before == f->count && d->source_count)
    findings_add(f, SEVERITY_OK, "", "%zu, all on this machine and with names that are right", d->source_count);
}

/* --- blocklists --- */

void judge_blocklists(const struct doctor_facts *d, struct findings *f) {
  size_t before = f->count;
  const struct directory *all = d->directory;
  char next[BLOCKLIST_NEXT];
  for (size_t i = 0; i < all->blocklist_note_count; i++) {
    const struct blocklist_note *n = &all->blocklist_notes[i];
    if (n->state == BLOCKLIST_LISTED) {
      blocklist_next(n, next);
      findings_add(f, SEVERITY_ERROR, n->subject, "is listed by %s (%s)%s%s", n->list, n->codes, *n->text ? ": " : "",
                   n->text);
      findings_fix(f, "%s", next);
      findings_see(f, "docs/blocklists.md");
    } else if (n->state == BLOCKLIST_UNUSABLE || *n->trouble) {
      findings_add(f, SEVERITY_NOTE, n->list, "says nothing of %s that can be believed: %s", n->subject,
                   *n->trouble ? n->trouble : n->text);
      findings_see(f, "docs/blocklists.md");
    }
  }
  if (before == f->count && all->blocklist_note_count) findings_add(f, SEVERITY_OK, "", "no source is listed");
}

/* --- outgoing --- */

struct way {
  size_t tried, open;
  const struct outgoing_facts *first, *refused; /* that did not connect; that greeted with a refusal */
  char list[600];                               /* of what was tried */
};

static void count_attempt(const struct outgoing_facts *o, struct way *w) {
  size_t at = strlen(w->list);
  if (!*o->to) return;
  w->tried++;
  if (o->rc == OK) w->open++;
  if (o->rc != OK && !w->first) w->first = o;
  if (o->rc == OK && o->greeting.code / 100 != 2 && !w->refused) w->refused = o;
  snprintf(w->list + at, sizeof w->list - at, "%s%s", at ? ", " : "", o->to);
}

static void check_way(const struct doctor_facts *d, const char *source, struct findings *f) {
  struct way w = {0};
  const char *from = *source ? source : "this machine";
  for (size_t i = 0; i < d->outgoing_count; i++)
    if (strcmp(d->outgoing[i].source, source) == 0) count_attempt(&d->outgoing[i], &w);
  if (!w.tried) {
    findings_add(f, SEVERITY_NOTE, source,
                 "whether mail gets out could not be tried: DNS has no exchanger of %s for it", d->outgoing_domains);
  } else if (!w.open) {
    findings_add(f, SEVERITY_ERROR, source, "no mail gets out from %s: none of %s takes a connection (%s)", from,
                 w.list, w.first->why.text);
    findings_fix(f,
                 "ask your provider to open outgoing port %u, or send through a smarthost:\nsendoff route add '*' "
                 "HOST:587 --user NAME --password-stdin",
                 d->config->delivery_port);
    findings_see(f, "docs/routes.md");
  } else if (w.refused && w.open == 1) {
    findings_add(f, SEVERITY_WARNING, source, "%s refuses connections from it: %d %s", w.refused->to,
                 w.refused->greeting.code, w.refused->greeting.text);
    findings_see(f, "docs/blocklists.md");
  } else {
    findings_add(f, SEVERITY_OK, source, "connections get out, to %s", w.list);
  }
}

void judge_outgoing(const struct doctor_facts *d, struct findings *f) {
  const char *before = NULL;
  for (size_t i = 0; i < d->outgoing_count; i++) {
    const char *source = d->outgoing[i].source;
    if (!before || strcmp(before, source) != 0) check_way(d, source, f);
    before = source;
  }
}
