#include "base/address.h"
#include "base/cidr.h"
#include "cli/certificate.h"
#include "cli/command.h"
#include "store/store.h"

#include <errno.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LISTENS_MAX 32

struct plan {
  const char *config, *hostname, *data_dir, *dns, *user;
  char folder[4096], certificate[4200], key[4200];
  unsigned port;
  const struct passwd *owner; /* NULL: stays ours */
};

static const char *const default_listens[] = {"0.0.0.0:587/starttls", "0.0.0.0:465/implicit", "0.0.0.0:2525/starttls"};

static enum exit_status make_folder(const char *path, mode_t mode, const struct plan *p) {
  char copy[4096];
  if (!bytes_copy(bytes_of(path), copy, sizeof copy)) return cli_fail(EXIT_NO, "%s: the path is too long", path);
  for (char *at = copy + 1;; at++) {
    if (*at && *at != '/') continue;
    char end = *at;
    *at = '\0';
    bool last = !end || !at[1];
    if (mkdir(copy, last ? mode : 0755) == 0) {
      if (last && p->owner && chown(copy, p->owner->pw_uid, p->owner->pw_gid) != 0)
        return cli_fail(EXIT_NO, "%s: %s", copy, strerror(errno));
    } else if (errno != EEXIST) {
      return cli_fail(EXIT_NO, "%s: %s", copy, strerror(errno));
    }
    *at = end;
    if (last) return EXIT_DONE;
  }
}

static bool split_listen(const char *text, struct bytes *address, struct bytes *tls) {
  struct bytes all = bytes_of(text);
  size_t slash = bytes_find(all, '/', 0);
  char copy[128];
  struct sockaddr_storage parsed;
  *address = (struct bytes){text, slash};
  *tls = bytes_from(all, slash + 1);
  return bytes_copy(*address, copy, sizeof copy) && endpoint_parse(copy, ':', &parsed) == OK &&
         (bytes_equal(*tls, BYTES("starttls")) || bytes_equal(*tls, BYTES("implicit")) ||
          bytes_equal(*tls, BYTES("optional")));
}

static void write_listens(FILE *f, struct cli *c) {
  size_t given = cli_option_count(c, "listen"), n = given ? given : sizeof default_listens / sizeof default_listens[0];
  for (size_t i = 0; i < n; i++) {
    struct bytes address, tls;
    split_listen(given ? cli_option_at(c, "listen", i) : default_listens[i], &address, &tls);
    fprintf(f, "listen \"%.*s\" { tls = \"%.*s\" }\n", (int)address.len, address.at, (int)tls.len, tls.at);
  }
  if (!given)
    fprintf(f, "# listen \"127.0.0.1:25\" { tls = \"optional\" }   # for programs on this machine that know no TLS\n");
}

static enum exit_status write_config(struct cli *c, const struct plan *p) {
  FILE *f = fopen(p->config, "wxe"); /* x: never over a file that is there */
  if (!f) return cli_fail(EXIT_NO, "%s: %s", p->config, strerror(errno));
  fprintf(f,
          "# Sendoff. Only what the gateway needs to start is here; accounts, domains and sources are made with the "
          "sendoff command.\n"
          "# Check a change with: sendoff config check\n\n"
          "hostname = \"%s\"          # greeting, EHLO, Received, Message-ID\ndata_dir = \"%s\"\n",
          p->hostname, p->data_dir);
  if (p->user) fprintf(f, "user     = \"%s\"          # dropped to after binding, when started as root\n", p->user);
  fprintf(f, "\n");
  write_listens(f, c);
  fprintf(f,
          "\ntls {                       # self-signed; put your own certificate here, or change the paths\n  "
          "certificate = \"%s\"\n  key = \"%s\"\n}\n",
          p->certificate, p->key);
  if (p->dns) fprintf(f, "\ndns { servers = {\"%s\"} }\n", p->dns);
  fprintf(f,
          "\ndelivery {\n  port = %u\n  retry = {\"1m\", \"5m\", \"15m\", \"1h\", \"2h\", \"4h\"}   # the last one "
          "repeats\n  expire = \"5d\"\n}\n",
          p->port);
  fprintf(f, "\nlimits { max_message_size = \"36M\"  max_sessions = 2000  max_sessions_per_address = 100 }\nlog { "
             "retain = \"30d\"  format = \"text\" }\n");
  bool bad = ferror(f) != 0;
  if (fclose(f) != 0 || bad) return cli_fail(EXIT_NO, "%s: %s", p->config, strerror(errno));
  return EXIT_DONE;
}

static void give(const struct plan *p, const char *path) {
  if (p->owner && chown(path, p->owner->pw_uid, p->owner->pw_gid) != 0)
    fprintf(stderr, "sendoff: %s: %s\n", path, strerror(errno));
}

static enum exit_status make_store(const struct plan *p) {
  struct reason why = {""};
  static const char *const suffixes[] = {"", "-wal", "-shm"};
  int rc = store_create(p->data_dir, &why);
  if (rc != OK) return cli_failed(rc, &why);
  for (size_t i = 0; i < 3; i++) {
    char path[4200];
    snprintf(path, sizeof path, "%s/%s%s", p->data_dir, STORE_FILE, suffixes[i]);
    if (access(path, F_OK) == 0) give(p, path);
  }
  return EXIT_DONE;
}

static enum exit_status make_certificate(const struct plan *p) {
  struct reason why = {""};
  if (access(p->key, F_OK) == 0 && access(p->certificate, F_OK) == 0) return EXIT_DONE; /* kept: somebody uses them */
  int rc = certificate_self_signed(p->hostname, p->certificate, p->key, &why);
  if (rc != OK) return cli_failed(rc, &why);
  give(p, p->key);
  return EXIT_DONE;
}

static enum exit_status check_words(struct cli *c, struct plan *p) {
  const char *port = cli_option(c, "delivery-port");
  uint64_t n = 25;
  struct sockaddr_storage parsed;
  if (!p->hostname)
    return cli_fail(EXIT_WORDS,
                    "write: sendoff init --hostname NAME, with this host's full name, as in smtp.example.com");
  if (!domain_valid(bytes_of(p->hostname)))
    return cli_fail(EXIT_WORDS, "--hostname %s: write the full name of this host, as in smtp.example.com", p->hostname);
  if (port && (!bytes_to_u64(bytes_of(port), &n) || !n || n > 65535))
    return cli_fail(EXIT_WORDS, "--delivery-port is a number from 1 to 65535");
  if (p->dns && endpoint_parse(p->dns, '@', &parsed) != OK)
    return cli_fail(EXIT_WORDS, "--dns %s: write ADDRESS@PORT, as in 127.0.0.1@5353", p->dns);
  for (size_t i = 0; i < cli_option_count(c, "listen"); i++) {
    struct bytes address, tls;
    const char *text = cli_option_at(c, "listen", i);
    if (!split_listen(text, &address, &tls))
      return cli_fail(EXIT_WORDS,
                      "--listen %s: write ADDRESS:PORT/starttls, /implicit or /optional, as in 0.0.0.0:587/starttls",
                      text);
  }
  if (strpbrk(p->data_dir, "\"\\\n"))
    return cli_fail(EXIT_WORDS, "--data-dir: quotes and backslashes are not for paths here");
  p->port = (unsigned)n;
  return EXIT_DONE;
}

static enum exit_status find_owner(struct plan *p, const char *asked) {
  if (geteuid() != 0) {
    p->user = asked;
    return EXIT_DONE;
  }
  const char *name = asked ? asked : "sendoff";
  p->owner = getpwnam(name);
  if (p->owner) p->user = name;
  if (asked && !p->owner)
    return cli_fail(EXIT_NO, "user %s is not on this machine; make it: adduser --system --group %s", name, name);
  return EXIT_DONE;
}

static enum exit_status init(struct cli *c) {
  struct plan p = {.config = config_path(c->config_option),
                   .hostname = cli_option(c, "hostname"),
                   .data_dir = cli_option(c, "data-dir"),
                   .dns = cli_option(c, "dns")};
  if (!p.data_dir) p.data_dir = "/var/lib/sendoff";
  enum exit_status status = check_words(c, &p);
  if (status == EXIT_DONE) status = find_owner(&p, cli_option(c, "user"));
  if (status != EXIT_DONE) return status;
  if (access(p.config, F_OK) == 0)
    return cli_fail(EXIT_NO,
                    "%s is there already and stays as it is; remove it first, or name another with --config FILE",
                    p.config);
  char copy[4096];
  if (!bytes_copy(bytes_of(p.config), copy, sizeof copy))
    return cli_fail(EXIT_NO, "%s: the path is too long", p.config);
  char absolute[4096];
  status = make_folder(dirname(copy), 0755, &(struct plan){0});
  if (status != EXIT_DONE) return status;
  if (!realpath(copy, absolute)) return cli_fail(EXIT_NO, "%s: %s", copy, strerror(errno));
  snprintf(p.certificate, sizeof p.certificate, "%s/certificate.pem", absolute);
  snprintf(p.key, sizeof p.key, "%s/certificate.key", absolute);
  status = make_folder(p.data_dir, 0700, &p);
  if (status == EXIT_DONE) status = make_store(&p);
  if (status == EXIT_DONE) status = make_certificate(&p);
  if (status == EXIT_DONE) status = write_config(c, &p);
  if (status != EXIT_DONE) return status;
  printf("configuration  %s\ndata           %s\ncertificate    %s (self-signed)\n\nNext:\n  sendoff domain add "
         "YOUR-DOMAIN\n"
         "  sendoff source add ADDRESS --helo %s\n  sendoff account add NAME --sender YOUR-DOMAIN\n  sendoff serve\n",
         p.config, p.data_dir, p.certificate, p.hostname);
  return EXIT_DONE;
}

const struct verb init_verbs[] = {
    {"init", NULL,
     "--hostname NAME [--data-dir DIR] [--listen ADDR:PORT/starttls|implicit|optional]... [--dns ADDR@PORT] "
     "[--delivery-port N] [--user NAME]",
     "hostname= data-dir= listen= dns= delivery-port= user=",
     "Makes the configuration, the store and a self-signed certificate. Overwrites nothing.",
     "sendoff init --hostname smtp.example.com", 0, 0, init},
    {0}};
