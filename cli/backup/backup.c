/* `sendoff backup`: the database first, then the files of its messages (store/backup.h), all into one file. */
#include "base/text/quantity.h"
#include "cli/backup/backup_file.h"
#include "cli/backup/backup_parts.h"
#include "cli/backup/backup_progress.h"
#include "cli/backup/bundle.h"
#include "cli/input/small_file.h"
#include "cli/output/output.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROOM_EVERY ((uint64_t)1024 * 1024) /* octets written between two looks at the disk */

struct job {
  struct cli *cli;
  struct backup_file file;
  struct backup *store;
  struct bundle_writer *bundle;
  struct backup_counts counts;
  int64_t made_us;            /* the instant that it is of */
  uint64_t octets, looked_at; /* written; and when the disk was looked at last */
  uint64_t files, gone, lost;
};

static int check_room(struct job *j, struct reason *why) {
  return backup_check_room(j->store, j->cli->config->disk_reserve, j->file.fd, why);
}

static int copy_database(struct job *j, struct reason *why) {
  uint64_t octets, of;
  int rc;
  do {
    rc = backup_step(j->store, &octets, &of, why);
    int more = rc < 0 ? rc : backup_progress_show("database", octets, of, why);
    if (more == OK) more = check_room(j, why);
    if (more != OK) return more;
  } while (rc == 1);
  return rc == OK ? backup_count(j->store, &j->counts, why) : rc;
}

static int on_part(void *arg, size_t octets, struct reason *why) {
  struct job *j = arg;
  j->octets += octets;
  int rc = backup_progress_show("backup", j->octets, 0, why);
  if (rc != OK || j->octets - j->looked_at < ROOM_EVERY) return rc;
  j->looked_at = j->octets;
  return check_room(j, why);
}

static int add_about(struct job *j, struct reason *why) {
  const struct config *c = j->cli->config;
  json_t *about = json_pack("{s:i, s:s, s:I, s:o, s:o, s:o, s:o, s:o}", "sendoff_backup", BACKUP_FORMAT, "version",
                            SENDOFF_VERSION, "schema", (json_int_t)j->counts.schema, "made", json_time(j->made_us),
                            "hostname", json_text(c->hostname), "config", json_text(c->path), "data_dir",
                            json_text(c->data_dir), "counts", backup_counts_json(&j->counts));
  char *text = about ? json_line(about) : NULL;
  int rc = text ? bundle_add_text(j->bundle, BACKUP_ABOUT, bytes_of(text), why) : fail(why, E_MEMORY, "out of memory");
  free(text);
  json_decref(about);
  return rc;
}

static int add_config(struct job *j, struct reason *why) {
  struct buffer text;
  buffer_init(&text, BACKUP_CONFIG_MAX + 4096);
  int rc = small_file_read(j->cli->config->path, BACKUP_CONFIG_MAX, false, &text, why);
  if (rc == OK) rc = bundle_add_text(j->bundle, BACKUP_CONFIG, buffer_bytes(&text), why);
  buffer_free(&text);
  return rc;
}

static int add_files(struct job *j, struct reason *why) {
  char name[SPOOL_NAME];
  int64_t id;
  int fd, rc;
  while ((rc = backup_next_file(j->store, &id, &fd, why)) == 1) {
    spool_name(id, name);
    rc = bundle_add_file(j->bundle, name, fd, why);
    close(fd);
    if (rc != OK) return rc;
    j->files++;
  }
  return rc == OK ? backup_end(j->store, &j->counts, &j->gone, &j->lost, why) : rc;
}

static int add_database(struct job *j, struct reason *why) {
  int fd = open(j->file.copy_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
  if (fd < 0) return fail(why, E_IO, "%s: %s", j->file.copy_path, strerror(errno));
  int rc = bundle_add_file(j->bundle, BACKUP_DATABASE, fd, why);
  close(fd);
  return rc;
}

static int write_all(struct job *j, struct reason *why) {
  j->made_us = clock_now_us();
  int rc = backup_begin(j->cli->config->data_dir, j->file.copy_path, &j->store, why);
  if (rc == OK) rc = check_room(j, why);
  if (rc == OK) rc = copy_database(j, why);
  if (rc == OK) rc = bundle_writer_new(j->file.fd, on_part, j, &j->bundle, why);
  if (rc == OK) rc = add_about(j, why);
  if (rc == OK) rc = add_config(j, why);
  if (rc == OK) rc = add_files(j, why);
  if (rc == OK) rc = add_database(j, why);
  if (rc == OK) rc = bundle_writer_end(j->bundle, why);
  if (rc == OK) rc = backup_file_finish(&j->file, why);
  bundle_writer_free(&j->bundle);
  backup_free(&j->store);
  return rc;
}

/* --- what is said of it --- */

static void add_path(void *arg, const char *path) {
  json_array_append_new(arg, json_text(path));
}

static void count_path(void *arg, const char *path) {
  (void)path;
  ++*(size_t *)arg;
}

static void print_path(void *arg, const char *path) {
  fprintf(arg, "    %s\n", path);
}

static json_t *job_json(const struct job *j) {
  json_t *named = json_array();
  backup_named_files(j->cli->config, add_path, named);
  return json_pack("{s:o, s:I, s:I, s:o, s:I, s:I, s:o}", "file", json_text(j->file.path), "octets",
                   (json_int_t)j->octets, "spool_files", (json_int_t)j->files, "counts", backup_counts_json(&j->counts),
                   "left_meanwhile", (json_int_t)j->gone, "lost", (json_int_t)j->lost, "not_included", named);
}

static void say_done(const struct job *j) {
  bool to_output = strcmp(j->file.path, "-") == 0;
  FILE *to = to_output ? stderr : stdout;
  char size[40];
  size_format(j->octets, size, sizeof size);
  fprintf(to, "%s%s%s\n", to_output ? "the backup has " : j->file.path, to_output ? "" : "  ", size);
  backup_counts_print(to, &j->counts);
  if (j->gone)
    fprintf(to, "  %llu message%s delivered or returned meanwhile: not in its queue\n", (unsigned long long)j->gone,
            j->gone == 1 ? " was" : "s were");
  fprintf(to, "It holds private keys: keep it where nobody else can read it.\n");
  size_t named = 0;
  backup_named_files(j->cli->config, count_path, &named);
  if (named) fprintf(to, "It does not hold the files that the configuration names:\n");
  backup_named_files(j->cli->config, print_path, to);
}

static enum exit_status say(const struct job *j) {
  bool to_output = strcmp(j->file.path, "-") == 0;
  if (j->cli->json && !to_output)
    print_json(job_json(j));
  else if (!j->cli->json)
    say_done(j);
  if (!j->lost) return EXIT_DONE;
  return cli_fail(EXIT_NO,
                  "%llu queued messages have lost their files in the spool and are not in the backup: "
                  "sendoff log --event dropped, once it is restored, says which",
                  (unsigned long long)j->lost);
}

static enum exit_status failed(const struct job *j, int rc, const struct reason *why) {
  const char *path = strcmp(j->file.path, "-") == 0 ? "standard output" : j->file.path;
  if (j->file.named)
    return cli_fail(EXIT_NO, "%s is written and whole, but whether it stays is not sure: its folder cannot be synced",
                    j->file.path);
  bool names_it = strstr(why->text, j->file.path) != NULL;
  return cli_fail(EXIT_NO, "no backup was made: %s%s%s", names_it ? "" : path, names_it ? "" : ": ",
                  *why->text ? why->text : result_text(rc));
}

/* So that `sendoff doctor` knows of it; the backup is whole without. */
static void note_time(const struct job *j) {
  struct admin *a;
  struct reason why = {""};
  int rc = admin_open(j->cli->config->data_dir, &a, &why);
  if (rc == OK) rc = admin_note_backup(a, j->made_us, &why);
  if (rc != OK) cli_warn("sendoff doctor will not know of this backup: %s", why.text);
  if (a) admin_close(&a);
}

static enum exit_status backup(struct cli *c) {
  struct job j = {.cli = c};
  struct reason why = {""};
  if (cli_config(c) != EXIT_DONE) return EXIT_NO;
  enum exit_status s = backup_file_open(&j.file, c->arguments[0], c->config, cli_switch(c, "force"));
  if (s != EXIT_DONE) {
    backup_file_close(&j.file);
    return s;
  }
  backup_progress_begin();
  int rc = write_all(&j, &why);
  backup_progress_end();
  backup_file_close(&j.file);
  if (rc == OK) note_time(&j);
  return rc == OK ? say(&j) : failed(&j, rc, &why);
}

const struct verb backup_verbs[] = {
    {"backup", NULL, "FILE|- [--force]",
     "Writes all that the gateway knows into one file, while it runs: accounts, domains with their private keys, "
     "sources, routes, suppression lists, the queue with its mail, the delivery log, and the configuration. What "
     "comes after it began is not in it. FILE is a tar archive, compressed by zstd, with checksums; it has mode 0600 "
     "and takes its name only when it is whole. - is standard output. It does not hold the TLS certificates and other "
     "files that the configuration names; it says which. --force replaces FILE.",
     "sendoff backup /var/backups/sendoff.tar.zst\n"
     "sendoff backup /var/backups/sendoff.tar.zst --force",
     1, 1, backup},
    {0}};
