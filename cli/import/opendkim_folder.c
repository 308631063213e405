#include "cli/import/opendkim_folder.h"

#include "cli/input/small_file.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CONF_MAX ((size_t)1 << 20)
#define TABLE_MAX ((size_t)32 << 20)

/* A line of the KeyTable, by its name; the first of a name counts. */
struct opendkim_table_key {
  struct opendkim_key is;
  UT_hash_handle hh;
};
/* A domain that some line of the SigningTable has been for. */
struct opendkim_signer {
  char name[DOMAIN_MAX + 1];
  unsigned senders; /* 1 << enum opendkim_senders */
  UT_hash_handle hh;
};

/* --- entries --- */

static struct opendkim_entry *add_entry(struct opendkim_folder *f, struct reason *why) {
  if (f->count == OPENDKIM_KEYS_MAX) {
    fail(why, E_TOO_BIG, "there are more than %d keys", OPENDKIM_KEYS_MAX);
    return NULL;
  }
  if (f->count == f->room) {
    size_t room = f->room ? 2 * f->room : 64;
    struct opendkim_entry **more = realloc(f->entries, room * sizeof *more);
    if (!more) return fail(why, E_MEMORY, "out of memory"), NULL;
    f->entries = more;
    f->room = room;
  }
  struct opendkim_entry *e = calloc(1, sizeof *e);
  if (!e) return fail(why, E_MEMORY, "out of memory"), NULL;
  return f->entries[f->count++] = e;
}

/* What is not taken over. `domain` "": of none. */
static int __attribute__((format(printf, 4, 5)))
leave_out(struct opendkim_folder *f, const char *domain, struct reason *why, const char *format, ...) {
  struct opendkim_entry *e = add_entry(f, why);
  if (!e) return E_MEMORY;
  snprintf(e->domain, sizeof e->domain, "%s", domain);
  va_list args;
  va_start(args, format);
  vsnprintf(e->left_out.text, sizeof e->left_out.text, format, args);
  va_end(args);
  return OK;
}

/* The key of a domain; one that is there already gets what is more of it. */
struct wanted {
  const char *domain; /* normalised */
  struct bytes selector, key, file;
  bool is_inline, subdomains;
};

static int place_file(struct opendkim_folder *f, const struct wanted *w, struct opendkim_entry *e) {
  char path[OPENDKIM_PATH];
  if (w->is_inline) {
    e->key = w->key;
    return OK;
  }
  int rc = opendkim_path(f->dir, f->settings.base_directory, w->file, w->domain, false, path, &e->left_out);
  if (rc != OK) return OK; /* said with the entry */
  e->file = strdup(path);
  return e->file ? OK : E_MEMORY;
}

static bool same_source(const struct opendkim_entry *a, const struct opendkim_entry *b) {
  if (a->file && b->file) return strcmp(a->file, b->file) == 0;
  return !a->file && !b->file && bytes_equal(a->key, b->key);
}

static int want(struct opendkim_folder *f, const struct wanted *w, struct reason *why) {
  struct opendkim_entry *e = add_entry(f, why), *before = NULL;
  if (!e) return E_MEMORY;
  snprintf(e->domain, sizeof e->domain, "%s", w->domain);
  e->subdomains = w->subdomains || f->settings.subdomains;
  if (selector_normalize(w->selector, w->domain, e->selector, &e->left_out) != OK) {
    e->selector[0] = '\0';
    return OK;
  }
  if (place_file(f, w, e) != OK) return fail(why, E_MEMORY, "out of memory");
  if (*e->left_out.text || key_name(e->selector, e->domain, e->name) != OK) return OK;
  HASH_FIND_STR(f->by_name, e->name, before);
  if (before && same_source(before, e)) {
    before->subdomains |= e->subdomains;
    free(e->file);
    free(e);
    f->count--;
  } else if (before) {
    fail(&e->left_out, E_EXISTS, "another key has the same domain and selector");
    e->name[0] = '\0';
  } else {
    HASH_ADD_STR(f->by_name, name, e);
    if (!e->hh.tbl) return fail(why, E_MEMORY, "out of memory");
  }
  return OK;
}

/* --- tables --- */

static int read_text(const char *path, size_t most, struct buffer *out, struct reason *why) {
  out->max = most + 8192;
  return small_file_read(path, most, false, out, why);
}

static int add_table_key(struct opendkim_folder *f, const struct opendkim_key *k) {
  struct opendkim_table_key *there = NULL;
  HASH_FIND(hh, f->keys, k->name.at, k->name.len, there);
  if (there) return OK;
  struct opendkim_table_key *t = calloc(1, sizeof *t);
  if (!t) return E_MEMORY;
  t->is = *k;
  HASH_ADD_KEYPTR(hh, f->keys, t->is.name.at, t->is.name.len, t);
  if (t->hh.tbl) return OK;
  free(t);
  return E_MEMORY;
}

static int read_keys(struct opendkim_folder *f, struct reason *why) {
  struct opendkim_lines lines = {buffer_bytes(&f->key_text), 0};
  struct bytes line;
  struct opendkim_key k;
  struct reason wrong;
  size_t count = 0;
  int rc = OK;
  while (rc == OK && opendkim_next(&lines, &line)) {
    if (count++ == OPENDKIM_KEYS_MAX)
      return fail(why, E_TOO_BIG, "the KeyTable has more than %d keys", OPENDKIM_KEYS_MAX);
    if (opendkim_key_read(line, &k, &wrong) != OK)
      rc = leave_out(f, "", why, "KeyTable line %u cannot be read: %s", lines.number, wrong.text);
    else if (add_table_key(f, &k) != OK)
      rc = fail(why, E_MEMORY, "out of memory");
  }
  return rc;
}

/* OpenDKIM signs with the first line that matches, unless MultipleSignatures is on. True: that was another. Where the
 * configuration is not there to say, all lines count. */
static bool matched_before(struct opendkim_folder *f, const char *domain, enum opendkim_senders senders) {
  struct opendkim_signer *s = NULL;
  HASH_FIND_STR(f->signers, domain, s);
  if (!s) {
    s = calloc(1, sizeof *s);
    if (!s) return false;
    snprintf(s->name, sizeof s->name, "%s", domain);
    HASH_ADD_STR(f->signers, name, s);
    if (!s->hh.tbl) {
      free(s);
      return false;
    }
  }
  bool before = s->senders & 1u << senders;
  s->senders |= 1u << senders;
  return before && f->settings.signing_table.len && !f->settings.all_matches;
}

/* The key that a line names for a domain; "%" is the domain's own. */
static const struct opendkim_key *find_key(struct opendkim_folder *f, struct bytes name, const char *domain) {
  struct opendkim_table_key *t = NULL;
  if (bytes_equal(name, BYTES("%"))) name = bytes_of(domain);
  HASH_FIND(hh, f->keys, name.at, name.len, t);
  return t ? &t->is : NULL;
}

/* The domain that the key signs as; false: that cannot be a name. */
static bool signing_domain(const struct opendkim_key *k, const char *senders, char out[DOMAIN_MAX + 1]) {
  bool any = bytes_equal(k->domain, BYTES("%"));
  return domain_normalize(any ? bytes_of(senders) : k->domain, out) == OK && strchr(out, '.');
}

static struct wanted wanted_of(const struct opendkim_key *k, const char *domain, bool subdomains) {
  return (struct wanted){domain, k->selector, k->key, k->key, k->is_inline, subdomains};
}

/* A line for all senders: its key can sign at home; for others it must be a fallback, which nobody should become
 * unasked. */
static int take_everybody(struct opendkim_folder *f, const struct opendkim_signing *s, struct reason *why) {
  char domain[DOMAIN_MAX + 1];
  const struct opendkim_key *k = find_key(f, s->name, "");
  if (!k || !signing_domain(k, "", domain))
    return leave_out(f, "", why,
                     "%.*s is mail of every domain; import the key of each that is to be signed: sendoff domain add "
                     "DOMAIN --import FILE --selector S",
                     (int)s->pattern.len, s->pattern.at);
  struct wanted w = wanted_of(k, domain, false);
  int rc = want(f, &w, why);
  if (rc != OK) return rc;
  return leave_out(f, domain, why,
                   "%.*s is mail of every domain; it signs mail from other domains, too, after: sendoff domain set %s "
                   "--fallback on",
                   (int)s->pattern.len, s->pattern.at, domain);
}

/* Mail here is signed as its sender's own domain, or as one above that. */
static int leave_out_other(struct opendkim_folder *f, const struct opendkim_signing *s, const char *senders,
                           const char *domain, struct reason *why) {
  size_t n = strlen(senders), len = strlen(domain);
  if (n > len + 1 && senders[n - len - 1] == '.' && strcmp(senders + n - len, domain) == 0)
    return leave_out(f, senders, why,
                     "%.*s is signed as %s; so is mail from all its subdomains after: sendoff domain set %s "
                     "--subdomains on",
                     (int)s->pattern.len, s->pattern.at, domain, domain);
  return leave_out(f, senders, why,
                   "%.*s is signed as %s; here mail is signed as its sender's own domain: sendoff domain add %s",
                   (int)s->pattern.len, s->pattern.at, domain, senders);
}

static int take_domain(struct opendkim_folder *f, const struct opendkim_signing *s, const char *senders,
                       struct reason *why) {
  char domain[DOMAIN_MAX + 1];
  const struct opendkim_key *k = find_key(f, s->name, senders);
  if (!k)
    return leave_out(f, senders, why, "the KeyTable has no key %.*s, which %.*s is to be signed with", (int)s->name.len,
                     s->name.at, (int)s->pattern.len, s->pattern.at);
  if (!signing_domain(k, senders, domain))
    return leave_out(f, senders, why, "the key %.*s signs as %.*s, which is no domain", (int)k->name.len, k->name.at,
                     (int)k->domain.len, k->domain.at);
  if (strcmp(domain, senders) != 0) return leave_out_other(f, s, senders, domain, why);
  if (matched_before(f, senders, s->senders))
    return leave_out(f, senders, why,
                     "the key %.*s does not sign: an earlier line is for %.*s, and MultipleSignatures is off",
                     (int)k->name.len, k->name.at, (int)s->pattern.len, s->pattern.at);
  struct wanted w = wanted_of(k, domain, s->senders == OPENDKIM_SUBDOMAINS);
  return want(f, &w, why);
}

/* A key here signs all mail of its domain. Its name stays with the entry, in case another line has it do so. */
static int take_users(struct opendkim_folder *f, const struct opendkim_signing *s, const char *senders,
                      struct reason *why) {
  char domain[DOMAIN_MAX + 1], selector[SELECTOR_MAX + 1];
  struct reason ignored;
  int rc = leave_out(f, senders, why, "%.*s is not all of a domain; a key here signs all mail of its domain",
                     (int)s->pattern.len, s->pattern.at);
  const struct opendkim_key *k = rc == OK && *senders ? find_key(f, s->name, senders) : NULL;
  struct opendkim_entry *e = k ? f->entries[f->count - 1] : NULL;
  if (e && signing_domain(k, senders, domain) && strcmp(domain, senders) == 0 &&
      selector_normalize(k->selector, domain, selector, &ignored) == OK && key_name(selector, domain, e->name) != OK)
    e->name[0] = '\0';
  return rc;
}

/* Senders whose domain is signed for with the same key: nothing is lost of them. */
static void forget_covered(struct opendkim_folder *f) {
  size_t kept = 0;
  for (size_t i = 0; i < f->count; i++) {
    struct opendkim_entry *e = f->entries[i], *whole = NULL;
    if (*e->left_out.text && *e->name) HASH_FIND_STR(f->by_name, e->name, whole);
    if (whole)
      free(e);
    else
      f->entries[kept++] = e;
  }
  f->count = kept;
}

static int take_signing(struct opendkim_folder *f, const struct opendkim_signing *s, struct reason *why) {
  char senders[DOMAIN_MAX + 1] = "";
  if (s->senders == OPENDKIM_EVERYBODY) return take_everybody(f, s, why);
  bool named = domain_normalize(s->domain, senders) == OK && strchr(senders, '.');
  if (!named) senders[0] = '\0';
  if (s->senders == OPENDKIM_USERS) return take_users(f, s, senders, why);
  if (!named || s->senders == OPENDKIM_UNCLEAR)
    return leave_out(f, senders, why, "%.*s is no domain and no *@domain", (int)s->pattern.len, s->pattern.at);
  return take_domain(f, s, senders, why);
}

static int read_signings(struct opendkim_folder *f, struct reason *why) {
  struct opendkim_lines lines = {buffer_bytes(&f->signing_text), 0};
  struct bytes line;
  struct opendkim_signing s;
  struct reason wrong;
  int rc = OK;
  while (rc == OK && opendkim_next(&lines, &line))
    rc = opendkim_signing_read(line, &s, &wrong) == OK
             ? take_signing(f, &s, why)
             : leave_out(f, "", why, "SigningTable line %u cannot be read: %s", lines.number, wrong.text);
  forget_covered(f);
  return rc;
}

/* Without a SigningTable: each key for its own domain. */
static int take_all_keys(struct opendkim_folder *f, struct reason *why) {
  char domain[DOMAIN_MAX + 1];
  int rc = OK;
  for (struct opendkim_table_key *t = f->keys; rc == OK && t; t = t->hh.next) {
    struct wanted w = wanted_of(&t->is, domain, false);
    rc = signing_domain(&t->is, "", domain)
             ? want(f, &w, why)
             : leave_out(f, "", why, "the key %.*s is of no domain that is named", (int)t->is.name.len, t->is.name.at);
  }
  return rc;
}

/* --- where the tables are --- */

static int open_table(struct opendkim_folder *f, struct bytes setting, const char *const *names, struct buffer *out,
                      bool *there, struct reason *why) {
  char path[OPENDKIM_PATH];
  struct opendkim_set set = opendkim_set_read(setting);
  const char *name = *names;
  *there = setting.len > 0;
  for (; !setting.len && *names && !*there; names++) *there = opendkim_path_in(f->dir, *names, path);
  if (!*there) return OK;
  /* A table is never a list, so what looks like one is a path without a folder. */
  if (setting.len && (set.kind == OPENDKIM_OTHER || bytes_find(set.value, ',', 0) < set.value.len))
    return fail(
        why, E_SYNTAX,
        "%.300s: its %s is in a database or a list, which is not read; write it into a flat file, and name that "
        "there",
        f->conf, name);
  int rc = OK;
  if (setting.len) rc = opendkim_path(f->dir, f->settings.base_directory, set.value, "", true, path, why);
  return rc == OK ? read_text(path, TABLE_MAX, out, why) : rc;
}

static bool has_one_key(const struct opendkim_folder *f) {
  return f->settings.domain.len && f->settings.key_file.len;
}

/* Those that the configuration names; else, unless it does without, those that are called as in its manual. */
static int read_tables(struct opendkim_folder *f, bool *there, struct reason *why) {
  static const char *const keys[] = {"KeyTable", "keytable", "key.table", "key_table", "key-table", NULL};
  static const char *const signings[] = {"SigningTable",  "signingtable",  "signing.table",
                                         "signing_table", "signing-table", NULL};
  bool signing;
  if (has_one_key(f) && !f->settings.key_table.len) return OK;
  int rc = open_table(f, f->settings.key_table, keys, &f->key_text, there, why);
  if (rc != OK || !*there) return rc;
  rc = open_table(f, f->settings.signing_table, signings, &f->signing_text, &signing, why);
  if (rc == OK) rc = read_keys(f, why);
  if (rc != OK) return rc;
  return signing ? read_signings(f, why) : take_all_keys(f, why);
}

/* --- without tables --- */

static int take_listed(struct opendkim_folder *f, struct bytes typed, struct reason *why) {
  char domain[DOMAIN_MAX + 1];
  const struct opendkim_settings *s = &f->settings;
  if (domain_normalize(typed, domain) != OK || !strchr(domain, '.'))
    return leave_out(f, "", why, "Domain %.*s is no domain", (int)typed.len, typed.at);
  return want(f, &(struct wanted){.domain = domain, .selector = s->selector, .file = s->key_file}, why);
}

/* Domain, Selector and KeyFile: one key, whatever the number of domains. */
static int read_one_key(struct opendkim_folder *f, struct reason *why) {
  struct opendkim_set set = opendkim_set_read(f->settings.domain);
  struct bytes one;
  char path[OPENDKIM_PATH];
  int rc = OK;
  if (!f->settings.selector.len)
    return fail(why, E_SYNTAX, "%.400s has a Domain and a KeyFile and no Selector", f->conf);
  if (set.kind == OPENDKIM_OTHER)
    return fail(why, E_SYNTAX, "%.400s: Domain is in a database, which cannot be read", f->conf);
  if (set.kind == OPENDKIM_LIST) {
    while (rc == OK && opendkim_list_next(&set.value, &one)) rc = take_listed(f, one, why);
    return rc;
  }
  rc = opendkim_path(f->dir, f->settings.base_directory, set.value, "", true, path, why);
  if (rc == OK) rc = read_text(path, CONF_MAX, &f->domain_text, why);
  struct opendkim_lines lines = {buffer_bytes(&f->domain_text), 0};
  while (rc == OK && opendkim_next(&lines, &one)) rc = take_listed(f, one, why);
  return rc;
}

static int is_private(const struct dirent *e) {
  const char *ending = strrchr(e->d_name, '.');
  return e->d_name[0] != '.' && ending && strcmp(ending, ".private") == 0;
}

static int is_shown(const struct dirent *e) {
  return e->d_name[0] != '.';
}

static void free_names(struct dirent **names, int count) {
  for (int i = 0; i < count; i++) free(names[i]);
  free(names);
}

/* opendkim-genkey's files, in a folder for each domain: keys/example.com/mail.private. */
static int read_key_folder(struct opendkim_folder *f, const char *keys, const char *name, struct reason *why) {
  char domain[DOMAIN_MAX + 1], folder[OPENDKIM_PATH];
  struct dirent **files = NULL;
  int rc = OK;
  if (domain_normalize(bytes_of(name), domain) != OK || !strchr(domain, '.')) return OK;
  if (snprintf(folder, sizeof folder, "%s/%s", keys, name) >= (int)sizeof folder) return OK;
  int count = scandir(folder, &files, is_private, alphasort);
  for (int i = 0; rc == OK && i < count; i++) {
    char path[OPENDKIM_PATH];
    struct bytes selector = {files[i]->d_name, strlen(files[i]->d_name) - strlen(".private")};
    if (!opendkim_path_in(folder, files[i]->d_name, path)) continue;
    struct wanted w = {.domain = domain, .selector = selector, .file = bytes_of(path)};
    rc = want(f, &w, why);
  }
  free_names(files, count);
  return rc;
}

static int read_key_folders(struct opendkim_folder *f, struct reason *why) {
  char keys[OPENDKIM_PATH];
  struct dirent **domains = NULL;
  int rc = OK;
  if (!opendkim_path_in(f->dir, "keys", keys)) return OK;
  int count = scandir(keys, &domains, is_shown, alphasort);
  for (int i = 0; rc == OK && i < count; i++) rc = read_key_folder(f, keys, domains[i]->d_name, why);
  free_names(domains, count);
  return rc;
}

/* --- all of it --- */

/* Debian has it beside the folder. */
static bool find_conf(struct opendkim_folder *f) {
  char parent[OPENDKIM_PATH];
  if (opendkim_path_in(f->dir, "opendkim.conf", f->conf)) return true;
  snprintf(parent, sizeof parent, "%.*s", (int)(strrchr(f->dir, '/') - f->dir), f->dir);
  if (opendkim_path_in(parent, "opendkim.conf", f->conf)) return true;
  f->conf[0] = '\0';
  return false;
}

static int read_conf(struct opendkim_folder *f, struct reason *why) {
  if (!find_conf(f)) return OK;
  int rc = read_text(f->conf, CONF_MAX, &f->conf_text, why);
  if (rc == OK) opendkim_settings_read(buffer_bytes(&f->conf_text), &f->settings);
  return rc;
}

static int read_all(struct opendkim_folder *f, struct reason *why) {
  bool tables = false;
  int rc = read_conf(f, why);
  if (rc == OK) rc = read_tables(f, &tables, why);
  if (rc != OK || tables) return rc;
  if (has_one_key(f)) return read_one_key(f, why);
  return read_key_folders(f, why);
}

int opendkim_folder_read(const char *dir, struct opendkim_folder **out, struct reason *why) {
  struct opendkim_folder *f = *out = calloc(1, sizeof *f);
  if (!f) return fail(why, E_MEMORY, "out of memory");
  f->dir = realpath(dir, NULL);
  buffer_init(&f->conf_text, CONF_MAX);
  buffer_init_secret(&f->key_text, TABLE_MAX);
  buffer_init(&f->signing_text, TABLE_MAX);
  buffer_init(&f->domain_text, CONF_MAX);
  int rc = f->dir ? read_all(f, why) : fail(why, E_NOT_FOUND, "%.300s: %s", dir, strerror(errno));
  if (rc == OK && !f->count)
    rc = fail(why, E_NOT_FOUND,
              "%.300s says of no key; name the folder with opendkim.conf, or with KeyTable and SigningTable, or with "
              "keys/DOMAIN/SELECTOR.private",
              dir);
  if (rc != OK) opendkim_folder_free(out);
  return rc;
}

void opendkim_folder_free(struct opendkim_folder **folder) {
  struct opendkim_folder *f = *folder;
  *folder = NULL;
  if (!f) return;
  HASH_CLEAR(hh, f->by_name);
  for (size_t i = 0; i < f->count; i++) {
    free(f->entries[i]->file);
    free(f->entries[i]);
  }
  free(f->entries);
  free(f->dir);
  for (struct opendkim_table_key *t = f->keys, *next; t; t = next) {
    next = t->hh.next;
    HASH_DELETE(hh, f->keys, t);
    free(t);
  }
  for (struct opendkim_signer *s = f->signers, *next; s; s = next) {
    next = s->hh.next;
    HASH_DELETE(hh, f->signers, s);
    free(s);
  }
  buffer_free(&f->conf_text);
  buffer_wipe_free(&f->key_text);
  buffer_free(&f->signing_text);
  buffer_free(&f->domain_text);
  free(f);
}
