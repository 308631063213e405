#include "cli/machine/machine.h"
#include "cli/setup/setup_parts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SHARE "/usr/share/sendoff"
#define HOOKS "/etc/letsencrypt/renewal-hooks"

static enum exit_status hook_failed(const char *path) {
  return cli_fail(EXIT_NO, "%s: %s; renewals have to be copied by " SHARE "/certbot-hook", path, strerror(errno));
}

/* Made where it is missing. */
static bool is_folder(const char *path) {
  return mkdir(path, 0755) == 0 || errno == EEXIST;
}

/* certbot knows nothing of the gateway, whose certificate it has had before: what it renews is copied from now on. Of
 * this name alone, as the keys of other sites are not the gateway's business. */
static enum exit_status add_hook(const struct setup *s, const char *folder) {
  static const char path[] = HOOKS "/deploy/sendoff";
  if (!is_folder(HOOKS) || !is_folder(HOOKS "/deploy")) return hook_failed(path);
  FILE *f = fopen(path, "wxe");
  if (!f) return errno == EEXIST ? EXIT_DONE : hook_failed(path);
  fprintf(f,
          "#!/bin/sh\n# Gives the gateway its certificate when it has been renewed: written by sendoff setup.\n"
          "[ \"$RENEWED_LINEAGE\" = '%s' ] && [ -x " SHARE "/certbot-hook ] || exit 0\n"
          "exec " SHARE "/certbot-hook\n",
          folder);
  bool written = fchmod(fileno(f), 0755) == 0;
  written = fclose(f) == 0 && written;
  if (!written) return hook_failed(path);
  setup_say(s, "%s does the same for each renewal.", path);
  return EXIT_DONE;
}

/* certbot's files belong to root alone. */
static enum exit_status install_from_certbot(struct setup *s, const char *folder, char *certificate, char *key) {
  char chain[PATH_MAX + 16], private[PATH_MAX + 16];
  const char *name = strrchr(folder, '/') + 1; /* as certbot-hook copies it */
  if (access(SHARE "/install-certificate", X_OK) != 0)
    return cli_fail(EXIT_NO, SHARE "/install-certificate is missing; name the files: --certificate FILE --key FILE");
  setup_say(s, "certbot has one for %s, which is copied to where the gateway may read it.", s->hostname);
  snprintf(certificate, PATH_MAX, "/etc/sendoff/tls/%s/fullchain.pem", name);
  snprintf(key, PATH_MAX, "/etc/sendoff/tls/%s/privkey.pem", name);
  snprintf(chain, sizeof chain, "%s/fullchain.pem", folder);
  snprintf(private, sizeof private, "%s/privkey.pem", folder);
  if (setup_program(s, (const char *const[]){SHARE "/install-certificate", name, chain, private, NULL}) != EXIT_DONE)
    return cli_fail(EXIT_NO, "certbot's certificate could not be copied");
  return add_hook(s, folder);
}

static enum exit_status take_given(const struct setup *s, const char *given, const char *given_key, char *certificate,
                                   char *key) {
  if (!given || !given_key) return cli_fail(EXIT_USAGE, "--certificate and --key come together");
  snprintf(certificate, PATH_MAX, "%s", given);
  snprintf(key, PATH_MAX, "%s", given_key);
  setup_say(s, "%s, as --certificate says.", given);
  return EXIT_DONE;
}

enum exit_status setup_certificate(struct setup *s, char *certificate, char *key) {
  char folder[PATH_MAX];
  const char *given = cli_option(s->cli, "certificate"), *given_key = cli_option(s->cli, "key");
  certificate[0] = key[0] = '\0';
  setup_title(s, "2. Its certificate");
  if (given || given_key) return take_given(s, given, given_key, certificate, key);
  if (machine_certbot(s->hostname, folder)) return install_from_certbot(s, folder, certificate, key);
  setup_say(s,
            "certbot has none for %s here, so a self-signed one is made, which most applications refuse. One of a CA, "
            "once the name leads here, is got by the first line, and used by the second, in %s (docs/certificates.md):",
            s->hostname, config_path(s->cli->config_option));
  if (!s->cli->json)
    printf("\ncertbot certonly --standalone -d %s --deploy-hook " SHARE "/certbot-hook\n"
           "tls { certificate = \"/etc/sendoff/tls/%s/fullchain.pem\"  key = \"/etc/sendoff/tls/%s/privkey.pem\" }\n",
           s->hostname, s->hostname, s->hostname);
  return EXIT_DONE;
}
