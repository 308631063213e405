/* What nobody has asked for: settings that Sendoff has no use for, does anyway, or has no counterpart of. */
#include "cli/import/postfix_parts.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* --- OpenDKIM --- */

static bool is_folder(const char *path) {
  struct stat st;
  return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* In the folder that the set-up's is in. */
static bool beside(const struct postfix *x, const char *name, char out[OPENDKIM_PATH]) {
  const char *slash = strrchr(x->place.dir, '/');
  int n = snprintf(out, OPENDKIM_PATH, "%.*s/%s", (int)(slash ? slash - x->place.dir : 0), x->place.dir, name);
  return n > 0 && n < OPENDKIM_PATH;
}

/* As tutorials have it, or as Debian's package does. */
static bool find_keys(const struct postfix *x, char out[OPENDKIM_PATH]) {
  return (beside(x, "opendkim", out) && is_folder(out)) || (beside(x, "dkimkeys", out) && is_folder(out));
}

void postfix_take_opendkim(struct postfix *x) {
  char path[OPENDKIM_PATH];
  if (x->opendkim)
    snprintf(path, sizeof path, "%s", x->opendkim);
  else if (!find_keys(x, path))
    return;
  x->keys = true;
  struct postfix_finding *f =
      postfix_find(&x->plan, POSTFIX_TAKE, "opendkim", 0, "domains and keys that OpenDKIM signs with");
  postfix_words(&x->plan, f, "sendoff", "import", "opendkim", path, "--yes", NULL);
}

/* --- settings --- */

enum why { OWN, ANYWAY, RECEIVES, REWRITES, COPIES, FILTERS, PACE, MILTER, LOCAL, INSTANCE, TLS_BY_DOMAIN };

static const struct {
  enum postfix_action action;
  const char *text;
} whys[] = {
    [OWN] = {POSTFIX_NOTHING, "of Postfix's own workings"},
    [ANYWAY] = {POSTFIX_NOTHING, "Sendoff does so anyway, or has no need of it"},
    [RECEIVES] = {POSTFIX_LEFT_OUT,
                  "Sendoff keeps no mailboxes and receives for no domain: what comes in for yours stays with Postfix"},
    [REWRITES] = {POSTFIX_LEFT_OUT,
                  "addresses are not rewritten, but for From: sendoff account set NAME --rewrite-from ADDRESS"},
    [COPIES] = {POSTFIX_LEFT_OUT, "no copies are made: let the application send them"},
    [FILTERS] = {POSTFIX_LEFT_OUT, "content is not filtered or changed on its way"},
    [PACE] = {POSTFIX_NOTHING, "how much goes to a site at once is found out by itself (docs/pace.md)"},
    [MILTER] = {POSTFIX_LEFT_OUT, "there are no milters: Sendoff signs itself; what else one does has no counterpart"},
    [LOCAL] = {POSTFIX_NOTHING, "of mail to this machine's own users, which Sendoff does not deliver"},
    [INSTANCE] = {POSTFIX_LEFT_OUT, "each instance is imported by itself: sendoff import postfix ITS-FOLDER"},
    [TLS_BY_DOMAIN] = {POSTFIX_LEFT_OUT,
                       "TLS is required where a domain's DANE or MTA-STS records do, or by route: sendoff route add "
                       "DOMAIN direct --tls verify"},
};

static const struct {
  const char *name; /* one that ends in * is the beginning of one */
  enum why why;
} known[] = {{"alias_database", LOCAL},
             {"alias_maps", LOCAL},
             {"address_verify_*", ANYWAY},
             {"always_bcc", COPIES},
             {"append_at_myorigin", ANYWAY},
             {"append_dot_mydomain", ANYWAY},
             {"biff", LOCAL},
             {"body_checks", FILTERS},
             {"bounce_*", ANYWAY},
             {"broken_sasl_auth_clients", ANYWAY},
             {"canonical_maps", REWRITES},
             {"command_directory", OWN},
             {"compatibility_level", OWN},
             {"config_directory", OWN},
             {"content_filter", FILTERS},
             {"daemon_directory", OWN},
             {"data_directory", OWN},
             {"debug_peer_*", OWN},
             {"debugger_command", OWN},
             {"default_database_type", OWN},
             {"default_destination_*", PACE},
             {"default_process_limit", OWN},
             {"disable_vrfy_command", ANYWAY},
             {"header_checks", FILTERS},
             {"home_mailbox", LOCAL},
             {"html_directory", OWN},
             {"inet_protocols", OWN},
             {"lmtp_*", LOCAL},
             {"local_*", LOCAL},
             {"luser_relay", LOCAL},
             {"mail_name", OWN},
             {"mail_owner", OWN},
             {"mail_spool_directory", LOCAL},
             {"mailbox_*", LOCAL},
             {"maillog_*", OWN},
             {"mailq_path", OWN},
             {"manpage_directory", OWN},
             {"masquerade_*", REWRITES},
             {"maximal_backoff_time", PACE},
             {"meta_directory", OWN},
             {"milter_*", ANYWAY},
             {"mime_header_checks", FILTERS},
             {"minimal_backoff_time", PACE},
             {"multi_instance_*", INSTANCE},
             {"mydomain", ANYWAY},
             {"mynetworks", ANYWAY},
             {"mynetworks_style", ANYWAY},
             {"myorigin", ANYWAY},
             {"nested_header_checks", FILTERS},
             {"newaliases_path", OWN},
             {"non_smtpd_milters", MILTER},
             {"notify_classes", OWN},
             {"postscreen_*", RECEIVES},
             {"queue_directory", OWN},
             {"queue_run_delay", PACE},
             {"readme_directory", OWN},
             {"recipient_bcc_maps", COPIES},
             {"recipient_canonical_maps", REWRITES},
             {"recipient_delimiter", LOCAL},
             {"relay_domains", RECEIVES},
             {"relay_recipient_maps", RECEIVES},
             {"sample_directory", OWN},
             {"sender_bcc_maps", COPIES},
             {"sender_canonical_*", REWRITES},
             {"sendmail_path", OWN},
             {"setgid_group", OWN},
             {"shlib_directory", OWN},
             {"smtp_address_preference", ANYWAY},
             {"smtp_connect_timeout", PACE},
             {"smtp_destination_*", PACE},
             {"smtp_dns_support_level", ANYWAY},
             {"smtp_generic_maps", REWRITES},
             {"smtp_header_checks", FILTERS},
             {"smtp_host_lookup", ANYWAY},
             {"smtp_sasl_*", ANYWAY},
             {"smtp_tls_per_site", TLS_BY_DOMAIN},
             {"smtp_tls_policy_maps", TLS_BY_DOMAIN},
             {"smtp_tls_*", ANYWAY},
             {"smtputf8_*", ANYWAY},
             {"smtpd_banner", ANYWAY},
             {"smtpd_data_restrictions", ANYWAY},
             {"smtpd_delay_reject", ANYWAY},
             {"smtpd_discard_ehlo_*", ANYWAY},
             {"smtpd_error_sleep_time", ANYWAY},
             {"smtpd_forbid_*", ANYWAY},
             {"smtpd_hard_error_limit", ANYWAY},
             {"smtpd_helo_*", ANYWAY},
             {"smtpd_milters", MILTER},
             {"smtpd_peername_lookup", ANYWAY},
             {"smtpd_sasl_*", ANYWAY},
             {"smtpd_soft_error_limit", ANYWAY},
             {"smtpd_tls_*", ANYWAY},
             {"soft_bounce", ANYWAY},
             {"strict_rfc821_envelopes", ANYWAY},
             {"tls_*", ANYWAY},
             {"unknown_*", ANYWAY},
             {"unverified_*", ANYWAY},
             {"virtual_*", RECEIVES}};

static bool is_known(const char *pattern, const char *name) {
  size_t n = strlen(pattern);
  return pattern[n - 1] == '*' ? strncmp(pattern, name, n - 1) == 0 : strcmp(pattern, name) == 0;
}

static void take_other(struct postfix *x, const struct postfix_setting *s) {
  for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
    if (!is_known(known[i].name, s->name)) continue;
    char value[POSTFIX_TEXT];
    bool empty = !*postfix_value(&x->conf, s->name, value, sizeof value);
    struct postfix_finding *f = postfix_about(x, empty ? POSTFIX_NOTHING : whys[known[i].why].action, s);
    postfix_text(&x->plan, f, "%s", empty ? "it is empty" : whys[known[i].why].text);
    return;
  }
  postfix_text(&x->plan, postfix_about(x, POSTFIX_LEFT_OUT, s), "no counterpart of it is known here");
}

/* The milter that signs is what is taken over by the keys. */
static void take_milters(struct postfix *x) {
  static const char *const names[] = {"smtpd_milters", "non_smtpd_milters"};
  for (size_t i = 0; i < 2; i++) {
    char value[POSTFIX_TEXT];
    const struct postfix_setting *s = postfix_conf_find(&x->conf, names[i]);
    if (!s) continue;
    postfix_value(&x->conf, names[i], value, sizeof value);
    struct bytes list = bytes_of(value), one, two;
    bool single = postfix_list_next(&list, &one) && !postfix_list_next(&list, &two);
    if (!single || (!strstr(value, "opendkim") && !strstr(value, ":8891") && !strstr(value, ":12301"))) continue;
    postfix_asked(x, names[i]);
    if (x->keys)
      postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, s),
                   "OpenDKIM: Sendoff signs itself, with the keys that are taken over");
    else
      postfix_text(&x->plan, postfix_about(x, POSTFIX_LEFT_OUT, s),
                   "OpenDKIM: its keys are neither in opendkim nor in dkimkeys, beside this folder; name theirs with "
                   "--opendkim DIR");
  }
}

/* This machine's own names are no domain that anybody writes to from outside. */
static void take_destination(struct postfix *x) {
  const struct postfix_setting *s = postfix_asked(x, "mydestination");
  char value[POSTFIX_TEXT], host[POSTFIX_TEXT];
  if (!s) return;
  postfix_value(&x->conf, "myhostname", host, sizeof host);
  struct bytes list = bytes_of(postfix_value(&x->conf, s->name, value, sizeof value)), one;
  bool receives = false;
  while (postfix_list_next(&list, &one))
    receives |= !bytes_equal_nocase(one, bytes_of(host)) && !bytes_starts_nocase(one, BYTES("localhost"));
  postfix_text(&x->plan, postfix_about(x, receives ? POSTFIX_LEFT_OUT : POSTFIX_NOTHING, s), "%s",
               whys[receives ? RECEIVES : LOCAL].text);
}

/* Policy daemons, which may be anywhere among the restrictions. */
static void take_restrictions(struct postfix *x, const struct postfix_setting *s) {
  char value[POSTFIX_TEXT];
  bool said = false;
  struct bytes list = bytes_of(postfix_value(&x->conf, s->name, value, sizeof value)), one;
  while (postfix_list_next(&list, &one)) {
    if (bytes_equal(one, BYTES("check_policy_service")) && postfix_list_next(&list, &one)) {
      struct postfix_finding *f = postfix_find(&x->plan, POSTFIX_LEFT_OUT, "main.cf", s->line,
                                               "%s: check_policy_service %.*s", s->name, (int)one.len, one.at);
      postfix_text(&x->plan, f,
                   "a policy daemon is not asked: quotas are limits of accounts, SPF is checked for what is sent, and "
                   "greylisting is for mail that comes in");
      postfix_words(&x->plan, f, "sendoff", "account", "set", "NAME", "--limit", "5000/day", NULL);
      said = true;
    } else if (bytes_starts_nocase(one, BYTES("check_")) && postfix_list_next(&list, &one)) {
      postfix_text(
          &x->plan,
          postfix_find(&x->plan, POSTFIX_LEFT_OUT, "main.cf", s->line, "%s: %.*s", s->name, (int)one.len, one.at),
          "access tables are not taken: who may write to whom is said with accounts (--to, --not-to)");
      said = true;
    }
  }
  if (!said)
    postfix_text(&x->plan, postfix_about(x, POSTFIX_NOTHING, s),
                 "only those who log in, or come from the networks of an account, may send");
}

static bool is_restrictions(const char *name) {
  size_t n = strlen(name), e = strlen("_restrictions");
  return strncmp(name, "smtpd_", 6) == 0 && n > e && strcmp(name + n - e, "_restrictions") == 0;
}

void postfix_take_rest(struct postfix *x) {
  take_milters(x);
  take_destination(x);
  for (size_t i = 0; i < x->conf.count; i++) {
    struct postfix_setting *s = &x->conf.all[i];
    bool overridden = postfix_conf_find(&x->conf, s->name) != s;
    if (s->seen && !overridden) continue;
    if (overridden)
      postfix_text(&x->plan, postfix_find(&x->plan, POSTFIX_NOTHING, "main.cf", s->line, "%s = %s", s->name, s->value),
                   "the same name comes once more, and the last one counts");
    else if (is_restrictions(s->name))
      take_restrictions(x, s);
    else
      take_other(x, s);
    s->seen = true;
  }
}
