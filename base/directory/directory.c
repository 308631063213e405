#include "base/directory/directory_build.h"

#include "base/address/global_address.h"
#include "base/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- memory --- */

void *directory_alloc(struct directory_owner *o, size_t size, bool secret) {
  struct arena_block *b = calloc(1, sizeof *b + size);
  if (!b) return NULL;
  b->size = size;
  b->secret = secret;
  b->next = o->blocks;
  o->blocks = b;
  return b->data;
}

const char *directory_text(struct directory_owner *o, const char *text) {
  size_t n = strlen(text) + 1;
  char *copy = directory_alloc(o, n, false);
  return copy ? memcpy(copy, text, n) : NULL;
}

void directory_free(struct directory_owner *o) {
  while (o->blocks) {
    struct arena_block *b = o->blocks;
    o->blocks = b->next;
    if (b->secret) wipe(b->data, b->size);
    free(b);
  }
  free(o);
}

struct directory *directory_hold(const struct directory *d) {
  struct directory_owner *o = (struct directory_owner *)(uintptr_t)d;
  if (!o) return NULL;
  __atomic_add_fetch(&o->references, 1, __ATOMIC_RELAXED);
  return &o->directory;
}

void directory_release(struct directory **at) {
  struct directory_owner *o = (struct directory_owner *)*at;
  *at = NULL;
  if (o && __atomic_sub_fetch(&o->references, 1, __ATOMIC_ACQ_REL) == 0) directory_free(o);
}

static const struct directory_owner *owner(const struct directory *d) {
  return (const struct directory_owner *)d;
}

/* --- order --- */

static int compare_names(struct bytes a, struct bytes b) {
  size_t n = a.len < b.len ? a.len : b.len;
  int order = n ? memcmp(a.at, b.at, n) : 0;
  return order ? order : (a.len > b.len) - (a.len < b.len);
}

static int by_name(const void *a, const void *b) {
  const struct account_name *x = a, *y = b;
  return compare_names(bytes_of(x->account->name), bytes_of(y->account->name));
}

/* The account made first, when two have the same network: the answer must not change from one snapshot to the next. */
static int by_prefix(const void *a, const void *b) {
  const struct client_net *x = a, *y = b;
  if (x->net->prefix != y->net->prefix) return x->net->prefix > y->net->prefix ? -1 : 1;
  return (x->account->id > y->account->id) - (x->account->id < y->account->id);
}

static int by_user(const void *a, const void *b) {
  return strcmp(((const struct local_user *)a)->user, ((const struct local_user *)b)->user);
}

static int index_users(struct directory_owner *o) {
  const struct directory *d = &o->directory;
  size_t users = 0;
  for (size_t i = 0; i < d->account_count; i++) users += d->accounts[i].local_user_count;
  o->users = directory_alloc(o, users * sizeof *o->users, false);
  if (!o->users) return E_MEMORY;
  for (size_t i = 0; i < d->account_count; i++)
    for (size_t n = 0; n < d->accounts[i].local_user_count; n++)
      o->users[o->user_count++] = (struct local_user){d->accounts[i].local_users[n], &d->accounts[i]};
  qsort(o->users, o->user_count, sizeof *o->users, by_user);
  return OK;
}

int directory_index(struct directory_owner *o) {
  const struct directory *d = &o->directory;
  size_t nets = 0;
  for (size_t i = 0; i < d->account_count; i++) nets += d->accounts[i].client_ip_count;
  o->by_name = directory_alloc(o, d->account_count * sizeof *o->by_name, false);
  o->nets = directory_alloc(o, nets * sizeof *o->nets, false);
  if (!o->by_name || !o->nets || index_users(o) != OK) return E_MEMORY;
  for (size_t i = 0; i < d->account_count; i++) {
    const struct account *a = o->by_name[i].account = &d->accounts[i];
    for (size_t n = 0; n < a->client_ip_count; n++) o->nets[o->net_count++] = (struct client_net){&a->client_ips[n], a};
  }
  qsort(o->by_name, d->account_count, sizeof *o->by_name, by_name);
  qsort(o->nets, o->net_count, sizeof *o->nets, by_prefix);
  return OK;
}

/* --- looking up --- */

const struct account *directory_account(const struct directory *d, struct bytes name) {
  size_t low = 0, high = d->account_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    const struct account *a = owner(d)->by_name[middle].account;
    int order = compare_names(name, bytes_of(a->name));
    if (order == 0) return a;
    if (order > 0)
      low = middle + 1;
    else
      high = middle;
  }
  return NULL;
}

const struct account *directory_account_by_id(const struct directory *d, int64_t id) {
  size_t low = 0, high = d->account_count;
  while (low < high) {
    size_t middle = low + (high - low) / 2;
    if (d->accounts[middle].id < id)
      low = middle + 1;
    else
      high = middle;
  }
  return low < d->account_count && d->accounts[low].id == id ? &d->accounts[low] : NULL;
}

const struct account *directory_account_by_client(const struct directory *d, const struct sockaddr *client) {
  const struct directory_owner *o = owner(d);
  for (size_t i = 0; i < o->net_count; i++)
    if (cidr_contains(o->nets[i].net, client)) return o->nets[i].account;
  return NULL;
}

static const struct account *find_user(const struct directory *d, const char *user) {
  const struct directory_owner *o = owner(d);
  struct local_user key = {.user = user};
  const struct local_user *found =
      o->user_count ? bsearch(&key, o->users, o->user_count, sizeof *o->users, by_user) : NULL;
  return found ? found->account : NULL;
}

/* The name first: an id that was written when it had none may have got one since, and that is another user. */
const struct account *directory_account_by_user(const struct directory *d, const char *name, unsigned uid) {
  char number[16];
  const struct account *a = *name ? find_user(d, name) : NULL;
  snprintf(number, sizeof number, "%u", uid);
  return a ? a : find_user(d, number);
}

/* All of them are looked at: it is asked once a login with a certificate, and few accounts have any. */
const struct account *directory_account_by_certificate(const struct directory *d, const struct fingerprint *f) {
  for (size_t i = 0; d->client_cert_count && i < d->account_count; i++)
    for (size_t c = 0; c < d->accounts[i].client_cert_count; c++)
      if (memcmp(&d->accounts[i].client_certs[c], f, sizeof *f) == 0) return &d->accounts[i];
  return NULL;
}

static int by_domain(const void *name, const void *d) {
  return strcmp(name, ((const struct domain *)d)->name);
}

static const struct domain *find_domain(const struct directory *d, const char *name) {
  return d->domain_count ? bsearch(name, d->domains, d->domain_count, sizeof *d->domains, by_domain) : NULL;
}

const struct domain *directory_domain(const struct directory *d, const char *name, bool parents) {
  const struct domain *found = find_domain(d, name);
  if (found || !parents) return found;
  while ((name = strchr(name, '.'))) {
    found = find_domain(d, ++name);
    if (found && found->subdomains) return found;
  }
  return NULL;
}

size_t directory_count_keys(const struct directory *d, enum key_state state) {
  size_t count = 0;
  for (size_t i = 0; i < d->domain_count; i++)
    for (size_t k = 0; k < d->domains[i].key_count; k++) count += d->domains[i].keys[k].state == state;
  return count;
}

const char *key_state_name(enum key_state state) {
  static const char *const names[] = {[KEY_ACTIVE] = "active",
                                      [KEY_RETIRED] = "retired",
                                      [KEY_WAITING] = "waiting",
                                      [KEY_OLD] = "old",
                                      [KEY_GONE] = "gone"};
  return names[state];
}

const struct source *directory_pool(const struct directory *d, const char *pool, size_t *count) {
  const struct source *first = NULL;
  *count = 0;
  for (size_t i = 0; i < d->source_count; i++) {
    if (strcmp(d->sources[i].pool, pool) != 0) continue;
    if (!first) first = &d->sources[i];
    ++*count;
  }
  return first;
}

const char *account_pool(const struct account *a, enum mail_stream stream) {
  return *a->stream_pool[stream] ? a->stream_pool[stream] : a->pool;
}

const char *source_public(const struct source *s) {
  return s->public_address && *s->public_address ? s->public_address : s->address;
}

bool source_may_be_used(const struct source *s) {
  const char *seen = source_public(s);
  return s->name != SOURCE_NAME_UNCONFIRMED || !strchr(seen, ':') || !ip_is_global(seen);
}

bool source_is_subject(const struct source *s, const struct blocklist_note *n) {
  return strcmp(n->subject, source_public(s)) == 0 || strcmp(n->subject, s->helo) == 0;
}

/* --- modes --- */

bool settings_check_mode(const struct settings *s, const char *check, enum check_mode *out) {
  for (size_t i = 0; i < s->mode_count; i++) {
    if (strcmp(s->modes[i].check, check) != 0) continue;
    *out = s->modes[i].mode;
    return true;
  }
  return false;
}

enum check_mode directory_check_mode(const struct directory *d, const struct account *a, const struct domain *domain,
                                     const char *check, enum check_mode otherwise) {
  enum check_mode mode;
  if (a && settings_check_mode(&a->settings, check, &mode)) return mode;
  if (domain && settings_check_mode(&domain->settings, check, &mode)) return mode;
  return d && settings_check_mode(&d->gateway, check, &mode) ? mode : otherwise;
}

/* --- names --- */

static const char *const modes[] = {"off", "observe", "enforce"};

const char *check_mode_name(enum check_mode mode) {
  return modes[mode];
}

int check_mode_parse(const char *name, enum check_mode *out) {
  for (int i = 0; i < 3; i++)
    if (strcmp(name, modes[i]) == 0) {
      *out = (enum check_mode)i;
      return OK;
    }
  return E_NOT_FOUND;
}

int64_t directory_site_paused(const struct directory *d, const char *site, const char *source, int64_t now_us) {
  int64_t until = 0;
  for (size_t i = 0; i < d->site_pause_count; i++) {
    const struct site_pause *p = &d->site_pauses[i];
    if (strcmp(p->site, site) != 0 || (*p->source && strcmp(p->source, source) != 0)) continue;
    int64_t end = p->until_us ? p->until_us : INT64_MAX;
    if (end > now_us && end > until) until = end;
  }
  return until;
}
