#include "cli/preset_text.h"

#include "base/cidr.h"
#include "relay/net/certificate_facts.h"

#include <stdio.h>
#include <string.h>

/* --- facts --- */

static unsigned port_with(const struct config *k, enum listen_tls tls) {
  for (size_t i = 0; i < k->listen_count; i++) {
    unsigned port = k->listens[i].tls == tls ? ip_port((const struct sockaddr *)&k->listens[i].address) : 0;
    if (port) return port;
  }
  return 0;
}

/* shop@example.com of the senders, or wordpress@ their first domain. */
static void find_sender(struct cli *c, struct preset_facts *f) {
  const char *first = cli_option_at(c, "sender", 0);
  f->sender = "";
  for (size_t i = 0; i < cli_option_count(c, "sender"); i++) {
    const char *sender = cli_option_at(c, "sender", i);
    if (strchr(sender, '@') && *sender != '@') {
      f->sender = sender;
      return;
    }
  }
  if (!first || strchr(first, '*')) return;
  snprintf(f->room, sizeof f->room, "%.64s@%.255s", f->account, first);
  f->sender = f->room;
}

void preset_facts_read(struct cli *c, const char *account, const char *password, struct preset_facts *out) {
  const struct config *k = c->config;
  struct certificate_facts facts;
  *out = (struct preset_facts){.host = k->hostname,
                               .account = account,
                               .password = password ? password : "its password",
                               .starttls = port_with(k, LISTEN_STARTTLS),
                               .implicit = port_with(k, LISTEN_IMPLICIT),
                               .any = port_with(k, LISTEN_OPTIONAL)};
  if (k->certificate_count && certificate_facts_read(k->certificates[0].certificate, &facts, NULL) == OK &&
      facts.self_signed)
    out->certificate = k->certificates[0].certificate;
  find_sender(c, out);
}

/* The one that every client can use. */
static unsigned best_port(const struct preset_facts *f) {
  return f->starttls ? f->starttls : f->implicit ? f->implicit : f->any;
}

static bool is_implicit(const struct preset_facts *f) {
  return !f->starttls && f->implicit;
}

/* --- WordPress --- */

void preset_text_wordpress(const struct preset_facts *f) {
  fprintf(f->out,
          "For WordPress, with the plugin that comes with Sendoff: copy\n"
          "/usr/share/sendoff/wordpress/sendoff.php to wp-content/mu-plugins/ of the site, and\n"
          "put these lines into its wp-config.php, above \"stop editing\":\n\n"
          "  define('SENDOFF_HOST', '%s');\n"
          "  define('SENDOFF_PORT', %u);\n"
          "  define('SENDOFF_TLS', '%s');\n"
          "  define('SENDOFF_USER', '%s');\n"
          "  define('SENDOFF_PASSWORD', '%s');\n",
          f->host, best_port(f), is_implicit(f) ? "implicit" : "starttls", f->account, f->password);
  if (*f->sender) fprintf(f->out, "  define('SENDOFF_FROM', '%s');\n", f->sender);
  if (f->certificate)
    fprintf(f->out,
            "  define('SENDOFF_CA_FILE', '/path/of/sendoff.pem');   // a copy of %s\n\n"
            "The certificate is self-signed, so the site has to be given it: copy %s\n"
            "to where PHP can read it. With a certificate of a CA that line is not needed.\n",
            f->certificate, f->certificate);
  fprintf(f->out, "\nTools > Site Health then says whether mail can leave. Other plugins, and sites\n"
                  "without one: docs/wordpress.md.\n");
}

/* --- PHP --- */

void preset_text_php(const struct preset_facts *f) {
  fprintf(f->out,
          "For PHPMailer:\n\n"
          "  $mail->isSMTP();\n"
          "  $mail->Host = '%s';\n"
          "  $mail->Port = %u;\n"
          "  $mail->SMTPSecure = '%s';\n"
          "  $mail->SMTPAuth = true;\n"
          "  $mail->Username = '%s';\n"
          "  $mail->Password = '%s';\n",
          f->host, best_port(f), is_implicit(f) ? "ssl" : "tls", f->account, f->password);
  if (f->certificate)
    fprintf(f->out, "  $mail->SMTPOptions = ['ssl' => ['cafile' => '/path/of/sendoff.pem']];   // a copy of %s\n",
            f->certificate);
  fprintf(f->out,
          "\nFor Symfony Mailer and Laravel: %s://%s:PASSWORD@%s:%u\n"
          "For PHP's mail() on this machine, without a password: sendoff account set %s\n"
          "--local-user www-data (the user that PHP runs as), and in php.ini:\n"
          "  sendmail_path = \"/usr/lib/sendoff/sendmail -t -i\"\n",
          is_implicit(f) ? "smtps" : "smtp", f->account, f->host, best_port(f), f->account);
}

/* --- printers and scanners --- */

void preset_text_device(const struct preset_facts *f) {
  fprintf(f->out,
          "For a printer, scanner or camera:\n\n"
          "  SMTP server   %s\n",
          f->host);
  if (f->starttls) fprintf(f->out, "  port          %u with STARTTLS\n", f->starttls);
  if (f->implicit) fprintf(f->out, "  %-12s  %u with SSL/TLS\n", f->starttls ? "or" : "port", f->implicit);
  fprintf(f->out, "  user          %s\n  password      %s\n", f->account, f->password);
  if (*f->sender) fprintf(f->out, "  sender        %s (whatever it sends as, its mail comes from that)\n", f->sender);
  fprintf(f->out,
          "\nOne that knows no TLS, or no login, can be let in by its address, on a port with\n"
          "tls = \"optional\"%s: sendoff account set %s --client-ip ADDRESS\n"
          "One that knows only old ciphers: tls { cbc = yes } (sendoff help config).\n",
          f->any ? "" : " (docs/devices.md)", f->account);
}

/* --- mail servers --- */

static void print_postfix(const struct preset_facts *f) {
  fprintf(f->out,
          "For a Postfix that sends all its mail through the gateway, in /etc/postfix/main.cf:\n\n"
          "  relayhost = [%s]:%u\n"
          "  smtp_sasl_auth_enable = yes\n"
          "  smtp_sasl_password_maps = texthash:/etc/postfix/sasl_passwd\n"
          "  smtp_sasl_security_options = noanonymous\n"
          "  smtp_tls_security_level = secure\n",
          f->host, best_port(f));
  if (is_implicit(f)) fprintf(f->out, "  smtp_tls_wrappermode = yes\n");
  if (f->certificate)
    fprintf(f->out, "  smtp_tls_CAfile = /etc/postfix/sendoff.pem        # a copy of %s\n", f->certificate);
  else
    fprintf(f->out, "  smtp_tls_CAfile = /etc/ssl/certs/ca-certificates.crt\n");
  fprintf(f->out,
          "\nand in /etc/postfix/sasl_passwd, which is for root alone (chmod 600):\n\n"
          "  [%s]:%u  %s:%s\n",
          f->host, best_port(f), f->account, f->password);
}

static void print_exim(const struct preset_facts *f) {
  fprintf(f->out,
          "\nFor Exim: a router before dnslookup's, a transport, and an authenticator:\n\n"
          "  sendoff:\n    driver = manualroute\n    domains = ! +local_domains\n"
          "    transport = sendoff_smtp\n    route_list = * %s::%u byname\n\n"
          "  sendoff_smtp:\n    driver = smtp\n    hosts_require_auth = *\n    hosts_require_tls = *\n"
          "    tls_verify_hosts = *\n",
          f->host, best_port(f));
  if (is_implicit(f)) fprintf(f->out, "    protocol = smtps\n");
  if (f->certificate)
    fprintf(f->out, "    tls_verify_certificates = /etc/exim4/sendoff.pem   # a copy of %s\n", f->certificate);
  fprintf(f->out,
          "\n  sendoff_login:\n    driver = plaintext\n    public_name = PLAIN\n"
          "    client_send = ^%s^%s\n",
          f->account, f->password);
}

void preset_text_server(const struct preset_facts *f) {
  print_postfix(f);
  print_exim(f);
}
