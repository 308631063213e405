#include "base/address/address.h"
#include "base/address/cidr.h"
#include "base/address/global_address.h"
#include "cli/command.h"
#include "cli/delivery/source_listings.h"
#include "cli/delivery/source_remove.h"
#include "cli/delivery/source_warmups.h"
#include "cli/input/named.h"
#include "cli/output/listing.h"
#include "relay/net/local_address.h"

#include <stdio.h>
#include <string.h>

/* The address as everything else writes it. */
static bool canonical(const char *text, char out[IP_TEXT]) {
  struct sockaddr_storage address;
  if (ip_parse(text, 0, &address) != OK) return false;
  ip_format((struct sockaddr *)&address, out);
  return true;
}

/* An address that cannot be read is none of ours. */
static bool is_here(const char *address) {
  struct sockaddr_storage a;
  return ip_parse(address, 0, &a) == OK && address_is_here((const struct sockaddr *)&a);
}

/* What the options say of a source, and what of it they do say. */
struct wanted {
  struct source source;
  unsigned parts; /* enum source_part */
  char address[IP_TEXT], public_address[IP_TEXT], helo[DOMAIN_MAX + 1];
  char warmup_name[64], warmup[WARMUP_PLAN_TEXT];
};

static enum exit_status read_helo(struct cli *c, struct wanted *w) {
  const char *typed = cli_option(c, "helo");
  if (!typed) return EXIT_DONE;
  if (!domain_valid(bytes_of(typed)) || domain_normalize(bytes_of(typed), w->helo) != OK ||
      domain_ends_in_number(bytes_of(w->helo)))
    return cli_fail(EXIT_USAGE, "--helo %s is no host name; write one as in smtp.example.com", typed);
  w->parts |= SOURCE_HELO;
  return EXIT_DONE;
}

static enum exit_status read_pool(struct cli *c, struct wanted *w) {
  const char *pool = w->source.pool = cli_option(c, "pool");
  if (!pool) return EXIT_DONE;
  if (!cli_name_ok(pool))
    return cli_fail(EXIT_USAGE, "--pool %s: a pool's name is 1 to 64 letters, digits and . _ @ + -", pool);
  w->parts |= SOURCE_POOL;
  return EXIT_DONE;
}

/* The address itself, or none, takes it back. */
static enum exit_status read_public(struct cli *c, struct wanted *w) {
  const char *typed = cli_option(c, "public");
  if (!typed) return EXIT_DONE;
  w->parts |= SOURCE_PUBLIC;
  if (strcmp(typed, "none") == 0) return EXIT_DONE;
  if (!canonical(typed, w->public_address))
    return cli_fail(EXIT_USAGE, "--public %s is no IP address; it is the one that the world sees, or: none", typed);
  if (!ip_is_of_host(w->public_address))
    return cli_fail(EXIT_USAGE, "--public %s is no address that a machine can have", typed);
  if (!strchr(w->public_address, ':') != !strchr(w->address, ':'))
    return cli_fail(EXIT_USAGE, "--public %s and %s are not of one family: a source is IPv4 or IPv6", typed,
                    w->address);
  if (strcmp(w->public_address, w->address) == 0) w->public_address[0] = '\0';
  return EXIT_DONE;
}

static enum exit_status read_weight(struct cli *c, struct wanted *w) {
  const char *typed = cli_option(c, "weight");
  uint64_t weight;
  if (!typed) return EXIT_DONE;
  if (!bytes_to_u64(bytes_of(typed), &weight) || weight > SOURCE_WEIGHT_MOST)
    return cli_fail(EXIT_USAGE,
                    "--weight %s: write 0 to %d, its share of the pool's mail beside the weights of the others; 0: "
                    "only when no other can be used",
                    typed, SOURCE_WEIGHT_MOST);
  w->source.weight = (unsigned)weight;
  w->parts |= SOURCE_WEIGHT;
  return EXIT_DONE;
}

static enum exit_status read_on_listing(struct cli *c, struct wanted *w) {
  const char *typed = cli_option(c, "on-listing");
  if (!typed) return EXIT_DONE;
  w->source.pause_on_listing = strcmp(typed, "pause") == 0;
  if (!w->source.pause_on_listing && strcmp(typed, "warn") != 0)
    return cli_fail(
        EXIT_USAGE,
        "--on-listing %s: write pause (no mail leaves from it while a blocklist lists it) or warn (it does)", typed);
  w->parts |= SOURCE_ON_LISTING;
  return EXIT_DONE;
}

/* Of a file, its name is shown, and all of it is in the store. */
static enum exit_status read_warmup(struct cli *c, struct wanted *w) {
  const char *typed = cli_option(c, "warmup"), *slash = typed ? strrchr(typed, '/') : NULL;
  if (!typed) return EXIT_DONE;
  snprintf(w->warmup_name, sizeof w->warmup_name, "%s", slash ? slash + 1 : typed);
  w->source.warmup = w->warmup;
  w->source.warmup_name = w->warmup_name;
  w->parts |= SOURCE_WARMUP;
  return source_read_warmup(typed, w->warmup);
}

static enum exit_status read_wanted(struct cli *c, struct wanted *w) {
  memset(w, 0, sizeof *w);
  w->source.weight = 1;
  w->source.address = w->address;
  w->source.public_address = w->public_address;
  w->source.helo = w->helo;
  if (!canonical(c->arguments[0], w->address)) return cli_fail(EXIT_USAGE, "%s is no IP address", c->arguments[0]);
  enum exit_status s = read_helo(c, w);
  if (s == EXIT_DONE) s = read_pool(c, w);
  if (s == EXIT_DONE) s = read_public(c, w);
  if (s == EXIT_DONE) s = read_on_listing(c, w);
  if (s == EXIT_DONE) s = read_warmup(c, w);
  return s == EXIT_DONE ? read_weight(c, w) : s;
}

/* May mail leave from it? An IPv6 source that was never checked is not used either, but for minutes at most. */
static bool is_usable(const struct source *s) {
  bool needs_name = strchr(source_public(s), ':') && ip_is_global(source_public(s));
  return is_here(s->address) && (!needs_name || s->name == SOURCE_NAME_CONFIRMED);
}

static const char *state_of(const struct source *s) {
  if (!is_here(s->address)) return "not on this machine";
  if (!ip_is_global(source_public(s)) || s->name == SOURCE_NAME_CONFIRMED) return "usable";
  if (s->name == SOURCE_NAME_UNKNOWN) return is_usable(s) ? "usable, name not checked" : "name not checked";
  return is_usable(s) ? "usable, name not confirmed" : "not used: name not confirmed";
}

/* What a blocklist says comes last: of a source that is not used for another reason, that reason counts. */
static bool takes_mail(const struct directory *d, const struct source *s) {
  return is_usable(s) && !(s->pause_on_listing && source_listed_now(d, s));
}

static const char *shown_state(const struct directory *d, const struct source *s) {
  if (!is_usable(s) || !source_listed_now(d, s)) return state_of(s);
  return s->pause_on_listing ? "paused: listed" : "usable, listed";
}

static json_t *source_json(const struct directory *d, const struct source *s, const json_t *warmups) {
  bool known = ip_is_global(source_public(s)) && s->name != SOURCE_NAME_UNKNOWN;
  return json_pack("{s:s, s:s, s:o, s:o, s:i, s:b, s:b, s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:b, s:o, s:o}", "address",
                   s->address, "public", source_public(s), "helo", json_text(s->helo), "pool", json_text(s->pool),
                   "weight", (int)s->weight, "usable", takes_mail(d, s), "here", is_here(s->address), "state",
                   shown_state(d, s), "created", json_time(s->created_us), "ptr",
                   *s->ptr ? json_text(s->ptr) : json_null(), "confirmed",
                   known ? json_boolean(s->name == SOURCE_NAME_CONFIRMED) : json_null(), "checked",
                   known ? json_time(s->checked_us) : json_null(), "text", json_text(s->name_text), "on_listing",
                   s->pause_on_listing ? "pause" : "warn", "listed", source_listed_now(d, s), "blocklists",
                   source_blocklists_json(d, s), "warmup", source_warmup_json(warmups, s));
}

/* What is to be done, below the table, where there is room for it. */
static void print_advice(const struct directory *d) {
  for (size_t i = 0; i < d->source_count; i++)
    if (d->sources[i].name == SOURCE_NAME_UNCONFIRMED)
      printf("\n%s: %s\n", source_public(&d->sources[i]), d->sources[i].name_text);
}

/* "10.0.0.5 (203.0.113.5)" */
static const char *address_text(const struct source *s, char out[2 * IP_TEXT + 4]) {
  bool behind = *s->public_address != '\0';
  snprintf(out, 2 * IP_TEXT + 4, "%s%s%s%s", s->address, behind ? " (" : "", s->public_address, behind ? ")" : "");
  return out;
}

/* The last column is there when some source warms up. */
static void list_all(struct cli *c, const struct directory *d, const json_t *warmups) {
  struct listing l;
  size_t columns = json_object_size(warmups) ? 6 : 5;
  listing_begin(&l, c, (const char *const[]){"ADDRESS~", "HELO~", "POOL~", "WEIGHT", "STATE", "WARM-UP"}, columns);
  for (size_t i = 0; i < d->source_count; i++) {
    const struct source *s = &d->sources[i];
    char address[2 * IP_TEXT + 4], weight[16], warmup[60];
    snprintf(weight, sizeof weight, "%u", s->weight);
    source_warmup_cell(warmups, s, warmup);
    listing_add(&l, source_json(d, s, warmups),
                (const char *const[]){address_text(s, address), s->helo, s->pool, weight, shown_state(d, s), warmup});
  }
  l.empty = "no mail leaves yet: there is no source address; add one: sendoff source add ADDRESS --helo NAME";
  listing_end(&l);
  if (c->json) return;
  print_advice(d);
  source_print_listings(d);
  source_print_warmups(warmups, d);
}

static enum exit_status list(struct cli *c) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  json_t *warmups = source_warmups(c, d);
  if (warmups) list_all(c, d, warmups);
  directory_release(&d);
  if (!warmups) return EXIT_NO;
  json_decref(warmups);
  return EXIT_DONE;
}

/* After a change: the source, as the list has it. */
static enum exit_status print_one(struct cli *c, const char *address, const char *done) {
  struct directory *d;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  json_t *warmups = c->json ? source_warmups(c, d) : NULL;
  for (size_t i = 0; i < d->source_count; i++) {
    const struct source *s = &d->sources[i];
    char text[2 * IP_TEXT + 4], line[DOMAIN_MAX + 512];
    if (strcmp(s->address, address) != 0) continue;
    snprintf(line, sizeof line, "source %s is %s: HELO %s, pool %s, weight %u, %s", address_text(s, text), done,
             s->helo, s->pool, s->weight, shown_state(d, s));
    if (c->json)
      print_json(source_json(d, s, warmups));
    else
      print_fitted(line, 0, 2);
  }
  json_decref(warmups);
  directory_release(&d);
  return EXIT_DONE;
}

static const struct source *find_source(const struct directory *d, const char *address) {
  for (size_t i = 0; i < d->source_count; i++)
    if (strcmp(d->sources[i].address, address) == 0) return &d->sources[i];
  return NULL;
}

static bool others_take_mail(const struct directory *d, const struct source *added) {
  for (size_t i = 0; i < d->source_count; i++) {
    const struct source *s = &d->sources[i];
    if (s != added && strcmp(s->pool, added->pool) == 0 && takes_mail(d, s)) return true;
  }
  return false;
}

/* Mail cannot leave from an address that no interface has; but it may be given to one later. */
static enum exit_status warn_foreign(struct cli *c, const char *address) {
  struct directory *d;
  if (is_here(address)) return EXIT_DONE;
  if (cli_directory(c, &d) != EXIT_DONE) return EXIT_NO;
  const struct source *added = find_source(d, address);
  if (added && others_take_mail(d, added))
    cli_warn("%s is no address of this machine now; mail leaves from the others of its pool", address);
  else if (added)
    cli_warn("%s is no address of this machine now, and no mail leaves from pool %s until it is", address, added->pool);
  directory_release(&d);
  return EXIT_DONE;
}

static enum exit_status add(struct cli *c) {
  struct wanted w;
  struct admin *a;
  struct reason why = {""};
  if (read_wanted(c, &w) != EXIT_DONE) return EXIT_USAGE;
  if (!ip_is_of_host(w.address))
    return cli_fail(EXIT_USAGE, "mail cannot leave from %s; write an address of this machine", w.address);
  if (!*w.helo)
    return cli_fail(EXIT_USAGE, "--helo NAME is needed: the name that %s resolves to, as in smtp.example.com",
                    source_public(&w.source));
  if (cli_admin(c, &a) != EXIT_DONE) return EXIT_NO;
  enum exit_status status = cli_admin_done(c, &a, admin_source_add(a, &w.source, &why), &why);
  if (status == EXIT_DONE) status = print_one(c, w.address, "added");
  return status == EXIT_DONE ? warn_foreign(c, w.address) : status;
}

static enum exit_status set(struct cli *c) {
  struct wanted w;
  struct admin *a;
  struct reason why = {""};
  if (read_wanted(c, &w) != EXIT_DONE) return EXIT_USAGE;
  if (!w.parts)
    return cli_fail(EXIT_USAGE, "say what to change: --helo NAME, --pool POOL, --weight N, --public ADDRESS|none, "
                                "--on-listing pause|warn or --warmup default|FILE|none");
  enum exit_status status = named_check(c, NAMED_SOURCE, w.address);
  if (status == EXIT_DONE) status = cli_admin(c, &a);
  if (status == EXIT_DONE) status = cli_admin_done(c, &a, admin_source_set(a, w.parts, &w.source, &why), &why);
  return status == EXIT_DONE ? print_one(c, w.address, "changed") : status;
}

static enum exit_status remove_source(struct cli *c) {
  char address[IP_TEXT];
  if (!canonical(c->arguments[0], address)) return cli_fail(EXIT_USAGE, "%s is no IP address", c->arguments[0]);
  return source_remove(c, address);
}

const struct verb source_verbs[] = {
    {"source", "add",
     "ADDRESS --helo NAME [--public ADDRESS] [--pool POOL] [--weight N] [--on-listing pause|warn] "
     "[--warmup default|FILE|none]",
     "An address of this machine that mail leaves from, and the name it says in EHLO. Behind NAT, --public is the "
     "address that the world sees. Sources of a pool share its mail by weight (1 unless set). With "
     "--on-listing pause it takes no mail while a blocklist lists it. With --warmup it gets some mail on its first "
     "day, more on each that follows, and the others of its pool take the rest.",
     "sendoff source add 192.0.2.10 --helo smtp.example.com\n"
     "sendoff source add 10.0.0.5 --public 203.0.113.5 --helo smtp.example.com --pool bulk --weight 3",
     1, 1, add},
    {"source", "list", "",
     "All source addresses: whether this machine has them, whether DNS confirms their names, what blocklists say, and "
     "how they warm up.",
     "sendoff source list", 0, 0, list},
    {"source", "set",
     "ADDRESS [--helo NAME] [--public ADDRESS|none] [--pool POOL] [--weight N] "
     "[--on-listing pause|warn] [--warmup default|FILE|none]",
     "Changes one. With --weight 0 it takes no new mail while another of its pool can be used, and ends what it began. "
     "--warmup none ends a warm-up; another plan goes on at the day that it is.",
     "sendoff source set 192.0.2.10 --pool bulk\n"
     "sendoff source set 192.0.2.10 --weight 0\n"
     "sendoff source set 192.0.2.10 --warmup default",
     1, 1, set},
    {"source", "remove", "ADDRESS [--yes]",
     "Removes one; connections that are open end as they would. Says whose mail that concerns, and asks, when it is "
     "the last of its pool.",
     "sendoff source remove 192.0.2.10 --yes", 1, 1, remove_source},
    {0}};
