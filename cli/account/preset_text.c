#include "cli/account/preset_text.h"

#include "cli/account/preset_quote.h"
#include "relay/net/certificate_facts.h"

#include <stdio.h>
#include <string.h>

/* --- facts --- */

/* NAME@DOMAIN of the first domain, NAME being the account's where a mailbox may have that name. */
static void make_sender(struct preset_facts *f) {
  const char *name = f->account->name, *domain = NULL;
  size_t n = strlen(name);
  for (size_t i = 0; i < f->account->sender_count && !domain; i++)
    if (!strchr(f->account->senders[i], '*')) domain = f->account->senders[i];
  if (!domain) return;
  if (strchr(name, '@') || *name == '.' || name[n - 1] == '.' || strstr(name, "..")) name = "mail";
  snprintf(f->sender, sizeof f->sender, "%s@%s", name, domain);
}

/* What its mail is made to come from; else the first of its senders that is an address. */
static void find_sender(struct preset_facts *f) {
  const char *found = f->account->rewrite_from;
  f->sender[0] = '\0';
  for (size_t i = 0; i < f->account->sender_count && (!found || !*found); i++)
    if (strchr(f->account->senders[i], '@')) found = f->account->senders[i];
  if (found && *found)
    snprintf(f->sender, sizeof f->sender, "%s", found);
  else
    make_sender(f);
}

/* An IPv6 address is written in another way by each program. */
static const char *host_of(const struct config *k, const struct preset_place *place) {
  if (place->tls != PRESET_NO_TLS) return k->hostname;
  return strchr(place->address, ':') ? "localhost" : place->address;
}

void preset_facts_read(const struct config *k, const struct account *account, const char *password,
                       struct preset_facts *out) {
  struct certificate_facts facts;
  *out = (struct preset_facts){.config = k, .account = account, .password = password ? password : "PASSWORD"};
  preset_place_choose(k, &out->place);
  out->host = host_of(k, &out->place);
  if (out->place.tls != PRESET_NO_TLS && k->certificate_count &&
      certificate_facts_read(k->certificates[0].certificate, &facts, NULL) == OK && facts.self_signed)
    out->certificate = k->certificates[0].certificate;
  find_sender(out);
}

/* --- parts --- */

/* Whoever has only the name, and the gateway on loopback alone, needs a line more. */
static bool is_named(const struct preset_facts *f) {
  return f->place.local && f->place.tls != PRESET_NO_TLS;
}

static void print_place(const struct preset_facts *f) {
  if (is_named(f))
    fprintf(f->out,
            "\nThe gateway listens on %s alone, for programs on this machine, which\n"
            "find it by its name with this line in /etc/hosts:\n\n%s %s\n",
            f->place.address, f->place.address, f->host);
}

/* `at`: the place that the lines above name. */
static void print_trust(const struct preset_facts *f, const char *at) {
  if (f->certificate)
    fprintf(f->out,
            "\nThe gateway's certificate is self-signed: copy it, never its key, to where these\n"
            "lines name it (on another machine: scp). With one of a CA this is not needed.\n\n"
            "install -D -m 644 %s %s\n",
            f->certificate, at);
}

/* `between` and `end` stand around the quoted value. */
static void print_php(const struct preset_facts *f, const char *between, const char *value, const char *end) {
  fputs(between, f->out);
  quote_php(f->out, value);
  fputs(end, f->out);
}

/* --- WordPress --- */

static void print_constant(const struct preset_facts *f, const char *name, const char *value) {
  fprintf(f->out, "define( 'SENDOFF_%s', ", name);
  print_php(f, "", value, " );\n");
}

/* Without it the plugin takes the domain of SENDOFF_FROM. */
static void print_senders(const struct preset_facts *f) {
  char all[4096] = "";
  size_t n = 0;
  if (f->account->sender_count == 1 && !strpbrk(f->account->senders[0], "@*")) return;
  for (size_t i = 0; i < f->account->sender_count && n < sizeof all; i++)
    n += (size_t)snprintf(all + n, sizeof all - n, "%s%s", n ? ", " : "", f->account->senders[i]);
  if (n < sizeof all) print_constant(f, "SENDERS", all);
}

void preset_text_wordpress(const struct preset_facts *f) {
  static const char *const tls[] = {"starttls", "implicit", "none"};
  fprintf(f->out,
          "For WordPress: the plugin that comes with Sendoff, one file, goes into the site\n"
          "(WORDPRESS is its folder, as in /var/www/html):\n\n"
          "install -D -m 644 /usr/share/sendoff/wordpress/sendoff.php WORDPRESS/wp-content/mu-plugins/sendoff.php\n\n"
          "and its settings go into wp-config.php, above \"That's all, stop editing!\":\n\n");
  print_constant(f, "HOST", f->host);
  fprintf(f->out, "define( 'SENDOFF_PORT', %u );\n", f->place.port);
  print_constant(f, "TLS", tls[f->place.tls]);
  print_constant(f, "USER", f->account->name);
  print_constant(f, "PASSWORD", f->password);
  if (*f->sender) print_constant(f, "FROM", f->sender);
  print_senders(f);
  if (f->certificate) print_constant(f, "CA_FILE", "/etc/ssl/sendoff.pem");
  print_trust(f, "/etc/ssl/sendoff.pem");
  print_place(f);
  fprintf(f->out, "\nTools > Site Health then says whether mail can leave. Other plugins, and sites\n"
                  "without one: docs/wordpress.md.\n");
}

/* --- PHP --- */

static void print_phpmailer(const struct preset_facts *f) {
  static const char *const tls[] = {"tls", "ssl", ""};
  fprintf(f->out, "For PHPMailer:\n\n$mail->isSMTP();\n");
  print_php(f, "$mail->Host = ", f->host, ";\n");
  fprintf(f->out, "$mail->Port = %u;\n", f->place.port);
  print_php(f, "$mail->SMTPSecure = ", tls[f->place.tls], ";\n");
  if (f->place.tls == PRESET_NO_TLS) fprintf(f->out, "$mail->SMTPAutoTLS = false;\n");
  fprintf(f->out, "$mail->SMTPAuth = true;\n");
  print_php(f, "$mail->Username = ", f->account->name, ";\n");
  print_php(f, "$mail->Password = ", f->password, ";\n");
  if (f->certificate) fprintf(f->out, "$mail->SMTPOptions = ['ssl' => ['cafile' => '/etc/ssl/sendoff.pem']];\n");
  if (*f->sender) print_php(f, "$mail->setFrom(", f->sender, ");\n");
}

/* TLS from the start where there is: Symfony goes on without TLS, login and all, where STARTTLS is not offered. */
static void print_dsn(const struct preset_facts *f) {
  unsigned implicit = f->place.tls == PRESET_NO_TLS ? 0 : preset_implicit_port(f->config, &f->place);
  fprintf(f->out, "\nFor Symfony Mailer (MAILER_DSN) and Laravel (MAIL_URL):\n\n%s://", implicit ? "smtps" : "smtp");
  quote_url(f->out, f->account->name);
  fputc(':', f->out);
  quote_url(f->out, f->password);
  fprintf(f->out, "@%s:%u%s\n", f->host, implicit ? implicit : f->place.port,
          f->place.tls == PRESET_NO_TLS ? "?verify_peer=0" : "");
}

void preset_text_php(const struct preset_facts *f) {
  print_phpmailer(f);
  print_dsn(f);
  print_trust(f, "/etc/ssl/sendoff.pem");
  if (f->certificate)
    fprintf(f->out, "\nFor Symfony and Laravel, which have no setting for it, also in php.ini:\n\n"
                    "openssl.cafile = /etc/ssl/sendoff.pem\n");
  print_place(f);
  fprintf(f->out,
          "\nFor PHP's mail() on this machine, without a password: sendoff account set %s\n"
          "--local-user www-data (the user that PHP runs as), and in php.ini:\n\n"
          "sendmail_path = \"/usr/lib/sendoff/sendmail -t -i\"\n",
          f->account->name);
}

/* --- printers and scanners --- */

static void print_device_port(const struct preset_facts *f, enum listen_tls tls, const char *how, unsigned *count) {
  unsigned port = preset_port(f->config, tls);
  if (port) fprintf(f->out, "  %-12s  %u %s\n", (*count)++ ? "or" : "port", port, how);
}

void preset_text_device(const struct preset_facts *f) {
  unsigned ports = 0;
  fprintf(f->out, "For a printer, scanner or camera:\n\n  SMTP server   %s\n", f->config->hostname);
  print_device_port(f, LISTEN_STARTTLS, "with STARTTLS", &ports);
  print_device_port(f, LISTEN_IMPLICIT, "with SSL/TLS", &ports);
  print_device_port(f, LISTEN_OPTIONAL, "with STARTTLS, or without encryption", &ports);
  fprintf(f->out, "  user          %s\n  password      %s\n", f->account->name, f->password);
  if (*f->sender)
    fprintf(f->out, "  sender        %s (%s)\n", f->sender,
            *f->account->rewrite_from ? "whatever it sends as, its mail comes from that"
                                      : "set the device to send as this");
  if (f->place.local)
    fprintf(f->out, "\nThe gateway listens on %s alone, which no device reaches: listen in %s.\n", f->place.address,
            f->config->path);
  fprintf(f->out,
          "\nOne that knows no TLS, or no login, can be let in by its address, on a port with\n"
          "tls = \"optional\" (docs/devices.md): sendoff account set %s --client-ip ADDRESS\n"
          "One that knows only old ciphers: tls { cbc = yes }, and an RSA certificate beside\n"
          "the first (docs/devices.md).\n",
          f->account->name);
}

/* --- mail servers --- */

static void print_postfix_tls(const struct preset_facts *f) {
  if (f->place.tls == PRESET_NO_TLS) {
    fprintf(f->out, "smtp_tls_security_level = none\n");
    return;
  }
  fprintf(f->out, "smtp_tls_security_level = secure\n");
  if (f->place.tls == PRESET_IMPLICIT) fprintf(f->out, "smtp_tls_wrappermode = yes\n");
  fprintf(f->out, "smtp_tls_CAfile = %s\n",
          f->certificate ? "/etc/postfix/sendoff.pem" : "/etc/ssl/certs/ca-certificates.crt");
}

static void print_postfix(const struct preset_facts *f) {
  fprintf(f->out,
          "For a Postfix that sends all its mail through the gateway, in /etc/postfix/main.cf,\n"
          "in place of lines with the same names:\n\n"
          "relayhost = [%s]:%u\n"
          "smtp_sasl_auth_enable = yes\n"
          "smtp_sasl_password_maps = texthash:/etc/postfix/sasl_passwd\n"
          "smtp_sasl_security_options = noanonymous\n",
          f->host, f->place.port);
  print_postfix_tls(f);
  fprintf(f->out,
          "\nand in /etc/postfix/sasl_passwd, which is for root alone (chmod 600):\n\n"
          "[%s]:%u %s:%s\n\n"
          "then: systemctl reload postfix. It needs the package libsasl2-modules.\n",
          f->host, f->place.port, f->account->name, f->password);
  print_trust(f, "/etc/postfix/sendoff.pem");
}

static void print_exim_transport(const struct preset_facts *f) {
  fprintf(f->out, "sendoff_smtp:\n  driver = smtp\n  hosts_require_auth = *\n");
  fprintf(f->out, f->place.tls == PRESET_NO_TLS ? "  hosts_avoid_tls = *\n"
                                                : "  hosts_require_tls = *\n  tls_verify_hosts = *\n");
  if (f->place.local) fprintf(f->out, "  allow_localhost\n");
  if (f->place.tls == PRESET_IMPLICIT) fprintf(f->out, "  protocol = smtps\n");
  if (f->certificate) fprintf(f->out, "  tls_verify_certificates = /etc/exim4/sendoff.pem\n");
}

static void print_exim(const struct preset_facts *f) {
  fprintf(f->out,
          "\nFor Exim, three parts: among the routers, before dnslookup:\n\n"
          "sendoff:\n  driver = manualroute\n  domains = ! +local_domains\n"
          "  transport = sendoff_smtp\n  route_list = * %s::%u byname\n%s\n"
          "among the transports:\n\n",
          f->host, f->place.port, f->place.local ? "  self = send\n" : "");
  print_exim_transport(f);
  fprintf(f->out, "\nand among the authenticators:\n\n"
                  "sendoff_login:\n  driver = plaintext\n  public_name = PLAIN\n  client_send = ^");
  quote_exim(f->out, f->account->name);
  fputc('^', f->out);
  quote_exim(f->out, f->password);
  fputc('\n', f->out);
  print_trust(f, "/etc/exim4/sendoff.pem");
}

void preset_text_server(const struct preset_facts *f) {
  print_postfix(f);
  print_exim(f);
  print_place(f);
}
