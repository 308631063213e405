/* `sendoff restore`: what a backup holds is read into a folder of its own, checked, and only then put in its place. No
 * name in the file is ever opened: each is one that a backup has, or the file is refused. */
#include "base/address/address.h"
#include "cli/backup/backup_parts.h"
#include "cli/backup/backup_progress.h"
#include "cli/backup/bundle.h"
#include "cli/backup/restore_place.h"
#include "cli/input/small_file.h"
#include "cli/machine/folder.h"
#include "cli/output/output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct job {
  struct cli *cli;
  const char *path;
  int fd;
  uint64_t size, octets; /* of the file, and read of it */
  struct restore_place place;
  json_t *about;
  struct buffer config;          /* as the backup has it */
  char new_config[RESTORE_PATH]; /* "": there is a configuration, which stays */
  bool config_differs;
  struct backup_counts counts;
  struct queue_changed held;    /* now */
  struct queue_extent all_held; /* with what was held when the backup was made */
};

static int on_part(void *arg, size_t octets, struct reason *why) {
  struct job *j = arg;
  j->octets += octets;
  return backup_progress_show("restore", j->octets, j->size, why);
}

/* --- what is in the file --- */

static int read_about(struct job *j, struct bundle_reader *r, struct reason *why) {
  struct buffer text;
  json_error_t error;
  buffer_init(&text, BACKUP_ABOUT_MAX);
  int rc = bundle_read_text(r, &text, why);
  json_decref(j->about);
  j->about = rc == OK ? json_loadb(text.at, text.len, 0, &error) : NULL;
  buffer_free(&text);
  if (rc != OK) return rc;
  json_int_t format = json_integer_value(json_object_get(j->about, "sendoff_backup"));
  if (format > BACKUP_FORMAT) return fail(why, E_NEWER, "it is of a newer sendoff; install that first");
  return format == BACKUP_FORMAT ? OK : fail(why, E_SYNTAX, "it is no backup of sendoff");
}

static int read_config(struct job *j, struct bundle_reader *r, struct reason *why) {
  buffer_free(&j->config);
  return bundle_read_text(r, &j->config, why);
}

/* The entry that must come next, by its name. */
static int expect(struct bundle_reader *r, const char *name, const char *otherwise, struct reason *why) {
  struct bundle_entry e;
  int rc = bundle_next(r, &e, why);
  if (rc < 0) return rc;
  return rc == 1 && strcmp(e.name, name) == 0 ? OK : fail(why, E_SYNTAX, "%s", otherwise);
}

static int read_head(struct job *j, struct bundle_reader *r, struct reason *why) {
  int rc = expect(r, BACKUP_ABOUT, "it is no backup of sendoff", why);
  if (rc == OK) rc = read_about(j, r, why);
  if (rc == OK) rc = expect(r, BACKUP_CONFIG, "its configuration is missing", why);
  return rc == OK ? read_config(j, r, why) : rc;
}

static int take_file(struct job *j, struct bundle_reader *r, const struct bundle_entry *e, struct reason *why) {
  int rc = restore_place_check_room(&j->place, e->size, why);
  if (rc != OK) return rc;
  int fd = restore_place_open(&j->place, e->name, why);
  if (fd < 0) return E_SYNTAX;
  rc = bundle_read_file(r, fd, why);
  if (close(fd) != 0 && rc == OK) rc = fail(why, E_IO, "%s: %s", e->name, strerror(errno));
  return rc;
}

static int read_rest(struct job *j, struct bundle_reader *r, struct reason *why) {
  struct bundle_entry e;
  bool database = false;
  int64_t id;
  int rc;
  while ((rc = bundle_next(r, &e, why)) == 1) {
    bool is_database = strcmp(e.name, BACKUP_DATABASE) == 0;
    if (!is_database && spool_name_parse(e.name, &id) != OK)
      return fail(why, E_SYNTAX, "%s is in it, which no backup has", e.name);
    database |= is_database;
    if ((rc = take_file(j, r, &e, why)) != OK) return rc;
  }
  return rc == OK && !database ? fail(why, E_SYNTAX, "its database is missing") : rc;
}

static int read_file(struct job *j, bool all, struct reason *why) {
  struct bundle_reader *r = NULL;
  j->octets = 0;
  if (lseek(j->fd, 0, SEEK_SET) != 0) return fail(why, E_IO, "%s", strerror(errno));
  int rc = bundle_reader_new(j->fd, on_part, j, &r, why);
  if (rc == OK) rc = read_head(j, r, why);
  if (rc == OK && all) rc = read_rest(j, r, why);
  bundle_reader_free(&r);
  return rc;
}

/* --- the configuration --- */

static enum exit_status bad_file(const struct job *j, int rc, const struct reason *why) {
  return cli_fail(EXIT_NO, "%s: %s; nothing was restored", j->path, *why->text ? why->text : result_text(rc));
}

static enum exit_status write_config(struct job *j, const char *path) {
  char copy[RESTORE_PATH];
  int n = snprintf(j->new_config, sizeof j->new_config, "%s.restoring", path);
  if (n < 0 || (size_t)n >= sizeof j->new_config || !bytes_copy(bytes_of(path), copy, sizeof copy))
    return cli_fail(EXIT_NO, "%s: the path is too long", path);
  enum exit_status s = folder_make(dirname(copy), 0755);
  if (s != EXIT_DONE) return s;
  unlink(j->new_config);
  int fd = open(j->new_config, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd >= 0) errno = ENOSPC; /* which a write that is cut short does not say */
  bool written = fd >= 0 && write(fd, j->config.at, j->config.len) == (ssize_t)j->config.len && fsync(fd) == 0;
  if (!written) s = cli_fail(EXIT_NO, "%s: %s", j->new_config, strerror(errno));
  if (fd >= 0) close(fd);
  return s;
}

/* Where there is none on this machine, the backup's is taken over: it says where the store goes. */
static enum exit_status find_config(struct job *j) {
  const char *path = config_path(j->cli->config_option);
  struct reason why = {""};
  if (access(path, F_OK) == 0) return cli_config(j->cli);
  int rc = read_file(j, false, &why);
  if (rc != OK) return bad_file(j, rc, &why);
  enum exit_status s = write_config(j, path);
  if (s != EXIT_DONE) return s;
  rc = config_load(j->new_config, &j->cli->config, &why);
  return rc == OK ? EXIT_DONE : cli_fail(EXIT_NO, "the configuration in %s cannot be used: %s", j->path, why.text);
}

/* Never over one that somebody has made meanwhile. */
static int place_config(struct job *j, struct reason *why) {
  const char *path = config_path(j->cli->config_option);
  if (!*j->new_config) return OK;
  /* Some file systems have no links, and some cannot tell a name that is taken. */
  bool placed = link(j->new_config, path) == 0 || (errno != EEXIST && rename_new(j->new_config, path) == 0);
  if (!placed) return fail(why, E_IO, "%s: %s", path, strerror(errno));
  unlink(j->new_config);
  *j->new_config = '\0';
  return OK;
}

static void compare_config(struct job *j) {
  struct buffer own;
  struct reason ignored;
  buffer_init(&own, BACKUP_CONFIG_MAX + 4096);
  if (!*j->new_config && small_file_read(j->cli->config->path, BACKUP_CONFIG_MAX, false, &own, &ignored) == OK)
    j->config_differs = !bytes_equal(buffer_bytes(&own), buffer_bytes(&j->config));
  buffer_free(&own);
}

/* --- the store --- */

static int count_held(struct job *j, struct reason *why) {
  struct reader *r;
  int rc = reader_open(j->place.folder, &r, why);
  if (rc != OK) return rc;
  rc = reader_queue_extent(r, &(struct queue_filter){.state = RECIPIENT_HELD}, &j->all_held);
  reader_close(&r);
  return rc == OK ? OK : fail(why, rc, "its queue cannot be read: %s", result_text(rc));
}

/* What has left since the backup is in its queue, and would leave again: mail, and notices to its senders. */
static int hold(struct job *j, struct reason *why) {
  struct admin *a;
  int rc = admin_open(j->place.folder, &a, why);
  if (rc != OK) return rc;
  const struct queue_change change = {.action = QUEUE_HOLD, .hold_returning = true, .by = "restore"};
  if (!cli_switch(j->cli, "send")) rc = admin_queue(a, &(struct queue_filter){.state = -1}, &change, &j->held, why);
  if (rc == OK) rc = count_held(j, why);
  admin_close(&a);
  return rc;
}

/* The configuration is root's; the store that makes it count comes last. */
static int put_in_place(struct job *j, struct reason *why) {
  bool had_config = !*j->new_config;
  restore_place_as_root(&j->place);
  compare_config(j);
  int rc = place_config(j, why);
  if (rc == OK) rc = restore_place_as_owner(&j->place, why);
  if (rc == OK) rc = restore_place_finish(&j->place, why);
  if (rc == OK || had_config || *j->new_config) return rc;
  restore_place_as_root(&j->place);
  unlink(config_path(j->cli->config_option));
  return rc;
}

static enum exit_status restore_into(struct job *j) {
  struct reason why = {""};
  enum exit_status s = restore_place_make(&j->place, j->cli->config);
  if (s != EXIT_DONE) return s;
  int rc = read_file(j, true, &why);
  if (rc == OK) rc = backup_check(j->place.folder, &j->counts, &why);
  if (rc == OK) rc = hold(j, &why);
  if (rc == OK) rc = on_part(j, 0, &why); /* interrupted meanwhile? */
  if (rc == OK) rc = put_in_place(j, &why);
  return rc == OK ? EXIT_DONE : bad_file(j, rc, &why);
}

/* --- what is said of it --- */

static const char *about(const struct job *j, const char *key) {
  const char *text = json_string_value(json_object_get(j->about, key));
  return text ? text : "?";
}

static void add_missing(void *arg, const char *path) {
  if (access(path, F_OK) != 0) json_array_append_new(arg, json_text(path));
}

static void print_missing(const json_t *missing) {
  size_t i;
  json_t *path;
  if (!json_array_size(missing)) return;
  puts("\nThe configuration names files that are not here, and that no backup holds:");
  json_array_foreach(missing, i, path) {
    fputs("  ", stdout);
    print_safe(json_string_value(path));
    putchar('\n');
  }
}

static void print_held(const struct job *j) {
  const struct queue_changed *held = &j->held;
  uint64_t before = j->all_held.recipients - held->recipients;
  if (!j->all_held.recipients) return;
  putchar('\n');
  if (held->recipients)
    printf("%llu recipient%s held: what has been delivered since the backup would be\n"
           "sent again.\n",
           (unsigned long long)held->recipients, held->recipients == 1 ? " is" : "s are");
  if (before)
    printf("%llu %s held when the backup was made, and %s so.\n", (unsigned long long)before,
           before == 1 ? "recipient was" : "recipients were", before == 1 ? "stays" : "stay");
  if (held->returning)
    printf("Of them %llu %s on the way back to %s (queue bounce).\n", (unsigned long long)held->returning,
           held->returning == 1 ? "was" : "were", held->returning == 1 ? "its sender" : "their senders");
  puts("To see them, and to let them go:\n"
       "  sendoff queue list\n  sendoff queue release --to '*'");
}

static void print_done(const struct job *j, const json_t *missing) {
  char line[RESTORE_PATH + 256];
  snprintf(line, sizeof line, "%s  as it was at %s, of %s", j->place.data_dir, about(j, "made"), about(j, "hostname"));
  print_safe(line);
  putchar('\n');
  backup_counts_print(stdout, &j->counts);
  print_held(j);
  if (j->config_differs)
    printf("\n%s stays as it is. The backup has another one:\n  tar -xOf %s " BACKUP_CONFIG "\n", j->cli->config->path,
           j->path);
  print_missing(missing);
}

static void say(struct job *j, bool config_restored) {
  json_t *missing = json_array();
  backup_named_files(j->cli->config, add_missing, missing);
  if (!j->cli->json) {
    print_done(j, missing);
    json_decref(missing);
    return;
  }
  print_json(json_pack("{s:o, s:o, s:o, s:o, s:o, s:I, s:I, s:s, s:b, s:o}", "file", json_text(j->path), "data_dir",
                       json_text(j->place.data_dir), "made", json_text(about(j, "made")), "hostname",
                       json_text(about(j, "hostname")), "counts", backup_counts_json(&j->counts), "held",
                       (json_int_t)j->all_held.recipients, "held_returning", (json_int_t)j->held.returning, "config",
                       config_restored ? "restored" : "kept", "config_differs", j->config_differs, "missing_files",
                       missing));
}

/* --- the command --- */

static enum exit_status open_file(struct job *j) {
  struct stat st;
  j->fd = open(j->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (j->fd < 0 || fstat(j->fd, &st) != 0) return cli_fail(EXIT_NO, "%s: %s", j->path, strerror(errno));
  if (!S_ISREG(st.st_mode)) return cli_fail(EXIT_NO, "%s is no file; a backup is restored from a file", j->path);
  j->size = (uint64_t)st.st_size;
  return EXIT_DONE;
}

static enum exit_status run(struct job *j) {
  enum exit_status s = open_file(j);
  if (s == EXIT_DONE) s = find_config(j);
  bool config_restored = *j->new_config;
  if (s == EXIT_DONE) s = restore_into(j);
  restore_place_close(&j->place);
  if (*j->new_config) unlink(j->new_config);
  backup_progress_end();
  if (s == EXIT_DONE) say(j, config_restored);
  return s;
}

static enum exit_status restore(struct cli *c) {
  struct job j = {.cli = c, .path = c->arguments[0], .fd = -1, .place = {.lock = -1}};
  if (cli_switch(c, "hold") && cli_switch(c, "send"))
    return cli_fail(EXIT_USAGE, "--hold and --send contradict each other; leave one out");
  buffer_init(&j.config, BACKUP_CONFIG_MAX);
  backup_progress_begin();
  enum exit_status s = run(&j);
  if (j.fd >= 0) close(j.fd);
  buffer_free(&j.config);
  json_decref(j.about);
  return s;
}

const struct verb restore_verbs[] = {
    {"restore", NULL, "FILE [--hold|--send]",
     "Puts back what a backup holds, where there is no store: into the data_dir of the configuration, or, where there "
     "is no configuration, with the one of the backup. Nothing is overwritten. The file is read and checked whole "
     "before anything is put in its place; a store of an older sendoff is brought to this version. The gateway must "
     "not run. Mail that has been delivered since the backup is in its queue, too, and would be sent again: so the "
     "queue is held, and leaves by sendoff queue release. --send does not hold it: for a move, when nothing was "
     "delivered since.",
     "sendoff restore /var/backups/sendoff.tar.zst\n"
     "sendoff restore /var/backups/sendoff.tar.zst --send",
     1, 1, restore},
    {0}};
