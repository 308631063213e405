#include "base/address/address.h"
#include "base/address/cidr.h"
#include "cli/command.h"
#include "cli/machine/folder.h"
#include "cli/machine/machine.h"
#include "cli/output/output.h"
#include "cli/setup/certificate.h"
#include "cli/setup/new_config.h"
#include "store/store.h"

#include <errno.h>
#include <libgen.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_ROOM 4096

struct plan {
  const char *config, *dns, *user;
  char hostname[DOMAIN_MAX + 1]; /* A-labels: certificates take nothing else (RFC 5280 7.2) */
  char data_dir[PATH_ROOM], certificate[PATH_ROOM + 32], key[PATH_ROOM + 32]; /* whole paths */
  bool given; /* the certificate is somebody's: --certificate, --key */
  unsigned port;
  const struct passwd *owner; /* NULL: stays ours */
};

static const char *const default_listens[] = {"0.0.0.0:587/starttls", "0.0.0.0:465/implicit", "0.0.0.0:2525/starttls"};

static enum exit_status trouble(const char *path) {
  return cli_fail(EXIT_NO, "%s: %s", path, strerror(errno));
}

/* No link is followed: the folder may be the gateway's user's already, who could have put one there. */
static enum exit_status give(const struct plan *p, const char *path) {
  return p->owner && lchown(path, p->owner->pw_uid, p->owner->pw_gid) != 0 ? trouble(path) : EXIT_DONE;
}

/* The data holds keys and mail: the folder is the gateway's alone. One that is there is only taken over when that
 * changes nothing for anybody else. */
static enum exit_status make_data(struct plan *p, const char *path) {
  struct stat st;
  enum exit_status s = folder_make(path, 0700);
  if (s != EXIT_DONE) return s;
  if (!realpath(path, p->data_dir) || stat(path, &st) != 0) return trouble(path);
  if (!S_ISDIR(st.st_mode)) return cli_fail(EXIT_NO, "%s is no folder", path);
  if ((st.st_mode & 077) && !folder_is_empty(path))
    return cli_fail(EXIT_NO, "%s is in use and open to other users; name a folder of its own with --data-dir", path);
  if ((st.st_mode & 077) && chmod(path, 0700) != 0) return trouble(path);
  return give(p, p->data_dir);
}

/* "unix:/PATH" or "unix:none". */
static bool is_local_listen(const char *text) {
  return strncmp(text, "unix:/", 6) == 0 || strcmp(text, "unix:none") == 0;
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
    if (given && is_local_listen(cli_option_at(c, "listen", i))) {
      fprintf(f, "listen \"%s\" {}\n", cli_option_at(c, "listen", i));
      continue;
    }
    split_listen(given ? cli_option_at(c, "listen", i) : default_listens[i], &address, &tls);
    fprintf(f, "listen \"%.*s\" { tls = \"%.*s\" }\n", (int)address.len, address.at, (int)tls.len, tls.at);
  }
  if (!given)
    fprintf(f,
            "# listen \"127.0.0.1:25\" { tls = \"optional\" }   # for programs on this machine that know no TLS\n"
            "# listen \"unix:%s\" {}   # sendmail: PHP's mail(), cron, mailx; so without this line, too\n",
            CONFIG_LOCAL_SOCKET);
}

static void write_text(FILE *f, struct cli *c, const struct plan *p) {
  fprintf(f,
          "# Sendoff. Only what the gateway needs to start is here; accounts, domains and sources are made with the "
          "sendoff command.\n"
          "# Check a change with: sendoff config check\n\n"
          "hostname = \"%s\"          # greeting, EHLO, Received, Message-ID\ndata_dir = \"%s\"\n",
          p->hostname, p->data_dir);
  if (p->user) fprintf(f, "user     = \"%s\"          # dropped to after binding, when started as root\n", p->user);
  fprintf(f, "\n");
  write_listens(f, c);
  fprintf(f, "\ntls {%s\n  certificate = \"%s\"\n  key = \"%s\"\n}\n",
          p->given ? "" : "                       # self-signed; put your own certificate here, or change the paths",
          p->certificate, p->key);
  if (p->dns)
    fprintf(f, "\ndns { servers = {\"%s\"} }   # without it: those of /etc/resolv.conf\n", p->dns);
  else
    fprintf(f, "\n# dns { servers = {\"127.0.0.1@53\"} }   # without it: those of /etc/resolv.conf\n");
  fputs("# dns { trust_anchor = \"FILE\" }: the key that DNSSEC begins with; without it the root's (package\n"
        "# dns-root-data), or none where servers are named\n",
        f);
  fprintf(f,
          "\ndelivery {\n  port = %u\n%s  retry = {\"1m\", \"5m\", \"15m\", \"1h\", \"2h\", \"4h\"}   # the last one "
          "repeats\n  expire = \"5d\"               # then it bounces\n  delay_notice = \"4h\"         # senders who "
          "asked for it are notified that it waits; \"never\": nobody is\n}\n",
          p->port,
          cli_switch(c, "local-next-hops") ? "  local_next_hops = yes      # mail may go to loopback: tests, labs\n"
                                           : "");
  fprintf(f, "\nlimits { max_message_size = \"36M\"  max_sessions = 2000  max_sessions_per_address = 100 }\n"
             "log { retain = \"30d\"  format = \"text\" }   # or \"json\"\n");
}

static enum exit_status write_config(struct cli *c, const struct plan *p) {
  struct new_config n;
  struct reason why;
  int rc = new_config_begin(&n, p->config, &why);
  if (rc != OK) return cli_failed(rc, &why);
  write_text(n.file, c, p);
  rc = new_config_end(&n, &why);
  return rc == OK ? EXIT_DONE : cli_failed(rc, &why);
}

static enum exit_status make_store(const struct plan *p) {
  struct reason why = {""};
  static const char *const suffixes[] = {"", "-wal", "-shm"};
  int rc = store_create(p->data_dir, &why);
  if (rc != OK) return cli_failed(rc, &why);
  enum exit_status s = EXIT_DONE;
  for (size_t i = 0; s == EXIT_DONE && i < sizeof suffixes / sizeof suffixes[0]; i++) {
    char path[PATH_ROOM + 32];
    snprintf(path, sizeof path, "%s/%s%s", p->data_dir, STORE_FILE, suffixes[i]);
    if (access(path, F_OK) == 0) s = give(p, path);
  }
  return s;
}

static enum exit_status make_certificate(const struct plan *p) {
  struct reason why = {""};
  if (p->given) return EXIT_DONE;
  bool certificate = access(p->certificate, F_OK) == 0, key = access(p->key, F_OK) == 0;
  if (certificate && key) return EXIT_DONE; /* kept: somebody uses them */
  if (certificate || key)
    return cli_fail(EXIT_NO, "%s is there without %s; put the other beside it, or remove it",
                    certificate ? p->certificate : p->key, certificate ? p->key : p->certificate);
  int rc = certificate_self_signed(p->hostname, p->certificate, p->key, &why);
  return rc == OK ? give(p, p->key) : cli_failed(rc, &why);
}

/* libconfuse would read these as something else. */
static bool writable_text(const char *text) {
  return !strpbrk(text, "\"\\$\r\n");
}

static enum exit_status check_arguments(struct cli *c, struct plan *p) {
  const char *port = cli_option(c, "delivery-port"), *hostname = cli_option(c, "hostname");
  uint64_t n = 25;
  struct sockaddr_storage parsed;
  if (!hostname)
    return cli_fail(EXIT_USAGE,
                    "write: sendoff init --hostname NAME, with this host's full name, as in smtp.example.com");
  if (!domain_valid(bytes_of(hostname)) || domain_normalize(bytes_of(hostname), p->hostname) != OK ||
      domain_ends_in_number(bytes_of(p->hostname)))
    return cli_fail(EXIT_USAGE, "--hostname %s: write the full name of this host, as in smtp.example.com", hostname);
  if (port && (!bytes_to_u64(bytes_of(port), &n) || !n || n > 65535))
    return cli_fail(EXIT_USAGE, "--delivery-port is a number from 1 to 65535");
  if (p->dns && endpoint_parse(p->dns, '@', &parsed) != OK)
    return cli_fail(EXIT_USAGE, "--dns %s: write ADDRESS@PORT, as in 127.0.0.1@5353", p->dns);
  for (size_t i = 0; i < cli_option_count(c, "listen"); i++) {
    struct bytes address, tls;
    const char *text = cli_option_at(c, "listen", i);
    if (is_local_listen(text) ? !writable_text(text) : !split_listen(text, &address, &tls))
      return cli_fail(EXIT_USAGE,
                      "--listen %s: write ADDRESS:PORT/starttls, /implicit or /optional, as in 0.0.0.0:587/starttls; "
                      "or unix:/PATH, or unix:none",
                      text);
  }
  p->port = (unsigned)n;
  return EXIT_DONE;
}

/* One of a CA, by its files, which the gateway must be able to read: sendoff config check. */
static enum exit_status find_certificate(struct cli *c, struct plan *p) {
  const char *certificate = cli_option(c, "certificate"), *key = cli_option(c, "key");
  if (!certificate && !key) return EXIT_DONE;
  if (!certificate || !key) return cli_fail(EXIT_USAGE, "--certificate and --key come together");
  if (!realpath(certificate, p->certificate)) return trouble(certificate);
  if (!realpath(key, p->key)) return trouble(key);
  if (!writable_text(p->certificate) || !writable_text(p->key))
    return cli_fail(EXIT_USAGE, "paths with quotes, backslashes or $ cannot be written into the configuration");
  p->given = true;
  return EXIT_DONE;
}

static enum exit_status find_owner(struct plan *p, const char *asked) {
  if (asked && !writable_text(asked)) return cli_fail(EXIT_USAGE, "--user %s is no user's name", asked);
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

/* Where everything goes, as whole paths: commands run in any folder. */
static enum exit_status make_places(struct plan *p, const char *data_dir) {
  char copy[PATH_ROOM], folder[PATH_ROOM];
  if (new_config_is_taken(p->config))
    return cli_fail(EXIT_NO,
                    "%s is there already and stays as it is; remove it first, or name another with --config FILE",
                    p->config);
  if (!bytes_copy(bytes_of(p->config), copy, sizeof copy)) return cli_fail(EXIT_NO, "%s: no good path", p->config);
  const char *above = dirname(copy);
  enum exit_status s = folder_make(above, 0755);
  if (s != EXIT_DONE) return s;
  if (!realpath(above, folder)) return trouble(above);
  if (!writable_text(folder) || !writable_text(data_dir))
    return cli_fail(EXIT_USAGE, "paths with quotes, backslashes or $ cannot be written into the configuration");
  if (!p->given) {
    snprintf(p->certificate, sizeof p->certificate, "%s/certificate.pem", folder);
    snprintf(p->key, sizeof p->key, "%s/certificate.key", folder);
  }
  s = make_data(p, data_dir);
  if (s == EXIT_DONE && !writable_text(p->data_dir))
    s = cli_fail(EXIT_USAGE, "%s cannot be written into the configuration; name another --data-dir", p->data_dir);
  return s;
}

/* Nobody asked for another user, and the usual one does not exist. */
static void warn_of_root(const struct plan *p) {
  if (geteuid() == 0 && !p->user)
    cli_warn("there is no user sendoff, so the gateway will stay root; better: adduser --system --group sendoff; "
             "chown -R sendoff: %s %s; and user = \"sendoff\" in %s",
             p->data_dir, p->key, p->config);
}

static bool has_store(struct cli *c) {
  char path[PATH_ROOM];
  int n = snprintf(path, sizeof path, "%s/%s", c->config->data_dir, STORE_FILE);
  return n > 0 && (size_t)n < sizeof path && access(path, F_OK) == 0;
}

/* The configuration is there, and its store has gone or is an earlier version's. */
static bool lacks_store(struct cli *c) {
  struct reader *r = NULL;
  struct reason why = {""};
  if (!new_config_is_taken(config_path(c->config_option)) || cli_config(c) != EXIT_DONE) return false;
  int rc = reader_open(c->config->data_dir, &r, &why);
  reader_close(&r);
  return rc == E_NOT_FOUND;
}

/* An empty one is made, or the one that is there is upgraded. */
static enum exit_status make_store_again(struct cli *c) {
  struct plan p = {0};
  bool upgraded = has_store(c);
  enum exit_status status = find_owner(&p, c->config->user);
  if (status == EXIT_DONE) status = make_data(&p, c->config->data_dir);
  if (status == EXIT_DONE) status = make_store(&p);
  if (status != EXIT_DONE) return status;
  if (c->json)
    print_json(json_pack("{s:o, s:o}", "config", json_text(c->config->path), "data_dir", json_text(p.data_dir)));
  else
    printf("configuration  %s (as it was)\ndata           %s (%s)\n", c->config->path, p.data_dir,
           upgraded ? "upgraded to this version" : "a new, empty store");
  return EXIT_DONE;
}

static void print_made(struct cli *c, const struct plan *p) {
  if (c->json) {
    print_json(json_pack("{s:o, s:o, s:o, s:o}", "config", json_text(p->config), "data_dir", json_text(p->data_dir),
                         "certificate", json_text(p->certificate), "key", json_text(p->key)));
    return;
  }
  printf("configuration  %s\ndata           %s\ncertificate    %s%s\n", p->config, p->data_dir, p->certificate,
         p->given ? "" : " (self-signed)");
  if (!cli_switch(c, "brief"))
    printf("\nNext:\n  sendoff domain add YOUR-DOMAIN\n  sendoff source add ADDRESS --helo %s\n"
           "  sendoff account add NAME --sender YOUR-DOMAIN\n  %s\n",
           p->hostname, machine_start_command());
}

static enum exit_status init(struct cli *c) {
  if (lacks_store(c)) return make_store_again(c);
  struct plan p = {.config = config_path(c->config_option), .dns = cli_option(c, "dns")};
  const char *data_dir = cli_option(c, "data-dir");
  enum exit_status status = check_arguments(c, &p);
  if (status == EXIT_DONE) status = find_certificate(c, &p);
  if (status == EXIT_DONE) status = find_owner(&p, cli_option(c, "user"));
  if (status == EXIT_DONE) status = make_places(&p, data_dir ? data_dir : "/var/lib/sendoff");
  if (status == EXIT_DONE) status = make_store(&p);
  if (status == EXIT_DONE) status = make_certificate(&p);
  if (status == EXIT_DONE) status = write_config(c, &p);
  if (status != EXIT_DONE) return status;
  print_made(c, &p);
  warn_of_root(&p);
  return EXIT_DONE;
}

const struct verb init_verbs[] = {
    {"init", NULL,
     "--hostname NAME [--data-dir DIR] [--listen ADDR:PORT/starttls|implicit|optional|unix:PATH]... [--dns ADDR@PORT] "
     "[--delivery-port N] [--local-next-hops] [--user NAME] [--certificate FILE --key FILE] [--brief]",
     "Makes the configuration, the store and a self-signed certificate, or what is missing of the store, which it also "
     "upgrades. "
     "Overwrites nothing. With --brief it does not say what comes next.",
     "sendoff init --hostname smtp.example.com", 0, 0, init},
    {0}};
